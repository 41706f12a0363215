"""A problem on a network, whatever the network: data split over nodes, and its exact optimum.

=======  ==============  ==================================================================
paper    here            what
=======  ==============  ==================================================================
f_i      ``objective``   row i of its arrays
θ*, f̄*   ``minimiser``, ``minimum``
L_i      ``lipschitz``   (nodes,) exact where r ≤ 10, an upper bound beyond
L_g      ``l_global``    an upper bound
=======  ==============  ==================================================================
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from math import inf, sqrt
from pathlib import Path
from typing import NamedTuple

import numpy as np

from harness_networks.objectives import (
    ADDED,
    MAXIMUM,
    SLOPES,
    FloatArray,
    Objective,
    local_of,
    mean_value,
    no_chain,
    subgradient,
    value,
)
from harness_networks.optimum import (
    Optimum,
    slopes_in_ball,
    slopes_minimum,
    smallest_maximum,
)

__all__ = [
    "Instance",
    "maximum_instance",
    "mean_at",
    "read_instance",
    "refuse_non_convex",
    "refuse_wrong_optimum",
    "slopes_instance",
    "split_rows",
    "write_instance",
]

_ENUMERATED_ROWS = 10  # 2^r sign patterns up to here
_PAIRS = 16  # sampled a node to find an objective that is not convex
_SLACK = 1e-6  # of a declared optimum, relative
_DESCENT = 40  # steps from it


class Instance(NamedTuple):
    """Objective and optimum together; ``ball`` is infinite where θ is free."""

    objective: Objective
    minimiser: FloatArray  # (d,)
    minimum: float
    lipschitz: FloatArray  # (nodes,)
    l_global: float
    radius: float  # R: the ball's radius, else at least the minimiser's distance from 0
    ball: float

    @property
    def l_local(self) -> float:
        """L_ℓ: root mean square of the L_i."""
        return float(np.sqrt(np.mean(np.square(self.lipschitz))))

    @property
    def start_gap(self) -> float:
        """f̄(0) − f̄*."""
        return mean_at(self.objective, np.zeros_like(self.minimiser)) - self.minimum


def mean_at(objective: Objective, point: FloatArray, value: Callable[..., float] = value) -> float:
    """f̄(point), by the value of the objective's law or by a task's own."""
    calls = np.zeros(len(objective.rows), dtype=np.int64)
    return float(mean_value(value, objective, point, calls))


def split_rows(rows: FloatArray, offsets: FloatArray, nodes: int) -> tuple[FloatArray, FloatArray]:
    """Rows in their order, equally many for each node; what is left over is dropped.

    Raises
    ------
    ValueError
        For fewer rows than nodes, or numbers that are not finite.
    """
    if len(rows) < nodes:
        raise ValueError(f"{len(rows)} rows cannot be split over {nodes} nodes")
    if not (np.isfinite(rows).all() and np.isfinite(offsets).all()):
        raise ValueError("the data have entries that are not finite")
    each = len(rows) // nodes
    kept = nodes * each
    return rows[:kept].reshape(nodes, each, -1), offsets[:kept].reshape(nodes, each)


def slopes_instance(
    rows: FloatArray,
    offsets: FloatArray,
    low: float,
    *,
    ball: float = inf,
    added: FloatArray | None = None,
) -> Instance:
    """Absolute deviation (``low`` −1) or hinge loss (0) with its optimum.

    ``added`` is a linear term on the first coordinate, one a node, that must cancel in the
    mean: (nodes,).
    """
    nodes, _, dimension = rows.shape
    flat, flat_offsets = rows.reshape(-1, dimension), offsets.reshape(-1)
    if ball < inf:
        best = slopes_in_ball(flat, flat_offsets, low, ball)
    else:
        best = slopes_minimum(flat, flat_offsets, low)
    chain = no_chain(nodes)
    if added is not None:
        if abs(added.sum()) > 1e-9 * (1.0 + np.abs(added).max()):
            raise ValueError("the added linear terms must cancel over the nodes")
        chain[:, ADDED] = added
    lipschitz = np.array(
        [_slopes_lipschitz(each, low, term) for each, term in zip(rows, chain[:, ADDED])]  # noqa: B905
    )
    whole = float(np.linalg.norm(flat, 2)) / sqrt(len(flat))
    plain = np.array([_slopes_lipschitz(each, low, 0.0) for each in rows])
    objective = Objective(SLOPES, low, rows, offsets, chain)
    return _instance(objective, best, lipschitz, min(whole, float(plain.mean())), ball)


def maximum_instance(rows: FloatArray, offsets: FloatArray) -> Instance:
    """A maximum of affine functions on each node, with its optimum."""
    best = smallest_maximum(rows, offsets)
    lipschitz = np.linalg.norm(rows, axis=2).max(axis=1)
    objective = Objective(MAXIMUM, -1.0, rows, offsets, no_chain(len(rows)))
    return _instance(objective, best, lipschitz, float(lipschitz.mean()), inf)


def _instance(
    objective: Objective, best: Optimum, lipschitz: FloatArray, l_global: float, ball: float
) -> Instance:
    # As the drivers measure it, so that no rounding of another sum enters the gap.
    minimum = mean_at(objective, best.point)
    radius = ball if ball < inf else float(np.linalg.norm(best.point))
    return Instance(objective, best.point, minimum, lipschitz, l_global, radius, ball)


def _slopes_lipschitz(rows: FloatArray, low: float, added: float) -> float:
    """L_i of (1/r) Σ φ(a_j·θ − b_j) + added·θ_1: the longest of its sub-gradients, or a bound."""
    count, dimension = rows.shape
    term = np.zeros(dimension)
    term[0] = added
    if count <= _ENUMERATED_ROWS:
        slopes = np.array(list(product((low, 1.0), repeat=count)))  # (2^r, r)
        return float(np.linalg.norm(slopes @ rows / count + term, axis=1).max())
    largest = max(1.0, abs(low))
    spectral = float(np.linalg.norm(rows, 2)) / sqrt(count)
    mean_row = float(np.linalg.norm(rows, axis=1).mean())
    return largest * min(spectral, mean_row) + abs(added)


def refuse_non_convex(
    instance: Instance,
    subgradient: Callable[..., None] = subgradient,
    value: Callable[..., float] = value,
) -> None:
    """Look for two points at which a node's sub-gradient inequality fails.

    Raises
    ------
    ValueError
        Naming the node: MSPD and its rivals need every f_i convex, and finite.
    """
    generator = np.random.default_rng(0)
    nodes, _, dimension = instance.objective.rows.shape
    calls = np.zeros(nodes, dtype=np.int64)
    reach = max(instance.radius, 1e-300)
    slope = np.empty(dimension)
    for i in range(nodes):
        local = local_of(instance.objective, i, calls)
        for _ in range(_PAIRS):
            one, other = _in_ball(generator, 2, dimension) * reach
            subgradient(local, one, slope)
            here, there = value(local, one), value(local, other)
            if not np.isfinite([here, there, *slope]).all():
                raise ValueError(f"the objective of node {i} or its sub-gradient is not finite")
            if there < here + slope @ (other - one) - 1e-9 * (1.0 + abs(here)):
                raise ValueError(
                    f"the objective of node {i} is not convex: its sub-gradient inequality fails "
                    f"by {here + slope @ (other - one) - there:g}"
                )


def refuse_wrong_optimum(
    instance: Instance,
    subgradient: Callable[..., None] = subgradient,
    value: Callable[..., float] = value,
) -> None:
    """Look for a point below the minimum that the instance states, by sub-gradient steps from it.

    Raises
    ------
    ValueError
        Also when the minimiser does not attain the minimum, or is further from 0 than R: every
        gap and every bound would be of another problem.
    """
    best, minimum, radius = instance.minimiser, instance.minimum, instance.radius
    away = float(np.linalg.norm(best))
    if away > radius * (1.0 + _SLACK) + _SLACK:
        raise ValueError(f"the declared minimiser is {away:g} from 0, further than R = {radius:g}")
    attained = mean_at(instance.objective, best, value)
    slack = _SLACK * (1.0 + abs(minimum))
    if not abs(attained - minimum) <= slack:
        raise ValueError(
            f"the declared minimum is {minimum:g}, but f̄ at the declared minimiser is {attained:g}"
        )
    point = best.copy()
    for step in range(1, _DESCENT + 1):
        slope = _mean_slope(instance.objective, point, subgradient)
        if not (length := float(np.linalg.norm(slope))):
            return
        point -= radius / (4.0 * step * length) * slope
        point *= min(1.0, instance.ball / max(float(np.linalg.norm(point)), 1e-300))
        found = mean_at(instance.objective, point, value)
        if found < minimum - slack:
            raise ValueError(f"the declared minimum is {minimum:g}, but f̄ goes down to {found:g}")


def _mean_slope(
    objective: Objective, point: FloatArray, subgradient: Callable[..., None]
) -> FloatArray:
    calls = np.zeros(len(objective.rows), dtype=np.int64)
    slope, total = np.zeros_like(point), np.zeros_like(point)
    for node in range(len(calls)):
        subgradient(local_of(objective, node, calls), point, slope)
        total += slope
    return total / len(calls)


def _in_ball(generator: np.random.Generator, count: int, dimension: int) -> FloatArray:
    directions = generator.standard_normal((count, dimension))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return directions * generator.random((count, 1))


def write_instance(instance: Instance, folder: Path) -> None:
    """Keep an instance; see :func:`read_instance`."""
    objective = instance.objective
    np.savez(
        folder / "instance.npz",
        law=objective.law,
        low=objective.low,
        rows=objective.rows,
        offsets=objective.offsets,
        chain=objective.chain,
        minimiser=instance.minimiser,
        minimum=instance.minimum,
        lipschitz=instance.lipschitz,
        l_global=instance.l_global,
        radius=instance.radius,
        ball=instance.ball,
    )


def read_instance(folder: Path) -> Instance:
    """The instance kept in ``folder``."""
    with np.load(folder / "instance.npz", allow_pickle=False) as kept:
        objective = Objective(
            int(kept["law"]), float(kept["low"]), kept["rows"], kept["offsets"], kept["chain"]
        )
        return Instance(
            objective,
            kept["minimiser"],
            float(kept["minimum"]),
            kept["lipschitz"],
            float(kept["l_global"]),
            float(kept["radius"]),
            float(kept["ball"]),
        )
