"""Q-learning with a Bernstein bonus: the paper's Algorithm 2.

=======  =============  ===================================================
paper    here           what
=======  =============  ===================================================
μ, σ     ``sums``, ``squares``  (H, S, A) sums of V_{h+1}(y) and of its square
W_t      ``variance``   σ/t − (μ/t)², of the V seen, each as it was when seen
β_t      ``beta``       min{c1(√(H(W_t + H)ι/t) + √(H⁷SA)ι/t), c2 √(H³ι/t)}
b_t      ``bonus``      (β_t − (1 − α_t) β_{t−1}) / (2 α_t): 2 Σ α_t^i b_i = β_t
=======  =============  ===================================================

The printed line 10 has (σ − μ²)/t; with sums it must be σ/t − (μ/t)², the variance that the text
defines. With equal constants the second branch of the minimum is the smaller one up to about
H⁴SAι visits of one triple, so the variance is not used at horizons that one can run.

Source: Jin et al. 2018, Algorithm 2 and Theorem 2.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from annotated_types import Ge, Interval

from harness import Bound, Task
from harness.random import uniform
from harness_mdp.agent import Agent, Facts
from harness_mdp.tables import Table, new_table, spread_over_best, store, tied_action
from harness_mdp.theory import (
    cap_visits,
    hoeffding_scale,
    log_term,
    q_learning_guarantee,
    regret_guarantee,
)

__all__ = ["UCBBernstein"]

# From this c2 on the Hoeffding branch alone keeps estimates optimistic.
_ENOUGH = 2.0


class Parameters(NamedTuple):
    """Constants of β_t, computed once as floats: H⁷ overflows whole numbers."""

    horizon: float
    spread: float  # c1_var √(H ι)
    low_order: float  # c1_low √(H⁷SA) ι
    cap: float  # c2 √(H³ι)
    has_random_ties: bool


class State(NamedTuple):
    """The table of UCB-H, and what the bonus needs: 36 bytes an entry in all."""

    table: Table
    sums: npt.NDArray[np.float64]  # (H, S, A)
    squares: npt.NDArray[np.float64]  # (H, S, A)
    beta: npt.NDArray[np.float64]  # (H, S, A)


@dataclass(frozen=True, kw_only=True)
class UCBBernstein(Agent):
    """UCB-B of the paper.

    Parameters
    ----------
    c1_var, c1_low
        Scales of the variance term and of the low-order term; one constant c1 in the paper.
    c2
        Scale of the Hoeffding cap. UCB-H with bonus scale c is matched by
        c2 = c (4H + 4)/(2H + 1).
    p, ties
        As for UCB-H.
    """

    c1_var: Annotated[float, Ge(0)] = 2.0
    c1_low: Annotated[float, Ge(0)] = 2.0
    c2: Annotated[float, Ge(0)] = 2.0
    p: Annotated[float, Interval(gt=0, lt=1)] = 0.05
    ties: Literal["first", "random"] = "first"

    def parameters(self, facts: Facts) -> Parameters:
        horizon, iota = float(facts.horizon), log_term(facts, self.p)
        pairs = float(facts.states * facts.actions)
        return Parameters(
            horizon=horizon,
            spread=self.c1_var * math.sqrt(horizon * iota),
            low_order=self.c1_low * math.sqrt(horizon**7 * pairs) * iota,
            cap=hoeffding_scale(facts, self.c2, self.p),
            has_random_ties=self.ties == "random",
        )

    def is_random(self) -> bool:
        return self.ties == "random"

    def has_estimate(self) -> bool:
        return True

    def guarantees(self, task: Task, facts: Facts | None = None) -> Sequence[Bound]:
        """Only where no triple can leave the Hoeffding cap: beyond, no constant is known."""
        known = task.facts() if facts is None else facts
        if self.c2 < _ENOUGH or self.c1_var != self.c1_low or self.c1_var == 0.0:
            return ()
        if known.episodes > cap_visits(known, self.c2 / self.c1_var, self.p):
            return ()
        value = q_learning_guarantee(known, self.c2, self.p)
        source = "Jin et al. 2018, proof of Theorem 1 with the bonus of Algorithm 2 at its cap"
        return (regret_guarantee(known, value, 3.0 * self.p, source),)

    def init(parameters, facts, key):
        table = new_table(facts, float(facts.horizon))
        return State(table, *(np.zeros(table.q.shape) for _ in range(3)))

    def act(parameters, state, key, k, h, x):
        if parameters.has_random_ties:
            return tied_action(state.table, h, x, uniform(key, k, h))
        return state.table.greedy[h, x]

    def update(parameters, state, h, x, a, r, y):
        table = state.table
        visits = int(table.visits[h, x, a]) + 1
        table.visits[h, x, a] = visits
        after = table.v[h + 1, y]
        state.sums[h, x, a] += after
        state.squares[h, x, a] += after * after
        beta = bonus_sum(parameters, visits, state.sums[h, x, a], state.squares[h, x, a])
        rate = (table.q.shape[0] + 1.0) / (table.q.shape[0] + visits)
        bonus = (beta - (1.0 - rate) * state.beta[h, x, a]) / (2.0 * rate)
        state.beta[h, x, a] = beta
        target = r + after + bonus
        store(table, h, x, a, (1.0 - rate) * table.q[h, x, a] + rate * target)

    def policy(parameters, state, h, x):
        return state.table.greedy[h, x]

    def mixture(parameters, state, h, x, weights):
        spread_over_best(state.table, h, x, 1.0, weights)

    def estimate(parameters, state, h, x, a):
        return state.table.q[h, x, a]


def bonus_sum(parameters: Parameters, visits: int, total: float, squares: float) -> float:
    """β_t of Algorithm 2; the variance is at least 0 but for rounding."""
    mean = total / visits
    variance = max(0.0, squares / visits - mean * mean)
    spread = parameters.spread * math.sqrt((variance + parameters.horizon) / visits)
    return min(spread + parameters.low_order / visits, parameters.cap / math.sqrt(visits))
