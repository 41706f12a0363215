"""Planned looks: seeds are added in steps, and the chance of a false verdict stays what it was.

At each look an interval is made at a level of its own, so chosen that over all looks together
a true null is refuted with probability 1 - level at most. How much of that may be spent by a
share t of the seeds is a spending function; each look's bound then follows from the joint
normal distribution of the estimates, which grow with independent increments.

Sources: Lan & DeMets 1983 (spending); Armitage, McPherson & Rowe 1969 (the recursion).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt

from harness.stats.distributions import normal_cdf, normal_quantile

__all__ = ["MOST_LOOKS", "Spending", "looks"]

FloatArray = npt.NDArray[np.float64]
Spending = Literal["obrien-fleming", "pocock"]

MOST_LOOKS = 6
_POINTS = 801  # of Simpson's rule between the bounds: levels good to 1e-6
_HALVINGS = 60
_FURTHEST = 9.0  # standard deviations: beyond it a normal has 1e-19


def looks(
    seeds: Sequence[int], level: float = 0.95, spending: Spending = "obrien-fleming"
) -> list[float]:
    """The level of the interval at each planned look.

    Parameters
    ----------
    seeds
        How many seeds there are at each look, increasing; at most six looks. The last is the
        largest number there will be.
    level
        What holds over all looks together.
    spending
        ``obrien-fleming`` spends little early, so that the last look's level is nearly
        ``level``; ``pocock`` spends about evenly.

    Returns
    -------
    list of float
        Levels, each at least ``level``: judge look k by intervals at the k-th and stop once
        decided.

    Raises
    ------
    ValueError
        If there are no looks or more than six, or seeds do not increase.
    """
    if not 1 <= len(seeds) <= MOST_LOOKS:
        raise ValueError(f"one to {MOST_LOOKS} looks can be planned, got {len(seeds)}")
    if seeds[0] < 1 or any(later <= now for now, later in pairwise(seeds)):
        raise ValueError(f"the number of seeds must increase from look to look, got {list(seeds)}")
    if not 0 < level < 1:
        raise ValueError(f"a level lies between 0 and 1, got {level}")
    times = [count / seeds[-1] for count in seeds]
    spent = [_spent(time, 1 - level, spending) for time in times]
    return [1 - 2 * normal_cdf(-bound) for bound in _bounds(times, spent)]


def _spent(time: float, alpha: float, spending: Spending) -> float:
    if spending == "pocock":
        return alpha * math.log(1 + (math.e - 1) * time)
    # Half of alpha on either side, each spent as 2 - 2 Φ(z / √t).
    return 4 * normal_cdf(normal_quantile(alpha / 4) / math.sqrt(time))


def _bounds(times: Sequence[float], spent: Sequence[float]) -> list[float]:
    """Bounds on |z| at each look: leaving at look k has probability spent[k] - spent[k-1]."""
    bounds: list[float] = []
    grid, weights = np.zeros(1), np.ones(1)  # sums so far that did not leave, and their mass
    earlier_time, earlier_spent = 0.0, 0.0
    for time, total in zip(times, spent, strict=True):
        deviation = math.sqrt(time - earlier_time)
        bound = _bound(grid, weights, deviation, math.sqrt(time), total - earlier_spent)
        bounds.append(bound)
        edge = bound * math.sqrt(time)
        points = np.linspace(-edge, edge, _POINTS)
        steps = (points[:, None] - grid[None, :]) / deviation
        density = np.exp(-(steps**2) / 2) @ weights / (deviation * math.sqrt(2 * math.pi))
        grid, weights = points, density * _simpson(edge)
        earlier_time, earlier_spent = time, total
    return bounds


def _bound(
    grid: FloatArray, weights: FloatArray, deviation: float, unit: float, wanted: float
) -> float:
    low, high = 0.0, _FURTHEST
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        arguments = (grid - middle * unit) / deviation
        leaving = 2 * float(weights @ np.array([normal_cdf(a) for a in arguments.tolist()]))
        low, high = (middle, high) if leaving > wanted else (low, middle)
    return (low + high) / 2


def _simpson(edge: float) -> FloatArray:
    weights = np.full(_POINTS, 2.0)
    weights[1::2] = 4.0
    weights[[0, -1]] = 1.0
    return np.asarray(weights * (2 * edge / (_POINTS - 1)) / 3)
