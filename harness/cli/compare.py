"""``harness compare``: runs against a base, by revision, run or file; exit 1 on a regression."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from harness.cli.options import results_option
from harness.cli.text import say, say_json, width

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from harness.suite.model import Tolerance

__all__ = ["compare"]


@click.command()
@click.argument("sides", nargs=-1, required=True, metavar="BASE OTHER [OTHER …]")
@click.option("--suite", help="Runs of this suite, where a revision has several.")
@click.option("--metric", help="Only this metric; all that have a direction unless given.")
@click.option(
    "--threshold",
    default="1%",
    show_default=True,
    help="What counts as a change: a share of the base, or an absolute number.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "md", "json", "html"]),
    default="table",
    show_default=True,
)
@click.option("--all", "show_all", is_flag=True, help="Show every equivalent row.")
@click.option("--strict", is_flag=True, help="Exit with 1 when something is undecided, too.")
@results_option
def compare(
    sides: tuple[str, ...],
    suite: str | None,
    metric: str | None,
    threshold: str,
    form: str,
    show_all: bool,
    strict: bool,
    results: str,
) -> int:
    """Compare runs with a base, paired by seed and by item; exits with 1 on a regression.

    BASE and OTHER are git revisions (main, v1.2, HEAD~3, a short hash), runs' ids, folders of
    runs, or leaderboard files (.parquet, .csv, .json).
    """
    from pathlib import Path

    from harness.analyse.compare import compare as compared
    from harness.cli.comparison import as_json, exit_code
    from harness.cli.comparison_lines import comparison_lines
    from harness.errors import UsageError
    from harness.runner.arguments import resolve
    from harness.runner.sides import load_side

    if len(sides) < 2:
        raise UsageError("two sides are needed: harness compare BASE OTHER")
    allowed = _tolerance(threshold)
    found = resolve(sides, Path(results), suite=suite)
    names = _names(sides, found.paths)
    loaded = [load_side(path, name) for path, name in zip(found.paths, names, strict=True)]
    comparison = compared(loaded[0], loaded[1:], metric=metric, threshold=allowed)
    comparison = replace(comparison, notes=(*found.notes, *comparison.notes))
    code = exit_code(comparison, strict=strict)
    if form == "table":
        say(comparison_lines(comparison, width(), code, show_all=show_all))
    elif form == "json":
        say_json(as_json(comparison, code))
    elif form == "md":
        from harness.cli.comparison_md import markdown

        click.echo(markdown(comparison))
    else:
        from harness.cli.comparison_html import page

        click.echo(page(comparison), nl=False)
    return code


def _names(sides: Sequence[str], paths: Sequence[Path]) -> list[str]:
    """What the sides are called: as they were given, runs given by path by their ids."""
    short = [
        path.name if side == str(path) or "/" in side else side
        for side, path in zip(sides, (path.resolve() for path in paths), strict=True)
    ]
    return short if len(set(short)) == len(short) else list(sides)


def _tolerance(text: str) -> Tolerance:
    """``1%`` or ``1 %``: a share of the base; ``0.5``: absolute."""
    from harness.errors import UsageError
    from harness.suite.model import Tolerance

    stripped = text.strip()
    is_relative = stripped.endswith("%")
    try:
        amount = float(stripped.removesuffix("%"))
    except ValueError:
        amount = -1.0
    if not 0 <= amount < float("inf"):
        raise UsageError(f'--threshold takes a share or a number of at least 0, got "{text}"')
    return Tolerance(amount=amount / 100 if is_relative else amount, is_relative=is_relative)
