"""Options and arguments that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
from click.shell_completion import CompletionItem

from harness.errors import UsageError

__all__ = ["complete_suites", "results_option", "run_argument", "seconds"]

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def _complete_runs(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    from pathlib import Path

    from harness.store.folder import list_runs

    root = Path(ctx.params.get("results") or "results")
    names = {name for run, _ in list_runs(root) for name in (run.suite, run.run_id)}
    return [CompletionItem(name) for name in sorted(names) if name.startswith(incomplete)]


def complete_suites(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Suite files below the current folder, then any file."""
    from pathlib import Path

    found = [str(path) for path in sorted(Path().glob("suites/*.yaml"))]
    kept = [CompletionItem(name) for name in found if name.startswith(incomplete)]
    return kept or [CompletionItem(incomplete, type="file")]


def seconds(written: str) -> float | None:
    """A length of time as on the command line; ``None`` where none was given."""
    if not written:
        return None
    from harness.suite.quantities import seconds_of

    found = seconds_of(written)
    if found is None:
        raise UsageError(f"--budget must be a length of time such as 30min, got {written}")
    return found


run_argument: Decorator = click.argument("run", required=False, shell_complete=_complete_runs)


def _named(ctx: click.Context, param: click.Parameter, value: str) -> str:
    if not value.strip():
        raise click.BadParameter("names no folder", ctx, param)
    return value


results_option: Decorator = click.option(
    "--results",
    callback=_named,
    default="results",
    show_default=True,
    envvar="HARNESS_RESULTS",
    help="Folder in which runs are kept.",
)
