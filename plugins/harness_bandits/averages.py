"""What each arm paid so far: pulls, sums and means, the state that index policies share."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Averages", "first_largest", "no_averages", "observe"]


class Averages(NamedTuple):
    """Pulls and average rewards of one lane, updated in place."""

    pulls: npt.NDArray[np.float64]  # (arms,)
    sums: npt.NDArray[np.float64]  # (arms,) in reward units
    means: npt.NDArray[np.float64]  # (arms,) sums / pulls, 0 where never pulled


def no_averages(arms: int) -> Averages:
    """Averages of arms that nobody has pulled."""
    return Averages(np.zeros(arms), np.zeros(arms), np.zeros(arms))


def observe(averages: Averages, arm: int, reward: float) -> None:
    """Enter one reward of ``arm``."""
    averages.pulls[arm] += 1.0
    averages.sums[arm] += reward
    averages.means[arm] = averages.sums[arm] / averages.pulls[arm]


def first_largest(values: npt.NDArray[np.float64]) -> int:
    """Index of the largest value, the lowest one on ties."""
    best = 0
    for arm in range(1, values.size):
        if values[arm] > values[best]:
            best = arm
    return best
