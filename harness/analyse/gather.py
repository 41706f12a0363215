"""From groups to one value a seed on the seeds that they have in common, and what was lost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce
from typing import Literal, NamedTuple

import numpy as np

from harness.analyse.columns import BoolArray, FloatArray, IntArray
from harness.analyse.results import NO_VALUES, Column, Results
from harness.suite.model import Span

__all__ = [
    "Gathered",
    "Losses",
    "Point",
    "Source",
    "common_points",
    "gather",
    "losses_of",
    "nothing_gathered",
    "points_of",
    "read",
    "why_missing",
]

Point = float | Literal["last"] | Span


class Source(NamedTuple):
    """One column of a statistic: a metric at a point, of groups that are pooled."""

    groups: tuple[int, ...]
    metric: str
    at: Point


class Losses(NamedTuple):
    """What became of the cells that give no value."""

    groups: int
    planned: int  # seeds of the largest group
    failed: int  # cells
    skipped: int  # cells
    lacking: int  # cells that ended well without this value
    cells: int  # of all groups
    reasons: tuple[str, ...]

    def why_nothing(self, metric: str) -> str:
        """Why there is no value at all."""
        because = f": {'; '.join(self.reasons)}" if self.reasons else ""
        if not self.cells:
            return "no cell has run"
        if self.failed == self.cells:
            return f"every cell failed{because}"
        if self.skipped == self.cells:
            return f"every cell was skipped{because}"
        if self.failed + self.skipped == self.cells:
            return f"every cell failed or was skipped{because}"
        lost = "; ".join(self.notes(0, is_dropping=False))
        lost = f" ({lost}{because})" if lost else ""
        return f"not every cell has a value of {metric} here{lost}"

    def notes(self, used: int, is_dropping: bool) -> list[str]:
        """What a reader must know of the values that are missing."""
        told = []
        if self.failed:
            verb = "left out" if is_dropping else "failed"
            told.append(f"{_cells(self.failed)} {verb}")
        if self.skipped:
            told.append(f"{_cells(self.skipped)} skipped")
        if self.lacking:
            told.append(f"{_cells(self.lacking)} without a value")
        if self.groups > 1 and used < self.planned:
            told.append(f"{used} of {self.planned} planned seeds in common")
        return told


class Gathered(NamedTuple):
    """Columns on common seeds."""

    seeds: IntArray  # (n,) ascending
    values: FloatArray  # (columns, n)
    is_censored: BoolArray  # (columns,) whether a value of the column is a lower bound
    losses: Losses


def gather(results: Results, sources: Sequence[Source]) -> Gathered:
    """The sources' values on the seeds that all of them have."""
    columns = [
        [read(results, group, each.metric, each.at) for group in each.groups] for each in sources
    ]
    flat = [column for pooled in columns for column in pooled]
    seeds = reduce(np.intersect1d, (column.seeds for column in flat))
    values = np.array([_pooled(pooled, seeds) for pooled in columns])
    censored = [any(column.is_censored.any() for column in pooled) for pooled in columns]
    groups = [group for each in sources for group in each.groups]
    most = [column.seeds.size for column in flat]
    return Gathered(seeds, values, np.array(censored), losses_of(results, groups, most))


def read(results: Results, group: int, metric: str, at: Point) -> Column:
    """A group's values at a point; of a span, the change from its start to its end.

    A point of a curve counts only where every cell that ended well has it: cells that were cut
    short are not left out in silence.
    """
    if at == "last":
        return results.last(group, metric)
    done = int(results.cells(group).is_done.sum())
    ends = (at.start, at.end) if isinstance(at, Span) else (at,)
    found = [results.at(group, metric, x) for x in ends]
    if any(column.seeds.size < done for column in found):
        return NO_VALUES
    if len(found) == 1:
        return found[0]
    start, end = found
    return Column(start.seeds, end.values - start.values, start.is_censored | end.is_censored)


def common_points(results: Results, groups: Iterable[int], metric: str) -> FloatArray:
    """The points of a curve that every cell of every group has."""
    curves = [results.curve(group, metric).common for group in groups]
    return reduce(np.intersect1d, curves)


def points_of(results: Results, groups: Sequence[int], metric: str, at: object) -> list[Point]:
    """The points that a claim is judged at; of ``every``, those that every cell has."""
    if at == "every":
        common = common_points(results, groups, metric)
        return [float(x) for x in common] or ["last"]
    if at == "last":
        return ["last"]
    assert isinstance(at, (float, int, Span)), "a curve's point is one of four"
    return [at]


def nothing_gathered(results: Results, groups: Sequence[int]) -> Gathered:
    """What is left of groups that have no point in common."""
    losses = losses_of(results, groups, [0] * len(groups))
    return Gathered(np.empty(0, np.int64), np.empty((0, 0)), np.empty(0, np.bool_), losses)


def why_missing(results: Results, sources: Sequence[Source]) -> str:
    """Why columns have no seed in common: one has no values at all, or they don't meet."""
    for each in sources:
        alone = gather(results, [each])
        if not alone.seeds.size:
            label = results.specs[each.groups[0]].label
            return f"{label}: {alone.losses.why_nothing(each.metric)}"
    return "the groups have no seed in common"


def losses_of(results: Results, groups: Sequence[int], found: Sequence[int]) -> Losses:
    """What was lost in groups that gave ``found`` values each (a group may come twice)."""
    planned = failed = skipped = lacking = total = 0
    reasons: dict[str, None] = {}
    counted: dict[int, int] = {}
    for group, values in zip(groups, found, strict=True):
        counted[group] = min(values, counted.get(group, values))
    for group, values in counted.items():
        cells = results.cells(group)
        planned = max(planned, cells.seeds.size)
        total += cells.seeds.size
        failed += cells.failures
        skipped += int(cells.is_skipped.sum())
        lacking += int(cells.is_done.sum()) - values
        reasons.update(dict.fromkeys(cells.reasons))
    told = tuple(reasons)[:2]
    return Losses(len(counted), planned, failed, skipped, lacking, total, told)


def _pooled(columns: Sequence[Column], seeds: IntArray) -> FloatArray:
    """(n,) the mean over pooled groups for each seed: one number a seed, whatever is pooled."""
    aligned = [each.values[np.searchsorted(each.seeds, seeds)] for each in columns]
    return np.asarray(np.mean(aligned, axis=0))


def _cells(count: int) -> str:
    return f"{count} cell{'' if count == 1 else 's'}"
