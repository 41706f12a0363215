"""Quality against time and memory: filled where nothing else is both cheaper and better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from harness.report import digits
from harness.report.axes import Axis
from harness.report.figure import SQUARE, Figure, Series, colors, name_of, shortened
from harness.report.records import Board, Row, TaskPage

__all__ = ["on_front", "pareto_figures"]

_LETTER, _LINE = 6.6, 13  # px of a label's letters and lines
_MOST_NAMED = 12  # methods beyond which only coloured ones are named: names would overlap
_LEAST = 3  # methods from which on a front says something


class _Cost(NamedTuple):
    column: str
    word: str
    unit: str
    factor: float  # from the table's unit to the axis's
    spread: float  # largest over smallest below which there is nothing to see


_COSTS = (
    _Cost("wall_s", "time", "time of a cell, ms", 1e3, 1.0),
    _Cost("peak_memory", "memory", "peak memory, MB", 1e-6, 1.1),
)


def pareto_figures(
    task: TaskPage, board: Board, series: Mapping[str, Series], name: str
) -> list[Figure]:
    """The board's means against each cost that its rows have."""
    if board.direction not in ("lower", "higher") or board.metric in task.costs:
        return []
    found = []
    for cost in _COSTS:
        rows = [row for row in board.rows if row["mean"] is not None and row[cost.column]]
        prices = [row[cost.column] for row in rows]
        # A worker's peak includes what it loaded: equal peaks say nothing of the methods.
        if len(rows) >= _LEAST and max(prices) > cost.spread * min(prices):
            found.append(_figure(board, rows, cost, series, f"{name}-{cost.word}"))
    return found


def on_front(rows: Sequence[Row], cost: str, direction: str) -> list[bool]:
    """For each row, whether no other is at least as cheap and as good, and better in one."""
    sign = 1 if direction == "lower" else -1
    points = [(row[cost], sign * row["mean"]) for row in rows]
    return [
        not any(other[0] <= own[0] and other[1] <= own[1] and other != own for other in points)
        for own in points
    ]


def _figure(
    board: Board, rows: Sequence[Row], cost: _Cost, series: Mapping[str, Series], name: str
) -> Figure:
    front = on_front(rows, cost.column, board.direction)
    noun = board.metric.replace("_", " ")
    capital = noun[:1].upper() + noun[1:]
    x = Axis.over(row[cost.column] * cost.factor for row in rows)
    y = Axis.over(row["mean"] for row in rows)
    logs = [word for axis, word in ((x, cost.word), (y, noun)) if axis.is_log]
    scales = {0: "both axes linear", 2: "both axes logarithmic"}.get(
        len(logs), f"{''.join(logs)} logarithmic"
    )
    unit = f" ({board.unit})" if board.unit else ""
    count = sum(front)
    return Figure(
        name=name,
        metric=board.metric,
        title=f"{capital} against {cost.word}: {count} of {len(rows)} on the front",
        subtitle=(
            f"{capital}{unit}, against {cost.unit}; {scales}. Filled: nothing "
            f"else is both cheaper and better."
        ),
        spoken=(
            f"{noun} against {cost.word} of {len(rows)} methods, {count} of them on the front. "
            "The folded table below has the numbers."
        ),
        wide=_form(rows, front, cost, (x, y), series, f"{noun}{unit}"),
        narrow=None,
        datasets={"points": _points(rows, front, cost, (x, y), series)},
        table=_table(rows, front, cost, noun),
    )


def _points(
    rows: Sequence[Row],
    front: Sequence[bool],
    cost: _Cost,
    axes: tuple[Axis, Axis],
    series: Mapping[str, Series],
) -> list[dict[str, Any]]:
    points: list[dict[str, Any]] = []
    taken = [_dot_box(*_place(row, cost, axes)) for row in rows]
    # From left to right, so that a label gives way to those of dots before its own.
    for number in sorted(range(len(rows)), key=lambda number: rows[number][cost.column]):
        row = rows[number]
        x, y = axes[0].clipped(row[cost.column] * cost.factor), axes[1].clipped(row["mean"])
        is_named = len(rows) <= _MOST_NAMED or series[row["label"]].color != "s0"
        label = shortened(row["label"], SQUARE.label_chars) if is_named else ""
        right = axes[0].share(x) > 0.62
        box = _free(_place(row, cost, axes), len(label) * _LETTER, right, taken)
        taken += [box] if label else []
        named = {"t": label, "r": right, "ty": axes[1].value(1 - box.bottom / SQUARE.height)}
        points.append({"l": number, "x": x, "y": y, "f": front[number], **named})
    return points


