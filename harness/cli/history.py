"""``harness history``: a metric over commits, with the steps at which it changed."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from harness.cli.options import results_option
from harness.cli.text import Line, Span, can_draw, line, mark, say, say_error, say_json

if TYPE_CHECKING:
    from harness.analyse.history import Moment, Series

__all__ = ["history"]

_PLOT = 31


@click.command()
@click.argument("task")
@click.argument("method")
@click.argument("metric")
@click.option("--suite", help="Only runs of this suite.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@results_option
def history(
    task: str, method: str, metric: str, suite: str | None, as_json: bool, results: str
) -> None:
    """Show METRIC of METHOD (a label or a name) on TASK over the commits that have runs.

    A step is marked as a change where a paired test on common seeds says so, after Holm over
    the steps of the series.
    """
    from pathlib import Path

    from harness.analyse.history import history as over_runs
    from harness.runner.timeline import runs_by_commit

    timeline = runs_by_commit(Path(results), suite=suite)
    say_error([line((f"! {note}", "open")) for note in timeline.notes])
    found = over_runs(timeline.sides, task, method, metric)
    if as_json:
        say_json([asdict(each) for each in found])
        return
    for series in found:
        say([*series_lines(series), line()])


def series_lines(series: Series) -> list[Line]:
    """A series as a table: commit, day, mean, interval, dots on one axis, what changed."""
    metric = series.metric
    unit = f" in {metric.unit}" if metric.unit else ""
    rules = f"{metric.name}{unit} · changes by paired tests, Holm over {series.tests}"
    columns = _columns(series)
    lines = [
        line((series.label, "strong"), f" on {series.title}"),
        line((rules, "quiet")),
        *(
            tuple(piece for cell in row for piece in (Span("  "), cell))
            for row in zip(*columns, strict=True)
        ),
    ]
    if series.has_drifted and series.drift is not None:
        text = _amount(series.drift, series.drift_is_relative)
        lines.append(line("  ", (f"from the first run to the last: {text}", "open")))
    if len(series.moments) == 1:
        lines.append(line("  ", ("one run: nothing to compare with", "quiet")))
    return lines


def _columns(series: Series) -> list[list[Span]]:
    from harness.cli import numbers
    from harness.cli.board import interval_text, mean_text

    moments = series.moments
    rows = [_as_row(each) for each in moments]
    styles = [_style(series, each) for each in moments]
    texts = [
        [f"{each.commit[:7] or 'nocommit'}{'' if each.is_clean else '+'}" for each in moments],
        [each.started[:10] for each in moments],
        numbers.aligned([mean_text(row) for row in rows]),
        [interval_text(row) for row in rows],
        [numbers.count(each.n) for each in moments],
    ]
    heads = ["commit", "day", series.metric.name, "interval", "n"]
    if can_draw():
        texts.append(_dots(moments))
        heads.append("")
    found = [_column(head, column, []) for head, column in zip(heads, texts, strict=True)]
    return [*found, _column("", [_told(series, each) for each in moments], styles)]


def _as_row(moment: Moment) -> dict[str, object]:
    return {
        "mean": moment.mean,
        "ci_low": moment.low,
        "ci_high": moment.high,
        "failures": 0,
        "censored": 0,
    }


def _column(head: str, texts: list[str], styles: list[str]) -> list[Span]:
    size = max(len(head), *map(len, texts))
    cells = zip(texts, styles or [""] * len(texts), strict=True)
    return [Span(head.ljust(size), "quiet"), *(Span(text.ljust(size), s) for text, s in cells)]


def _style(series: Series, moment: Moment) -> str:
    if not moment.is_change or moment.change is None or series.metric.direction == "none":
        return "open" if moment.is_change else "quiet"
    return "bad" if (moment.change > 0) == (series.metric.direction == "lower") else "good"


def _told(series: Series, moment: Moment) -> str:
    if moment.is_same_code:
        return "the same code"
    if not moment.is_change or moment.change is None:
        return ""
    from harness.analyse.row_text import p_text

    amount = _amount(moment.change, moment.is_relative)
    return f"{mark(_style(series, moment))} {amount}, p {p_text(moment.p)}"


def _amount(change: float, is_relative: bool) -> str:
    from harness.cli import numbers

    if not is_relative:
        return numbers.significant(change, 3, signed=True)
    return f"{numbers.significant(100 * change, signed=True)} %"


def _dots(moments: tuple[Moment, ...]) -> list[str]:
    """Dots with whiskers on one linear axis from the lowest end to the highest."""
    ends = [x for each in moments for x in (each.mean, each.low, each.high) if x is not None]
    low, high = min(ends), max(ends)

    def column(value: float) -> int:
        share = (value - low) / (high - low) if high > low else 0.5
        return round(share * (_PLOT - 1))

    found = []
    for each in moments:
        cells = [" "] * _PLOT
        if each.low is not None and each.high is not None:
            for place in range(column(each.low), column(each.high) + 1):
                cells[place] = "─"
        cells[column(each.mean)] = "●"
        found.append("".join(cells))
    return found
