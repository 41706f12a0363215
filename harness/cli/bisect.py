"""``harness bisect``: the commit at which a metric changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli import numbers
from harness.cli.options import complete_suites, results_option
from harness.cli.text import Line, line, mark, say
from harness.errors import ExitCode

if TYPE_CHECKING:
    from harness.runner.bisect import Bisected

__all__ = ["bisect"]


@click.command()
@click.argument("suite", type=click.Path(path_type=Path), shell_complete=complete_suites)
@click.argument("good")
@click.argument("bad")
@click.option("--metric", required=True, help="The metric that changed.")
@click.option("--task", default="", help="Only this task, by its name or as on its board.")
@click.option("--label", default="", help="Only this method.")
@click.option(
    "--only", type=click.Choice(["worse", "better"]), help="Only changes for the worse, or better."
)
@click.option("-o", "overrides", multiple=True, metavar="KEY=VALUE", help="Change the suite.")
@click.option("--inline", is_flag=True, help="Run cells in one process: no isolation.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@results_option
def bisect(
    suite: Path, good: str, bad: str, metric: str, task: str, label: str, results: str, **how: Any
) -> int:
    """Find the commit between GOOD and BAD at which a metric of SUITE changed.

    The suite at hand is run at midpoints with each commit's code; what commits did not touch
    is reused. Where a metric changed more than once one of the commits is found; --only looks
    for changes one way. Exits with 1 when BAD has the numbers of GOOD.
    """
    from harness.analyse.changed import Chosen
    from harness.runner.bisect import Asked
    from harness.runner.bisect import bisect as find

    options = [part for each in how["overrides"] for part in ("-o", each)]
    options += ["--quiet", *(["--inline"] if how["inline"] else [])]
    asked = Asked(
        suite=suite,
        results=Path(results),
        good=good,
        bad=bad,
        chosen=Chosen(metric=metric, task=task, label=label),
        only=how["only"] or "",
        options=tuple(options),
    )
    found = find(asked, lambda text: click.echo(text, err=True))
    if how["as_json"]:
        click.echo(json.dumps(_plain(found), indent=2, ensure_ascii=False))
    else:
        say(_lines(found, metric, asked.only))
    return ExitCode.OK if found.suspects else ExitCode.VERDICT


def _lines(found: Bisected, metric: str, only: str) -> list[Line]:
    cost = f"{found.evaluations} of {found.commits + 1} commits run"
    if not found.suspects:
        nothing = f"{metric} did not get {only}" if only else f"{metric} did not change"
        return [line((f"{mark('open')} ", "open"), f"{nothing} · {cost}")]
    last = found.suspects[-1]
    style = {True: "good", False: "bad", None: "open"}[found.is_better]
    verb = {True: "got better", False: "got worse", None: "changed"}[found.is_better]
    told = [
        line(
            (f"{mark(style)} ", style),
            f"{metric} {verb} at ",
            (last.short, "place"),
            f" {found.subject} · {cost}",
        )
    ]
    if len(found.suspects) > 1:
        others = ", ".join(each.short for each in found.suspects[:-1])
        told.append(line(f"  or at one of {others}, which could not be tested"))
    if (change := found.change) is not None:
        moved = f"{numbers.significant(change.before, 4)} → {numbers.significant(change.after, 4)}"
        told.append(line(f"  {change.label} on {change.title}: {moved}, {change.seeds} seeds"))
    if found.others:
        more = "1 more group" if found.others == 1 else f"{found.others} more groups"
        told.append(line((f"  {more} changed there", "quiet")))
    return told


def _plain(found: Bisected) -> dict[str, Any]:
    return {
        "suspects": [each.commit for each in found.suspects],
        "subject": found.subject,
        "commits": found.commits,
        "evaluations": found.evaluations,
        "direction": found.direction,
        "others": found.others,
        "change": None if found.change is None else found.change._asdict(),
    }
