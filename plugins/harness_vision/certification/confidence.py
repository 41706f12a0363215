"""One-sided Clopper–Pearson bounds, and the counts at which they pass a share.

A lower bound at level α on the share p of hits, from ``hits`` among ``draws``, is the p at which
as many hits or more have probability α. So "the bound is at least q" is the same as
P(Bin(draws, q) ≥ hits) ≤ α, which needs no quantile: the thresholds of a sequential test are
integers, made once.

Everything is float64: Φ⁻¹ of a share near 1 loses its tail in float32.

Source: Clopper & Pearson 1934; Cohen et al. 2019, the lower bound of CERTIFY.
"""

from __future__ import annotations

from math import ceil, inf, log

import numpy as np
import numpy.typing as npt
from scipy.special import betainc, betaincinv, log_ndtr, ndtri

__all__ = [
    "FloatArray",
    "IntArray",
    "draws_needed",
    "largest_certificate",
    "lower_bound",
    "most_hits_below",
    "radius_of",
    "smallest_hits",
    "upper_bound",
]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


def lower_bound(hits: npt.ArrayLike, draws: npt.ArrayLike, alpha: npt.ArrayLike) -> FloatArray:
    """The share that p is below with probability at most ``alpha``; 0 without a hit."""
    found, total = np.asarray(hits, dtype=np.float64), np.asarray(draws, dtype=np.float64)
    bound = betaincinv(np.maximum(found, 1.0), total - found + 1.0, alpha)
    return np.where(found > 0, bound, 0.0)


def upper_bound(hits: npt.ArrayLike, draws: npt.ArrayLike, beta: npt.ArrayLike) -> FloatArray:
    """The share that p is above with probability at most ``beta``; 1 without a miss."""
    total = np.asarray(draws, dtype=np.float64)
    return 1.0 - lower_bound(total - np.asarray(hits, dtype=np.float64), total, beta)


def smallest_hits(share: float, draws: int, alpha: float) -> int:
    """The fewest hits of ``draws`` whose lower bound reaches ``share``; ``draws + 1`` if none."""
    low, high = 0, draws + 1  # the bound of 0 hits is 0, and no hits reach a share of 1
    if share <= 0.0:
        return 0
    while high - low > 1:
        middle = (low + high) // 2
        if betainc(middle, draws - middle + 1, share) <= alpha:
            high = middle
        else:
            low = middle
    return high


def most_hits_below(share: float, draws: int, beta: float) -> int:
    """The most hits of ``draws`` whose upper bound is below ``share``; −1 if none."""
    if share > 1.0:
        return draws
    # The upper bound of the hits is 1 − the lower bound of the misses.
    misses = smallest_hits(1.0 - share, draws, beta)
    return draws - misses if misses > 0 else draws - 1


def radius_of(share: npt.ArrayLike, sigma: float) -> FloatArray:
    """σΦ⁻¹(share): the radius that a lower bound of ½ or more certifies."""
    return np.asarray(sigma * ndtri(np.asarray(share, dtype=np.float64)))


def largest_certificate(sigma: float, draws: int, alpha: float) -> float:
    """The radius that is certified when every draw hits: σΦ⁻¹(α^(1/n))."""
    return float(radius_of(alpha ** (1.0 / draws), sigma))


def draws_needed(radius: float, sigma: float, alpha: float) -> float:
    """How many draws, all hits, certify ``radius``: ln α / ln Φ(r/σ); infinite beyond floats."""
    step = float(log_ndtr(radius / sigma))
    return inf if step == 0.0 else float(ceil(log(alpha) / step))
