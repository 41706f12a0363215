"""Many tests at once, and how many seeds a decision takes.

Sources: Holm 1979; for sign flips, Fisher 1935: with n seeds the smallest two-sided p-value
there is is 2 / 2^n, whatever the data.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["holm", "seeds_needed", "seeds_to_decide", "smallest_p"]

FloatArray = npt.NDArray[np.float64]


def holm(p_values: Sequence[float] | FloatArray) -> FloatArray:
    """Holm's adjusted p-values, in the order given: reject where one is at most 1 - level.

    Parameters
    ----------
    p_values : (tests,) float64
        Each in [0, 1].

    Returns
    -------
    (tests,) float64
        At least the p-values themselves, at most 1. The chance that any true hypothesis is
        rejected stays at most 1 - level, whatever the dependence.

    Raises
    ------
    ValueError
        If one is outside [0, 1] or NaN.
    """
    given = np.asarray(p_values, dtype=np.float64)
    if given.ndim != 1 or not ((given >= 0) & (given <= 1)).all():
        raise ValueError("p-values form one row and lie between 0 and 1")
    order = np.argsort(given, kind="stable")
    factors = given.size - np.arange(given.size)
    adjusted = np.empty_like(given)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(factors * given[order]))
    return adjusted


def seeds_to_decide(n: int, half_width: float | None, distance: float | None) -> int | None:
    """About how many seeds would bring the interval's end to the threshold.

    ``n · (half_width / distance)²``, since half-widths shrink as 1/√n, rounded up to two
    significant digits; ``None`` where the value lies on the threshold or nothing is known.
    """
    if half_width is None or not distance or not math.isfinite(half_width):
        return None
    needed = n * (half_width / distance) ** 2
    if not math.isfinite(needed) or needed > 1e15:
        return None
    # A hair below, so that 2,100.0000001 is 2,100.
    whole = max(1, math.ceil(needed * (1 - 1e-9)))
    step: int = 10 ** max(0, len(str(whole)) - 2)
    return -(-whole // step) * step


def smallest_p(n: int) -> float:
    """The smallest two-sided p-value that ``n`` sign flips can reach, 2 / 2^n."""
    if n < 1:
        raise ValueError(f"at least one seed is needed, got {n}")
    return math.ldexp(2.0, -n)


def seeds_needed(pairs: int, level: float = 0.95) -> int:
    """The fewest seeds with which sign flips could decide one of ``pairs`` under Holm."""
    if pairs < 1 or not 0 < level < 1:
        raise ValueError(f"{pairs} pairs at level {level} make no table")
    # 1 - level is rounded: 0.05 must stay reachable by a p-value of 0.05.
    allowed = (1 - level) / pairs * (1 + 1e-9)
    seeds = 1
    while smallest_p(seeds) > allowed:
        seeds += 1
    return seeds
