"""Figures as Vega-Lite specifications: curves with bands and theory, quality against cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from harness import numbers
from harness.report.axes import Axis, pushed_apart
from harness.report.records import Board, Curve, Row, TaskPage
from harness.report.theory import TheoryLine, is_power_law, theory_lines

__all__ = ["Figure", "Series", "curve_figure", "pareto_figures"]

_LABEL_STEP = 15  # px between labels at line ends
_MOST_LINES = 4  # bounds drawn; the rest stand in the board


class Series(NamedTuple):
    """How a label is drawn on the whole page."""

    color: str  # ``s1`` … ``s7``, ``s0`` for those beyond
    is_first: bool  # the suite's first method: a thicker line


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A figure, in a wide form and one for phones that share their data."""

    name: str  # unique on the page, and a file's name
    title: str  # the finding, by template
    subtitle: str  # what is plotted, units and axes
    spoken: str  # one sentence with the range, for screen readers
    wide: Mapping[str, Any]
    narrow: Mapping[str, Any] | None  # ``None``: the wide form fits a phone
    datasets: Mapping[str, Sequence[Mapping[str, Any]]]
    table: Sequence[Sequence[str]]  # its data, the first row is the head

    def whole(self, form: Mapping[str, Any]) -> dict[str, Any]:
        """A form with its data."""
        return {**form, "datasets": self.datasets}


class _Size(NamedTuple):
    width: int
    height: int
    label_chars: int


_WIDE = _Size(820, 380, 30)
_NARROW = _Size(210, 340, 13)
_SQUARE = _Size(270, 250, 16)


class _Plot(NamedTuple):
    """What both forms of a curve figure are made of."""

    curves: Sequence[Curve]
    lines: Sequence[TheoryLine]
    x: Axis
    y: Axis
    x_title: str
    y_title: str
    series: Mapping[str, Series]


def curve_figure(
    task: TaskPage,
    metric: str,
    siblings: Sequence[TaskPage],
    series: Mapping[str, Series],
    name: str,
) -> Figure | None:
    """A metric along its axis; ``None`` where no curve has two points."""
    curves = [curve for curve in task.curves[metric] if curve.at.size > 1]
    if not curves:
        return None
    board = next((board for board in task.boards if board.metric == metric), None)
    lines = _drawn(theory_lines(task, metric, siblings), series)
    x = Axis.over(np.concatenate([c.at for c in curves]).tolist(), log=_is_geometric(curves))
    y = _y_axis(curves, lines)
    axis = task.axes.get(metric, "point")
    noun = metric.replace("_", " ")
    plot = _Plot(curves, lines, x, y, axis, _with_unit(noun, board), series)
    return Figure(
        name=name,
        title=_finding(curves, board, noun, axis, series),
        subtitle=_subtitle(plot, noun, axis, lines),
        spoken=_spoken(plot, noun, axis),
        wide=_curve_form(plot, _WIDE),
        narrow=_curve_form(plot, _NARROW),
        datasets={"curves": _curve_rows(plot), "theory": _theory_rows(plot)},
        table=_curve_table(curves, axis),
    )


def _with_unit(noun: str, board: Board | None) -> str:
    return f"{noun}, {board.unit}" if board is not None and board.unit else noun


def _drawn(lines: Sequence[TheoryLine], series: Mapping[str, Series]) -> list[TheoryLine]:
    """The few lines that a figure can carry: unnamed ones, those of drawn labels first."""

    def weight(line: TheoryLine) -> tuple[bool, bool, int]:
        is_first = any(label in series and series[label].is_first for label in line.labels)
        return (not is_first, line.role != "guarantee", -len(line.at))

    return sorted((line for line in lines if not line.name), key=weight)[:_MOST_LINES]


def _is_geometric(curves: Sequence[Curve]) -> bool:
    """Whether the points were chosen by factors: half of them in the lowest fifth."""
    at = np.unique(np.concatenate([curve.at for curve in curves]))
    return bool(at[0] > 0 and at[-1] / at[0] > 10 and np.median(at) < 0.2 * at[-1])


def _y_axis(curves: Sequence[Curve], lines: Sequence[TheoryLine]) -> Axis:
    means = np.concatenate([curve.mean for curve in curves])
    theory = [value for line in lines for value in line.values]
    has_law = any(is_power_law(line) for line in lines)
    axis = Axis.over([*means.tolist(), *theory], log=True if has_law else None)
    if axis.is_log:
        return axis
    ends = [end for curve in curves for part in (curve.low, curve.high) for end in part.tolist()]
    # On a linear axis a bound far above the curves would press them flat.
    near = [value for value in theory if value <= 3 * float(np.max(np.abs(means)))]
    return Axis.over([*ends, *near], log=False)


def _finding(
    curves: Sequence[Curve],
    board: Board | None,
    noun: str,
    axis: str,
    series: Mapping[str, Series],
) -> str:
    """The headline: by template from the numbers, never praise."""
    head = f"{noun[:1].upper()}{noun[1:]} by {axis}"
    rows = [] if board is None else [row for row in board.rows if row["mean"] is not None]
    first = [
        row for row in rows if row["label"] in series and series[row["label"]].is_first
    ] or rows[:1]
    if first and first[0]["ratio_to_guarantee"] is not None and not first[0]["vacuous"]:
        share = numbers.ratio(first[0]["ratio_to_guarantee"])
        return f"{head}: {first[0]['label']} ends at {share} of its guarantee"
    ranked = [row for row in rows if row["rank_low"] == 1]
    if len(ranked) == 1 and len(rows) > 1:
        return f"{head}: {ranked[0]['label']} ends {_best(board)}"
    if len(ranked) > 1:
        return f"{head}: {len(ranked)} methods may be first at the end"
    last = curves[0]
    return f"{head}: {last.label} ends at {numbers.significant(float(last.mean[-1]), 3)}"


