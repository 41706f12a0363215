"""UCRL2 in its episodic form: plan on the best model within confidence sets, each episode.

=======  ==========  =======================================================
paper    here        what
=======  ==========  =======================================================
n        ``visits``  visits to (x, a); max(1, n) in the radii
t        ``steps``   steps so far
d        ``radius``  of a row in L1: √(14 S ln(2At/δ)/n)
         ``reward_radius``  √(7 ln(2SAt/δ)/(2n))
p̃        optimistic row: min(d/2, …) more on the best state, taken from the worst
=======  ==========  =======================================================

Plans before every episode instead of where visits have doubled.

Source: Jaksch, Ortner & Auer 2010, sections 2 and 3.1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, NamedTuple

import numpy as np
import numpy.typing as npt
from annotated_types import Ge, Interval

from harness_mdp.agent import Agent, Facts, FloatArray, IntArray
from harness_mdp.counts import Counts, count, counted_layer, first_best, new_counts

__all__ = ["UCRL2", "optimistic_mean"]


class Parameters(NamedTuple):
    """Scale of both radii, and what their logarithms are of."""

    scale: float
    states: float
    row_log: float  # 2A/δ
    reward_log: float  # 2SA/δ
    is_pooled: bool


class State(NamedTuple):
    """Counts, and scratch for one row."""

    counts: Counts
    order: npt.NDArray[np.int64]  # (S,) states by falling value
    row: npt.NDArray[np.float64]  # (S,)


@dataclass(frozen=True, kw_only=True)
class UCRL2(Agent):
    """Optimism over models.

    Parameters
    ----------
    scale
        Of both radii; 1 is the source's.
    delta
        Failure probability.
    pooled
        Count over all steps where the task is stationary.
    """

    changes = "everywhere"

    scale: Annotated[float, Ge(0)] = 1.0
    delta: Annotated[float, Interval(gt=0, lt=1)] = 0.05
    pooled: bool = True

    def parameters(self, facts: Facts) -> Parameters:
        states, actions = float(facts.states), float(facts.actions)
        row_log, reward_log = 2.0 * actions / self.delta, 2.0 * states * actions / self.delta
        return Parameters(self.scale, states, row_log, reward_log, self.pooled)

    def init(parameters, facts, key):
        counts = new_counts(facts, pooled=parameters.is_pooled)
        return State(counts, np.zeros(facts.states, np.int64), np.zeros(facts.states))

    def begin(parameters, state, key, k):
        counts = state.counts
        horizon = counts.q.shape[0]
        steps = (k - 1.0) * horizon + 1.0
        row_log = 14.0 * parameters.states * math.log(parameters.row_log * steps)
        reward_log = 3.5 * math.log(parameters.reward_log * steps)
        for back in range(horizon):
            h = horizon - 1 - back
            layer, after = counted_layer(counts.visits, h), counts.v[h + 1]
            sort_falling(after, state.order)
            for x in range(counts.q.shape[1]):
                for a in range(counts.q.shape[2]):
                    visits = max(1.0, float(counts.visits[layer, x, a]))
                    radius = parameters.scale * math.sqrt(row_log / visits)
                    reward = counts.reward[layer, x, a] / visits
                    reward += parameters.scale * math.sqrt(reward_log / visits)
                    if counts.visits[layer, x, a] == 0:
                        mean = after[state.order[0]]
                    else:
                        # The row is copied: built in place, the estimate would be corrupted.
                        for y in range(state.row.size):
                            state.row[y] = counts.transitions[layer, x, a, y] / visits
                        mean = optimistic_mean(state.row, after, state.order, radius)
                    counts.q[h, x, a] = min(reward, 1.0) + mean
                best = first_best(counts.q, h, x)
                counts.greedy[h, x] = best
                counts.v[h, x] = min(counts.q[h, x, best], float(horizon - h))

    def act(parameters, state, key, k, h, x):
        return int(state.counts.greedy[h, x])

    def update(parameters, state, h, x, a, r, y):
        count(state.counts, h, x, a, r, y)

    def policy(parameters, state, h, x):
        return int(state.counts.greedy[h, x])


def sort_falling(values: FloatArray, order: IntArray) -> None:
    """Write the places of ``values`` by falling value; equal ones keep their order."""
    for i in range(values.size):
        place = i
        while place > 0 and values[order[place - 1]] < values[i]:
            order[place] = order[place - 1]
            place -= 1
        order[place] = i


def optimistic_mean(row: FloatArray, values: FloatArray, order: IntArray, radius: float) -> float:
    """Largest mean of ``values`` over rows within ``radius`` of ``row`` in L1; changes ``row``."""
    best = order[0]
    added = min(radius / 2.0, 1.0 - row[best])
    row[best] += added
    place = order.size - 1
    while added > 0.0 and place > 0:
        worst = order[place]
        taken = min(added, row[worst])
        row[worst] -= taken
        added -= taken
        place -= 1
    total = 0.0
    for y in range(row.size):
        total += row[y] * values[y]
    return total
