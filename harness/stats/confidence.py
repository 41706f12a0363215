"""Confidence distributions: one-sided p-values of every null, and the ends that invert them.

An interval and a p-value of one sample come from the same object, so a table and its verdict
cannot disagree: ``null`` lies below the interval at ``level`` exactly where the two-sided
p-value of ``null`` is below ``1 - level``.

====================  ====================================================================
class                 for
====================  ====================================================================
``StudentT``          the mean of fewer than 30 seeds; smooth functions of means by jackknife
``Bootstrap``         BCa with expanded percentiles: 30 seeds and more
``Widest``            several at once, on either side the more cautious one
``ClopperPearson``    a share of 0/1 values
``Point``             an exact value, or the same number on every one of 30 seeds
``Joint``             the largest of several quantities
``Ratio``             a quantity of at least 1 whose logarithm is told of
``Unknown``           nothing can be said
====================  ====================================================================

Sources: Efron 1987 (BCa); Hesterberg 2015, "What teachers should know about the bootstrap"
(expanded percentiles); Clopper & Pearson 1934; Berger 1982 (intersection-union tests).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from harness.stats.distributions import beta_cdf, beta_quantile, normal_quantile, t_cdf, t_quantile
from harness.stats.resampling import RESAMPLES

__all__ = [
    "Bootstrap",
    "ClopperPearson",
    "Confidence",
    "Joint",
    "Point",
    "Ratio",
    "StudentT",
    "Unknown",
    "Widest",
    "scores_of_zero",
]

FloatArray = npt.NDArray[np.float64]


class Confidence(Protocol):
    """What a sample says of its true value, one side at a time.

    ``above(null)`` is the p-value against "the true value is at most ``null``", so it is
    small where the sample lies above; ``below(null)`` its mirror image. ``low(tail)`` is the
    null at which ``above`` equals ``tail``, ``high(tail)`` that at which ``below`` does.
    """

    def above(self, null: float) -> float:
        """P-value against a true value of at most ``null``."""

    def below(self, null: float) -> float:
        """P-value against a true value of at least ``null``."""

    def low(self, tail: float) -> float:
        """The null at which ``above`` is ``tail``."""

    def high(self, tail: float) -> float:
        """The null at which ``below`` is ``tail``."""


@dataclass(frozen=True, slots=True)
class StudentT:
    """Student's t around ``value`` with standard error ``error`` (positive)."""

    value: float
    error: float
    degrees: int

    def above(self, null: float) -> float:
        """The upper tail of t at (value - null) / error."""
        return t_cdf((null - self.value) / self.error, self.degrees)

    def below(self, null: float) -> float:
        """The lower tail of t at (value - null) / error."""
        return t_cdf((self.value - null) / self.error, self.degrees)

    def low(self, tail: float) -> float:
        """``value`` less a quantile of t times the standard error."""
        return self.value + t_quantile(tail, self.degrees) * self.error

    def high(self, tail: float) -> float:
        """``value`` plus a quantile of t times the standard error."""
        return self.value - t_quantile(tail, self.degrees) * self.error


