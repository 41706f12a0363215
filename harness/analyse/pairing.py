"""Which groups of two runs belong together, and the values of a metric that pair.

Groups pair by task, its parameters and label; what is left, by the ids of their cells, since
these leave out parameters at their defaults: a group survives a new parameter. Values pair by
seed, and where there are scores an item, by (seed, item).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from harness.analyse.columns import BoolArray, FloatArray, IntArray
from harness.analyse.gather import common_points
from harness.analyse.results import Column, Items, Results
from harness.analyse.sides import Identity, Key, Side, groups_of
from harness.api.metric import Metric
from harness.store.ids import id_keys

__all__ = ["COSTS", "Matched", "Paired", "Pairing", "paired_values"]

# What the store measures of every cell, besides the task's own metrics.
COSTS = (
    Metric(name="wall_s", unit="s", is_cost=True, description="duration of a cell"),
    Metric(name="peak_memory", unit="B", is_cost=True, description="peak memory of a cell"),
)


class Matched(NamedTuple):
    """One group as both sides have it."""

    key: Key  # as the base calls it
    base: int
    other: int
    renamed: str = ""  # what the other side calls it, where that differs


class Paired(NamedTuple):
    """Values that pair, in the order of their seeds; ``items`` instead, where there are any."""

    seeds: IntArray  # (n,)
    base: FloatArray  # (n,)
    other: FloatArray  # (n,)
    items_of: IntArray | None = None  # (n,) the seed of each pair, where pairs are of items
    is_censored: tuple[bool, bool] = (False, False)
    note: str = ""


@dataclass(frozen=True, eq=False)
class Pairing:
    """Two runs and how their groups belong together."""

    base: Side
    other: Side

    @cached_property
    def results(self) -> tuple[Results, Results]:
        """Those of both sides, which are runs."""
        assert self.base.results is not None, "leaderboards are not paired"
        assert self.other.results is not None, "leaderboards are not paired"
        return self.base.results, self.other.results

    @cached_property
    def groups(self) -> tuple[Mapping[Key, int], Mapping[Key, int]]:
        """The groups of both sides."""
        return groups_of(self.results[0]), groups_of(self.results[1])

    @cached_property
    def matched(self) -> tuple[Matched, ...]:
        """Groups that both sides have, in the order of the base's plan."""
        ours, theirs = self.groups
        found = [Matched(key, ours[key], theirs[key]) for key in ours if key in theirs]
        if len(found) < min(len(ours), len(theirs)):
            found += self._same_cells()
        return tuple(sorted(found, key=lambda each: each.base))

    def unmatched(self) -> Iterator[tuple[Side, Key]]:
        """Groups of one side only."""
        known = ({each.base for each in self.matched}, {each.other for each in self.matched})
        for side, groups, place in ((self.base, 0, 0), (self.other, 1, 1)):
            for key, group in self.groups[groups].items():
                if group not in known[place]:
                    yield side, key

    def unmatched_seeds(self) -> Iterator[tuple[Side, Matched, tuple[int, ...]]]:
        """Seeds of a matched group that one side has only."""
        for pair in self.matched:
            mine = self.results[0].cells(pair.base).seeds
            theirs = self.results[1].cells(pair.other).seeds
            if np.array_equal(mine, theirs):
                continue
            for side, seeds, others in ((self.base, mine, theirs), (self.other, theirs, mine)):
                alone = np.setdiff1d(seeds, others)
                if alone.size:
                    yield side, pair, tuple(alone.tolist())

    def have_a_seed_in_common(self, pair: Matched) -> bool:
        """Whether both sides planned some seed of a matched group."""
        mine = self.results[0].cells(pair.base).seeds
        theirs = self.results[1].cells(pair.other).seeds
        return bool(np.intersect1d(mine, theirs).size)

    def is_same_code(self, pair: Matched, seeds: IntArray) -> bool:
        """Whether cells of these seeds are the same, run by the same code."""
        mine, theirs = self.base.identity, self.other.identity
        if mine is None or theirs is None:
            return False
        here = _numbers(self.results[0], pair.base, seeds)
        there = _numbers(self.results[1], pair.other, seeds)
        return np.array_equal(mine.cell[here], theirs.cell[there]) and np.array_equal(
            mine.code[here], theirs.code[there]
        )

    def why_no_costs(self, pair: Matched) -> str:
        """Why time and memory of a group cannot be compared; empty where they can."""
        groups = (pair.base, pair.other)
        sides = zip(self.results, groups, strict=True)
        if not all(results.specs[group].exclusive for results, group in sides):
            return "cells did not run alone (hardware is not exclusive)"
        machines = [
            _machines(side.identity, results, group)
            for side, results, group in zip(
                (self.base, self.other), self.results, groups, strict=True
            )
        ]
        if machines[0] != machines[1] or len(machines[0]) != 1:
            return "different hardware: " + " and ".join(
                "+".join(sorted(each)) or "unknown" for each in machines
            )
        return ""

    def _same_cells(self) -> Iterator[Matched]:
        ours, theirs = self.groups
        mine, their = self.base.identity, self.other.identity
        if mine is None or their is None:
            return
        owner: dict[bytes, int] = {}
        for key, group in theirs.items():
            if key not in ours:
                first, last = self.results[1].columns.first[group : group + 2]
                owner |= {bytes(each): group for each in id_keys(their.cell[first:last])}
        names = {group: key for key, group in theirs.items()}
        for key, group in ours.items():
            if key in theirs:
                continue
            first, last = self.results[0].columns.first[group : group + 2]
            cells = (bytes(each) for each in id_keys(mine.cell[first:last]))
            met = {owner[each] for each in cells if each in owner}
            if len(met) == 1:
                there = met.pop()
                label = names[there].label
                yield Matched(key, group, there, label if label != key.label else "")


