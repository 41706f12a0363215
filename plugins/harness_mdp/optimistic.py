"""Q-learning from the highest possible values, without a bonus.

UCB-H with c = 0: shows how much of its success comes from the start alone. Nothing is promised
where transitions are random.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

from annotated_types import Interval

from harness.random import uniform_pair
from harness_mdp.agent import Agent, Facts
from harness_mdp.tables import new_table, spread_over_best, store, tied_action

__all__ = ["Optimistic"]


class Parameters(NamedTuple):
    """ε, and whether ties are broken at random."""

    epsilon: float
    has_random_ties: bool


@dataclass(frozen=True, kw_only=True)
class Optimistic(Agent):
    """Greedy play of a Q table that starts at H.

    Parameters
    ----------
    epsilon
        Probability of a uniform action.
    ties
        Among actions of equal Q: ``first``, or ``random``.
    """

    epsilon: Annotated[float, Interval(ge=0, le=1)] = 0.0
    ties: Literal["first", "random"] = "first"

    def parameters(self, facts: Facts) -> Parameters:
        return Parameters(self.epsilon, self.ties == "random")

    def is_random(self) -> bool:
        return self.epsilon > 0.0 or self.ties == "random"

    def has_estimate(self) -> bool:
        return True

    def init(parameters, facts, key):
        return new_table(facts, float(facts.horizon))

    def act(parameters, state, key, k, h, x):
        if parameters.epsilon == 0.0 and not parameters.has_random_ties:
            return int(state.greedy[h, x])
        chance, place = uniform_pair(key, k, h)
        actions = state.q.shape[2]
        if chance < parameters.epsilon:
            return min(actions - 1, math.floor(place * actions))
        if parameters.has_random_ties:
            return tied_action(state, h, x, place)
        return int(state.greedy[h, x])

    def update(parameters, state, h, x, a, r, y):
        visits = int(state.visits[h, x, a]) + 1
        state.visits[h, x, a] = visits
        rate = (state.q.shape[0] + 1.0) / (state.q.shape[0] + visits)
        target = r + state.v[h + 1, y]
        store(state, h, x, a, (1.0 - rate) * state.q[h, x, a] + rate * target)

    def policy(parameters, state, h, x):
        return state.greedy[h, x]

    def mixture(parameters, state, h, x, weights):
        if parameters.has_random_ties:
            spread_over_best(state, h, x, 1.0 - parameters.epsilon, weights)
            return
        for action in range(weights.size):
            weights[action] = parameters.epsilon / weights.size
        weights[state.greedy[h, x]] += 1.0 - parameters.epsilon

    def estimate(parameters, state, h, x, a):
        return state.q[h, x, a]
