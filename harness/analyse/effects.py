"""How far one side lies from the other: changes of paired values, many pairs of columns at once.

A change is told in shares of the base's mean where the base is off zero, else as it is. Its
interval and its p-values come from one object, so that a table and its verdict cannot disagree.

=========================================  ================================================
pairs of values                            how
=========================================  ================================================
one a seed, fewer than 30 seeds            Student t; of a relative change on jackknife values
one a seed, 30 seeds and more              BCa, and never inside that t
items of several seeds                     as one a seed: errors clustered by seed
0/1 items of one seed                      McNemar's exact test, and never inside Student's t
other items of one seed                    as one a seed, with items for seeds
two means with intervals, not paired       Welch's t
=========================================  ================================================

Sources: Efron 1987 (BCa); McNemar 1947; Liang & Zeger 1986 (clusters); Welch 1947.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np

from harness.analyse.columns import BoolArray, FloatArray, IntArray
from harness.stats import Sample, samples
from harness.stats.confidence import Bootstrap, ClopperPearson, Point, StudentT, Unknown, Widest
from harness.stats.distributions import t_quantile
from harness.stats.resampling import resampled_deviations
from harness.stats.sample import BOOTSTRAP_SEEDS, of_means

__all__ = [
    "Change",
    "Discordant",
    "Summary",
    "changes",
    "cluster_change",
    "item_change",
    "summary_change",
]

Kind = Literal["real", "exact"]

_BATCH = 500  # pairs of columns resampled together: 16 MB of resampled means
_SAME_SHARE = 1e-12
_ROUNDING = 16 * np.finfo(np.float64).eps
_OFF_ZERO = 0.95  # level at which a base's interval must leave zero out
_MOST_SHARES = 1e4  # of a base that is smaller still a change is no share that says anything


class Change(NamedTuple):
    """A change with what it is a share of."""

    sample: Sample  # of the change; in shares of the base's mean where ``is_relative``
    base: float  # mean over what was paired
    other: float
    is_relative: bool


class Summary(NamedTuple):
    """A mean as a leaderboard tells it; an interval of 95 %."""

    mean: float
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True, slots=True)
class Discordant:
    """The change of a 0/1 score, by the pairs that differ (Clopper and Pearson on their share).

    At a null of 0 it is McNemar's exact test. ``unit`` is what one pair changes.
    """

    gained: int
    lost: int
    unit: float

    def above(self, null: float) -> float:
        """P(at least so many gained | null), among the pairs that differ."""
        return self._pairs().above(self._share(null))

    def below(self, null: float) -> float:
        """P(at most so many gained | null), among the pairs that differ."""
        return self._pairs().below(self._share(null))

    def low(self, tail: float) -> float:
        """The null at which ``above`` is ``tail``."""
        return self._change(self._pairs().low(tail))

    def high(self, tail: float) -> float:
        """The null at which ``below`` is ``tail``."""
        return self._change(self._pairs().high(tail))

    def _pairs(self) -> ClopperPearson:
        return ClopperPearson(self.gained, self.gained + self.lost)

    def _share(self, null: float) -> float:
        return (1 + null / (self.unit * (self.gained + self.lost))) / 2

    def _change(self, share: float) -> float:
        return (2 * share - 1) * self.unit * (self.gained + self.lost)


def changes(
    base: FloatArray, other: FloatArray, kind: Kind = "real", *, relative: bool = True
) -> list[Change]:
    """The change of each pair of columns.

    Parameters
    ----------
    base, other : (seeds, pairs) float64
        Values on common seeds, in one order; finite.
    kind
        The metrics' type.
    relative
        Whether to tell changes in shares of the base where it is off zero.

    Raises
    ------
    ValueError
        If there is no seed, or a value is not finite.
    """
    found: list[Change] = []
    for start in range(0, base.shape[1], _BATCH):
        span = slice(start, start + _BATCH)
        found += _batch(base[:, span], other[:, span], kind, relative)
    return found


def _batch(base: FloatArray, other: FloatArray, kind: Kind, relative: bool) -> list[Change]:
    gaps = other - base
    sizes = np.maximum(np.abs(base), np.abs(other)).max(axis=0)
    is_constant = np.ptp(gaps, axis=0) <= _ROUNDING * sizes
    is_share = _is_off_zero(base) & relative
    means = base.mean(axis=0)
    is_share &= np.abs(gaps).max(axis=0) <= _MOST_SHARES * np.abs(means)
    # A constant gap that is 0, or of a constant base, is a constant share too.
    is_plain = ~is_share | (is_constant & (np.abs(gaps[0]) <= _ROUNDING * sizes))
    is_plain |= is_constant & ((np.ptp(base, axis=0) <= _ROUNDING * sizes) | (kind == "exact"))
    answers: dict[int, Sample] = {}
    plain = np.flatnonzero(is_plain)
    for j, direct in zip(plain, samples(gaps[:, plain], kind, sizes[plain]), strict=True):
        answers[int(j)] = _in_shares(direct, abs(float(means[j]))) if is_share[j] else direct
    shares = np.flatnonzero(~is_plain)
    for j, made in zip(shares, _shares(base[:, shares], gaps[:, shares]), strict=True):
        is_share[j] = made is not None
        answers[int(j)] = made or samples(gaps[:, [j]], kind)[0]
    averages = zip(means.tolist(), other.mean(axis=0).tolist(), is_share.tolist(), strict=True)
    return [Change(answers[j], *told) for j, told in enumerate(averages)]


def _is_off_zero(base: FloatArray) -> BoolArray:
    """Whether Student's interval of each column's mean leaves zero out."""
    seeds, means = base.shape[0], base.mean(axis=0)
    if seeds == 1:
        return np.asarray(means != 0)
    reach = t_quantile((1 + _OFF_ZERO) / 2, seeds - 1) * base.std(axis=0, ddof=1) / seeds**0.5
    return np.asarray(np.abs(means) > reach)


def _in_shares(sample: Sample, unit: float) -> Sample:
    """A sample without spread, divided by the base's mean."""
    value = sample.value / unit
    confidence = Unknown() if sample.method == "undecided" else Point(value)
    return replace(sample, value=value, confidence=confidence)


