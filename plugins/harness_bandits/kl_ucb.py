"""KL-UCB: the largest mean that an arm's rewards do not contradict, judged by relative entropy.

=========  ==============  ==================================================
paper      here            what
=========  ==============  ==================================================
t          ``t``           the current round, from 1
S_i        ``wins``        (arms,) sum of rewards, in [0, 1] each
T_i − S_i  ``losses``      (arms,) pulls less the sum of rewards
H_i        ``entropies``   (arms,) S log(S/T) + F log(F/T), with F = T − S
L          ``level``       ln t + c ln ln t
U_i        the index       max {q ≥ S/T : T kl(S/T, q) ≤ L}
=========  ==============  ==================================================

Plays each arm once, then the arm with the largest index, the lowest on ties. ``T kl(S/T, q) =
H − S log q − F log(1−q)``, so with the index U of the last played arm solved, another arm can
reach U only if its mean does or ``H − S log U − F log(1−U) ≤ L``: two multiply-adds. Only such
arms are solved. The choice is that of solving every index.

Source: Garivier & Cappé 2011, algorithm 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, NamedTuple

import numpy as np
import numpy.typing as npt
from annotated_types import Ge

from harness_bandits.policy import BERNOULLI, Facts, Policy

__all__ = ["KLUCB", "binary_entropy", "upper_mean"]

# Relative slack of the test "can reach U": without it ties are decided by rounding.
SLACK = 1e-9

# A step of Newton's method below this share of 1 - q leaves an error of its square.
LAST_STEP = 1e-9

# The largest float below 1, and a stand-in for 1 - 1: their logarithms must stay finite.
BELOW_ONE = 1.0 - 2.0**-53
TINY = 2.0**-1022


class Parameters(NamedTuple):
    """Weight of ln ln t in the level."""

    c: float


class State(NamedTuple):
    """Rewards of one lane, and the arm played last."""

    wins: npt.NDArray[np.float64]  # (arms,)
    losses: npt.NDArray[np.float64]  # (arms,)
    entropies: npt.NDArray[np.float64]  # (arms,)
    last: npt.NDArray[np.int64]  # (1,)


@dataclass(frozen=True, kw_only=True)
class KLUCB(Policy):
    """Optimism by relative entropy, for rewards in [0, 1].

    Parameters
    ----------
    c
        Weight of ln ln t in the level; 0 in practice, 3 in the theorem.
    """

    c: Annotated[float, Ge(0)] = 0.0

    def check(self, facts: Facts) -> None:
        if facts.law != BERNOULLI:
            raise ValueError("KL-UCB needs rewards in [0, 1]; this task's are Gaussian")

    def parameters(self, facts: Facts) -> Parameters:
        return Parameters(self.c)

    def init(parameters, facts, key):
        arms = facts.arms
        return State(np.zeros(arms), np.zeros(arms), np.zeros(arms), np.zeros(1, np.int64))

    def select(parameters, state, key, t):
        arms = state.wins.size
        if t <= arms:
            return t - 1
        level = math.log(t) + parameters.c * math.log(max(1.0, math.log(t)))
        last = int(state.last[0])
        best, largest = last, _index(state, last, level)
        log_largest, log_rest = math.log(largest), math.log(max(TINY, 1.0 - largest))
        for arm in range(arms):
            if arm == last or not _can_reach(state, arm, largest, log_largest, log_rest, level):
                continue
            index = _index(state, arm, level)
            if index > largest or (index == largest and arm < best):
                best, largest = arm, index
                log_largest, log_rest = math.log(largest), math.log(max(TINY, 1.0 - largest))
        return best

    def update(parameters, state, arm, reward):
        state.wins[arm] += reward
        state.losses[arm] += 1.0 - reward
        state.entropies[arm] = binary_entropy(state.wins[arm], state.losses[arm])
        state.last[0] = arm


def binary_entropy(wins, losses):
    """``S log(S/T) + F log(F/T)``: minus T times the entropy of the mean; 0 log 0 is 0."""
    if wins <= 0.0 or losses <= 0.0:
        return 0.0
    pulls = wins + losses
    return wins * math.log(wins / pulls) + losses * math.log(losses / pulls)


def upper_mean(wins, losses, entropy, level):
    """The largest q with ``T kl(S/T, q) ≤ level``.

    Newton's method from the right, on a convex increasing function: every step stays right of
    the root, three to five of them suffice.
    """
    if losses <= 0.0:
        return 1.0
    if wins <= 0.0:
        return -math.expm1(-level / losses)
    pulls = wins + losses
    by_pinsker = wins / pulls + math.sqrt(level / (2.0 * pulls))
    by_losses = -math.expm1((entropy - level) / losses)
    q = min(by_pinsker, by_losses, BELOW_ONE)
    while True:
        excess = entropy - wins * math.log(q) - losses * math.log1p(-q) - level
        if excess <= 0.0:
            return q
        step = excess / (losses / (1.0 - q) - wins / q)
        # Near 1 a step may be smaller than the distance between floats.
        if step <= LAST_STEP * (1.0 - q) or q - step >= q:
            return q - step
        q -= step


def _index(state, arm, level):
    return upper_mean(state.wins[arm], state.losses[arm], state.entropies[arm], level)


def _can_reach(state, arm, largest, log_largest, log_rest, level):
    """Whether the index of ``arm`` may be at least ``largest``; logs of it and of the rest to 1."""
    wins, losses = state.wins[arm], state.losses[arm]
    pulls = wins + losses
    if wins >= largest * pulls:
        return True
    divergence = state.entropies[arm] - wins * log_largest - losses * log_rest
    return divergence <= level + SLACK * (1.0 + level + pulls)
