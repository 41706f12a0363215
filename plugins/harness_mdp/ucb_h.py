"""Q-learning with a Hoeffding bonus: the paper's Algorithm 1.

=======  ===========  =====================================================
paper    here         what
=======  ===========  =====================================================
c        ``c``        scale of the bonus; 1 is enough for the theorem
p        ``p``        failure probability
b_t      ``scale/√t`` c √(H³ι/t)
α_t      ``rate``     (H + 1)/(H + t): later updates weigh more
=======  ===========  =====================================================

Q is not clipped, only V is: an action's first value may exceed H, and then it is repeated until
its estimate sinks below the untried ones. Exploration works backward from the last step.

Source: Jin et al. 2018, Algorithm 1 and Theorem 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

from annotated_types import Ge, Interval

from harness import Bound, Task
from harness.random import uniform
from harness_mdp.agent import Agent, Facts
from harness_mdp.tables import new_table, spread_over_best, store, tied_action
from harness_mdp.theory import hoeffding_scale, q_learning_guarantee, regret_guarantee

__all__ = ["Parameters", "UCBHoeffding"]


class Parameters(NamedTuple):
    """The bonus at the t-th visit is ``scale / √t``."""

    scale: float
    has_random_ties: bool


@dataclass(frozen=True, kw_only=True)
class UCBHoeffding(Agent):
    """UCB-H of the paper.

    Parameters
    ----------
    c
        Scale of the bonus. At 1 the theorem holds; with the horizons that one can run it then
        explores nearly uniformly.
    p
        Failure probability in ι = ln(SAT/p).
    ties
        Among actions of equal Q (untried ones): the first, or one drawn at each decision.
    """

    c: Annotated[float, Ge(0)] = 1.0
    p: Annotated[float, Interval(gt=0, lt=1)] = 0.05
    ties: Literal["first", "random"] = "first"

    def parameters(self, facts: Facts) -> Parameters:
        return Parameters(hoeffding_scale(facts, self.c, self.p), self.ties == "random")

    def is_random(self) -> bool:
        return self.ties == "random"

    def has_estimate(self) -> bool:
        return True

    def guarantees(self, task: Task, facts: Facts | None = None) -> Sequence[Bound]:
        """None at c < 1: the bonus is then too small for the proof."""
        known = task.facts() if facts is None else facts
        if self.c < 1.0:
            return ()
        value = q_learning_guarantee(known, 4.0 * self.c, self.p)
        source = "Jin et al. 2018, Theorem 1, constants of its proof"
        return (regret_guarantee(known, value, 3.0 * self.p, source),)

    def init(parameters, facts, key):
        return new_table(facts, float(facts.horizon))

    def act(parameters, state, key, k, h, x):
        if parameters.has_random_ties:
            return tied_action(state, h, x, uniform(key, k, h))
        return state.greedy[h, x]

    def update(parameters, state, h, x, a, r, y):
        visits = int(state.visits[h, x, a]) + 1
        state.visits[h, x, a] = visits
        rate = (state.q.shape[0] + 1.0) / (state.q.shape[0] + visits)
        bonus = parameters.scale / math.sqrt(visits)
        target = r + state.v[h + 1, y] + bonus
        store(state, h, x, a, (1.0 - rate) * state.q[h, x, a] + rate * target)

    def policy(parameters, state, h, x):
        return state.greedy[h, x]

    def mixture(parameters, state, h, x, weights):
        spread_over_best(state, h, x, 1.0, weights)

    def estimate(parameters, state, h, x, a):
        return state.q[h, x, a]
