"""A leaderboard as text: rank span, mean, interval, dots on one axis, bounds, cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, inf, isfinite, log10
from textwrap import shorten
from types import MappingProxyType
from typing import Any

from harness.cli import numbers
from harness.cli.text import Line, Span, can_draw, line
from harness.cli.text_table import TextTable

__all__ = [
    "Board",
    "amiss_lines",
    "board_lines",
    "board_table",
    "bound_texts",
    "boards_of",
    "interval_text",
    "mean_text",
    "rank_text",
    "time_texts",
]

_PLOT_MIN, _INTERVAL_MIN, _COST_MIN = 80, 100, 90  # columns from which on a part is shown
_MEMORY_MIN = 110
_PLOT_WIDTH, _PLOT_LEAST = 40, 16  # of the plot, where there is room
_LEVEL = 0.95
_NO_MORE: Mapping[str, str] = MappingProxyType({})
_AMISS_MAX = 3  # labels named
_REASON_MAX = 60  # columns of why a method has no value


@dataclass(frozen=True, kw_only=True)
class Board:
    """One task × metric: the rows of ``leaderboard.parquet`` that belong together."""

    task: str
    title: str  # the parameters that differ from their defaults
    metric: str
    unit: str
    direction: str
    rows: Sequence[Mapping[str, Any]]
    level: float = 0.95

    @property
    def metric_text(self) -> str:
        """``certified_accuracy at radius 3.5``: where a curve is meant, its point, too."""
        found = {(row.get("axis"), row.get("point")) for row in self.rows if row["n"]}
        axis, point = found.pop() if len(found) == 1 else (None, None)
        return self.metric if point is None else f"{self.metric} at {axis} {numbers.trimmed(point)}"

    @property
    def level_text(self) -> str:
        """``95 % intervals``; after repeated looks the higher level at which 95 % holds."""
        if self.level == _LEVEL:
            return "95 % intervals"
        each = numbers.significant(100 * self.level, 4)
        return f"95 % intervals over all looks ({each} % each)"


def boards_of(rows: Sequence[Mapping[str, Any]], level: float = 0.95) -> list[Board]:
    """All boards of a table, in its order; ``level`` is that of its intervals."""
    grouped: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        grouped.setdefault((row["task"], row["task_params"], row["metric"]), []).append(row)
    return [
        Board(
            task=task,
            title=found[0].get("title") or params,
            metric=metric,
            unit=found[0]["unit"] or "",
            direction=found[0]["direction"],
            rows=found,
            level=level,
        )
        for (task, params, metric), found in grouped.items()
    ]


def board_lines(board: Board, width: int, more: Mapping[str, str] = _NO_MORE) -> list[Line]:
    """The board for a terminal of ``width`` columns; ``more`` are rows' columns by head."""
    measured = [row for row in board.rows if row["mean"] is not None]
    columns = [
        _ranks(board.rows),
        _labels(board.rows),
        _means(board.rows, board.metric),
    ]
    if width >= _INTERVAL_MIN:
        columns.append(_intervals(board.rows))
    plot_at = len(columns)
    columns += _bounds(board.rows)
    if width >= _COST_MIN:
        columns.append(_times(board.rows))
    if width >= _MEMORY_MIN:
        columns.append(
            _column("memory", [numbers.memory(row["peak_memory"]) for row in board.rows])
        )
    columns += [_column(head, texts) for head, texts in _further(board.rows, more).items()]
    counts = {row["n"] for row in measured}
    if len(counts) > 1:
        columns.append(_column("n", [numbers.count(row["n"]) for row in board.rows]))
    room = width - sum(len(column[0].text) + 2 for column in columns) - 4
    if width >= _PLOT_MIN and room >= _PLOT_LEAST and len(measured) > 1 and can_draw():
        plots = _plots(board.rows, measured, min(room, _PLOT_WIDTH))
        columns.insert(plot_at, plots)
    return [*_head(board, counts), *_table(columns), *_plain(board)]


