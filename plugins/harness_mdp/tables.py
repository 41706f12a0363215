"""The table that model-free agents learn in, and what they do with one entry of it.

=======  ==========  ======================================================
paper    here        what
=======  ==========  ======================================================
Q_h      ``q``       (H, S, A) estimates; never clipped
N_h      ``visits``  (H, S, A)
V_h      ``v``       (H + 1, S) min(H, max_a Q_h), 0 after the last step
α_t      ``rate``    (H + 1)/(H + t) at the t-th visit
=======  ==========  ======================================================

12 bytes an entry of (H, S, A) and 12 an entry of (H, S): nothing grows like S².

Source: Jin et al. 2018, Algorithm 1.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from harness.random import uniform
from harness_mdp.agent import Facts, FloatArray

__all__ = ["Table", "new_table", "spread_over_best", "store", "tied_action"]


class Table(NamedTuple):
    """A Q table with its visits and greedy actions, updated in place."""

    q: npt.NDArray[np.float64]  # (H, S, A)
    visits: npt.NDArray[np.int32]  # (H, S, A)
    v: npt.NDArray[np.float64]  # (H + 1, S)
    greedy: npt.NDArray[np.int32]  # (H, S) the first of the best actions


def new_table(facts: Facts, start: float) -> Table:
    """Every Q at ``start``, and every V but the last."""
    shape = (facts.horizon, facts.states, facts.actions)
    v = np.full((facts.horizon + 1, facts.states), start)
    v[facts.horizon] = 0.0
    greedy = np.zeros(shape[:2], np.int32)
    return Table(np.full(shape, start), np.zeros(shape, np.int32), v, greedy)


def store(table: Table, h: int, x: int, a: int, value: float) -> None:
    """Write Q_h(x, a), and with it the greedy action and V_h(x)."""
    table.q[h, x, a] = value
    best, largest = 0, table.q[h, x, 0]
    for action in range(1, table.q.shape[2]):
        if table.q[h, x, action] > largest:
            best, largest = action, table.q[h, x, action]
    table.greedy[h, x] = best
    table.v[h, x] = min(float(table.q.shape[0]), largest)


def tied_action(table: Table, h: int, x: int, u: float) -> int:
    """One of the best actions, by the uniform ``u``."""
    best, ties = table.q[h, x, table.greedy[h, x]], 0
    for action in range(table.q.shape[2]):
        if table.q[h, x, action] == best:
            ties += 1
    left = int(u * ties)
    for action in range(table.q.shape[2]):
        if table.q[h, x, action] == best:
            if left == 0:
                return action
            left -= 1
    return int(table.greedy[h, x])


def spread_over_best(table: Table, h: int, x: int, share: float, weights: FloatArray) -> None:
    """Weights: ``share`` spread over the best actions, the rest over all."""
    best, ties = table.q[h, x, table.greedy[h, x]], 0
    actions = table.q.shape[2]
    for action in range(actions):
        if table.q[h, x, action] == best:
            ties += 1
    for action in range(actions):
        weights[action] = (1.0 - share) / actions
        if table.q[h, x, action] == best:
            weights[action] += share / ties


def tie_draw(key: int, k: int, h: int) -> float:
    """The uniform that breaks a tie."""
    return uniform(key, k, h)