def _shares(base: FloatArray, gaps: FloatArray) -> list[Sample | None]:
    """Relative changes; ``None`` where leaving seeds out takes the base across zero."""
    seeds = base.shape[0]
    means, gap = base.mean(axis=0), gaps.mean(axis=0)
    signs = np.sign(means)
    values = gap / np.abs(means)
    with np.errstate(divide="ignore", invalid="ignore"):
        bases = signs * (seeds * means - base)
        left_out = np.where(bases > 0, (seeds * gap - gaps) / bases, np.nan)
        influence = (seeds - 1) * (left_out.mean(axis=0) - left_out)
        resampled = left_out
        if seeds >= BOOTSTRAP_SEEDS:
            moved = resampled_deviations(np.hstack([gaps, base]))
            bases = signs * (means + moved[:, gap.size :])
            resampled = np.where(bases > 0, (gap + moved[:, : gap.size]) / bases, np.nan)
    sums = left_out.sum(axis=0) + resampled.sum(axis=0)  # NaN where one is
    return [
        _smooth(float(values[j]), influence[:, j], resampled[:, j]) if known else None
        for j, known in enumerate(np.isfinite(sums).tolist())
    ]


def _smooth(value: float, influence: FloatArray, resampled: FloatArray) -> Sample:
    seeds = influence.size
    centred = influence - influence.mean()
    error = math.sqrt(float(centred @ centred) / (seeds * (seeds - 1)))
    if error <= _SAME_SHARE * abs(value):  # every seed changed by one factor: no spread to read
        return samples(np.full((seeds, 1), value))[0]
    student = StudentT(value, error, seeds - 1)
    if seeds < BOOTSTRAP_SEEDS:
        return Sample(seeds, value, "t", student)
    bootstrap = Bootstrap.of(value, resampled - value, influence)
    return Sample(seeds, value, "bca", Widest((bootstrap, student)))


