"""A bandit on real data: ten one-pixel classifiers of handwritten digits are the arms.

A round draws one of 1,797 rows uniformly with replacement; the reward is 1 where the arm names
the row's label. The true means are counts over 1,797, known exactly (0.1992 the best, 0.1024 the
worst, smallest gap 17/1797). The rows are the task's: every policy meets the same row in round t,
so rewards of different arms in one round are correlated, which a policy that sees one arm a round
cannot notice. The arms' places are drawn in each cell, so that index 0 isn't always the best.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Annotated, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
from annotated_types import Ge

from harness.random import integer
from harness.random.stream import Stream
from harness_bandits.digit_bits import CLASSIFIERS, ROWS, correct_bits
from harness_bandits.policy import Facts, FloatArray, IntArray
from harness_bandits.stochastic import StochasticBandit, refuse_below

__all__ = ["Digits", "DigitsInstance", "digits_reward"]


class DigitsInstance(NamedTuple):
    """Rewards of all rows, and which classifier stands at which arm."""

    correct: npt.NDArray[np.uint8]  # (rows, classifiers) shared by all cells, never written
    places: IntArray  # (arms,) classifier of each arm
    gaps: FloatArray  # (arms,)


def digits_reward(instance: DigitsInstance, key: int, t: int, arm: int) -> float:
    """Whether the arm names the label of the row of round ``t``; lane 0, shared by all arms."""
    row = integer(key, t, 0, instance.correct.shape[0])
    return float(instance.correct[row, instance.places[arm]])


@cache
def _table() -> tuple[npt.NDArray[np.uint8], FloatArray]:
    correct = correct_bits().copy()
    means = correct.sum(axis=0, dtype=np.int64) / ROWS
    return correct, means.max() - means


@dataclass(frozen=True, kw_only=True)
class Digits(StochasticBandit):
    """Ten fixed one-pixel classifiers on real handwritten digits, true means known exactly.

    Parameters
    ----------
    horizon
        n. At 10,000 the smallest gaps are still at the noise level: being lucky with few arms
        pays, and no policy is shown to be best here.
    """

    reward: ClassVar = staticmethod(digits_reward)

    horizon: Annotated[int, Ge(1)] = 10_000

    def __post_init__(self) -> None:
        refuse_below(1, horizon=self.horizon)

    @property
    def arms(self) -> int:
        """10."""
        return len(CLASSIFIERS)

    def facts(self) -> Facts:
        """Arms and horizon; there is no prior."""
        return Facts(arms=self.arms, horizon=self.horizon)

    def instance(self, stream: Stream) -> DigitsInstance:
        """The classifiers in this cell's places."""
        correct, gaps = _table()
        places = stream.numpy().permutation(self.arms)
        return DigitsInstance(correct, places, gaps[places])

    def largest_gap(self) -> float:
        """174/1797."""
        return max(self.fixed_gaps())

    def fixed_gaps(self) -> tuple[float, ...]:
        """Gaps of the classifiers, the best first."""
        return tuple(_table()[1].tolist())
