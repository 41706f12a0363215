"""Across commits: each label's mean, run by run, and what the tests say of each step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from harness import numbers
from harness.analyse.history import Moment
from harness.analyse.row_text import p_text
from harness.report import digits
from harness.report.across import Across
from harness.report.markup import Html, join, tag
from harness.report.records import Board, Row, RunPage, TaskPage
from harness.report.rowplot import Scale, axis_head, dot_row
from harness.report.stacked import name_cell, row, stacked_table, value_cell
from harness.report.standing import mark

__all__ = ["history_table"]


class _Point(NamedTuple):
    page: RunPage
    row: Row
    moment: Moment | None  # what the tests say of the step that led here


def history_table(task: TaskPage, board: Board, across: Across) -> Html | None:
    """The board's metric in every run that has it; ``None`` with fewer than two."""
    labels = dict.fromkeys(str(each["label"]) for each in board.rows)
    found = {name: _points(task, board, name, across) for name in labels}
    points = {label: each for label, each in found.items() if len(each) > 1}
    if not points:
        return None
    moved = {label: each for label, each in points.items() if not _is_same(each)}
    same = [label for label in points if label not in moved]
    seen = {label: each for label, each in moved.items() if _has_change(each)}
    unseen = {label: each for label, each in moved.items() if label not in seen}
    noun = board.metric.replace("_", " ")
    told = (
        f"{noun[:1].upper()}{noun[1:]} in each run, the newest first; 95 % intervals. Each change "
        "is from the run below, by a paired test on common seeds; p after Holm over the steps of "
        "the method."
    )
    return tag(
        "div",
        tag("h4", "Across commits"),
        tag("p", told, class_="note"),
        _table(seen, board.direction, noun) if seen else None,
        *(_drift(task, board, label, across) for label in moved),
        _unseen(unseen, board.direction, noun) if unseen else None,
        tag("p", f"The same in every run: {', '.join(same)}.", class_="note") if same else None,
        class_="history",
    )


def _points(task: TaskPage, board: Board, label: str, across: Across) -> list[_Point]:
    series = across.series(task, label, board.metric)
    moments = {each.run_id: each for each in series.moments} if series else {}
    return [
        _Point(page, each, moments.get(page.record.run_id))
        for page in across.runs
        for each in _rows(page, task, board.metric)
        if each["label"] == label and each["mean"] is not None and each["origin"] == "measured"
    ]


def _rows(page: RunPage, task: TaskPage, metric: str) -> Sequence[Row]:
    for other in page.tasks:
        if other.key == task.key:
            return [row for board in other.boards if board.metric == metric for row in board.rows]
    return ()


def _is_same(points: Sequence[_Point]) -> bool:
    return len({(point.row["mean"], point.row["n"]) for point in points}) == 1


def _has_change(points: Sequence[_Point]) -> bool:
    return any(point.moment is not None and point.moment.is_change for point in points)


def _unseen(unseen: dict[str, list[_Point]], direction: str, noun: str) -> Html:
    """Means that moved by no more than chance would move them, folded."""
    words = "1 method" if len(unseen) == 1 else f"{len(unseen)} methods"
    summary = tag("summary", f"{words} in which the tests see no change")
    return tag("details", summary, _table(unseen, direction, noun))


def _drift(task: TaskPage, board: Board, label: str, across: Across) -> Html | None:
    """What crept in by steps too small to be seen."""
    series = across.series(task, label, board.metric)
    if series is None or not series.has_drifted or series.drift is None:
        return None
    if any(moment.is_change for moment in series.moments):
        return None
    change = _amount(series.drift, is_relative=series.drift_is_relative)
    told = f"{label} drifted from the first run to the last: {change}, p {p_text(series.drift_p)}."
    return tag("p", told, class_="warn")


def _table(moved: dict[str, list[_Point]], direction: str, noun: str) -> Html:
    known = [point.row for points in moved.values() for point in points]
    ends = [each[name] for each in known for name in ("mean", "ci_low", "ci_high")]
    scale = Scale.over(end for end in ends if end is not None)
    heads = (
        ("Run", "run"),
        ("Commit", "commit"),
        (join([tag("span", "Plot", class_="spoken"), axis_head(scale)]), "plots p"),
        ("Mean", "num m"),
        ("95 % interval", "num i"),
        ("n", "num n"),
        ("Change", "num d"),
        ("p", "num a"),
        ("Verdict", "v"),
    )
    bodies = [
        [_label_row(label, len(heads)), *(_row(point, scale, direction) for point in points)]
        for label, points in moved.items()
    ]
    return stacked_table("runs", f"{noun} in each run", heads, bodies)


def _label_row(label: str, columns: int) -> Html:
    name = tag("b", digits.named(label))
    return row([tag("th", name, scope="rowgroup", role="rowheader", colspan=columns)])


def _row(point: _Point, scale: Scale, direction: str) -> Html:
    known, record, moment = point.row, point.page.record, point.moment
    found = digits.estimate(known["mean"], known["ci_low"], known["ci_high"])
    ends = (known["ci_low"], known["ci_high"])
    dirty = "+" if record.diff_hash else ""
    change = "–"
    if moment is not None and moment.change is not None:
        change = _amount(moment.change, is_relative=moment.is_relative)
    drawn = dot_row(scale, known["mean"], ends, is_published=False)
    cells = (
        name_cell(f"{record.started:%d %b %Y %H:%M}", class_="run", title=record.run_id),
        value_cell(tag("code", f"{record.commit[:7] or 'no commit'}{dirty}"), class_="commit"),
        value_cell(drawn, class_="plots p s0"),
        value_cell(found.value, class_="num m", title=found.full),
        value_cell(found.ends or "–", class_="num quiet i"),
        value_cell(numbers.count(known["n"]), class_="num n"),
        value_cell(change, class_="num d"),
        value_cell(p_text(moment.p if moment else None), class_="num a"),
        value_cell(*_verdict(moment, direction), class_="v"),
    )
    return row(cells)


def _verdict(moment: Moment | None, direction: str) -> list[object]:
    if moment is None or (moment.change is None and not moment.is_same_code):
        return ["–"]
    if moment.is_same_code:
        return [mark("same"), "the same code"]
    if not moment.is_change or moment.change is None:
        return [tag("span", "no change seen", class_="quiet")]
    if direction not in ("lower", "higher"):
        return [mark("open"), tag("b", "changed")]
    is_worse = (moment.change > 0) == (direction == "lower")
    return [mark("bad" if is_worse else "good"), tag("b", "worse" if is_worse else "better")]


def _amount(change: float, *, is_relative: bool) -> str:
    if not is_relative:
        return numbers.significant(change, 3, signed=bool(change))
    return f"{numbers.significant(100 * change, signed=bool(change))} %"
