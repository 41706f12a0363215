"""The lines of theory in a figure: a bound along the axis, as far as the run knows it.

A bound that is known at points of the axis is drawn through them. One that is known for the
final value only, a promise at horizon n, is drawn through the horizons that the suite has:
tasks that differ in one parameter, whose value is where each one's curve ends, and only for a
label whose curves agree up to the shorter horizon. Where the horizon changes instances or play
(a prior made for n, a policy told n), the bound at another n is about another curve. Known at
one point only, it is a level line across the plot, and the words above say that it is about the
curves' end.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from harness.report.records import BoundPoint, TaskPage

__all__ = ["TheoryLine", "is_power_law", "theory_lines"]

_WORDS = {
    "guarantee": "guarantee",
    "lower_bound": "lower bound",
    "optimum": "optimum",
    "exact": "exact value",
}

_ROUNDING = 1e-6  # relative, between two means of the same numbers


class TheoryLine(NamedTuple):
    """A bound along the axis; with one point it is known at the curve's end only."""

    role: str
    name: str
    labels: tuple[str, ...]  # whom it is about
    at: tuple[float, ...]
    values: tuple[float, ...]
    is_vacuous: tuple[bool, ...]
    source: str

    @property
    def vacuous_until(self) -> float | None:
        """Where it begins to say something; ``None`` where it does all along, or nowhere."""
        if not self.is_vacuous[0] or self.is_vacuous[-1]:
            return None
        return self.at[self.is_vacuous.index(False)]

    @property
    def title(self) -> str:
        """What stands beside the line."""
        words = _WORDS.get(self.role, self.role)
        return f"{words} {self.name}".strip()


def theory_lines(task: TaskPage, metric: str, siblings: Sequence[TaskPage]) -> list[TheoryLine]:
    """The lines of one metric, each once for all labels that share it."""
    points: dict[tuple[str, str, str], dict[float, BoundPoint]] = {}
    for at, bound in _points(task, metric, siblings):
        key = (bound.label, bound.role, bound.name)
        points.setdefault(key, {}).setdefault(at, bound)
    shared: dict[TheoryLine, list[str]] = {}
    for (label, role, name), known in points.items():
        line = _line(role, name, sorted(known.items()))
        shared.setdefault(line, []).append(label)
    return [line._replace(labels=tuple(labels)) for line, labels in shared.items()]


def _line(role: str, name: str, known: Sequence[tuple[float, BoundPoint]]) -> TheoryLine:
    points: list[tuple[float, float, bool]] = []
    for place, (at, bound) in enumerate(known):
        crossing = _crossing(known[place - 1], known[place]) if place else None
        if crossing is not None:
            # Two points at one place: one ends the vacuous stretch, one begins the other.
            points += [(*crossing, is_vacuous) for is_vacuous in _sides(known, place)]
        points.append((at, bound.value, bound.is_vacuous))
    at_, values, vacuous = zip(*points, strict=True)
    return TheoryLine(role, name, (), at_, values, vacuous, known[0][1].source)


def _sides(known: Sequence[tuple[float, BoundPoint]], place: int) -> tuple[bool, bool]:
    return known[place - 1][1].is_vacuous, known[place][1].is_vacuous


def _crossing(
    left: tuple[float, BoundPoint], right: tuple[float, BoundPoint]
) -> tuple[float, float] | None:
    """Where bound and trivial value meet between two points, as power laws do; else ``None``."""
    numbers = [left[0], right[0], left[1].value, right[1].value]
    trivials = [left[1].trivial, right[1].trivial]
    if left[1].is_vacuous == right[1].is_vacuous or None in trivials:
        return None
    whole = [*numbers, *(each for each in trivials if each is not None)]
    if min(whole) <= 0:
        return None
    start, end, low, high, trivial_low, trivial_high = np.log(whole)
    gaps = low - trivial_low, high - trivial_high
    share = gaps[0] / (gaps[0] - gaps[1])
    at, value = start + share * (end - start), low + share * (high - low)
    return float(np.exp(at)), float(np.exp(value))


def _points(
    task: TaskPage, metric: str, siblings: Sequence[TaskPage]
) -> Iterable[tuple[float, BoundPoint]]:
    """Where on this task's axis each bound is known, its own first."""
    end = _end(task, metric)
    own = {bound.label for bound in task.bounds}
    for bound in task.bounds:
        if bound.metric == metric and end is not None:
            yield (end if bound.at is None else bound.at), bound
    for other in siblings:
        other_end = _end(other, metric)
        if end is None or other_end is None or other_end > end:
            continue
        if not _differ_in(task, other, end, other_end):
            continue
        for bound in other.bounds:
            if bound.metric != metric or bound.at is not None or bound.label not in own:
                continue
            if _agree(task, other, metric, bound.label):
                yield other_end, bound


def _agree(task: TaskPage, other: TaskPage, metric: str, label: str) -> bool:
    """Whether a label's two curves are the same as far as both go.

    Instances pair by seed across horizons, so that they are, to rounding, where neither task
    nor method depends on the horizon.
    """
    pair = [
        next((curve for curve in each.curves.get(metric, ()) if curve.label == label), None)
        for each in (task, other)
    ]
    if pair[0] is None or pair[1] is None or pair[0].seeds != pair[1].seeds:
        return False
    _, ours, theirs = np.intersect1d(pair[0].at, pair[1].at, return_indices=True)
    return bool(
        ours.size > 0 and np.allclose(pair[0].mean[ours], pair[1].mean[theirs], rtol=_ROUNDING)
    )


def _end(task: TaskPage, metric: str) -> float | None:
    """The last point of the task's curves."""
    ends = [float(curve.at[-1]) for curve in task.curves.get(metric, ())]
    return max(ends) if ends else None


def _differ_in(task: TaskPage, other: TaskPage, end: float, other_end: float) -> bool:
    """Whether the two tasks differ in one parameter only, the length of their curves."""
    if task.key.task != other.key.task or end == other_end:
        return False
    ours, theirs = _parameters(task), _parameters(other)
    names = [name for name in ours if ours[name] != theirs.get(name)]
    if len(names) != 1 or set(ours) != set(theirs):
        return False
    return bool(ours[names[0]] == end and theirs[names[0]] == other_end)


def _parameters(task: TaskPage) -> Mapping[str, object]:
    values = json.loads(task.key.params) if task.key.params else {}
    return values if isinstance(values, dict) else {}


def is_power_law(line: TheoryLine) -> bool:
    """Whether the line is straight, and not flat, on two logarithmic axes."""
    at, values = np.array(line.at), np.array(line.values)
    if at.size < 2 or (at <= 0).any() or (values <= 0).any():
        return False
    slope, start = np.polyfit(np.log(at), np.log(values), 1)
    misses = np.log(values) - (slope * np.log(at) + start)
    return bool(abs(slope) > 1e-3 and np.max(np.abs(misses)) < 0.05)
