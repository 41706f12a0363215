"""A metric over runs in the order of their commits, with the steps at which it changed.

A change-point is a run that differs from the run before it: a paired test on common seeds
(Student's t or BCa, as everywhere), Welch's t where no seed is common, Holm over all steps of
the series. The first and the last run are one more test of the family, which finds what
crept in by steps too small to be seen. Steps on which the same code gave the same numbers are
not tested.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from harness.analyse.effects import Change, Summary, changes, summary_change
from harness.analyse.pairing import Matched, Pairing
from harness.analyse.results import Column
from harness.analyse.sides import Key, Side, groups_of
from harness.api.metric import Metric
from harness.api.parameters import canonical
from harness.errors import UsageError, nearest
from harness.stats import holm, sample

__all__ = ["Moment", "Series", "history"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Moment:
    """One run's value; ``change`` and ``p`` (after Holm) are against the run before it.

    ``change`` is a share of the earlier mean where ``is_relative``.
    """

    commit: str
    run_id: str
    started: str
    is_clean: bool
    n: int
    mean: float
    low: float | None
    high: float | None
    change: float | None = None
    is_relative: bool = False
    p: float | None = None
    is_change: bool = False
    is_same_code: bool = False


@dataclass(frozen=True, kw_only=True)
class Series:
    """One group's metric over runs, the oldest first; ``drift_p`` is of first against last."""

    task: str
    title: str
    label: str
    metric: Metric
    moments: tuple[Moment, ...]
    drift: float | None = None
    drift_is_relative: bool = False
    drift_p: float | None = None
    tests: int = 0
    level: float = 0.95

    @property
    def has_drifted(self) -> bool:
        """Whether the last run differs from the first."""
        return self.drift_p is not None and self.drift_p < 1 - self.level


class _Measured(NamedTuple):
    """A side with the group's values in it."""

    side: Side
    group: int
    column: Column
    moment: Moment


def history(
    sides: Sequence[Side], task: str, method: str, metric: str, level: float = 0.95
) -> list[Series]:
    """The series of every group that is meant, in the order in which ``sides`` are given.

    Parameters
    ----------
    sides
        Runs, the oldest first.
    task
        A task's name (every setting of it is a series) or its title with parameters.
    method
        A label, or a method's name.
    metric
        One that the task measures.
    level
        Of intervals, and of all change-points of a series together.

    Raises
    ------
    UsageError
        If no run has such a group, or none has a value of the metric.
    """
    keys = [key for side in sides for key in _keys(side, task, method)]
    if not keys:
        raise UsageError(_unknown(sides, task, method))
    found = []
    for key in dict.fromkeys(keys):
        measured = [each for side in sides for each in _measured(side, key, metric, level)]
        if measured:
            found.append(_series(key, metric, measured, level))
    if not found:
        raise UsageError(_unmeasured(sides, metric))
    return found


def _keys(side: Side, task: str, method: str) -> list[Key]:
    if side.results is None:
        return []
    return [
        Key(spec.task, canonical(spec.task_params), spec.label)
        for spec in side.results.specs
        if task in (spec.task, spec.title) and method in (spec.label, spec.method)
    ]


def _measured(side: Side, key: Key, metric: str, level: float) -> list[_Measured]:
    if side.results is None:
        return []
    group = groups_of(side.results).get(key)
    if group is None:
        return []
    column = side.results.last(group, metric)
    if not column.seeds.size or not np.isfinite(column.values).all():
        return []
    made = sample(column.values, side.results.metric(group, metric).type)
    interval = made.interval(level)
    moment = Moment(
        commit=side.commit,
        run_id=side.run_id,
        started=side.started,
        is_clean=side.is_clean,
        n=made.n,
        mean=made.value,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
    )
    return [_Measured(side, group, column, moment)]


class _Step(NamedTuple):
    """From one run to a later one; ``p`` after Holm, ``None`` where nothing was tested."""

    change: Change | None
    is_same_code: bool
    p: float | None = None


