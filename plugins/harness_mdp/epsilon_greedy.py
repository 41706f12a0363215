"""ε-greedy Q-learning without a bonus: the textbook's method.

=======  ============  ====================================================
paper    here          what
=======  ============  ====================================================
ε        ``epsilon``   probability of a uniform action, at every step
Q_0      ``q0``        first value of every estimate
α_t      ``rate``      (H + 1)/(H + t), or 1/t
=======  ============  ====================================================

Ties are broken at random, so that from zero every action of an unrewarded state is as likely as
any other, whatever ε: on the combination lock the first reward takes A^{H/2} episodes.

Source: Jin et al. 2018, Appendix A; Kearns & Singh 2002.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

from annotated_types import Ge, Interval

from harness import Bound, Task
from harness.random import uniform_pair
from harness_mdp.agent import Agent, Facts
from harness_mdp.tables import new_table, spread_over_best, store, tied_action

__all__ = ["EpsilonGreedy"]


class Parameters(NamedTuple):
    """ε, the first estimate, and whether updates are averaged with 1/t."""

    epsilon: float
    start: float
    is_average: bool


@dataclass(frozen=True, kw_only=True)
class EpsilonGreedy(Agent):
    """Greedy play of a Q table with forced exploration.

    Parameters
    ----------
    epsilon
        Probability of a uniform action.
    q0
        First value of every estimate.
    rate
        ``horizon``: (H + 1)/(H + t) at the t-th visit; ``average``: 1/t.
    """

    epsilon: Annotated[float, Interval(ge=0, le=1)] = 0.1
    q0: Annotated[float, Ge(0)] = 0.0
    rate: Literal["horizon", "average"] = "horizon"

    def parameters(self, facts: Facts) -> Parameters:
        return Parameters(self.epsilon, self.q0, self.rate == "average")

    def is_random(self) -> bool:
        return True

    def guarantees(self, task: Task, facts: Facts | None = None) -> Sequence[Bound]:
        """On the lock, exactly when the first reward comes; censored runs count as K."""
        episodes = getattr(task, "episodes_by_chance", None)
        if episodes is None or self.q0 != 0.0:
            return ()
        source = "geometric: until then every action is as likely as any other"
        return (
            Bound(
                metric="first_reward",
                role="exact",
                value=episodes(),
                holds="in_expectation",
                source=source,
            ),
        )

    def init(parameters, facts, key):
        return new_table(facts, parameters.start)

    def act(parameters, state, key, k, h, x):
        chance, place = uniform_pair(key, k, h)
        if chance < parameters.epsilon:
            actions = state.q.shape[2]
            return min(actions - 1, math.floor(place * actions))
        return tied_action(state, h, x, place)

    def update(parameters, state, h, x, a, r, y):
        visits = int(state.visits[h, x, a]) + 1
        state.visits[h, x, a] = visits
        rate = (state.q.shape[0] + 1.0) / (state.q.shape[0] + visits)
        if parameters.is_average:
            rate = 1.0 / visits
        target = r + state.v[h + 1, y]
        store(state, h, x, a, (1.0 - rate) * state.q[h, x, a] + rate * target)

    def mixture(parameters, state, h, x, weights):
        spread_over_best(state, h, x, 1.0 - parameters.epsilon, weights)
