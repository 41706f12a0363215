"""Local objectives as arrays, and the two functions that drivers call: sub-gradient and value.

=============  ====================================================================
law            f_i(θ), for the r rows a_j and offsets b_j of node i
=============  ====================================================================
``SLOPES``     (1/r) Σ_j φ(a_j·θ − b_j), φ(x) = x above 0 and ``low`` x below:
               absolute deviation with low = −1, hinge loss with a = −yx, b = −1, low = 0
``MAXIMUM``    max_j (a_j·θ − b_j)
``CHAIN``      the families of the lower bounds, by the numbers of :class:`ChainPlace`
=============  ====================================================================

At kinks the sub-gradient is the resisting oracle's: sign(0) = 0, and ties of a maximum go to the
smallest index. The lower bounds need it.

Source: Scaman et al. 2019, appendices B.1 and C.1 for the chain.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from harness.kernels import row

__all__ = [
    "ADDED",
    "CHAIN",
    "MAXIMUM",
    "SLOPES",
    "Local",
    "Objective",
    "chain_at",
    "chain_oracle",
    "local_of",
    "maximum_at",
    "maximum_oracle",
    "mean_value",
    "no_chain",
    "opposed_at",
    "opposed_oracle",
    "slopes_at",
    "slopes_oracle",
    "subgradient",
    "value",
]

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]

SLOPES, MAXIMUM, CHAIN = 0, 1, 2

# Objective.chain, a row a node
CHAIN_NUMBERS = 8
ALPHA, ODD, EVEN, FIRST, LAST, LENGTH, TAIL, ADDED = range(CHAIN_NUMBERS)


class Objective(NamedTuple):
    """All local objectives: what the task measures with, never a method's to see."""

    law: int
    low: float
    rows: FloatArray  # (nodes, r, d)
    offsets: FloatArray  # (nodes, r)
    chain: FloatArray  # (nodes, 8) of the law CHAIN; ADDED: a linear term of the law SLOPES


class Local(NamedTuple):
    """One node's objective, and how often its sub-gradient was asked for."""

    law: int
    low: float
    rows: FloatArray  # (r, d)
    offsets: FloatArray  # (r,)
    chain: FloatArray  # (8,)
    calls: IntArray  # (1,) counted by the oracle


def no_chain(nodes: int) -> FloatArray:
    """``Objective.chain`` where there is none."""
    return np.zeros((nodes, CHAIN_NUMBERS))


def local_of(objective: Objective, node: int, calls: IntArray) -> Local:
    """The node's own part; ``calls`` has one counter a node."""
    return Local(
        objective.law,
        objective.low,
        objective.rows[node],
        objective.offsets[node],
        objective.chain[node],
        calls[node : node + 1],
    )


# A task hands its own law's two functions to its drivers: one function for all laws would take
# twice as long to compile in each of them.


def slopes_oracle(local: Local, point: FloatArray, out: FloatArray) -> None:
    """Write a sub-gradient of the node's objective at ``point``; costs one unit of time."""
    local.calls[0] += 1
    slopes_subgradient(local.rows, local.offsets, local.low, point, out)


def slopes_at(local: Local, point: FloatArray) -> float:
    """f_i(point); for measuring, it is no oracle of the methods."""
    return slopes_value(local.rows, local.offsets, local.low, point)


# Apart, since each array taken out of a record is counted: 14 ns of the 150 of a sub-gradient.
def opposed_oracle(local: Local, point: FloatArray, out: FloatArray) -> None:
    """As ``slopes_oracle``, with the linear term on the first coordinate."""
    slopes_oracle(local, point, out)
    out[0] += local.chain[ADDED]


def opposed_at(local: Local, point: FloatArray) -> float:
    """As ``slopes_at``, with the linear term on the first coordinate."""
    return slopes_at(local, point) + local.chain[ADDED] * point[0]


def maximum_oracle(local: Local, point: FloatArray, out: FloatArray) -> None:
    """As ``slopes_oracle``, of the law ``MAXIMUM``."""
    local.calls[0] += 1
    maximum_subgradient(local.rows, local.offsets, point, out)


def maximum_at(local: Local, point: FloatArray) -> float:
    """As ``slopes_at``, of the law ``MAXIMUM``."""
    return maximum_value(local.rows, local.offsets, point)


def chain_oracle(local: Local, point: FloatArray, out: FloatArray) -> None:
    """As ``slopes_oracle``, of the law ``CHAIN``."""
    local.calls[0] += 1
    chain_subgradient(local.chain, point, out)


def chain_at(local: Local, point: FloatArray) -> float:
    """As ``slopes_at``, of the law ``CHAIN``."""
    return chain_value(local.chain, point)


def subgradient(local: Local, point: FloatArray, out: FloatArray) -> None:
    """The oracle of whatever law the objective has; for callers in plain Python."""
    (opposed_oracle, maximum_oracle, chain_oracle)[local.law](local, point, out)


def value(local: Local, point: FloatArray) -> float:
    """f_i(point), whatever law the objective has; for callers in plain Python."""
    return (opposed_at, maximum_at, chain_at)[local.law](local, point)


def mean_value(
    value: Callable[[Local, FloatArray], float],
    objective: Objective,
    point: FloatArray,
    calls: IntArray,
) -> float:
    """f̄(point), the mean over nodes of ``value``."""
    total = 0.0
    nodes = objective.rows.shape[0]
    for node in range(nodes):
        total += value(local_of(objective, node, calls), point)
    return total / nodes


def slope_of(residual: float, above: float, below: float) -> float:
    """The slope at a residual, 0 at the kink; for the row below alone, whose flags it gets."""
    return above if residual > 0.0 else (below if residual < 0.0 else 0.0)


