"""Posterior sampling: plan on one model drawn from the posterior before each episode.

=======  ==========  =======================================================
paper    here        what
=======  ==========  =======================================================
α_0      ``alpha``   Dirichlet prior of each row, a successor; 1/S unless said
μ_0, τ_0 ``mu0``, ``tau0``  normal prior of each mean reward, and its precision
τ        ``tau``     precision of one observed reward
=======  ==========  =======================================================

Source: Osband, Russo & Van Roy 2013.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, NamedTuple

from annotated_types import Gt

from harness.random import gamma, normal
from harness_mdp.agent import Agent, Facts
from harness_mdp.counts import Counts, count, counted_layer, first_best, new_counts

__all__ = ["PSRL"]


class Parameters(NamedTuple):
    """The priors."""

    alpha: float
    mu0: float
    tau0: float
    tau: float
    is_pooled: bool


class State(NamedTuple):
    """Counts, and the model drawn for the episode."""

    counts: Counts
    drawn: Counts  # its transitions are probabilities, its rewards means


@dataclass(frozen=True, kw_only=True)
class PSRL(Agent):
    """Posterior sampling for reinforcement learning.

    Parameters
    ----------
    alpha
        Dirichlet prior a successor; ``None``: 1/S.
    mu0, tau0, tau
        Rewards: prior mean and precision, precision of an observation. With deterministic
        rewards a large ``tau`` is far better than 1.
    pooled
        Count over all steps where the task is stationary.
    """

    changes = "everywhere"

    alpha: Annotated[float, Gt(0)] | None = None
    mu0: float = 1.0
    tau0: Annotated[float, Gt(0)] = 1.0
    tau: Annotated[float, Gt(0)] = 1.0
    pooled: bool = True

    def parameters(self, facts: Facts) -> Parameters:
        alpha = 1.0 / facts.states if self.alpha is None else self.alpha
        return Parameters(alpha, self.mu0, self.tau0, self.tau, self.pooled)

    def init(parameters, facts, key):
        counts = new_counts(facts, pooled=parameters.is_pooled)
        return State(counts, new_counts(facts, pooled=parameters.is_pooled))

    def begin(parameters, state, key, k):
        draw_model(parameters, state.counts, state.drawn, key, k)
        drawn = state.drawn
        for back in range(drawn.q.shape[0]):
            h = drawn.q.shape[0] - 1 - back
            layer, after = counted_layer(drawn.visits, h), drawn.v[h + 1]
            for x in range(drawn.q.shape[1]):
                for a in range(drawn.q.shape[2]):
                    mean = 0.0
                    for y in range(drawn.q.shape[1]):
                        mean += drawn.transitions[layer, x, a, y] * after[y]
                    drawn.q[h, x, a] = drawn.reward[layer, x, a] + mean
                best = first_best(drawn.q, h, x)
                drawn.greedy[h, x] = best
                drawn.v[h, x] = drawn.q[h, x, best]

    def act(parameters, state, key, k, h, x):
        return int(state.drawn.greedy[h, x])

    def update(parameters, state, h, x, a, r, y):
        count(state.counts, h, x, a, r, y)

    def policy(parameters, state, h, x):
        return int(state.drawn.greedy[h, x])


def draw_model(parameters: Parameters, counts: Counts, drawn: Counts, key: int, k: int) -> None:
    """Draw every row's probabilities and mean reward; the draw's lane is the row's number."""
    layers, states, actions = counts.visits.shape
    lane = 0
    for layer in range(layers):
        for x in range(states):
            for a in range(actions):
                total = 0.0
                for y in range(states):
                    shape = parameters.alpha + counts.transitions[layer, x, a, y]
                    drawn.transitions[layer, x, a, y] = gamma(key, k, lane, shape, y)
                    total += drawn.transitions[layer, x, a, y]
                for y in range(states):
                    # Gammas of a tiny shape can all underflow: then nothing is known.
                    share = drawn.transitions[layer, x, a, y] / total if total > 0.0 else 0.0
                    drawn.transitions[layer, x, a, y] = share if total > 0.0 else 1.0 / states
                precision = parameters.tau0 + counts.visits[layer, x, a] * parameters.tau
                mean = parameters.tau0 * parameters.mu0
                mean += parameters.tau * counts.reward[layer, x, a]
                noise = normal(key, k, lane) / math.sqrt(precision)
                drawn.reward[layer, x, a] = mean / precision + noise
                lane += 1
