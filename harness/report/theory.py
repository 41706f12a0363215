"""The lines of theory in a figure: a bound along the axis, as far as the run knows it.

A bound that is known at points of the axis is drawn through them. One that is known for the
final value only, a promise at horizon n, is drawn through the horizons that the suite has:
tasks that differ in one parameter, whose value is where each one's curve ends. Known at one
point only, it is a short line at the curve's end; nothing is drawn beyond what is known.
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
    shared: dict[tuple[object, ...], list[str]] = {}
    for (label, role, name), known in points.items():
        ordered = [known[at] for at in sorted(known)]
        key_ = (
            role,
            name,
            tuple(sorted(known)),
            tuple(each.value for each in ordered),
            tuple(each.is_vacuous for each in ordered),
            ordered[0].source,
        )
        shared.setdefault(key_, []).append(label)
    return [_line(key_, labels) for key_, labels in shared.items()]


def _line(key: tuple[object, ...], labels: Sequence[str]) -> TheoryLine:
    role, name, at, values, vacuous, source = key
    assert isinstance(at, tuple) and isinstance(values, tuple) and isinstance(vacuous, tuple)
    return TheoryLine(str(role), str(name), tuple(labels), at, values, vacuous, str(source))


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
            if bound.metric == metric and bound.at is None and bound.label in own:
                yield other_end, bound


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
