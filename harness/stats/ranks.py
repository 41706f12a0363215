"""Which ranks the data leave open to each method.

A method is as low as 1 + the number of methods that are better by a paired test on common
seeds, and as high as the number of methods less those that are worse, with Holm over all
pairs of the task: with probability ``level`` every span contains the true rank.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from harness.stats.corrections import holm
from harness.stats.pairs import differences
from harness.stats.sample import Kind

__all__ = ["RankSpan", "Ranks", "rank_intervals"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


class RankSpan(NamedTuple):
    """Ranks that the data leave open, ``1 <= low <= high``."""

    low: int
    high: int


class Ranks(NamedTuple):
    """Rank spans of a task's methods.

    Parameters
    ----------
    spans
        One a method, in the order given; ``None`` for a method without any value.
    order
        Methods from best to worst mean, each over its own seeds; those without a value are
        left out.
    p_values : (methods, methods) float64
        Of no difference, after Holm; 1 on the diagonal and where a pair was not tested.
    """

    spans: list[RankSpan | None]
    order: list[int]
    p_values: FloatArray


def rank_intervals(
    values: FloatArray,
    direction: Literal["lower", "higher"],
    level: float = 0.95,
    kind: Kind = "real",
) -> Ranks:
    """Rank spans from paired tests of all pairs of methods.

    Parameters
    ----------
    values : (methods, seeds) float64
        NaN where a method lacks a seed; a pair is compared on the seeds that both have.
    direction
        Which values are better.
    level
        Of all spans of the task together.
    kind
        ``exact`` compares values as they are; others as paired differences of reals, the same
        test as :func:`harness.stats.difference`.

    Raises
    ------
    ValueError
        If a value is infinite.
    """
    table = np.asarray(values, dtype=np.float64)
    if table.ndim != 2 or np.isinf(table).any():
        raise ValueError("ranks need a (methods, seeds) array of finite values, NaN where none")
    present = ~np.isnan(table)
    ranked = np.flatnonzero(present.any(axis=1))
    first, second = (ranked[index] for index in np.triu_indices(ranked.size, k=1))
    means = np.nanmean(table[ranked], axis=1)
    sign = 1.0 if direction == "lower" else -1.0
    gaps, p_values = _tests(table, present, first, second, kind)
    adjusted = holm(p_values)
    decided = adjusted < 1 - level
    better = np.zeros((table.shape[0], table.shape[0]), dtype=bool)  # [i, j]: i better than j
    better[first, second] = decided & (sign * gaps < 0)
    better[second, first] = decided & (sign * gaps > 0)
    full = np.ones_like(better, dtype=np.float64)
    full[first, second] = full[second, first] = adjusted
    spans: list[RankSpan | None] = [None] * table.shape[0]
    for i in ranked:
        spans[i] = RankSpan(1 + int(better[:, i].sum()), ranked.size - int(better[i].sum()))
    order = ranked[np.argsort(sign * means, kind="stable")]
    return Ranks(spans, [int(i) for i in order], full)


def _tests(
    table: FloatArray,
    present: BoolArray,
    first: IntArray,
    second: IntArray,
    kind: Kind,
) -> tuple[FloatArray, FloatArray]:
    """Mean paired difference and p-value of no difference, a pair each."""
    gaps, p_values = np.zeros(first.size), np.ones(first.size)
    for pairs, seeds in _alike(present, first, second):
        methods, places = np.unique([first[pairs], second[pairs]], return_inverse=True)
        one, other = places.reshape(2, -1)
        columns = table[np.ix_(methods, np.flatnonzero(seeds))].T
        gaps[pairs], p_values[pairs] = differences(columns, one, other, kind)
    return gaps, p_values


def _alike(
    present: BoolArray, first: IntArray, second: IntArray
) -> Iterator[tuple[IntArray, BoolArray]]:
    """Pairs that share the same seeds, of which there are some, so that they are one group."""
    seen: dict[bytes, int] = {}
    pattern = np.array([seen.setdefault(row.tobytes(), len(seen)) for row in present], np.int64)
    patterns = [np.frombuffer(row, np.bool_) for row in seen]
    ends = np.sort([pattern[first], pattern[second]], axis=0)
    kinds, kind = np.unique(ends[0] * len(seen) + ends[1], return_inverse=True)
    commons = [patterns[each // len(seen)] & patterns[each % len(seen)] for each in kinds]
    groups: dict[bytes, int] = {}
    numbers = [groups.setdefault(common.tobytes(), len(groups)) for common in commons]
    group = np.array(numbers, np.int64)[kind]
    for pairs in np.split(np.argsort(group, kind="stable"), np.cumsum(np.bincount(group))[:-1]):
        if pairs.size and commons[kind[pairs[0]]].any():
            yield pairs, commons[kind[pairs[0]]]
