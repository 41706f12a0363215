"""Slopes of a metric in a designed quantity, and how far groups differ at most.

With ``fit="mean"`` the statistic is a function of the groups' means and seeds are resampled
over all groups jointly, since groups share their seeds; with ``fit="seed"`` it is computed a
seed, and what results is an ordinary sample of one number a seed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from harness.stats.confidence import Joint, Point, Ratio
from harness.stats.sample import Kind, NotPositive, Sample, of_means, samples

__all__ = ["LEAST_POINTS", "Fit", "TrendScale", "spread", "trend"]

FloatArray = npt.NDArray[np.float64]
Fit = Literal["mean", "seed"]
TrendScale = Literal["linear", "log-log", "log-linear"]
Transform = Callable[[FloatArray], FloatArray]

LEAST_POINTS = 3  # a line through two points fits anything


def trend(
    x: Sequence[float] | FloatArray,
    columns: FloatArray,
    *,
    scale: TrendScale = "linear",
    fit: Fit = "mean",
    over: tuple[float, float] | None = None,
    kind: Kind = "real",
) -> Sample:
    """The least-squares slope of a metric in ``x``.

    Parameters
    ----------
    x : (points,) or (seeds, points) float64
        The designed quantity, or another metric of the same cells: then its means are the x,
        and are resampled with y.
    columns : (seeds, points) float64
        The metric on common seeds.
    scale
        ``log-log``: log y against log x (an exponent); ``log-linear``: log y against x (a
        rate); logarithms are natural.
    fit
        ``mean``: slope of the means; ``seed``: mean of a slope a seed.
    over
        Only points whose x (its mean) lies within, ends included.
    kind
        ``exact``: a slope of values that every seed shares is exact as well.

    Raises
    ------
    ValueError
        If shapes disagree or fewer than three different x are left.
    NotPositive
        On a logarithmic scale, if a mean (with ``fit="seed"``: a value) is not positive.
    """
    metric = np.asarray(columns, dtype=np.float64)
    points = np.asarray(x, dtype=np.float64)
    if metric.ndim != 2 or points.shape not in (metric.shape, metric.shape[1:]):
        raise ValueError(f"x {points.shape} does not fit a metric of {metric.shape}")
    kept = _kept(points.mean(axis=0) if points.ndim == 2 else points, over)
    points, metric = points[..., kept], metric[:, kept]
    on_x: Transform = _logarithm if scale == "log-log" else _unchanged
    on_y: Transform = _unchanged if scale == "linear" else _logarithm
    if fit == "seed":
        return _slopes_a_seed(on_x(points), on_y(metric), kind)
    number = metric.shape[1]
    abscissa = points if points.ndim == 2 else np.broadcast_to(points, metric.shape)

    def slope(means: FloatArray) -> FloatArray:
        return _slope(on_x(means[..., number:]), on_y(means[..., :number]))[..., None]

    return _as_exact(metric, kind, of_means(np.hstack([metric, abscissa]), slope)[0])


def spread(columns: FloatArray, *, fit: Fit = "mean", kind: Kind = "real") -> Sample:
    """The largest over the smallest group mean: 1 where nothing depends on the group.

    Parameters
    ----------
    columns : (seeds, groups) float64
        The metric of each group on common seeds; means must be positive.
    fit
        ``mean``: ratio of means; ``seed``: mean of a ratio a seed.
    kind
        ``exact``: a spread of values that every seed shares is exact as well.

    Raises
    ------
    ValueError
        If there are fewer than two groups.
    NotPositive
        If a mean (with ``fit="seed"``: a value) is not positive.

    Notes
    -----
    The largest of means is not smooth where groups tie, and resampling it errs exactly where
    the claim is true. So the spread is the largest of all ratios of two groups: it is at most
    c where each of them is (an intersection-union test, which needs no correction), and
    above c where one is, after Bonferroni.
    """
    metric = np.asarray(columns, dtype=np.float64)
    if metric.ndim != 2 or metric.shape[1] < 2:
        raise ValueError(f"a spread needs at least two groups, got shape {metric.shape}")
    if fit == "seed":
        if not (metric > 0).all():
            raise NotPositive("a ratio a seed needs positive values")
        return samples((metric.max(axis=1) / metric.min(axis=1))[:, None], kind)[0]
    groups = metric.shape[1]
    first, second = (index.ravel() for index in np.indices((groups, groups)))
    first, second = first[first != second], second[first != second]

    def log_ratios(means: FloatArray) -> FloatArray:
        logs = _logarithm(means)
        return logs[..., first] - logs[..., second]

    ratios = of_means(metric, log_ratios)
    means = metric.mean(axis=0)
    return _as_exact(metric, kind, _largest(ratios, float(means.max() / means.min())))


def _largest(ratios: Sequence[Sample], value: float) -> Sample:
    for part in ratios:
        if part.method == "undecided":
            return Sample(part.n, value, "undecided", part.confidence, part.reason)
    confidence = Ratio(Joint(tuple(part.confidence for part in ratios)))
    method = ratios[0].method if len({part.method for part in ratios}) == 1 else "bca"
    return Sample(ratios[0].n, value, method, confidence)


def _as_exact(columns: FloatArray, kind: Kind, found: Sample) -> Sample:
    if kind != "exact" or not (columns == columns[0]).all():
        return found
    return Sample(found.n, found.value, "exact", Point(found.value))


def _kept(x: FloatArray, over: tuple[float, float] | None) -> npt.NDArray[np.bool_]:
    low, high = over if over is not None else (-np.inf, np.inf)
    kept = np.asarray((x >= low) & (x <= high))
    different = np.unique(x[kept]).size
    if different < LEAST_POINTS:
        raise ValueError(f"a trend needs {LEAST_POINTS} different x, {different} are left")
    return kept


def _unchanged(values: FloatArray) -> FloatArray:
    return values


def _logarithm(values: FloatArray) -> FloatArray:
    """Natural logarithms, NaN where there are none."""
    return np.asarray(np.log(np.where(values > 0, values, np.nan)))


def _slope(x: FloatArray, y: FloatArray) -> FloatArray:
    """Least-squares slopes along the last axis."""
    centred = x - x.mean(axis=-1, keepdims=True)
    return np.asarray((centred * y).sum(axis=-1) / (centred**2).sum(axis=-1))


def _slopes_a_seed(x: FloatArray, y: FloatArray, kind: Kind) -> Sample:
    if np.isnan(x).any() or np.isnan(y).any():
        raise NotPositive("a slope a seed on a logarithmic scale needs positive values")
    slopes = _slope(np.broadcast_to(x, y.shape), y)
    centred = np.abs(x - x.mean(axis=-1, keepdims=True))
    # A seed's slope is a sum of y times these; the size of its terms is that of its rounding.
    terms = (centred * np.abs(y)).sum(axis=-1) / (centred**2).sum(axis=-1)
    return samples(slopes[:, None], kind, np.atleast_1d(terms.max()))[0]