def amiss_lines(boards: Sequence[Board]) -> list[Line]:
    """What is not as the task expects it where nothing is amiss, a line a metric of a task."""
    lines = []
    for board in boards:
        rows = [row for row in board.rows if _is_amiss(row)]
        if rows:
            told = [f"{row['label']} {numbers.trimmed(row['mean'])}" for row in rows]
            more = f" and {len(told) - _AMISS_MAX} more" if len(told) > _AMISS_MAX else ""
            expected = numbers.trimmed(rows[0]["expected"])
            lines.append(
                line(
                    ("! ", "bad"),
                    f"{board.title}: {board.metric} is {', '.join(told[:_AMISS_MAX])}{more}, "
                    f"{expected} is expected",
                )
            )
    return lines


def _is_amiss(row: Mapping[str, Any]) -> bool:
    expected, mean = row.get("expected"), row["mean"]
    return expected is not None and mean is not None and mean != expected


def board_table(board: Board, more: Mapping[str, str] = _NO_MORE) -> TextTable:
    """The board as plain cells, for formats without a width; ``more`` as for the terminal."""
    columns = {
        "rank": [rank_text(row) for row in board.rows],
        "method": [_label(row) for row in board.rows],
        "mean": [mean_text(row) for row in board.rows],
        "interval": [interval_text(row) for row in board.rows],
        **bound_texts(board.rows),
    }
    if any(row["wall_s"] is not None for row in board.rows):
        columns["time"] = time_texts(board.rows)
    columns |= _further(board.rows, more)
    columns["n"] = [str(row["n"]) for row in board.rows]
    counts = {row["n"] for row in board.rows if row["mean"] is not None}
    title, told = ("".join(span.text for span in each).strip() for each in _head(board, counts))
    return TextTable(title, told, columns)


def _head(board: Board, counts: set[int]) -> list[Line]:
    better = {"lower": "lower is better", "higher": "higher is better"}.get(board.direction, "")
    parts = [f"{board.metric_text}{f' in {board.unit}' if board.unit else ''}", better]
    if len(counts) == 1:
        seeds = next(iter(counts))
        parts.append("1 seed: no interval" if seeds == 1 else f"{numbers.count(seeds)} seeds each")
    if counts != {1}:
        parts += [board.level_text, "ranks by paired tests on common seeds, Holm"]
    title = board.title.removeprefix(board.task).strip()
    return [
        line((board.task, "strong"), f"  {title}" if title else ""),
        line((" · ".join(part for part in parts if part), "quiet")),
    ]


def _plain(board: Board) -> list[Line]:
    """Who ran as plain Python beside compiled rivals: its time says nothing of its worth."""
    if not any(row.get("compiled") for row in board.rows):
        return []
    plain = [str(row["label"]) for row in board.rows if row.get("compiled") is False]
    told = f"  plain Python, since it does not compile: {', '.join(plain)}"
    return [line((told, "quiet"))] if plain else []


def _table(columns: Sequence[Sequence[Span]]) -> list[Line]:
    lines = []
    for row in zip(*columns, strict=True):
        pieces: list[Span] = [Span("  ")]
        for cell in row:
            pieces += [cell, Span("  ")]
        lines.append(tuple(pieces))
    return lines


def _column(
    head: str, texts: Sequence[str], styles: Sequence[str] = (), *, left: bool = False
) -> list[Span]:
    size = max(len(head), *map(len, texts))
    pad = str.ljust if left else str.rjust
    styles = styles or [""] * len(texts)
    cells = [Span(pad(text, size), style) for text, style in zip(texts, styles, strict=True)]
    return [Span(pad(head, size), "quiet"), *cells]


def _ranks(rows: Sequence[Mapping[str, Any]]) -> list[Span]:
    return _column("rank", [rank_text(row) for row in rows], left=True)


