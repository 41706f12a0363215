"""A metric along its axis: which lines and axes, and the words above, made by template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from harness import numbers
from harness.report import digits
from harness.report.axes import Axis
from harness.report.curve_spec import CurvePlot, curve_form, curve_rows, theory_rows
from harness.report.figure import NARROW, WIDE, Figure, Series
from harness.report.records import Board, Curve, TaskPage
from harness.report.theory import TheoryLine, is_power_law, theory_lines

__all__ = ["curve_figure"]

_MOST_LINES = 4  # bounds drawn; the rest stand in the board
_TABLE_POINTS = 8


def curve_figure(
    task: TaskPage,
    metric: str,
    siblings: Sequence[TaskPage],
    series: Mapping[str, Series],
    name: str,
) -> Figure | None:
    """A metric along its axis; ``None`` where no curve has two points.

    ``siblings`` are the run's tasks, whose bounds continue this one's line of theory.
    """
    curves = [curve for curve in task.curves[metric] if curve.at.size > 1]
    if not curves:
        return None
    board = next((board for board in task.boards if board.metric == metric), None)
    lines = _drawn(theory_lines(task, metric, siblings), series)
    noun, axis = metric.replace("_", " "), task.axes.get(metric, "point")
    unit = f" ({board.unit})" if board is not None and board.unit else ""
    points = np.concatenate([curve.at for curve in curves])
    plot = CurvePlot(
        curves=curves,
        lines=lines,
        x=_x_axis(points),
        y=_y_axis(curves, lines),
        x_title=axis,
        y_title=f"{noun}{unit}",
        series=series,
    )
    return Figure(
        name=name,
        metric=metric,
        title=f"{_capital(noun)} by {axis}: {_finding(curves, board, series)}",
        subtitle=_subtitle(plot, lines),
        spoken=_spoken(plot, noun),
        wide=curve_form(plot, WIDE),
        narrow=curve_form(plot, NARROW),
        datasets={"curves": curve_rows(plot), "theory": theory_rows(plot)},
        table=_table(curves, axis),
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _drawn(lines: Sequence[TheoryLine], series: Mapping[str, Series]) -> list[TheoryLine]:
    """The few lines that a figure can carry: unnamed ones, the first method's first."""

    def weight(line: TheoryLine) -> tuple[bool, bool, int]:
        is_first = any(label in series and series[label].is_first for label in line.labels)
        return (not is_first, line.role != "guarantee", -len(line.at))

    # An exact value at the end alone would only hide where its curve ends.
    kept = [each for each in lines if not each.name and (each.role != "exact" or len(each.at) > 1)]
    return sorted(kept, key=weight)[:_MOST_LINES]