def _scores() -> FloatArray:
    """Normal scores of the order statistics of the resamples, made odd to the bit."""
    upper = [normal_quantile((i + 1) / (RESAMPLES + 1)) for i in range(RESAMPLES // 2)]
    half = np.array(upper)
    return np.concatenate([half, -half[::-1]])


SCORES = _scores()
# Beyond the 28th resample from either end (1.4 %) order statistics are too noisy to read a
# p-value of 1e-4 from 2,000 of them: the distribution goes on from there as its first three
# cumulants say, with the slope at z = 3.
_LAST_READ = 27
_TAIL_SCORE = 3.0
_SLOPES = (0.25, 4.0)
# Where 1 - a z would reach zero BCa has a pole; both maps are held to a factor of ten.
_FACTORS = (0.1, 10.0)
_DIGITS = 9  # equal resamples differ in their last bits by the order of summation


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """BCa in standard errors: where a null lies among the resamples, corrected for bias and skew.

    Parameters
    ----------
    value
        The statistic of all seeds.
    scale
        Its standard error by influence values, with n (not n - 1) in the denominator, as the
        resamples have it.
    acceleration
        A sixth of the skewness of the influence values over √n (Efron's a).
    seeds
        n.
    knots, scores
        Distinct resampled deviations over ``scale``, increasing, and their normal scores.

    Notes
    -----
    The normal quantile z of BCa becomes √(n/(n-1))·t with n - 1 degrees of freedom: resamples
    have the variance of the sample with n in the denominator, and it is estimated. At 30
    seeds plain percentiles refute a true null at .001 three times too often.
    """

    value: float
    scale: float
    acceleration: float
    seeds: int
    knots: FloatArray
    scores: FloatArray

    @staticmethod
    def of(value: float, deviations: FloatArray, influence: FloatArray) -> Bootstrap:
        """From (2000,) resampled deviations and one influence value a seed (mean zero)."""
        seeds = influence.size
        squares = float(influence @ influence)
        scale = math.sqrt(squares) / seeds
        acceleration = float(influence**2 @ influence) / (6 * squares**1.5)
        standard = np.sort(np.round(deviations / scale, _DIGITS))
        return Bootstrap._of_sorted(value, scale, acceleration, seeds, standard)

    @staticmethod
    def _of_sorted(
        value: float, scale: float, acceleration: float, seeds: int, standard: FloatArray
    ) -> Bootstrap:
        starts = np.flatnonzero(np.r_[True, standard[1:] != standard[:-1]])
        if starts.size == standard.size:
            return Bootstrap(value, scale, acceleration, seeds, standard, SCORES)
        # Tied resamples share the mean of their scores, as a mid-rank.
        sizes = np.diff(np.r_[starts, standard.size])
        scores = np.add.reduceat(SCORES, starts) / sizes
        return Bootstrap(value, scale, acceleration, seeds, standard[starts], scores)

    def above(self, null: float) -> float:
        """Inverts :meth:`low`."""
        return t_cdf(self._student(null), self.seeds - 1)

    def below(self, null: float) -> float:
        """Inverts :meth:`high`."""
        return t_cdf(-self._student(null), self.seeds - 1)

    def low(self, tail: float) -> float:
        """The lower end that leaves ``tail`` below it."""
        return self._end(t_quantile(tail, self.seeds - 1))

    def high(self, tail: float) -> float:
        """The upper end that leaves ``tail`` above it."""
        return self._end(-t_quantile(tail, self.seeds - 1))

    def _student(self, null: float) -> float:
        bias = self._score(0.0)
        corrected = self._score((null - self.value) / self.scale) - bias
        z = corrected / _held(1 + self.acceleration * corrected) - bias
        return z * math.sqrt((self.seeds - 1) / self.seeds)

    def _end(self, t: float) -> float:
        bias = self._score(0.0)
        biased = bias + t * math.sqrt(self.seeds / (self.seeds - 1))
        score = bias + biased / _held(1 - self.acceleration * biased)
        return self.value + self.scale * self._deviation(score)

    def _tail(self, side: int) -> tuple[float, float, float]:
        """Knot and score from which on a side is extrapolated, and its slope there."""
        score = -side * float(SCORES[_LAST_READ])
        slope = min(max(1 + 2 * self.acceleration * side * _TAIL_SCORE, _SLOPES[0]), _SLOPES[1])
        knot = float(np.interp(score, self.scores, self.knots))
        # With few distinct resamples the last score may lie further in than the one asked for.
        return knot, min(max(score, float(self.scores[0])), float(self.scores[-1])), slope

    def _score(self, deviation: float) -> float:
        for side in (-1, 1):
            knot, score, slope = self._tail(side)
            if side * (deviation - knot) > 0:
                return score + (deviation - knot) / slope
        return float(np.interp(deviation, self.knots, self.scores))

    def _deviation(self, wanted: float) -> float:
        for side in (-1, 1):
            knot, score, slope = self._tail(side)
            if side * (wanted - score) > 0:
                return knot + (wanted - score) * slope
        return float(np.interp(wanted, self.scores, self.knots))


def scores_of_zero(
    values: FloatArray,
    scales: FloatArray,
    accelerations: FloatArray,
    seeds: int,
    deviations: FloatArray,
) -> FloatArray:
    """Where 0 lies by BCa, for many statistics at once: t whose lower tail is ``above(0)``.

    Parameters
    ----------
    values, scales, accelerations : (statistics,) float64
        As of :class:`Bootstrap`.
    seeds
        n, of all.
    deviations : (statistics, 2000) float64
        Resampled, one row a statistic.
    """
    standard = np.round(deviations / scales[:, None], _DIGITS)
    standard.sort(axis=1)
    bias = _untied_scores(standard, accelerations, np.zeros_like(values))
    corrected = _untied_scores(standard, accelerations, -values / scales) - bias
    z = corrected / np.clip(1 + accelerations * corrected, *_FACTORS) - bias
    students: FloatArray = z * math.sqrt((seeds - 1) / seeds)
    for j in np.flatnonzero((standard[:, 1:] == standard[:, :-1]).any(axis=1)):
        told = float(values[j]), float(scales[j]), float(accelerations[j])
        students[j] = Bootstrap._of_sorted(*told, seeds, standard[j])._student(0.0)
    return students


def _untied_scores(
    standard: FloatArray, accelerations: FloatArray, deviations: FloatArray
) -> FloatArray:
    """``Bootstrap._score`` of one deviation a row, where no two resamples of a row are equal."""
    rows = np.arange(deviations.size)
    places = np.count_nonzero(standard <= deviations[:, None], axis=1) - 1
    places = np.clip(places, _LAST_READ, RESAMPLES - 2 - _LAST_READ)
    knots, nexts = standard[rows, places], standard[rows, places + 1]
    with np.errstate(divide="ignore", invalid="ignore"):  # tied rows are not read
        slopes = (SCORES[places + 1] - SCORES[places]) / (nexts - knots)
        scores = slopes * (deviations - knots) + SCORES[places]
    for side in (1, -1):
        last = _LAST_READ if side < 0 else RESAMPLES - 1 - _LAST_READ
        beyond = deviations - standard[:, last]
        slopes = np.clip(1 + 2 * accelerations * side * _TAIL_SCORE, *_SLOPES)
        scores = np.where(side * beyond > 0, SCORES[last] + beyond / slopes, scores)
    return np.asarray(scores)


def _held(factor: float) -> float:
    return min(max(factor, _FACTORS[0]), _FACTORS[1])


@dataclass(frozen=True, slots=True)
class Widest:
    """On either side the end that is further out, and so the larger p-value."""

    parts: tuple[Confidence, ...]

    def above(self, null: float) -> float:
        """The largest of the parts'."""
        return max(part.above(null) for part in self.parts)

    def below(self, null: float) -> float:
        """The largest of the parts'."""
        return max(part.below(null) for part in self.parts)

    def low(self, tail: float) -> float:
        """The smallest of the parts'."""
        return min(part.low(tail) for part in self.parts)

    def high(self, tail: float) -> float:
        """The largest of the parts'."""
        return max(part.high(tail) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Joint:
    """The largest of several quantities, of which ``parts`` tell.

    It is below a null where every part is (no correction: an intersection-union test), and
    above it where some part is, after Bonferroni over all.
    """

    parts: tuple[Confidence, ...]

    def above(self, null: float) -> float:
        """The smallest of the parts' times their number."""
        return min(1.0, len(self.parts) * min(part.above(null) for part in self.parts))

    def below(self, null: float) -> float:
        """The largest of the parts'."""
        return max(part.below(null) for part in self.parts)

    def low(self, tail: float) -> float:
        """The largest of the parts', each at its share of the tail."""
        return max(part.low(tail / len(self.parts)) for part in self.parts)

    def high(self, tail: float) -> float:
        """The largest of the parts'."""
        return max(part.high(tail) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Ratio:
    """A largest ratio, at least 1 by its nature; ``log`` tells of its logarithm."""

    log: Confidence

    def above(self, null: float) -> float:
        """0 below 1."""
        return 0.0 if null < 1 else self.log.above(math.log(null))

    def below(self, null: float) -> float:
        """1 below 1."""
        return 1.0 if null < 1 else self.log.below(math.log(null))

    def low(self, tail: float) -> float:
        """At least 1."""
        return math.exp(max(0.0, self.log.low(tail)))

    def high(self, tail: float) -> float:
        """At least 1."""
        return math.exp(max(0.0, self.log.high(tail)))


@dataclass(frozen=True, slots=True)
class ClopperPearson:
    """A binomial share; one-sided p-values are exact tails of the binomial."""

    successes: int
    trials: int

    def above(self, null: float) -> float:
        """P(at least so many successes | null)."""
        if self.successes == 0:
            return 1.0
        return beta_cdf(null, self.successes, self.trials - self.successes + 1)

    def below(self, null: float) -> float:
        """P(at most so many successes | null)."""
        if self.successes == self.trials:
            return 1.0
        return beta_cdf(1.0 - null, self.trials - self.successes, self.successes + 1)

    def low(self, tail: float) -> float:
        """0 without a success."""
        if self.successes == 0:
            return 0.0
        return beta_quantile(tail, self.successes, self.trials - self.successes + 1)

    def high(self, tail: float) -> float:
        """1 without a failure."""
        if self.successes == self.trials:
            return 1.0
        return 1.0 - beta_quantile(tail, self.trials - self.successes, self.successes + 1)


@dataclass(frozen=True, slots=True)
class Point:
    """The value itself: every other null is refuted."""

    value: float

    def above(self, null: float) -> float:
        """0 below the value, 1 from it on."""
        return float(null >= self.value)

    def below(self, null: float) -> float:
        """0 above the value, 1 up to it."""
        return float(null <= self.value)

    def low(self, tail: float) -> float:
        """The value."""
        return self.value

    def high(self, tail: float) -> float:
        """The value."""
        return self.value


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nothing is refuted; the ends are infinite."""

    def above(self, null: float) -> float:
        """Always 1."""
        return 1.0

    def below(self, null: float) -> float:
        """Always 1."""
        return 1.0

    def low(self, tail: float) -> float:
        """Minus infinity."""
        return -math.inf

    def high(self, tail: float) -> float:
        """Infinity."""
        return math.inf
