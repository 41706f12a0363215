"""Thompson sampling with normal rewards: independent normal priors, or none.

=========  =============  ==================================================
paper      here           what
=========  =============  ==================================================
m_0, s_0   ``mean``, ``sd``  prior of each arm's mean
σ          ``noise``      standard deviation of a reward, told by the task
T_i, S_i   ``pulls``, ``sums``  (arms,) pulls and sum of rewards
θ_i        a draw         N(posterior mean, posterior variance)
=========  =============  ==================================================

Posterior of an arm: precision ``1/s_0² + T/σ²``, mean ``(m_0/s_0² + S/σ²) / precision``. The flat
prior is precision 0: each arm is played once, then θ_i ~ N(S/T, σ²/T).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, NamedTuple

import numpy as np
import numpy.typing as npt
from annotated_types import Gt

from harness.random import normal_pair
from harness_bandits.policy import Facts, Policy

__all__ = ["FlatGaussianThompson", "GaussianThompson"]


class Parameters(NamedTuple):
    """Precisions, in 1 / reward²; the flat prior has precision 0."""

    prior_precision: float
    prior_mean: float
    reward_precision: float


class State(NamedTuple):
    """Posterior of one lane, updated in place."""

    precisions: npt.NDArray[np.float64]  # (arms,)
    weighted: npt.NDArray[np.float64]  # (arms,) precision times mean
    means: npt.NDArray[np.float64]  # (arms,)
    sds: npt.NDArray[np.float64]  # (arms,)


@dataclass(frozen=True, kw_only=True)
class GaussianThompson(Policy):
    """Thompson sampling with independent N(mean, sd²) priors.

    Parameters
    ----------
    mean, sd
        The prior of each arm's mean reward.
    """

    mean: float = 0.0
    sd: Annotated[float, Gt(0)] = 1.0

    def parameters(self, facts: Facts) -> Parameters:
        return Parameters(1.0 / (self.sd * self.sd), self.mean, _reward_precision(facts))

    def init(parameters, facts, key):
        precision = parameters.prior_precision
        mean = parameters.prior_mean
        return State(
            np.full(facts.arms, precision),
            np.full(facts.arms, precision * mean),
            np.full(facts.arms, mean),
            np.full(facts.arms, 1.0 / math.sqrt(precision)),
        )

    def select(parameters, state, key, t):
        return largest_draw(state, key, t)

    def update(parameters, state, arm, reward):
        learn(parameters, state, arm, reward)


@dataclass(frozen=True, kw_only=True)
class FlatGaussianThompson(Policy):
    """Thompson sampling from N(average, σ²/pulls), after one pull of each arm."""

    def parameters(self, facts: Facts) -> Parameters:
        return Parameters(0.0, 0.0, _reward_precision(facts))

    def init(parameters, facts, key):
        arms = facts.arms
        return State(np.zeros(arms), np.zeros(arms), np.zeros(arms), np.zeros(arms))

    def select(parameters, state, key, t):
        if t <= state.means.size:
            return t - 1
        return largest_draw(state, key, t)

    def update(parameters, state, arm, reward):
        learn(parameters, state, arm, reward)


def largest_draw(state, key, t):
    """The arm with the largest draw from its posterior; two arms share a block of draws."""
    arms = state.means.size
    best, largest = 0, -math.inf
    for pair in range((arms + 1) // 2):
        first, second = normal_pair(key, t, pair)
        arm = 2 * pair
        draw = state.means[arm] + state.sds[arm] * first
        if draw > largest:
            best, largest = arm, draw
        if arm + 1 < arms:
            draw = state.means[arm + 1] + state.sds[arm + 1] * second
            if draw > largest:
                best, largest = arm + 1, draw
    return best


def learn(parameters, state, arm, reward):
    """Enter one reward into the posterior of ``arm``."""
    state.precisions[arm] += parameters.reward_precision
    state.weighted[arm] += parameters.reward_precision * reward
    state.means[arm] = state.weighted[arm] / state.precisions[arm]
    state.sds[arm] = 1.0 / math.sqrt(state.precisions[arm])


def _reward_precision(facts: Facts) -> float:
    return 1.0 / (facts.noise * facts.noise)
