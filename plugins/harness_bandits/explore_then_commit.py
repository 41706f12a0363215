"""Explore, then commit: m pulls of each arm in turn, then the best mean for ever.

=====  ============  ==================================================
paper  here          what
=====  ============  ==================================================
m      ``m``         pulls of each arm before the commitment
K, n   facts         arms and horizon
=====  ============  ==================================================

The default ``m = ceil(½ (n/K)^(2/3) (ln n)^(1/3))`` balances exploring m gaps of every arm
against committing wrongly; 105 at n = 10⁴, K = 10. Where ``m K`` exceeds the horizon the policy
only explores.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, NamedTuple

import numpy as np
import numpy.typing as npt
from annotated_types import Ge

from harness_bandits.averages import Averages, first_largest, no_averages, observe
from harness_bandits.policy import Facts, Policy

__all__ = ["ExploreThenCommit", "balanced_pulls"]


class Parameters(NamedTuple):
    """Length of the exploration, in rounds."""

    exploration: int


class State(NamedTuple):
    """Averages of one lane, and the arm committed to."""

    averages: Averages
    committed: npt.NDArray[np.int64]  # (1,) meaningful from round exploration + 1 on


def balanced_pulls(arms: int, horizon: int) -> int:
    """Pulls of each arm that balance exploration and a wrong commitment; at least 1."""
    balance = 0.5 * (horizon / arms) ** (2.0 / 3.0) * math.log(horizon) ** (1.0 / 3.0)
    return max(1, math.ceil(balance))


@dataclass(frozen=True, kw_only=True)
class ExploreThenCommit(Policy):
    """Explore in turn, then play the best mean.

    Parameters
    ----------
    m
        Pulls of each arm; ``None`` derives it from horizon and arms.
    """

    m: Annotated[int, Ge(1)] | None = None

    def parameters(self, facts: Facts) -> Parameters:
        pulls = balanced_pulls(facts.arms, facts.horizon) if self.m is None else self.m
        return Parameters(pulls * facts.arms)

    def init(parameters, facts, key):
        return State(no_averages(facts.arms), np.zeros(1, np.int64))

    def select(parameters, state, key, t):
        if t <= parameters.exploration:
            return (t - 1) % state.averages.means.size
        if t == parameters.exploration + 1:
            state.committed[0] = first_largest(state.averages.means)
        return int(state.committed[0])

    def update(parameters, state, arm, reward):
        observe(state.averages, arm, reward)