def _series(key: Key, metric: str, measured: Sequence[_Measured], level: float) -> Series:
    steps = _steps(key, measured)
    whole = steps[-1] if len(measured) > 2 else _Step(None, False)
    moments = [measured[0].moment]
    for step, each in zip(steps, measured[1:], strict=False):  # the last of them is the whole
        moments.append(
            replace(
                each.moment,
                change=step.change.sample.value if step.change else None,
                is_relative=bool(step.change and step.change.is_relative),
                p=step.p,
                is_change=step.p is not None and step.p < 1 - level,
                is_same_code=step.is_same_code,
            )
        )
    last = measured[-1]
    assert last.side.results is not None, "only runs are measured"
    return Series(
        task=key.task,
        title=last.side.results.specs[last.group].title or key.task,
        label=key.label,
        metric=last.side.results.metric(last.group, metric),
        moments=tuple(moments),
        drift=whole.change.sample.value if whole.change else None,
        drift_is_relative=bool(whole.change and whole.change.is_relative),
        drift_p=whole.p,
        tests=sum(step.p is not None for step in steps),
        level=level,
    )


def _steps(key: Key, measured: Sequence[_Measured]) -> list[_Step]:
    """Every run against the one before it, and the last against the first of three or more."""
    pairs = list(pairwise(measured))
    if len(measured) > 2:
        pairs.append((measured[0], measured[-1]))
    steps = [_Step(_change(*pair), _is_same_code(key, *pair)) for pair in pairs]
    tested = [place for place, step in enumerate(steps) if _is_tested(step)]
    adjusted = holm([_p(steps[place]) for place in tested]).tolist()
    for place, p in zip(tested, adjusted, strict=True):
        steps[place] = steps[place]._replace(p=p)
    return steps


def _is_tested(step: _Step) -> bool:
    if step.change is None or step.is_same_code:
        return False
    return step.change.sample.method != "undecided"


def _p(step: _Step) -> float:
    return step.change.sample.p_value(0.0) if step.change else 1.0


def _change(before: _Measured, after: _Measured) -> Change | None:
    """From one run to a later one, on common seeds where there are any."""
    _, mine, theirs = np.intersect1d(before.column.seeds, after.column.seeds, return_indices=True)
    if mine.size:
        base, other = before.column.values[mine], after.column.values[theirs]
        return changes(base[:, None], other[:, None])[0]
    ends = (before.moment, after.moment)
    return summary_change(*(Summary(each.mean, each.low, each.high, each.n) for each in ends))


def _is_same_code(key: Key, before: _Measured, after: _Measured) -> bool:
    """Whether the same cells were run by the same code and gave the same numbers."""
    if not np.array_equal(before.column.seeds, after.column.seeds):
        return False
    if not np.array_equal(before.column.values, after.column.values):
        return False
    pairing = Pairing(before.side, after.side)
    return pairing.is_same_code(Matched(key, before.group, after.group), before.column.seeds)


def _unknown(sides: Sequence[Side], task: str, method: str) -> str:
    specs = [spec for side in sides if side.results is not None for spec in side.results.specs]
    tasks = sorted({name for spec in specs for name in (spec.task, spec.title) if name})
    if task not in tasks:
        return f'no run has the task "{task}" ({_near(task, tasks)})'
    methods = sorted({spec.label for spec in specs if task in (spec.task, spec.title)})
    return f'no run has the method "{method}" on {task} ({_near(method, methods)})'


def _unmeasured(sides: Sequence[Side], metric: str) -> str:
    known = {
        name for side in sides if side.results is not None for name in side.results.measured.metrics
    }
    return f'no run has a value of "{metric}" there ({_near(metric, sorted(known))})'


def _near(name: str, known: Sequence[str]) -> str:
    near = nearest(name, known)
    return f"nearest: {near}" if near else f"there are: {', '.join(known) or 'none'}"