def rank_text(row: Mapping[str, Any]) -> str:
    """The span of ranks that the data allow: ``2–5``; a dash for what is not ranked."""
    low, high = row["rank_low"], row["rank_high"]
    if row["origin"] == "published" or low is None:
        return "–"
    return f"{low}" if low == high else f"{low}–{high}"


def _labels(rows: Sequence[Mapping[str, Any]]) -> list[Span]:
    first = next((row["label"] for row in rows if row["rank_low"] is not None), None)
    styles = ["strong" if row["label"] == first else "" for row in rows]
    return _column("method", [_label(row) for row in rows], styles, left=True)


def _label(row: Mapping[str, Any]) -> str:
    return f"{row['label']} (published)" if row["origin"] == "published" else str(row["label"])


def _means(rows: Sequence[Mapping[str, Any]], metric: str) -> list[Span]:
    texts = numbers.aligned([mean_text(row) for row in rows])
    return _column(metric, texts)


def mean_text(row: Mapping[str, Any]) -> str:
    """The mean at as many digits as its interval supports."""
    if row["mean"] is None:
        return "–"
    text = numbers.fixed(row["mean"], _decimals(row))
    return f"≥ {text}" if row["censored"] else text


def _decimals(row: Mapping[str, Any]) -> int:
    return numbers.decimals_for(row["ci_low"], row["ci_high"], row["mean"])


def _intervals(rows: Sequence[Mapping[str, Any]]) -> list[Span]:
    texts, styles = [], []
    for row in rows:
        text, style = _interval(row)
        texts.append(text)
        styles.append(style)
    return _column("interval", texts, styles, left=True)


def interval_text(row: Mapping[str, Any]) -> str:
    """The interval, or why there is no value."""
    return _interval(row)[0]


def _interval(row: Mapping[str, Any]) -> tuple[str, str]:
    if row["mean"] is None:
        failed, reason = row["failures"], row.get("reason") or ""
        cells = "1 cell" if failed == 1 else f"{failed} cells"
        told = f"no value: {cells} failed" if failed else "no value"
        told = f"{told} ({shorten(reason, _REASON_MAX, placeholder='…')})" if reason else told
        return told, "bad" if failed else "quiet"
    if row["ci_low"] is None:
        return "–", "quiet"
    decimals = _decimals(row)
    text = f"{numbers.fixed(row['ci_low'], decimals)} … {numbers.fixed(row['ci_high'], decimals)}"
    failed = row["failures"]
    return (f"{text} ({failed} failed)", "bad") if failed else (text, "quiet")


def _bounds(rows: Sequence[Mapping[str, Any]]) -> list[list[Span]]:
    return [_column(head, texts) for head, texts in bound_texts(rows).items()]