def paired_values(pairing: Pairing, pair: Matched, metric: Metric) -> Paired:
    """The values of a metric on what both sides have in common; without any where nothing is."""
    if metric.name in {cost.name for cost in COSTS}:
        return _joined(*_costs(pairing, pair, metric.name))
    ours, theirs = pairing.results
    scores = ours.items(pair.base, metric.name), theirs.items(pair.other, metric.name)
    if scores[0].seeds.size and scores[1].seeds.size:
        return _joined_items(scores[0], _renumbered(ours, theirs, scores[1]))
    columns = ours.last(pair.base, metric.name), theirs.last(pair.other, metric.name)
    note = ""
    if _is_curve(ours, pair.base, metric.name) or _is_curve(theirs, pair.other, metric.name):
        columns, note = _at_common_point(pairing, pair, metric.name)
    return _joined(*columns)._replace(note=note)


def _is_curve(results: Results, group: int, metric: str) -> bool:
    """Whether a metric has points of a curve only."""
    rows = results.measured.rows(group, metric)
    return bool(rows.size) and not np.isnan(results.measured.at[rows]).any()


def _at_common_point(
    pairing: Pairing, pair: Matched, metric: str
) -> tuple[tuple[Column, Column], str]:
    """Both curves at the last point that every cell of both sides has."""
    ours, theirs = pairing.results
    points = np.intersect1d(
        common_points(ours, [pair.base], metric), common_points(theirs, [pair.other], metric)
    )
    nothing = Column(np.empty(0, np.int64), np.empty(0), np.empty(0, np.bool_))
    if not points.size:
        return (nothing, nothing), "the curves have no point in common"
    last = float(points[-1])
    ends = [
        side.curve(group, metric).at[-1]
        for side, group in zip((ours, theirs), (pair.base, pair.other), strict=True)
    ]
    note = "" if all(end == last for end in ends) else f"at {last:g}, the last common point"
    return (ours.at(pair.base, metric, last), theirs.at(pair.other, metric, last)), note


def _joined(base: Column, other: Column) -> Paired:
    seeds, mine, theirs = np.intersect1d(base.seeds, other.seeds, return_indices=True)
    return Paired(
        seeds,
        base.values[mine],
        other.values[theirs],
        is_censored=(bool(base.is_censored[mine].any()), bool(other.is_censored[theirs].any())),
    )


def _joined_items(base: Items, other: Items) -> Paired:
    width = 1 + max(int(base.item.max()), int(other.item.max()))
    common, mine, theirs = np.intersect1d(
        base.seeds * width + base.item, other.seeds * width + other.item, return_indices=True
    )
    seeds = base.seeds[mine]
    lost = base.seeds.size + other.seeds.size - 2 * common.size
    note = f"{lost:,} item scores are on one side only" if lost else ""
    return Paired(
        np.unique(seeds), base.values[mine], other.values[theirs], items_of=seeds, note=note
    )


def _renumbered(ours: Results, theirs: Results, scores: Items) -> Items:
    """The other run's items by the numbers that the base gives them."""
    assert ours.scores is not None, "items were found"
    assert theirs.scores is not None, "items were found"
    words = ours.scores.texts["item"].words
    known = {word: code for code, word in enumerate(words)}
    codes = [known.setdefault(word, len(known)) for word in theirs.scores.texts["item"].words]
    return scores._replace(item=np.array(codes, np.int64)[scores.item])


def _costs(pairing: Pairing, pair: Matched, name: str) -> tuple[Column, Column]:
    """What cells that ran cost; those copied from an earlier run have another day's costs."""
    found = []
    for results, group in zip(pairing.results, (pair.base, pair.other), strict=True):
        cells = results.cells(group)
        values = cells.wall_s if name == "wall_s" else cells.peak_memory
        known: BoolArray = cells.is_done & ~np.isnan(values)
        found.append(Column(cells.seeds[known], values[known], np.zeros(known.sum(), np.bool_)))
    return found[0], found[1]


def _numbers(results: Results, group: int, seeds: IntArray) -> IntArray:
    """The numbers of a group's cells of these seeds."""
    first = int(results.columns.first[group])
    return first + np.searchsorted(results.cells(group).seeds, seeds)


def _machines(identity: Identity | None, results: Results, group: int) -> set[str]:
    if identity is None:
        return set()
    first, last = results.columns.first[group : group + 2]
    codes = np.unique(identity.machine[first:last])
    return {identity.machines[int(code)] for code in codes if code >= 0}