def _x_axis(points: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Axis:
    """Logarithmic where points were chosen by factors: half of them in the lowest fifth."""
    at = np.unique(points)
    is_geometric = at[0] > 0 and at[-1] / at[0] > 10 and np.median(at) < 0.2 * at[-1]
    low, high = float(at[0]), float(at[-1])
    return Axis(low, high, is_log=bool(is_geometric))


def _y_axis(curves: Sequence[Curve], lines: Sequence[TheoryLine]) -> Axis:
    means = np.concatenate([curve.mean for curve in curves])
    theory = [value for line in lines for value in line.values]
    has_law = any(is_power_law(line) for line in lines)
    axis = Axis.over([*means.tolist(), *theory], log=True if has_law else None)
    if axis.is_log:
        return axis
    ends = [end for curve in curves for part in (curve.low, curve.high) for end in part.tolist()]
    # On a linear axis a bound far above the curves would press them flat.
    near = [value for value in theory if abs(value) <= 3 * float(np.max(np.abs(means)))]
    return Axis.over([*ends, *near], log=False)


def _finding(curves: Sequence[Curve], board: Board | None, series: Mapping[str, Series]) -> str:
    """How it ends, from the numbers alone."""
    rows = [] if board is None else [row for row in board.rows if row["mean"] is not None]
    first = [row for row in rows if row["label"] in series and series[row["label"]].is_first]
    shown = (first or rows)[:1]
    if shown and shown[0]["ratio_to_guarantee"] is not None and not shown[0]["vacuous"]:
        share = numbers.ratio(shown[0]["ratio_to_guarantee"])
        return f"{shown[0]['label']} ends at {share} of its guarantee"
    ranked = [row for row in rows if row["rank_low"] == 1]
    if len(ranked) == 1 and len(rows) > 1:
        side = "highest" if board is not None and board.direction == "higher" else "lowest"
        return f"{ranked[0]['label']} ends {side}"
    if len(ranked) > 1:
        return f"{len(ranked)} methods may be first at the end"
    return f"{curves[0].label} ends at {digits.value(float(curves[0].mean[-1]), 3)}"


def _subtitle(plot: CurvePlot, lines: Sequence[TheoryLine]) -> str:
    scales = {
        (True, True): "both axes logarithmic",
        (True, False): f"{plot.x_title} logarithmic",
        (False, True): "value logarithmic",
        (False, False): "both axes linear",
    }[plot.x.is_log, plot.y.is_log]
    seeds = numbers.count(max(curve.seeds for curve in plot.curves))
    bands = f"bands are 95 % intervals (Student) over {seeds} seeds"
    parts = [
        f"{_capital(plot.y_title)}, {scales}; {bands if plot.has_bands else '1 seed: no bands'}."
    ]
    sources = dict.fromkeys(f"{line.title}, {line.source}" for line in lines if line.source)
    if sources:
        parts.append(f"Dashed: {'; '.join(sources)}.")
    if any(len(line.at) == 1 for line in lines):
        end = digits.value(plot.x.high, 6)
        parts.append(f"Level: known for the end of the curves only ({plot.x_title} {end}).")
    if any(all(line.is_vacuous) for line in lines):
        parts.append("Pale: vacuous.")
    until = [line.vacuous_until for line in lines if line.vacuous_until is not None]
    if until:
        first = digits.value(until[0], 3)
        parts.append(f"Pale over a tinted ground: vacuous below {plot.x_title} {first}.")
    above = [line for line in lines if max(line.values) > plot.y.high]
    if above:
        told = [f"{line.title} {digits.value(max(line.values), 4)}" for line in above]
        parts.append(f"Above the axis: {', '.join(told)}.")
    return " ".join(parts)


def _spoken(plot: CurvePlot, noun: str) -> str:
    ends = [float(curve.mean[-1]) for curve in plot.curves]
    low, high = (digits.value(end, 3) for end in (min(ends), max(ends)))
    start, stop = (digits.value(end) for end in (plot.x.low, plot.x.high))
    count = len(plot.curves)
    methods = "1 method" if count == 1 else f"{count} methods"
    return (
        f"{noun} of {methods} from {plot.x_title} {start} to {stop}; at the end between {low} "
        f"and {high}. The folded table below has the numbers."
    )


def _table(curves: Sequence[Curve], axis: str) -> list[list[str]]:
    """Each curve at a few points that it has: mean and interval."""
    at = np.unique(np.concatenate([curve.at for curve in curves]))
    places = np.unique(np.linspace(0, at.size - 1, min(_TABLE_POINTS, at.size)).round().astype(int))
    chosen = at[places]
    head = ["method", *(f"{axis} {digits.value(float(point), 6)}" for point in chosen)]
    return [head, *([curve.label, *(_at(curve, float(p)) for p in chosen)] for curve in curves)]


def _at(curve: Curve, point: float) -> str:
    place = int(np.searchsorted(curve.at, point))
    if place == curve.at.size or curve.at[place] != point:
        return "–"
    mean, low, high = (float(part[place]) for part in (curve.mean, curve.low, curve.high))
    found = digits.estimate(mean, low, high)
    return f"{found.value} ({found.ends})" if found.ends else found.value
