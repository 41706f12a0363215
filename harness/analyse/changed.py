"""Did a metric change between two runs of one suite? Paired by seed, over all groups at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from harness.analyse.results import Results
from harness.api.parameters import canonical
from harness.stats import difference, holm

__all__ = ["Change", "Changes", "Chosen", "changes"]

_LEVEL = 0.95
_ROUNDING = 1e-12  # of the numbers: less is another order of a sum
_LEAST_SEEDS = 2  # the same shift at two seeds of a program without chance is no accident


@dataclass(frozen=True, kw_only=True, slots=True)
class Chosen:
    """Which numbers to look at; empty texts mean any.

    ``sign`` is that of the changes that count: 1 for larger numbers, -1 for smaller, 0 for both.
    """

    metric: str
    task: str = ""
    label: str = ""
    sign: int = 0

    def takes(self, task: str, title: str, label: str) -> bool:
        """Whether a group is looked at; a task is named by its name or as on its board."""
        is_task = not self.task or self.task in (task, title)
        return is_task and (not self.label or self.label == label)

    def counts(self, change: Change) -> bool:
        """Whether a change has the sign that is looked for."""
        return not self.sign or self.sign * (change.after - change.before) > 0


class Change(NamedTuple):
    """One group's metric in both runs, on the seeds that both have."""

    title: str
    label: str
    seeds: int
    before: float
    after: float
    p_value: float
    is_changed: bool
    differs: bool  # any number at all


class Changes(NamedTuple):
    """All groups that both runs have."""

    groups: tuple[Change, ...]

    @property
    def changed(self) -> tuple[Change, ...]:
        """Those that changed, the surest first."""
        found = [group for group in self.groups if group.is_changed]
        return tuple(sorted(found, key=lambda group: group.p_value))

    @property
    def differing(self) -> int:
        """Groups with some number that is another one, whether that shows a change or not."""
        return sum(group.differs for group in self.groups)


def changes(before: Results, after: Results, chosen: Chosen, level: float = _LEVEL) -> Changes:
    """Every chosen group's change.

    A group is changed when a paired test over seeds says so (Holm over the groups), or when
    every seed moved by the very same amount: without chance there is nothing to test.
    """
    pairs = [
        (one, other)
        for key, one in _places(before, chosen).items()
        if (other := _places(after, chosen).get(key)) is not None
    ]
    found = [_compared(before, after, one, other, chosen.metric) for one, other in pairs]
    tested = [each for each in found if each is not None]
    adjusted = holm([each.p_value for each in tested]) if tested else ()
    decided = [
        each.is_changed or bool(p < 1 - level) for each, p in zip(tested, adjusted, strict=True)
    ]
    return Changes(
        tuple(
            each._replace(is_changed=moved and chosen.counts(each), p_value=float(p))
            for each, p, moved in zip(tested, adjusted, decided, strict=True)
        )
    )


def _places(results: Results, chosen: Chosen) -> Mapping[tuple[str, ...], int]:
    return {
        (spec.task, canonical(spec.task_params), spec.label, spec.hardware): place
        for place, spec in enumerate(results.specs)
        if chosen.takes(spec.task, spec.title, spec.label)
    }


def _compared(before: Results, after: Results, one: int, other: int, metric: str) -> Change | None:
    """The group's change before correction; ``None`` where there is nothing in common."""
    first, second = before.last(one, metric), after.last(other, metric)
    seeds, left, right = np.intersect1d(first.seeds, second.seeds, return_indices=True)
    if not seeds.size:
        return None
    old, new = first.values[left], second.values[right]
    moved = difference(new, old)
    size = float(max(np.abs(old).max(), np.abs(new).max()))
    is_constant = moved.method in ("identical", "undecided") and seeds.size >= _LEAST_SEEDS
    is_shift = is_constant and abs(moved.value) > _ROUNDING * size
    spec = before.specs[one]
    return Change(
        title=spec.title or spec.task,
        label=spec.label,
        seeds=int(seeds.size),
        before=float(old.mean()),
        after=float(new.mean()),
        p_value=moved.p_value(0.0),
        is_changed=is_shift,
        differs=bool((old != new).any()),
    )
