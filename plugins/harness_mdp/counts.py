"""What model-based agents count, and the tables that they plan in.

===========  ==================  ==============================================
paper        here                what
===========  ==================  ==============================================
N(x, a)      ``visits``          (layers, S, A)
N(x, a, y)   ``transitions``     (layers, S, A, width)
P̂            ``transitions / visits``
===========  ==================  ==============================================

Dense counts have a place for each of S successors: 8 S²A bytes a layer. Lists have one for each
successor seen, b at most. A stationary task may be counted over all steps at once (one layer).

Source: Azar, Osband & Munos 2017, Algorithm 1.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from harness_mdp.agent import Facts, FloatArray

__all__ = [
    "Counts",
    "count",
    "counted_layer",
    "empirical_mean",
    "empirical_spread",
    "new_counts",
    "refuse_large",
    "set_value",
]


class Counts(NamedTuple):
    """Counts and planned values, updated in place."""

    transitions: npt.NDArray[np.float64]  # (layers, S, A, width)
    successor: npt.NDArray[np.int32]  # (layers, S, A, width) of lists, else empty
    known: npt.NDArray[np.int32]  # (layers, S, A) places in use
    visits: npt.NDArray[np.int32]  # (layers, S, A)
    reward: npt.NDArray[np.float64]  # (layers, S, A) sum
    arrivals: npt.NDArray[np.int32]  # (H + 1, S) visits to a state at a step
    q: npt.NDArray[np.float64]  # (H, S, A)
    v: npt.NDArray[np.float64]  # (H + 1, S)
    greedy: npt.NDArray[np.int32]  # (H, S)


def new_counts(facts: Facts, *, pooled: bool, lists: bool = False) -> Counts:
    """Nothing counted, every Q and V at H."""
    layers = 1 if pooled and facts.is_stationary else facts.horizon
    rows = (layers, facts.states, facts.actions)
    width = facts.branching or facts.states if lists else facts.states
    steps = (facts.horizon, facts.states)
    v = np.full((facts.horizon + 1, facts.states), float(facts.horizon))
    v[facts.horizon] = 0.0
    return Counts(
        transitions=np.zeros((*rows, width)),
        successor=np.zeros((*rows, width) if lists else (0, 0, 0, 0), np.int32),
        known=np.full(rows, 0 if lists else facts.states, np.int32),
        visits=np.zeros(rows, np.int32),
        reward=np.zeros(rows),
        arrivals=np.zeros((facts.horizon + 1, facts.states), np.int32),
        q=np.full((*steps, facts.actions), float(facts.horizon)),
        v=v,
        greedy=np.zeros(steps, np.int32),
    )


def refuse_large(facts: Facts, *, pooled: bool, lists: bool, limit: int) -> None:
    """Refuse counts above ``limit`` bytes, with the number."""
    layers = 1 if pooled and facts.is_stationary else facts.horizon
    width = facts.branching or facts.states if lists else facts.states
    needed = (12 if lists else 8) * layers * facts.states * facts.actions * width
    if needed > limit:
        raise ValueError(
            f"the counts take {needed / 2**20:,.0f} MiB (layers × S × A × successors), above"
            f" max_bytes = {limit / 2**20:,.0f} MiB"
        )


def counted_layer(counts: Counts, h: int) -> int:
    """The layer in which step ``h`` is counted."""
    return h if counts.visits.shape[0] > 1 else 0


def count(counts: Counts, h: int, x: int, a: int, r: float, y: int) -> None:
    """Count one transition."""
    layer, place = counted_layer(counts, h), y
    counts.visits[layer, x, a] += 1
    counts.reward[layer, x, a] += r
    counts.arrivals[h + 1, y] += 1
    if counts.successor.size > 0:
        known = int(counts.known[layer, x, a])
        place = 0
        while place < known and counts.successor[layer, x, a, place] != y:
            place += 1
        if place == known:
            counts.successor[layer, x, a, place] = y
            counts.known[layer, x, a] = known + 1
    counts.transitions[layer, x, a, place] += 1.0


def empirical_mean(counts: Counts, values: FloatArray, layer: int, x: int, a: int) -> float:
    """Mean of ``values`` (S,) over the successors seen; the row has been visited."""
    total = 0.0
    if counts.successor.size > 0:
        for j in range(counts.known[layer, x, a]):
            y = counts.successor[layer, x, a, j]
            total += counts.transitions[layer, x, a, j] * values[y]
    else:
        for y in range(values.size):
            total += counts.transitions[layer, x, a, y] * values[y]
    return total / counts.visits[layer, x, a]


def empirical_spread(
    counts: Counts, values: FloatArray, mean: float, layer: int, x: int, a: int
) -> float:
    """Variance of ``values`` (S,) over the successors seen."""
    total = 0.0
    for j in range(counts.known[layer, x, a]):
        y = counts.successor[layer, x, a, j] if counts.successor.size > 0 else j
        distance = values[y] - mean
        total += counts.transitions[layer, x, a, j] * (distance * distance)
    return total / counts.visits[layer, x, a]


def set_value(counts: Counts, h: int, x: int) -> float:
    """Write the greedy action of (h, x), the first of the best, and V, the largest Q."""
    best, largest = 0, counts.q[h, x, 0]
    for a in range(1, counts.q.shape[2]):
        if counts.q[h, x, a] > largest:
            best, largest = a, counts.q[h, x, a]
    counts.greedy[h, x] = best
    counts.v[h, x] = largest
    return largest
