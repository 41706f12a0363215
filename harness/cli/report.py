"""``harness report``: runs as a static page, and figures for papers."""

from __future__ import annotations

from pathlib import Path

import click
from click.shell_completion import CompletionItem

from harness.cli.options import results_option
from harness.cli.text import line, say, say_notes

__all__ = ["report"]


def _complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from harness.store.folder import list_runs

    root = Path(ctx.params.get("results") or "results")
    names = {name for run, _ in list_runs(root) for name in (run.suite, run.run_id)}
    return [CompletionItem(name) for name in sorted(names) if name.startswith(incomplete)]


@click.command()
@click.argument("runs", nargs=-1, metavar="[RUN]...", shell_complete=_complete)
@click.option(
    "-o",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("report"),
    show_default=True,
    help="Folder to write into.",
)
@click.option("--open", "is_opened", is_flag=True, help="Open the page in the browser.")
@click.option("--figures", is_flag=True, help="Also write each figure as SVG, PNG and PDF.")
@results_option
def report(
    runs: tuple[str, ...], folder: Path, is_opened: bool, figures: bool, results: str
) -> None:
    """Write a static page of one or many runs: claims, leaderboards, curves, failures.

    RUN is a run's id, a suite's name (its latest run) or a folder; the latest run of all
    unless given. Runs of one suite share a page, which shows them across commits.
    """
    from harness.report.build import build
    from harness.report.render import INSTALL
    from harness.runner import load

    asked: tuple[str | None, ...] = runs or (None,)
    site = build([load(run, results=results) for run in asked], folder, figures=figures)
    say([line((str(path), "place")) for path in site.pages])
    say_notes(site.notes)
    if site.figures:
        say([line(f"{len(site.figures)} files in ", (str(site.figures[0].parent), "place"))])
    if not site.has_plots:
        say([line(("without curves and cost plots; ", "quiet"), INSTALL, (" adds them", "quiet"))])
    if is_opened:
        click.launch(site.index.resolve().as_uri())