def _place(row: Row, cost: _Cost, axes: tuple[Axis, Axis]) -> tuple[float, float]:
    """Where the dot of a row is, in px."""
    shares = axes[0].share(row[cost.column] * cost.factor), axes[1].share(row["mean"])
    return SQUARE.width * shares[0], SQUARE.height * (1 - shares[1])


class _Box(NamedTuple):
    """Where a label stands, in px."""

    left: float
    right: float
    bottom: float


def _free(dot: tuple[float, float], width: float, is_right: bool, taken: Sequence[_Box]) -> _Box:
    """The place nearest above or below the dot that no other label has."""
    left = dot[0] - 7 - width if is_right else dot[0] + 7
    steps = sorted(range(-6, 7), key=abs)
    boxes = [_Box(left, left + width, dot[1] - 4 + step * _LINE) for step in steps]
    return next((box for box in boxes if not any(_touch(box, one) for one in taken)), boxes[0])


def _dot_box(x: float, y: float) -> _Box:
    return _Box(x - 6, x + 6, y + 5)


def _touch(one: _Box, other: _Box) -> bool:
    is_beside = one.right < other.left or other.right < one.left
    return not is_beside and abs(one.bottom - other.bottom) < _LINE


def _form(
    rows: Sequence[Row],
    front: Sequence[bool],
    cost: _Cost,
    axes: tuple[Axis, Axis],
    series: Mapping[str, Series],
    y_title: str,
) -> dict[str, Any]:
    labels = [row["label"] for row in rows]
    x_axis = {"title": cost.unit, **axes[0].ticks()}
    both = {
        "x": {"field": "x", "type": "quantitative", "scale": axes[0].scale(), "axis": x_axis},
        "y": {
            "field": "y",
            "type": "quantitative",
            "scale": axes[1].scale(),
            "axis": {"title": y_title, **axes[1].ticks()},
        },
    }
    color = colors(labels, series)
    told = [
        {"field": "method", "type": "nominal"},
        {"field": "x", "type": "quantitative", "title": cost.unit, "format": ",.4~g"},
        {"field": "y", "type": "quantitative", "title": "mean", "format": ",.4~g"},
    ]
    fill = {"condition": {"test": "datum.f", **color["color"]}, "value": "var(--page)"}
    dots = {
        "transform": [{"calculate": name_of(labels), "as": "method"}],
        "mark": {"type": "point", "filled": False, "size": 70, "strokeWidth": 2, "opacity": 1},
        "encoding": {**both, "stroke": color["color"], "fill": fill, "tooltip": told},
    }
    names = [_names(both, color, is_right=side) for side in (False, True)]
    layers = [_steps(both), dots, *names]
    size = {"width": SQUARE.width, "height": SQUARE.height}
    return {**size, "data": {"name": "points"}, "layer": layers}


def _steps(both: dict[str, Any]) -> dict[str, Any]:
    """The front as a dotted staircase: between two points nothing better is known."""
    return {
        "transform": [{"filter": "datum.f"}],
        "mark": {
            "type": "line",
            "interpolate": "step-after",
            "strokeDash": [2, 3],
            "strokeWidth": 1.2,
            "color": "var(--ink-2)",
        },
        "encoding": both,
    }


def _names(both: dict[str, Any], color: dict[str, Any], *, is_right: bool) -> dict[str, Any]:
    """Labels beside the dots, on the side where there is room."""
    side = {"align": "right", "dx": -7} if is_right else {"align": "left", "dx": 7}
    return {
        "transform": [{"filter": "datum.r" if is_right else "!datum.r"}],
        "mark": {"type": "text", "baseline": "bottom", "fontSize": 12, **side},
        "encoding": {
            **both,
            "y": {**both["y"], "field": "ty"},
            **color,
            "text": {"field": "t", "type": "nominal"},
        },
    }


def _table(rows: Sequence[Row], front: Sequence[bool], cost: _Cost, noun: str) -> list[list[str]]:
    head = ["method", cost.unit, noun, "on the front"]
    return [
        head,
        *(
            [
                str(row["label"]),
                digits.value(row[cost.column] * cost.factor, 2),
                digits.value(row["mean"], 4),
                "yes" if is_front else "no",
            ]
            for row, is_front in zip(rows, front, strict=True)
        ),
    ]
