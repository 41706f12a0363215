"""Objectives whose optimum is plain to see.

``networks/two-slopes``: every node has f(θ) = max(−low (θ − a), θ − a) in one dimension, so that
nothing is to be agreed on and MSPD's recursion is scalar. With the defaults, on a path of 8 nodes
and with T = 127, M = 5, the printed MSPD ends 1.22 ε from the optimum: the bound printed in
Theorem 18 of Scaman et al. 2019 is false for it.

``networks/scattered``: f̄(θ) = (1/d) ‖θ − 1/√d‖₁, d/n coordinates a node: L_g = 1/√d and R = 1
exactly, the objective that randomised smoothing finds hard.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, sqrt
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Gt, Interval

from harness import Cell, Metric
from harness_networks.instance import Instance
from harness_networks.metrics import METRICS, exact
from harness_networks.objectives import SLOPES, Objective, no_chain
from harness_networks.task import NetworkTask

__all__ = ["Scattered", "TwoSlopes"]


@dataclass(frozen=True, kw_only=True)
class TwoSlopes(NetworkTask):
    """The same kink at every node, in one dimension.

    Parameters
    ----------
    kink
        a, where the minimum 0 lies; R is 1.
    low
        Slope to the left, to be taken negative; the slope to the right is 1.
    """

    metrics: ClassVar[tuple[Metric, ...]] = exact(METRICS)

    kink: Annotated[float, Interval(gt=0, le=1)] = 0.9677
    low: Annotated[float, Interval(gt=0, le=1)] = 0.875

    def instance(self, cell: Cell) -> Instance:
        """The kink, once a node."""
        nodes = self.node_count()
        rows, offsets = np.ones((nodes, 1, 1)), np.full((nodes, 1), self.kink)
        objective = Objective(SLOPES, -self.low, rows, offsets, no_chain(nodes))
        return Instance(
            objective=objective,
            minimiser=np.array([self.kink]),
            minimum=0.0,
            lipschitz=np.ones(nodes),
            l_global=1.0,
            radius=1.0,
            ball=inf,
        )


@dataclass(frozen=True, kw_only=True)
class Scattered(NetworkTask):
    """Absolute deviations of single coordinates, scattered over the nodes.

    Parameters
    ----------
    dimension
        d, a multiple of the number of nodes.
    """

    dimension: Annotated[int, Gt(0)] = 16

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.dimension % self.node_count():
            raise ValueError(
                f"{self.dimension} coordinates cannot be dealt evenly to {self.node_count()} nodes"
            )

    def instance(self, cell: Cell) -> Instance:
        """Coordinates i, i + n, … at node i."""
        nodes = self.node_count()
        each = self.dimension // nodes
        rows = np.zeros((nodes, each, self.dimension))
        for coordinate in range(self.dimension):
            rows[coordinate % nodes, coordinate // nodes, coordinate] = 1.0
        target = 1.0 / sqrt(self.dimension)
        offsets = np.full((nodes, each), target)
        return Instance(
            objective=Objective(SLOPES, -1.0, rows, offsets, no_chain(nodes)),
            minimiser=np.full(self.dimension, target),
            minimum=0.0,
            lipschitz=np.full(nodes, 1.0 / sqrt(each)),
            l_global=target,
            radius=1.0,
            ball=inf,
        )
