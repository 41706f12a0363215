"""RLSVI: plan on the empirical model with Gaussian noise on each value.

=======  ==========  =======================================================
paper    here        what
=======  ==========  =======================================================
n        ``visits``  visits to (h, x, a)
P̂, R̂     counts and sums over n + 1: sub-stochastic
β_k      ``beta``    ½ S H³ ln(2HSAk)
w        ``noise``   N(0, β_k/(n + 1)), drawn for each (h, x, a)
=======  ==========  =======================================================

Values are not clipped.

Source: Osband, Van Roy & Wen 2016; Russo 2019.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, NamedTuple

from annotated_types import Ge

from harness.random import normal
from harness_mdp.agent import Agent, Facts
from harness_mdp.counts import count, counted_layer, dense_sum, first_best, new_counts

__all__ = ["RLSVI"]


class Parameters(NamedTuple):
    """The noise's standard deviation is scale √(½SH³ ln(2HSAk)/(n + 1))."""

    scale: float
    half_size: float  # ½ S H³
    log_size: float  # 2HSA
    is_pooled: bool


@dataclass(frozen=True, kw_only=True)
class RLSVI(Agent):
    """Randomised least-squares value iteration in its tabular form.

    Parameters
    ----------
    scale
        Of the noise's standard deviation; 1 is the source's.
    pooled
        Count over all steps where the task is stationary.
    """

    changes = "everywhere"

    scale: Annotated[float, Ge(0)] = 1.0
    pooled: bool = True

    def parameters(self, facts: Facts) -> Parameters:
        horizon, states = float(facts.horizon), float(facts.states)
        return Parameters(
            scale=self.scale,
            half_size=0.5 * states * horizon**3,
            log_size=2.0 * horizon * states * facts.actions,
            is_pooled=self.pooled,
        )

    def init(parameters, facts, key):
        return new_counts(facts, pooled=parameters.is_pooled)

    def begin(parameters, state, key, k):
        beta = parameters.half_size * math.log(parameters.log_size * k)
        for back in range(state.q.shape[0]):
            h = state.q.shape[0] - 1 - back
            layer, after = counted_layer(state.visits, h), state.v[h + 1]
            for x in range(state.q.shape[1]):
                for a in range(state.q.shape[2]):
                    lane = (h * state.q.shape[1] + x) * state.q.shape[2] + a
                    visits = float(state.visits[layer, x, a])
                    spread = parameters.scale * math.sqrt(beta / (visits + 1.0))
                    value = spread * normal(key, k, lane)
                    total = state.reward[layer, x, a]
                    total += dense_sum(state.transitions, after, layer, x, a)
                    state.q[h, x, a] = total / (visits + 1.0) + value
                best = first_best(state.q, h, x)
                state.greedy[h, x] = best
                state.v[h, x] = state.q[h, x, best]

    def act(parameters, state, key, k, h, x):
        return int(state.greedy[h, x])

    def update(parameters, state, h, x, a, r, y):
        count(state, h, x, a, r, y)

    def policy(parameters, state, h, x):
        return int(state.greedy[h, x])
