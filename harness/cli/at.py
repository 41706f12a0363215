"""``harness run --at REV``: the same command, with another commit's code."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["forward"]

_OWN = ("at", "suite", "results")


def forward(revision: str, suite: Path, results: str) -> int:
    """Run the present command's suite and options at a commit."""
    from harness.runner.at import run_at

    return run_at(revision, suite, Path(results), _options(click.get_current_context()))


def _options(context: click.Context) -> list[str]:
    """The options that were given, as they would be typed again."""
    typed: list[str] = []
    for parameter in context.command.params:
        value = context.params.get(parameter.name or "")
        if not isinstance(parameter, click.Option) or parameter.name in _OWN:
            continue
        if parameter.is_flag:
            typed += [parameter.opts[0]] if value else []
            continue
        values = value if parameter.multiple else () if value in (None, "") else (value,)
        for each in values or ():
            typed += [parameter.opts[0], str(each)]
    return typed
