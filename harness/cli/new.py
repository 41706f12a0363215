"""``harness new``: a package that works, to be changed from there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.text import Line, line, say
from harness.errors import UsageError

if TYPE_CHECKING:
    from harness.registry import ThingKind

__all__ = ["new"]

_KINDS: tuple[ThingKind, ...] = ("method", "task")


@click.command()
@click.argument("what", type=click.Choice(["plugin", *_KINDS]))
@click.argument("name")
@click.option("--like", help="The registered method or task to start from: bandits/ucb1.")
@click.option(
    "--into",
    default=Path(),
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The folder that gets the package; the current one unless given.",
)
def new(what: str, name: str, like: str | None, into: Path) -> None:
    """Write a package that works.

    harness new plugin acme writes a kind, a task, two methods, a suite with claims, and tests.
    harness new method acme/mine --like bandits/ucb1 writes a copy of a method under a name of
    your own; harness new task does it for a task.
    """
    from harness.registry import Registry
    from harness.testing import scaffold

    kind = next((each for each in _KINDS if each == what), None)
    if kind is None:
        if like:
            raise UsageError("a plugin is like no other: --like is for a method or a task")
        paths = scaffold.plugin(name, into)
        then = f"harness run suites/{name}.yaml && harness check {name.replace('-', '_')}"
    elif like is None:
        raise UsageError(f"which {kind} is it like? --like NAME; harness list {kind}s names them")
    else:
        paths = scaffold.copied(kind, name, like, into, Registry())
        then = f"harness check {name}"
    say([*(line((str(path), "place")) for path in paths), _next(paths[0].parent, then)])


def _next(folder: Path, then: str) -> Line:
    return line(("next  ", "quiet"), f"cd {folder} && pip install -e . && {then}")
