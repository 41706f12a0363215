"""Across commits: each label's mean, run by run, on one scale a task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from harness import numbers
from harness.report.markup import Html, tag
from harness.report.records import Board, Row, RunPage, TaskPage
from harness.report.rowplot import Scale, axis_head, dot_row

__all__ = ["history_table"]


class _Point(NamedTuple):
    page: RunPage
    row: Row


def history_table(
    task: TaskPage, board: Board, pages: Sequence[RunPage], ident: str
) -> Html | None:
    """The board's metric in every run that has it; ``None`` with fewer than two.

    ``pages`` are the runs of one suite, the newest first.
    """
    points = {
        str(row["label"]): found
        for row in board.rows
        if len(found := _points(task, board, str(row["label"]), pages)) > 1
    }
    if not points:
        return None
    moved = {label: found for label, found in points.items() if not _is_same(found)}
    same = [label for label in points if label not in moved]
    noun = board.metric.replace("_", " ")
    told = f"{noun[:1].upper()}{noun[1:]} in each run, the newest first; 95 % intervals."
    return tag(
        "div",
        tag("h4", "Across commits"),
        tag("p", told, class_="note", id=ident),
        _table(moved, ident) if moved else None,
        tag("p", f"The same in every run: {', '.join(same)}.", class_="note") if same else None,
        class_="history scroll",
    )


def _points(task: TaskPage, board: Board, label: str, pages: Sequence[RunPage]) -> list[_Point]:
    found = []
    for page in pages:
        for row in _rows(page, task, board.metric):
            if row["label"] == label and row["mean"] is not None and row["origin"] == "measured":
                found.append(_Point(page, row))
    return found


def _rows(page: RunPage, task: TaskPage, metric: str) -> Sequence[Row]:
    for other in page.tasks:
        if other.key == task.key:
            return [row for board in other.boards if board.metric == metric for row in board.rows]
    return ()


def _is_same(points: Sequence[_Point]) -> bool:
    return len({(point.row["mean"], point.row["n"]) for point in points}) == 1


def _table(moved: dict[str, list[_Point]], ident: str) -> Html:
    rows = [point.row for points in moved.values() for point in points]
    scale = Scale.over(
        end
        for row in rows
        for end in (row["mean"], row["ci_low"], row["ci_high"])
        if end is not None
    )
    heads = ("Method", "Run", "Commit", axis_head(scale), "Mean", "95 % interval", "n")
    classes = ("", "", "", "plots", "num", "num", "num")
    head = tag(
        "tr",
        *(
            tag("th", text, scope="col", class_=c or None)
            for text, c in zip(heads, classes, strict=True)
        ),
    )
    bodies = [
        tag("tbody", *(_row(label, point, place, scale) for place, point in enumerate(points)))
        for label, points in moved.items()
    ]
    return tag("table", tag("thead", head), *bodies, aria_labelledby=ident)


def _row(label: str, point: _Point, place: int, scale: Scale) -> Html:
    row, record = point.row, point.page.record
    places = numbers.decimals_for(row["ci_low"], row["ci_high"], row["mean"])
    ends = [row["ci_low"], row["ci_high"]]
    interval = (
        "–"
        if None in ends
        else f"{numbers.fixed(ends[0], places)} … {numbers.fixed(ends[1], places)}"
    )
    name = tag("b", label) if place == 0 else tag("span", label, class_="spoken")
    dirty = "+" if record.diff_hash else ""
    return tag(
        "tr",
        tag("th", name, scope="row"),
        tag("td", f"{record.started:%d %b %Y %H:%M}"),
        tag("td", tag("code", f"{record.commit[:7] or '–'}{dirty}")),
        tag("td", dot_row(scale, row["mean"], ends, is_published=False), class_="plots s0"),
        tag("td", numbers.fixed(row["mean"], places), class_="num"),
        tag("td", interval, class_="num quiet"),
        tag("td", numbers.count(row["n"]), class_="num"),
    )