# One pass over the point and one over the result for five rows, the others three at a time, with
# reassociated sums: 5 rows of d = 100 take 53 ns, as 3 + 2 they took 105. A view of a row
# would be a counted reference (3 ns), so each entry is indexed where it is used.
@row("reassoc", "contract", "nsz")
def slopes_subgradient(
    rows: FloatArray, offsets: FloatArray, low: float, point: FloatArray, out: FloatArray
) -> None:
    """(1/r) Σ_j φ'(a_j·point − b_j) a_j."""
    count, dimension = rows.shape
    above, below = 1.0 / count, low / count
    first, second, third, fourth, fifth = 0.0, 0.0, 0.0, 0.0, 0.0
    done = 0
    if count < 5:
        for c in range(dimension):
            out[c] = 0.0
    else:
        for c in range(dimension):
            first += rows[0, c] * point[c]
            second += rows[1, c] * point[c]
            third += rows[2, c] * point[c]
            fourth += rows[3, c] * point[c]
            fifth += rows[4, c] * point[c]
        first = slope_of(first - offsets[0], above, below)
        second = slope_of(second - offsets[1], above, below)
        third = slope_of(third - offsets[2], above, below)
        fourth = slope_of(fourth - offsets[3], above, below)
        fifth = slope_of(fifth - offsets[4], above, below)
        for c in range(dimension):
            early = first * rows[0, c] + second * rows[1, c] + third * rows[2, c]
            out[c] = early + fourth * rows[3, c] + fifth * rows[4, c]
        done = 5
    while done + 3 <= count:
        first, second, third = 0.0, 0.0, 0.0
        for c in range(dimension):
            first += rows[done, c] * point[c]
            second += rows[done + 1, c] * point[c]
            third += rows[done + 2, c] * point[c]
        first = slope_of(first - offsets[done], above, below)
        second = slope_of(second - offsets[done + 1], above, below)
        third = slope_of(third - offsets[done + 2], above, below)
        for c in range(dimension):
            early = first * rows[done, c] + second * rows[done + 1, c]
            out[c] += early + third * rows[done + 2, c]
        done += 3
    for last in range(done, count):
        first = 0.0
        for c in range(dimension):
            first += rows[last, c] * point[c]
        first = slope_of(first - offsets[last], above, below)
        for c in range(dimension):
            out[c] += first * rows[last, c]


@row("reassoc", "contract", "nsz")
def slopes_value(rows: FloatArray, offsets: FloatArray, low: float, point: FloatArray) -> float:
    """(1/r) Σ_j φ(a_j·point − b_j)."""
    count, dimension = rows.shape
    total = 0.0
    for j in range(count):
        one = rows[j]
        inner = 0.0
        for c in range(dimension):
            inner += one[c] * point[c]
        inner -= offsets[j]
        total += inner if inner > 0.0 else low * inner
    return total / count


@row("reassoc", "contract", "nsz")
def maximum_subgradient(
    rows: FloatArray, offsets: FloatArray, point: FloatArray, out: FloatArray
) -> None:
    """The first row among those with the largest a_j·point − b_j."""
    count, dimension = rows.shape
    best, largest = 0, -np.inf
    for j in range(count):
        one = rows[j]
        inner = 0.0
        for c in range(dimension):
            inner += one[c] * point[c]
        inner -= offsets[j]
        if inner > largest:
            best, largest = j, inner
    for c in range(dimension):
        out[c] = rows[best, c]


@row("reassoc", "contract", "nsz")
def maximum_value(rows: FloatArray, offsets: FloatArray, point: FloatArray) -> float:
    """max_j (a_j·point − b_j)."""
    count, dimension = rows.shape
    largest = -np.inf
    for j in range(count):
        one = rows[j]
        inner = 0.0
        for c in range(dimension):
            inner += one[c] * point[c]
        inner -= offsets[j]
        largest = max(largest, inner)
    return largest


def chain_subgradient(chain: FloatArray, point: FloatArray, out: FloatArray) -> None:
    """Of (α/2)‖θ‖² + odd or even links of the chain, −β θ_1, and δ max over the tail.

    Coordinates are 0-based: θ_1 is ``point[0]``, and odd links join (0, 1), (2, 3), …
    """
    length, tail = int(chain[LENGTH]), int(chain[TAIL])
    for c in range(point.size):
        out[c] = chain[ALPHA] * point[c]
    for start, weight in ((0, chain[ODD]), (1, chain[EVEN])):
        if weight != 0.0:
            for link in range(length):
                low = start + 2 * link
                difference = point[low + 1] - point[low]
                slope = weight if difference > 0.0 else (-weight if difference < 0.0 else 0.0)
                out[low + 1] += slope
                out[low] -= slope
    out[0] -= chain[FIRST]
    if chain[LAST] != 0.0:
        best = 2 * length + 1
        for c in range(best + 1, best + tail):
            if point[c] > point[best]:
                best = c
        out[best] += chain[LAST]


def chain_value(chain: FloatArray, point: FloatArray) -> float:
    """The value whose sub-gradient is :func:`chain_subgradient`."""
    length, tail = int(chain[LENGTH]), int(chain[TAIL])
    total = 0.0
    for c in range(point.size):
        total += 0.5 * chain[ALPHA] * point[c] * point[c]
    for start, weight in ((0, chain[ODD]), (1, chain[EVEN])):
        if weight != 0.0:
            for link in range(length):
                low = start + 2 * link
                total += weight * abs(point[low + 1] - point[low])
    total -= chain[FIRST] * point[0]
    if chain[LAST] != 0.0:
        largest = point[2 * length + 1]
        for c in range(2 * length + 2, 2 * length + 1 + tail):
            largest = max(largest, point[c])
        total += chain[LAST] * largest
    return total