def bound_texts(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Ratios to bounds, a text a row, by the column's head; empty where there are none."""
    found: dict[str, list[str]] = {}
    if any(row["ratio_to_lower"] is not None for row in rows):
        texts = [
            "–" if row["ratio_to_lower"] is None else numbers.significant(row["ratio_to_lower"])
            for row in rows
        ]
        found["× lower bound"] = texts
    if any(row["ratio_to_guarantee"] is not None for row in rows):
        texts = [
            f"vacuous ({numbers.significant(row['guarantee'])})"
            if row["vacuous"]
            else numbers.ratio(row["ratio_to_guarantee"])
            for row in rows
        ]
        found["of guarantee"] = texts
    return found


def _further(rows: Sequence[Mapping[str, Any]], more: Mapping[str, str]) -> dict[str, list[str]]:
    """Columns as they are kept, a text a row, by their heads."""
    return {head: [_as_kept(row[column]) for row in rows] for head, column in more.items()}


def _as_kept(value: Any) -> str:
    if value is None:
        return "–"
    return numbers.significant(value) if isinstance(value, float) else str(value)


def _times(rows: Sequence[Mapping[str, Any]]) -> list[Span]:
    return _column("time", time_texts(rows))


def time_texts(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The mean duration of a cell, a text a row."""
    return [numbers.duration(row["wall_s"]) for row in rows]


def _plots(
    rows: Sequence[Mapping[str, Any]], measured: Sequence[Mapping[str, Any]], size: int
) -> list[Span]:
    axis = _Axis.over(_shown(measured), size)
    cells = [axis.row(row) if row["mean"] is not None else " " * size for row in rows]
    first = measured[0]["label"] if measured else None
    styles = ["first" if row["label"] == first else "" for row in rows]
    return [
        Span(axis.ticks(), "quiet"),
        *(Span(cell, style) for cell, style in zip(cells, styles, strict=True)),
    ]


def _shown(measured: Sequence[Mapping[str, Any]]) -> list[float]:
    """The numbers that an axis has room for: means, and ends of intervals that are not far off.

    An interval of two seeds may be a hundred times as long as all means lie apart.
    """
    means = [row["mean"] for row in measured]
    low, high = min(means), max(means)
    room = (high - low) or inf
    ends = [end for row in measured for end in (row["ci_low"], row["ci_high"]) if end is not None]
    kept = [min(max(end, low - room), high + room) for end in ends]
    return [*means, *(end for end in kept if isfinite(end))]


@dataclass(frozen=True)
class _Axis:
    """Where a value stands among ``size`` characters."""

    low: float
    high: float
    is_log: bool
    size: int

    @classmethod
    def over(cls, values: Sequence[float], size: int) -> _Axis:
        """Logarithmic when all are positive and the largest is over ten times the smallest."""
        low, high = min(values), max(values)
        is_log = low > 0 and high / low > 10
        return (
            cls(low, high, is_log, size) if high > low else cls(low - 0.5, low + 0.5, False, size)
        )

    def column(self, value: float) -> int:
        """The character that a value falls on, within the plot."""
        low, high, at = self.low, self.high, value
        if self.is_log:
            low, high, at = log10(low), log10(high), log10(max(value, self.low / 10))
        share = (at - low) / (high - low)
        return min(max(round(share * (self.size - 1)), 0), self.size - 1)

    def row(self, row: Mapping[str, Any]) -> str:
        """A dot, and a whisker of equal length on both sides where it can be seen.

        An end that lies beyond the plot is an arrow's.
        """
        cells = [" "] * self.size
        at, low, high = self.column(row["mean"]), row["ci_low"], row["ci_high"]
        if low is not None:
            reach = round((self.column(high) - self.column(low)) / 2)
            for column in range(max(at - reach, 0), min(at + reach, self.size - 1) + 1):
                cells[column] = "─"
            if low < self.low:
                cells[0] = "‹"
            if high > self.high:
                cells[-1] = "›"
        cells[at] = "◇" if row["origin"] == "published" else "●"
        return "".join(cells)

    def ticks(self) -> str:
        """Numbers along the axis: 1–3–10 when logarithmic, else the ends and the middle."""
        cells = [" "] * self.size
        for value in self._tick_values():
            text = numbers.trimmed(value)
            start = min(self.column(value), self.size - len(text))
            if all(cell == " " for cell in cells[max(start - 1, 0) : start + len(text) + 1]):
                cells[start : start + len(text)] = text
        return "".join(cells)

    def _tick_values(self) -> list[float]:
        if not self.is_log:
            return _round_between(self.low, self.high)
        exponents = range(-12, 16)
        candidates = [digit * 10.0**exponent for exponent in exponents for digit in (1, 3)]
        return [value for value in candidates if self.low <= value <= self.high]


def _round_between(low: float, high: float) -> list[float]:
    """Some three multiples of 1, 2 or 5 times a power of ten."""
    unit = 10.0 ** floor(log10((high - low) / 3))
    step = next(unit * digit for digit in (1, 2, 5, 10) if (high - low) / (unit * digit) <= 4)
    first, last = ceil(low / step), floor(high / step)
    return [round(step * place, 12) for place in range(first, last + 1)]
