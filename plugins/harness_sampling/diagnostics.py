"""How far draws are from a law, and how many independent draws they are worth.

Effective sample size and R̂ look at the chains alone: a chain with a wrong law passes both. They
are no test of the law; that is what the distances are for.

Source: Vats, Flegal & Jones 2019 (multivariate effective sample size by batch means); Gelman et
al. (split R̂, here ArviZ's).
"""

from __future__ import annotations

from collections.abc import Callable
from math import exp, log

import numpy as np

from harness_sampling.arrays import FloatArray

__all__ = [
    "MOST_COORDINATES",
    "boundary_share",
    "gauge_law",
    "ks_distance",
    "ks_of_levels",
    "ks_p_value",
    "multivariate_ess",
    "split_rhat",
    "steps_to_accuracy",
    "wasserstein_1",
    "wasserstein_of_ordered",
]

Cdf = Callable[[FloatArray], FloatArray]

MOST_COORDINATES = 50  # of the effective sample size; more are projected
_ON_BOUNDARY = 1e-9  # a gauge this near to 1 is 1
_RANK = 1e-10  # of the largest eigenvalue: directions in which draws do not vary
_SUSTAINED = 3  # grid points in a row that count as reached


def ks_distance(values: FloatArray, cdf: Cdf) -> float:
    """Largest |F_N − F|, on both sides of every jump of F_N; ties (an atom) are one jump."""
    return ks_of_levels(np.sort(cdf(np.ravel(values))))


def ks_of_levels(levels: FloatArray) -> float:
    """:func:`ks_distance` from the F(x) of the draws, in increasing order."""
    count = levels.size
    below = np.arange(count) / count
    return float(max((levels - below).max(), (below + 1.0 / count - levels).max()))


def ks_p_value(distance: float, count: int) -> float:
    """Chance that so many *independent* draws of the law itself are at least this far from it."""
    from scipy.stats import kstwo

    return float(kstwo.sf(distance, count))


def wasserstein_1(values: FloatArray, quantile: Cdf) -> float:
    """∫ |F_N − F|, as mean |x_(i) − F⁻¹((i − ½)/N)|: within O(1/N)."""
    return wasserstein_of_ordered(np.sort(np.ravel(values)), quantile)


def wasserstein_of_ordered(ordered: FloatArray, quantile: Cdf) -> float:
    """:func:`wasserstein_1` of draws in increasing order."""
    levels = (np.arange(ordered.size) + 0.5) / ordered.size
    return float(np.abs(ordered - quantile(levels)).mean())


def gauge_law(gauge: FloatArray, dimension: int) -> FloatArray:
    """γ^n, at most 1: uniform for draws of a uniform law."""
    return np.asarray(np.minimum(gauge, 1.0)) ** dimension


def boundary_share(gauge: FloatArray) -> float:
    """Share of draws on the body's boundary."""
    return float((np.asarray(gauge) >= 1.0 - _ON_BOUNDARY).mean())


def multivariate_ess(draws: FloatArray) -> float | None:
    """Effective sample size of (chains, n, d) draws: N (det Λ / det Σ)^{1/p}.

    Λ is the covariance of the draws, Σ that of batch means times the batch's length ⌊√n⌋, about
    the mean of all chains. Above N for antithetic chains. More than 50 coordinates are projected
    on 50 fixed directions; directions in which draws do not vary (a simplex's face) are left
    out. ``None`` where there are too few batches.
    """
    chains, length, _ = draws.shape
    reduced = _reduced(draws)
    dimension = reduced.shape[2]
    batch = int(np.sqrt(length))
    batches = length // batch if batch else 0
    if dimension == 0 or chains * batches <= dimension + 1:
        return None
    kept = reduced[:, : batches * batch]
    means = kept.reshape(chains * batches, batch, dimension).mean(axis=1)
    spread = _log_determinant(kept.reshape(-1, dimension))
    of_means = _log_determinant(means) + dimension * log(batch)
    return float(chains * length * exp((spread - of_means) / dimension))


def _reduced(draws: FloatArray) -> FloatArray:
    chains, length, dimension = draws.shape
    if dimension > MOST_COORDINATES:
        generator = np.random.Generator(np.random.Philox(key=dimension))
        draws = draws @ generator.standard_normal((dimension, MOST_COORDINATES))
    flat = draws.reshape(chains * length, -1)
    values, vectors = np.linalg.eigh(np.atleast_2d(np.cov(flat, rowvar=False)))
    return draws @ vectors[:, values > _RANK * max(values[-1], 0.0)]


def _log_determinant(values: FloatArray) -> float:
    return float(np.linalg.slogdet(np.atleast_2d(np.cov(values, rowvar=False)))[1])


def split_rhat(draws: FloatArray) -> float | None:
    """Split R̂ of (chains, n) draws, or the largest over coordinates of (chains, n, d) ones.

    ``None`` below four draws a chain, or where nothing varies.
    """
    # Its import costs a second where xarray is installed, and most cells need none of it.
    from arviz_stats.base import array_stats

    if draws.shape[1] < 4:
        return None
    by_coordinate = draws[..., None] if draws.ndim == 2 else draws
    found = [
        float(array_stats.rhat(by_coordinate[..., j], chain_axis=0, draw_axis=1, method="split"))
        for j in range(by_coordinate.shape[2])
        if np.ptp(by_coordinate[..., j]) > 0.0
    ]
    return max(found, default=None)


def steps_to_accuracy(steps: FloatArray, errors: FloatArray, accuracy: float) -> float | None:
    """First of ``steps`` from which three errors in a row are at most ``accuracy``.

    ``None`` where that never happens. At the end of the grid fewer than three will do.
    """
    is_reached = np.asarray(errors) <= accuracy
    for place in range(is_reached.size):
        if is_reached[place : place + _SUSTAINED].all():
            return float(steps[place])
    return None
