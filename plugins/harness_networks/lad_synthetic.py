"""Least absolute deviation on drawn data: one fresh instance a seed.

Row j of node i has a_ij ~ N(0, I) and b_ij = a_ij·θ_0 + Laplace(1), with θ_0 ~ N(0, I) common to
all. ``opposed`` adds +a θ_1 to the objectives of even nodes and −a θ_1 to those of odd ones: the
mean and L_g stay, L_ℓ grows with a.

Source: Scaman et al. 2019 has no experiments; the law is the harness's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge

from harness import Artifact, Cell, Method
from harness_networks.instance import (
    Instance,
    read_instance,
    slopes_instance,
    write_instance,
)
from harness_networks.objectives import opposed_at, opposed_oracle
from harness_networks.task import NetworkTask, Oracles

__all__ = ["LadSynthetic", "SyntheticRows"]


@dataclass(frozen=True, kw_only=True)
class SyntheticRows(Artifact):
    """Drawn rows and their exact optimum, whatever the network and the accuracy."""

    name: ClassVar[str] = "networks/lad-synthetic"

    nodes: int
    rows: int
    dimension: int
    opposed: float
    seed: int

    def build(self, context) -> None:
        generator = context.stream.numpy()
        truth = generator.standard_normal(self.dimension)
        rows = generator.standard_normal((self.nodes, self.rows, self.dimension))
        offsets = rows @ truth + generator.laplace(size=(self.nodes, self.rows))
        added = None
        if self.opposed:
            added = self.opposed * np.where(np.arange(self.nodes) % 2 == 0, 1.0, -1.0)
        instance = slopes_instance(rows, offsets, -1.0, added=added)
        write_instance(instance, context.folder)
        context.report("minimum", instance.minimum)

    def load(self, folder: Path) -> Instance:
        return read_instance(folder)


@dataclass(frozen=True, kw_only=True)
class LadSynthetic(NetworkTask):
    """Median regression on drawn data, a few rows a node.

    Parameters
    ----------
    dimension, rows
        d, and rows a node.
    opposed
        Size of the linear terms that cancel over the nodes, an even number of them.
    """

    dimension: Annotated[int, Ge(1)] = 10
    rows: Annotated[int, Ge(1)] = 5
    opposed: Annotated[float, Ge(0)] = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.opposed and self.node_count() % 2:
            raise ValueError(
                f"opposed terms cancel over an even number of nodes, got {self.node_count()}"
            )

    def oracles(self) -> Oracles:
        """With the linear terms where there are some."""
        return Oracles(opposed_oracle, opposed_at) if self.opposed else super().oracles()

    def artifacts(self, method: Method, seed: int) -> Sequence[Artifact]:
        """The seed's instance."""
        return (self._rows(seed),)

    def _rows(self, seed: int) -> SyntheticRows:
        return SyntheticRows(
            nodes=self.node_count(),
            rows=self.rows,
            dimension=self.dimension,
            opposed=self.opposed,
            seed=seed,
        )

    def instance(self, cell: Cell) -> Instance:
        """The seed's rows."""
        return cell.artifact(self._rows(cell.seed))