def item_change(base: FloatArray, other: FloatArray, *, relative: bool = True) -> Change:
    """The change of scores of the same items in one cell a side.

    Parameters
    ----------
    base, other : (items,) float64
        Scores in one order of the items; 0/1 scores are judged by the items that differ.
    relative
        As for :func:`changes`.
    """
    is_binary = all(((side == 0) | (side == 1)).all() for side in (base, other))
    gained, lost = int((other > base).sum()), int((other < base).sum())
    if not is_binary or not gained + lost or base.size == 1:
        return changes(base[:, None], other[:, None], relative=relative)[0]
    average = float(base.mean())
    is_share = relative and bool(_is_off_zero(base[:, None])[0])
    unit = 1 / base.size / (average if is_share else 1)
    exact = Discordant(gained, lost, unit)
    # Given how many pairs differ, McNemar's interval forgets that their number varies too.
    error = _item_error(other - base) * unit * base.size
    value = (gained - lost) * unit
    confidence = Widest((exact, StudentT(value, error, base.size - 1))) if error else exact
    made = Sample(base.size, value, "joint", confidence)
    return Change(made, average, float(other.mean()), is_share)


def _item_error(gaps: FloatArray) -> float:
    return float(gaps.std(ddof=1) / math.sqrt(gaps.size))


def cluster_change(
    base: FloatArray, other: FloatArray, seeds: IntArray, *, relative: bool = True
) -> Change:
    """The change of scores paired by item, with errors clustered by seed.

    Parameters
    ----------
    base, other : (pairs,) float64
        Scores of the same (seed, item).
    seeds : (pairs,) int64
        The seed of each pair; at least two different ones, which may have different items.
    relative
        As for :func:`changes`.
    """
    place = np.unique(seeds, return_inverse=True)[1]
    sums = [np.bincount(place, each) for each in (other - base, base)]
    counts = np.bincount(place).astype(np.float64)
    is_balanced = bool((counts == counts[0]).all())
    if is_balanced:
        means = sums[1] / counts, (sums[0] + sums[1]) / counts
        return changes(means[0][:, None], means[1][:, None], relative=relative)[0]
    average = float(base.mean())
    is_share = relative and bool(_is_off_zero((sums[1] / counts)[:, None])[0])
    below = np.abs(sums[1]) if is_share and average else counts
    columns = np.column_stack([sums[0], below])
    made = of_means(columns, lambda means: np.asarray(means[..., 0] / means[..., 1])[..., None])
    return Change(made[0], average, float(other.mean()), is_share and bool(average))


def summary_change(base: Summary, other: Summary, *, relative: bool = True) -> Change | None:
    """The change between two means of which only intervals are known, by Welch's t.

    ``None`` where a side has no interval: of one seed, or of an exact value.
    """
    errors = [_error(each) for each in (base, other)]
    if errors[0] is None or errors[1] is None:
        return None
    reach = t_quantile((1 + _OFF_ZERO) / 2, base.n - 1) * errors[0]
    is_share = relative and abs(base.mean) > reach
    unit = abs(base.mean) if is_share else 1.0
    # By the delta method: the base's error moves the gap and what it is a share of.
    ours = other.mean / base.mean if is_share else 1.0
    parts = [(ours * errors[0] / unit) ** 2, (errors[1] / unit) ** 2]
    value = (other.mean - base.mean) / unit
    seeds = min(base.n, other.n)
    total = sum(parts)
    if not total:
        return Change(Sample(seeds, value, "exact", Point(value)), base.mean, other.mean, is_share)
    spread = parts[0] ** 2 / (base.n - 1) + parts[1] ** 2 / (other.n - 1)
    student = StudentT(value, math.sqrt(total), max(1, math.floor(total**2 / spread)))
    return Change(Sample(seeds, value, "t", student), base.mean, other.mean, is_share)


def _error(told: Summary) -> float | None:
    if told.low is None or told.high is None or told.n < 2:
        return None
    return (told.high - told.low) / 2 / t_quantile(0.975, told.n - 1)
