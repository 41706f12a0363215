"""Tests of many paired differences at once: each column is resampled once, not each pair.

A resampled mean of differences is the difference of two resampled means, so that the pairs of
a thousand methods take a thousand columns of resamples and a subtraction a pair.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from harness.stats.confidence import scores_of_zero
from harness.stats.distributions import t_cdf
from harness.stats.resampling import resampled_deviations
from harness.stats.sample import BOOTSTRAP_SEEDS, Kind, samples

__all__ = ["Differences", "differences"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_ROUNDING = 16 * np.finfo(np.float64).eps
_NUMBERS = 500_000  # values looked at together: 4 MB
_FEW = 64  # pairs whose resamples are subtracted together: 1 MB, which caches hold
_MANY = 500  # pairs that are resampled themselves: 8 MB of resampled means
# With a standard error below this share of the numbers that are subtracted a pair would lose
# its digits to them, and is resampled itself. Of the others twelve digits are left; nine are read.
_CANCELLED = 1e-4


class Differences(NamedTuple):
    """What the test of each pair says.

    Parameters
    ----------
    values : (pairs,) float64
        Mean paired differences.
    p_values : (pairs,) float64
        Two-sided, of no difference.
    """

    values: FloatArray
    p_values: FloatArray


class _Moments(NamedTuple):
    """Of each pair's differences: mean, sums of centred squares and cubes, whether constant."""

    means: FloatArray
    squares: FloatArray
    cubes: FloatArray
    is_constant: npt.NDArray[np.bool_]

    def of(self, pairs: IntArray) -> _Moments:
        """Those of some pairs."""
        means, squares, cubes, is_constant = self
        return _Moments(means[pairs], squares[pairs], cubes[pairs], is_constant[pairs])


def differences(
    columns: FloatArray, first: IntArray, second: IntArray, kind: Kind = "real"
) -> Differences:
    """Column ``first`` less column ``second`` of many pairs.

    The test of :func:`harness.stats.difference` on a linear scale, to rounding.

    Parameters
    ----------
    columns : (seeds, columns) float64
        One row a seed, finite.
    first, second : (pairs,) int64
        The columns of each pair.
    kind
        ``exact`` compares values as they are; everything else is a difference of reals.
    """
    rows = np.ascontiguousarray(columns.T)
    seeds = rows.shape[1]
    moments = _moments(rows, first, second)
    values, p_values = moments.means, np.ones(first.size)
    constant = np.flatnonzero(moments.is_constant)
    for pair, (value, p_value) in zip(
        constant, _constants(rows, first[constant], second[constant], kind), strict=True
    ):
        values[pair], p_values[pair] = value, p_value
    varied = np.flatnonzero(~moments.is_constant)
    if varied.size:
        found = moments.of(varied)
        lowest, highest = _scores(rows, first[varied], second[varied], found)
        # Of the wider end on each side, and of the two sides the smaller p-value.
        tails = np.minimum(highest, -lowest)
        doubled = [min(1.0, 2 * t_cdf(tail, seeds - 1)) for tail in tails.tolist()]
        p_values[varied] = doubled
    return Differences(values, p_values)


def _moments(rows: FloatArray, first: IntArray, second: IntArray) -> _Moments:
    means, squares, cubes = (np.empty(first.size) for _ in range(3))
    is_constant = np.empty(first.size, dtype=np.bool_)
    step = max(1, _NUMBERS // rows.shape[1])
    for start in range(0, first.size, step):
        chunk = slice(start, start + step)
        one, other = rows[first[chunk]], rows[second[chunk]]
        sizes = np.maximum(np.abs(one).max(axis=1), np.abs(other).max(axis=1))
        gaps = one - other
        is_constant[chunk] = np.ptp(gaps, axis=1) <= _ROUNDING * sizes
        means[chunk] = gaps.mean(axis=1)
        gaps -= means[chunk, None]
        squared = gaps * gaps
        squares[chunk] = squared.sum(axis=1)
        cubes[chunk] = np.einsum("ij,ij->i", squared, gaps)
    return _Moments(means, squares, cubes, is_constant)


def _constants(
    rows: FloatArray, first: IntArray, second: IntArray, kind: Kind
) -> Iterator[tuple[float, float]]:
    """Value and p-value of pairs that differ by the same on every seed."""
    as_is: Kind = "exact" if kind == "exact" else "real"
    step = max(1, _NUMBERS // rows.shape[1])
    for start in range(0, first.size, step):
        one, other = rows[first[start : start + step]], rows[second[start : start + step]]
        sizes = np.maximum(np.abs(one), np.abs(other)).max(axis=1)
        for each in samples((one - other).T, as_is, sizes):
            yield each.value, each.p_value(0.0)


def _scores(
    rows: FloatArray, first: IntArray, second: IntArray, moments: _Moments
) -> tuple[FloatArray, FloatArray]:
    """The least and the largest t at which a method of interval sees a difference of zero."""
    seeds = rows.shape[1]
    students = -moments.means / np.sqrt(moments.squares / (seeds * (seeds - 1)))
    if seeds < BOOTSTRAP_SEEDS:
        return students, students
    scales = np.sqrt(moments.squares) / seeds
    accelerations = moments.cubes / (6 * moments.squares**1.5)
    bootstraps = np.empty_like(students)
    for chosen, deviations in _resampled(rows, first, second, scales):
        told = moments.means[chosen], scales[chosen], accelerations[chosen]
        bootstraps[chosen] = scores_of_zero(*told, seeds, deviations)
    return np.minimum(students, bootstraps), np.maximum(students, bootstraps)


def _resampled(
    rows: FloatArray, first: IntArray, second: IntArray, scales: FloatArray
) -> Iterator[tuple[IntArray, FloatArray]]:
    """Pairs with their (pairs, 2000) resampled deviations, some at a time."""
    own = np.arange(first.size)
    if first.size > rows.shape[0]:
        # Less one of them, the columns lose what they share: an offset, or easy and hard seeds.
        apart = rows - rows[0]
        reach = np.abs(apart).max(axis=1)
        is_own = scales < _CANCELLED * np.maximum(reach[first], reach[second])
        own, subtracted = np.flatnonzero(is_own), np.flatnonzero(~is_own)
        moved = np.ascontiguousarray(resampled_deviations(apart.T).T)
        for start in range(0, subtracted.size, _FEW):
            chosen = subtracted[start : start + _FEW]
            yield chosen, moved[first[chosen]] - moved[second[chosen]]
    for start in range(0, own.size, _MANY):
        chosen = own[start : start + _MANY]
        gaps = rows[first[chosen]] - rows[second[chosen]]
        yield chosen, np.ascontiguousarray(resampled_deviations(gaps.T).T)
