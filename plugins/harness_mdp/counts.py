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
    "dense_sum",
    "first_best",
    "listed_sum",
    "new_counts",
    "refuse_large",
    "seen_spread",
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


def counted_layer(visits: npt.NDArray[np.int32], h: int) -> int:
    """The layer in which step ``h`` is counted."""
    return h if visits.shape[0] > 1 else 0


def count(counts: Counts, h: int, x: int, a: int, r: float, y: int) -> None:
    """Count one transition."""
    layer, place = counted_layer(counts.visits, h), y
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


def dense_sum(transitions: FloatArray, values: FloatArray, layer: int, x: int, a: int) -> float:
    """Sum of ``values`` (S,) over the transitions seen; divided by the visits it is their mean."""
    total = 0.0
    for y in range(values.size):
        total += transitions[layer, x, a, y] * values[y]
    return total


def listed_sum(
    transitions: FloatArray,
    successor: npt.NDArray[np.int32],
    places: int,
    values: FloatArray,
    layer: int,
    x: int,
    a: int,
) -> float:
    """The same from lists with ``places`` in use."""
    total = 0.0
    for j in range(places):
        total += transitions[layer, x, a, j] * values[successor[layer, x, a, j]]
    return total


def seen_spread(
    transitions: FloatArray,
    successor: npt.NDArray[np.int32],
    known: npt.NDArray[np.int32],
    values: FloatArray,
    mean: float,
    layer: int,
    x: int,
    a: int,
) -> float:
    """Sum of squared distances of ``values`` (S,) from ``mean`` over the transitions seen."""
    total = 0.0
    for j in range(known[layer, x, a]):
        y = successor[layer, x, a, j] if successor.size > 0 else j
        distance = values[y] - mean
        total += transitions[layer, x, a, j] * (distance * distance)
    return total


def first_best(q: FloatArray, h: int, x: int) -> int:
    """The first of the actions with the largest Q."""
    best = 0
    for a in range(1, q.shape[2]):
        if q[h, x, a] > q[h, x, best]:
            best = a
    return best