def _best(board: Board | None) -> str:
    return "highest" if board is not None and board.direction == "higher" else "lowest"


def _subtitle(plot: _Plot, noun: str, axis: str, lines: Sequence[TheoryLine]) -> str:
    scales = {
        (True, True): "both axes logarithmic",
        (True, False): f"{axis} logarithmic",
        (False, True): f"{noun} logarithmic",
        (False, False): "both axes linear",
    }[plot.x.is_log, plot.y.is_log]
    seeds = max(curve.seeds for curve in plot.curves)
    if seeds > 1:
        bands = f"bands are 95 % Student intervals over {numbers.count(seeds)} seeds"
    else:
        bands = "1 seed: no bands"
    parts = [f"{plot.y_title[:1].upper()}{plot.y_title[1:]} up to each {axis}, {scales}; {bands}."]
    sources = dict.fromkeys(f"{line.title}: {line.source}" for line in lines if line.source)
    if sources:
        parts.append(f"Dashed: {'; '.join(sources)}.")
    if any(any(line.is_vacuous) for line in lines):
        parts.append("Pale where the bound is vacuous.")
    above = [line for line in lines if max(line.values) > plot.y.high]
    if above:
        told = ", ".join(f"{line.title} {numbers.significant(max(line.values), 4)}" for line in above)
        parts.append(f"Above the axis: {told}.")
    return " ".join(parts)


def _spoken(plot: _Plot, noun: str, axis: str) -> str:
    ends = [float(curve.mean[-1]) for curve in plot.curves]
    low, high = (numbers.significant(end, 3) for end in (min(ends), max(ends)))
    start, stop = (numbers.trimmed(float(end)) for end in (plot.x.low, plot.x.high))
    count = len(plot.curves)
    methods = "1 method" if count == 1 else f"{count} methods"
    return (
        f"{noun} of {methods} from {axis} {start} to {stop}; at the end between {low} and {high}. "
        "The table below the figure has the numbers."
    )


def _curve_rows(plot: _Plot) -> list[dict[str, Any]]:
    """One row a point: label by number, position, drawn mean and ends of the band."""
    rows = []
    for number, curve in enumerate(plot.curves):
        for at, mean, low, high in zip(curve.at, curve.mean, curve.low, curve.high, strict=True):
            row = {"l": number, "x": float(at), "y": plot.y.clipped(float(mean))}
            if curve.seeds > 1:
                row |= {"a": plot.y.clipped(float(low)), "b": plot.y.clipped(float(high))}
            rows.append(row)
    return rows


def _theory_rows(plot: _Plot) -> list[dict[str, Any]]:
    """Points of the bounds; a vacuous stretch is a line of its own, drawn pale."""
    rows = []
    for number, line in enumerate(plot.lines):
        at, values, vacuous = list(line.at), list(line.values), list(line.is_vacuous)
        if len(at) == 1:  # known at the end only
            at.insert(0, plot.x.value(0.86))
            values.insert(0, values[0])
            vacuous.insert(0, vacuous[0])
        for place in range(len(at) - 1):
            for end in (place, place + 1):
                if not plot.y.low <= values[end] <= plot.y.high:
                    continue
                piece = {"l": number, "s": f"{number}.{place}", "x": at[end], "y": values[end]}
                rows.append({**piece, "pale": vacuous[place] and vacuous[place + 1]})
    return rows


def _encoded(plot: _Plot) -> dict[str, Any]:
    x_axis = {"title": plot.x_title, **plot.x.ticks()}
    y_axis = {"title": None, **plot.y.ticks()}
    return {
        "x": {"field": "x", "type": "quantitative", "scale": plot.x.scale(), "axis": x_axis},
        "y": {"field": "y", "type": "quantitative", "scale": plot.y.scale(), "axis": y_axis},
    }


def _curve_form(plot: _Plot, size: _Size) -> dict[str, Any]:
    both = _encoded(plot)
    color = _colors([curve.label for curve in plot.curves], plot.series)
    names = [curve.label for curve in plot.curves]
    band = {
        "mark": {"type": "area", "opacity": 0.18},
        "encoding": {**both, "y": {**both["y"], "field": "a"}, "y2": {"field": "b"}, **color},
    }
    line = {
        "mark": {"type": "line", "tooltip": False},
        "encoding": {**both, **color, "strokeWidth": _widths(names, plot.series)},
    }
    points = {
        "transform": [{"calculate": f"{names!r}[datum.l]" if False else _name_of(names), "as": "method"}],
        "mark": {"type": "point", "opacity": 0, "size": 90, "filled": True},
        "encoding": {**both, "tooltip": _tooltips(plot)},
    }
    layers = [band] if any(curve.seeds > 1 for curve in plot.curves) else []
    layers += [line, points, *_theory_layers(plot, both, size), _end_labels(plot, both, size)]
    return {
        "width": size.width,
        "height": size.height,
        "autosize": {"type": "pad"},
        "data": {"name": "curves"},
        "layer": [*_zero_strip(plot, size), *layers],
    }
