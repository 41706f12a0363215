"""A leaderboard as a table: rank span, dot and whisker, mean, interval, bounds, cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from harness import numbers
from harness.report import digits
from harness.report.markup import Html, tag
from harness.report.records import Board, Row
from harness.report.rowplot import Scale, axis_head, dot_row

__all__ = ["BoardView", "board_table"]

_STRIP_MOST = 20  # ranks drawn as dots; beyond it the span is a bar
_SHOWN_FIRST = 20


@dataclass(frozen=True, kw_only=True)
class BoardView:
    """A board with what the page knows of it besides its rows."""

    board: Board
    ident: str  # unique on the page
    anchors: Mapping[str, str]  # label → where its cells are listed
    colors: Mapping[str, str]  # label → class of its series
    is_first: str  # the suite's first label, whose name is bold


class _Column(NamedTuple):
    head: object
    cell: Callable[[Row], Sequence[object]]
    sort: Callable[[Row], float | str | None] | None  # None: not sortable
    class_: str = ""
    spoken: str = ""  # the head, where ``head`` is a drawing
    title: Callable[[Row], str | None] = lambda _: None  # all digits of what is shown


def board_table(view: BoardView) -> Html:
    """The table, with a line above that says what it shows."""
    rows = view.board.rows
    columns = _columns(view)
    head = tag("tr", *(_head(column, place) for place, column in enumerate(columns)), role="row")
    body = [_row(row, columns, place) for place, row in enumerate(rows)]
    more = len(rows) - _SHOWN_FIRST
    button = tag("button", f"show all {len(rows)}", type="button", class_="all")
    return tag(
        "div",
        tag("p", _told(view), class_="note", id=f"{view.ident}-told"),
        tag(
            "table",
            tag("thead", head, role="rowgroup"),
            tag("tbody", *body, role="rowgroup"),
            class_="board" + (" cut" if more > 0 else ""),
            role="table",
            aria_labelledby=f"{view.ident}-told",
        ),
        button if more > 0 else None,
        class_="scroll",
    )


def _told(view: BoardView) -> str:
    board = view.board
    unit = f" in {board.unit}" if board.unit else ""
    better = {"lower": "lower is better", "higher": "higher is better"}
    what = f"{_capital(board.metric)}{_point(board.rows)}{unit}"
    first = f"{what}, {better.get(board.direction, 'not ranked')}"
    measured = [row for row in board.rows if row["mean"] is not None and _is_measured(row)]
    counts = {row["n"] for row in measured}
    if counts == {1}:
        return f"{first}; 1 seed: no interval."
    seeds = f"; n {numbers.count(next(iter(counts)))} seeds each" if len(counts) == 1 else ""
    parts = [f"{first}{seeds}, 95 % intervals."]
    ranked = [row for row in measured if row["rank_low"] is not None]
    if len(ranked) > 1:
        if all(row["rank_low"] == 1 and row["rank_high"] == len(ranked) for row in ranked):
            parts.append("Everything is tied: no pair can be told apart on these seeds.")
        else:
            parts.append("Ranks come from paired tests on common seeds, Holm over all pairs.")
        span = next((row for row in ranked if row["rank_low"] != row["rank_high"]), None)
        if span is not None:
            parts.append(f"{_rank(span)}: anywhere in that span, the data can't say where.")
    if _scale(board).is_log:
        parts.append("Logarithmic axis.")
    return " ".join(parts)


def _point(rows: Sequence[Row]) -> str:
    """`` at radius 3.5`` where the means are of one point of a curve."""
    found = {(row["axis"], row["point"]) for row in rows if row["n"]}
    axis, point = found.pop() if len(found) == 1 else (None, None)
    return "" if point is None else f" at {axis} {numbers.trimmed(point)}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:].replace("_", " ")


def _is_measured(row: Row) -> bool:
    return bool(row["origin"] != "published")


def _scale(board: Board) -> Scale:
    ends = (row[name] for row in board.rows for name in ("mean", "ci_low", "ci_high"))
    means = [row["mean"] for row in board.rows if row["mean"] is not None]
    known = [end for end in ends if end is not None]
    if means and min(means) > 0 and max(means) / min(means) > 10:
        return Scale.over([*means, *(end for end in known if end > min(means) / 3)])
    return Scale.over(known)


def _columns(view: BoardView) -> list[_Column]:
    rows, metric = view.board.rows, view.board.metric
    means = _padded([_mean(row) for row in rows])
    of_row = {id(row): text for row, text in zip(rows, means, strict=True)}
    scale = _scale(view.board)
    last = max((row["rank_high"] or 0 for row in rows), default=0)
    columns = [
        _Column("Rank", lambda row: _ranks(row, last), lambda row: row["rank_low"], "r"),
        _Column("Method", lambda row: _method(row, view), lambda row: str(row["label"]), "m"),
        _Column(axis_head(scale), lambda row: _dots(row, scale, view), None, "plots p", "Plot"),
        _Column(
            _capital(metric),
            lambda row: [of_row[id(row)]],
            lambda row: row["mean"],
            "num e",
            "",
            _full,
        ),
        _Column("95 % interval", _interval, None, "num i"),
    ]
    return [*columns, *_bounds(rows), *_counts(rows), *_costs(rows)]


def _head(column: _Column, place: int) -> Html:
    if column.sort is None:
        spoken = tag("span", column.spoken, class_="spoken") if column.spoken else None
        inner: tuple[object, ...] = (spoken, column.head)
    else:
        inner = (tag("button", column.head, type="button", data_column=place),)
    return tag(
        "th",
        *inner,
        scope="col",
        role="columnheader",
        class_=column.class_ or None,
        aria_sort="ascending" if place == 0 else None,
    )


def _row(row: Row, columns: Sequence[_Column], place: int) -> Html:
    cells = []
    for column in columns:
        value = column.sort(row) if column.sort else None
        cells.append(
            tag(
                "td",
                *column.cell(row),
                role="cell",
                class_=column.class_ or None,
                title=column.title(row),
                data_v=f"{value:.12g}" if isinstance(value, int | float) else value,
            )
        )
    hidden = "more" if place >= _SHOWN_FIRST else None
    return tag("tr", *cells, role="row", class_=hidden, data_label=row["label"])


def _rank(row: Row) -> str:
    low, high = row["rank_low"], row["rank_high"]
    if not _is_measured(row) or low is None:
        return "–"
    return f"{low}" if low == high else f"{low}–{high}"


def _ranks(row: Row, last: int) -> list[object]:
    text = tag("span", _rank(row), class_="rank")
    if row["rank_low"] is None or not _is_measured(row) or last < 2:
        return [text]
    return [text, _strip(row["rank_low"], row["rank_high"], last)]


def _strip(low: int, high: int, last: int) -> Html:
    """The span among all ranks: dots, or a bar where they would not fit."""
    step = 8 if last <= 12 else 100 / last
    ends = [step * (rank - 0.5) for rank in (low, high)]
    parts = [tag("line", x1=f"{ends[0]:.4g}", x2=f"{ends[1]:.4g}", y1=6, y2=6)]
    if last <= _STRIP_MOST:
        radius = 3 if last <= 12 else 2
        for rank in range(1, last + 1):
            is_in = low <= rank <= high
            cx = f"{step * (rank - 0.5):.4g}"
            parts.append(
                tag(
                    "circle", cx=cx, cy=6, r=radius if is_in else 0.9, class_=None if is_in else "o"
                )
            )
    else:
        parts.append(tag("circle", cx=f"{sum(ends) / 2:.4g}", cy=6, r=2))
    width = f"{step * last:.4g}"
    return tag("svg", *parts, class_="strip", width=width, height=12, aria_hidden="true")


def _method(row: Row, view: BoardView) -> list[object]:
    label = row["label"]
    shown = digits.named(label)
    name = tag("b", shown) if label == view.is_first else shown
    anchor = view.anchors.get(label)
    linked = tag("a", name, href=f"#{anchor}") if anchor else name
    if not _is_measured(row):
        source = f" · {row['source']}" if row["source"] else ""
        return [linked, tag("span", f" published{source}", class_="quiet")]
    if row["method"] and row["method"] != label:
        return [linked, tag("span", f" {row['method']}", class_="quiet")]
    return [linked]


def _dots(row: Row, scale: Scale, view: BoardView) -> list[object]:
    if row["mean"] is None:
        return []
    ends = (row["ci_low"], row["ci_high"])
    drawn = dot_row(scale, row["mean"], ends, is_published=not _is_measured(row))
    return [tag("span", drawn, class_=view.colors.get(row["label"], "s0"))]


def _estimate(row: Row) -> digits.Estimate:
    return digits.estimate(row["mean"], row["ci_low"], row["ci_high"])


def _mean(row: Row) -> str:
    if row["mean"] is None:
        return "–"
    text = _estimate(row).value
    return f"≥ {text}" if row["censored"] else text


def _full(row: Row) -> str | None:
    return None if row["mean"] is None else _estimate(row).full


def _padded(texts: Sequence[str]) -> list[Html]:
    """A column on its decimal points: hidden digits after those that have fewer."""
    tails = ["" if "e" in text else text.partition(".")[2] for text in texts]
    longest = max(map(len, tails), default=0)
    padded = []
    for text, tail in zip(texts, tails, strict=True):
        missing = "0" * (longest - len(tail))
        hidden = missing if tail or not longest else f".{missing}"
        hidden = "" if "e" in text else hidden
        pad = tag("span", hidden, class_="pad", aria_hidden="true") if hidden else None
        padded.append(tag("span", text, pad))
    return padded


def _interval(row: Row) -> list[object]:
    failed = row["failures"]
    if row["mean"] is None:
        cells = "cell" if failed == 1 else "cells"
        words = f"no value: {numbers.count(failed)} {cells} failed" if failed else "no value"
        return [tag("a", words, href="#failures", class_="bad")]
    told: list[object] = []
    if row["ci_low"] is None or row["ci_high"] is None:
        is_alone = row["n"] == 1 and _is_measured(row)
        told.append(tag("span", "1 seed" if is_alone else "–", class_="quiet"))
    elif (found := _estimate(row)).is_constant:
        told.append(tag("span", "every seed the same", class_="quiet"))
    else:
        told.append(tag("span", found.ends, class_="quiet interval"))
    if failed:
        link = tag("a", f"{numbers.count(failed)} failed", href="#failures", class_="bad")
        told += [" ", link]
    return told


def _bounds(rows: Sequence[Row]) -> list[_Column]:
    found = []
    if any(row["ratio_to_lower"] is not None for row in rows):
        found.append(
            _Column("× lower bound", _to_lower, lambda row: row["ratio_to_lower"], "num b l")
        )
    if any(row["ratio_to_guarantee"] is not None for row in rows):
        found.append(
            _Column("Of guarantee", _to_guarantee, lambda r: r["ratio_to_guarantee"], "num b g")
        )
    return found


def _to_lower(row: Row) -> list[object]:
    ratio = row["ratio_to_lower"]
    return ["–" if ratio is None else numbers.significant(ratio)]


def _to_guarantee(row: Row) -> list[object]:
    if row["vacuous"]:
        told = f"vacuous ({numbers.significant(row['guarantee'])})"
        return [tag("span", told, class_="quiet")]
    return [numbers.ratio(row["ratio_to_guarantee"])]


def _counts(rows: Sequence[Row]) -> list[_Column]:
    """``n``, where it is not the same in all measured rows."""
    counts = {row["n"] for row in rows if row["mean"] is not None and _is_measured(row)}
    if len(counts) < 2:
        return []
    return [_Column("n", lambda row: [numbers.count(row["n"])], lambda row: row["n"], "num n")]


def _costs(rows: Sequence[Row]) -> list[_Column]:
    found = []
    if any(row["wall_s"] is not None for row in rows):
        found.append(
            _Column(
                "Time", lambda r: [numbers.duration(r["wall_s"])], lambda r: r["wall_s"], "num c"
            )
        )
    if any(row["peak_memory"] for row in rows):
        found.append(
            _Column(
                "Memory",
                lambda row: [numbers.memory(row["peak_memory"])],
                lambda row: row["peak_memory"],
                "num c mem",
            )
        )
    return found
