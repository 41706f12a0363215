"""Small drawn objectives, to look for a violation of a bound: maxima of affine pieces, tiny data.

``networks/max-affine``: f_i(θ) = max_j (a_ij·θ + c_ij) with normal a_ij, c_ij; the mean over nodes
of the slopes is taken off, so that f̄ is bounded below.

``networks/small``: one to six coordinates, one to four rows a node, absolute deviation or hinge
loss, one in five with all nodes equal; all of it drawn by the seed.
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
    maximum_instance,
    read_instance,
    slopes_instance,
    write_instance,
)
from harness_networks.objectives import maximum_at, maximum_oracle
from harness_networks.task import NetworkTask

__all__ = ["MaxAffine", "MaxAffinePieces", "Small", "SmallRows"]


@dataclass(frozen=True, kw_only=True)
class MaxAffinePieces(Artifact):
    """Drawn pieces with their exact optimum."""

    name: ClassVar[str] = "networks/max-affine"

    nodes: int
    pieces: int
    dimension: int
    seed: int

    def build(self, context) -> None:
        generator = context.stream.numpy()
        rows = generator.standard_normal((self.nodes, self.pieces, self.dimension))
        rows -= rows.mean(axis=(0, 1))
        offsets = generator.standard_normal((self.nodes, self.pieces))
        write_instance(maximum_instance(rows, offsets), context.folder)

    def load(self, folder: Path) -> Instance:
        return read_instance(folder)


@dataclass(frozen=True, kw_only=True)
class MaxAffine(NetworkTask):
    """Maxima of drawn affine functions.

    Parameters
    ----------
    pieces, dimension
        Functions a node, d.
    """

    subgradient: ClassVar = staticmethod(maximum_oracle)
    value: ClassVar = staticmethod(maximum_at)

    pieces: Annotated[int, Ge(1)] = 8
    dimension: Annotated[int, Ge(1)] = 6

    def artifacts(self, method: Method, seed: int) -> Sequence[Artifact]:
        """The seed's pieces."""
        return (self._pieces(seed),)

    def _pieces(self, seed: int) -> MaxAffinePieces:
        return MaxAffinePieces(
            nodes=self.node_count(), pieces=self.pieces, dimension=self.dimension, seed=seed
        )

    def instance(self, cell: Cell) -> Instance:
        """The seed's pieces."""
        return cell.artifact(self._pieces(cell.seed))


@dataclass(frozen=True, kw_only=True)
class SmallRows(Artifact):
    """A tiny drawn instance whose start 0 is no minimiser."""

    name: ClassVar[str] = "networks/small"

    nodes: int
    seed: int

    def build(self, context) -> None:
        generator = context.stream.numpy()
        instance = _tiny(generator, self.nodes)
        while not (instance.radius > 1e-6 and instance.start_gap > 1e-6):
            instance = _tiny(generator, self.nodes)
        write_instance(instance, context.folder)

    def load(self, folder: Path) -> Instance:
        return read_instance(folder)


def _tiny(generator: np.random.Generator, nodes: int) -> Instance:
    dimension, count = int(generator.integers(1, 7)), int(generator.integers(1, 5))
    is_equal = generator.random() < 0.2
    drawn = 1 if is_equal else nodes
    rows = generator.standard_normal((drawn, count, dimension))
    low = -1.0 if generator.random() < 0.5 else 0.0
    if low == 0.0:
        offsets = np.full((drawn, count), -1.0)
    else:
        truth = generator.standard_normal(dimension)
        offsets = rows @ truth + generator.laplace(size=(drawn, count))
    if is_equal:
        rows, offsets = np.repeat(rows, nodes, axis=0), np.repeat(offsets, nodes, axis=0)
    return slopes_instance(rows, offsets, low)


@dataclass(frozen=True, kw_only=True)
class Small(NetworkTask):
    """A tiny objective, everything about it drawn; ask for an accuracy by ``x_start``."""

    def artifacts(self, method: Method, seed: int) -> Sequence[Artifact]:
        """The seed's instance."""
        return (self._rows(seed),)

    def _rows(self, seed: int) -> SmallRows:
        return SmallRows(nodes=self.node_count(), seed=seed)

    def instance(self, cell: Cell) -> Instance:
        """The seed's instance."""
        return cell.artifact(self._rows(cell.seed))
