"""Second opinions on paired differences: sign flips, signed ranks, McNemar.

They assume less than an interval does, and say less: a p-value of no difference only. Exact
where the distribution can be listed, otherwise by a normal approximation.

Sources: Fisher 1935 (sign flips); Wilcoxon 1945, with Pratt's zeros left out; McNemar 1947.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from harness.stats.distributions import normal_cdf

__all__ = ["mcnemar_p", "sign_flip_p", "wilcoxon_p"]

FloatArray = npt.NDArray[np.float64]

_EXACT_FLIPS = 16  # 65,536 sums
_EXACT_RANKS = 50  # as scipy: above, the normal approximation is good to three digits
_FLIPS = 20_000
_KEY = 1935


def sign_flip_p(differences: Sequence[float] | FloatArray) -> float:
    """Two-sided p-value that paired differences are symmetric about 0, by their mean.

    Every one of the 2^n signings is counted up to 16 seeds; above, 20,000 signings of a fixed
    stream, the observed one included, so that the p-value is valid and never 0.

    Parameters
    ----------
    differences : (seeds,) float64
        Finite; at least one.
    """
    given = _finite(differences)
    observed = abs(float(given.sum()))
    # Sums of the same numbers in another order differ in their last bits.
    reached = observed - 1e-12 * float(np.abs(given).sum())
    if given.size <= _EXACT_FLIPS:
        sums = np.zeros(1)
        for value in given:
            sums = np.concatenate([sums + value, sums - value])
        return float(np.mean(np.abs(sums) >= reached))
    generator = np.random.Philox(key=_KEY)
    hits = 1
    words = -(-given.size // 64)
    for _ in range(_FLIPS // 1_000):
        raw = generator.random_raw(1_000 * words).view(np.uint8).reshape(1_000, -1)
        bits = np.unpackbits(raw, axis=1)[:, : given.size]
        sums = 2.0 * (bits @ given) - given.sum()
        hits += int((np.abs(sums) >= reached).sum())
    return hits / (_FLIPS + 1)


def wilcoxon_p(differences: Sequence[float] | FloatArray) -> float:
    """Two-sided p-value of Wilcoxon's signed ranks; zero differences are left out.

    Exact up to 50 differences without ties, else the normal approximation with the ties'
    variance, without continuity correction. 1 where every difference is zero.
    """
    given = _finite(differences)
    nonzero = given[given != 0]
    if nonzero.size == 0:
        return 1.0
    ranks, ties = _mid_ranks(np.abs(nonzero))
    positive = float(ranks[nonzero > 0].sum())
    if nonzero.size <= _EXACT_RANKS and not ties.any():
        return _exact_signed_ranks(int(positive), nonzero.size)
    n = nonzero.size
    variance = n * (n + 1) * (2 * n + 1) / 24 - float((ties**3 - ties).sum()) / 48
    z = (positive - n * (n + 1) / 4) / math.sqrt(variance)
    return min(1.0, 2 * normal_cdf(-abs(z)))


def mcnemar_p(b: int, c: int) -> float:
    """Two-sided exact p-value of ``b`` discordant pairs one way and ``c`` the other.

    Under no difference ``b`` is binomial with b + c trials of one half.
    """
    if b < 0 or c < 0:
        raise ValueError(f"counts of pairs cannot be negative, got {b} and {c}")
    pairs = b + c
    if pairs == 0:
        return 1.0
    logs = [_log_choose(pairs, k) - pairs * math.log(2) for k in range(min(b, c) + 1)]
    return min(1.0, 2 * math.fsum(math.exp(term) for term in logs))


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def _finite(values: Sequence[float] | FloatArray) -> FloatArray:
    given = np.asarray(values, dtype=np.float64)
    if given.ndim != 1 or given.size == 0 or not np.isfinite(given).all():
        raise ValueError("paired differences form one row of at least one finite number")
    return given


def _mid_ranks(sizes: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Ranks from 1, ties sharing their mean rank, and the sizes of ties (0 where alone)."""
    _, group, counts = np.unique(sizes, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks = (last - (counts - 1) / 2)[group]
    return ranks, np.where(counts > 1, counts, 0).astype(np.float64)


def _exact_signed_ranks(positive: int, n: int) -> float:
    # How many of the 2^n signings reach each rank sum: one convolution a rank.
    ways = np.zeros(n * (n + 1) // 2 + 1)
    ways[0] = 1.0
    for rank in range(1, n + 1):
        ways[rank:] += ways[:-rank].copy()
    smaller = min(positive, ways.size - 1 - positive)
    return float(min(1.0, 2 * math.fsum(ways[: smaller + 1]) / 2.0**n))
