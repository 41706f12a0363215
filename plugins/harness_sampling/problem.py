"""What a task hands a sampler: a convex body and a target law on it, with their oracles."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from math import inf
from typing import Any, ClassVar, NamedTuple

import numpy as np

from harness_sampling.arrays import FloatArray, IntArray
from harness_sampling.flat import add_noise
from harness_sampling.sampler import ORACLES, Facts

__all__ = [
    "Body",
    "BodyOracles",
    "Target",
    "TargetOracles",
    "add_and_project",
    "facts_of",
    "follow_nothing",
    "no_calls",
    "refresh_nothing",
]


def add_and_project(project, body, points, noise, sd):
    """Each point replaced by the body's nearest one to point + sd · noise."""
    size = points.size
    add_noise(points.reshape(size), noise.reshape(size), sd)
    project(body, points)


class BodyOracles(NamedTuple):
    """The functions of a body that a driver calls; see :class:`harness_sampling.sampler.Oracles`.

    ``refresh(body, points)`` computes anew what the body tracks along the chains. A body may have a
    ``project_sum`` of its own, with the same bits, where one pass does both.
    """

    project: Callable[..., None]
    contains: Callable[..., None]
    chords: Callable[..., None]
    axis_chords: Callable[..., None]
    follow: Callable[..., None]
    refresh: Callable[..., None]
    project_sum: Callable[..., None] = add_and_project


def follow_nothing(body, points, t):
    """For a body that tracks nothing."""
    return


def refresh_nothing(body, points):
    """For a body that tracks nothing."""
    return


class TargetOracles(NamedTuple):
    """The functions of a target that a driver calls."""

    gradient: Callable[..., None]
    potential: Callable[..., None]
    along: Callable[..., None]


def no_calls() -> IntArray:
    """A count of 0 for each oracle; a body's and a target's record share one."""
    return np.zeros(len(ORACLES), dtype=np.int64)


class Body(ABC):
    """A convex body with exact oracles; ``serves`` names those that it has.

    Attributes
    ----------
    dimension, flat
        Of the space, and of the body's affine hull.
    inner_radius, outer_radius
        Of the largest ball about ``centre`` within the body (within its affine hull), and of the
        smallest one about it that contains it; an upper bound where a body says so.
    """

    name: ClassVar[str]
    serves: frozenset[str] = frozenset({"projection", "membership", "chord", "axis"})
    oracles: ClassVar[BodyOracles]

    dimension: int
    centre: FloatArray
    inner_radius: float
    outer_radius: float

    @property
    def flat(self) -> int:
        """Dimension of the affine hull."""
        return self.dimension

    @abstractmethod
    def record(self, chains: int, calls: IntArray) -> Any:
        """The NamedTuple that the oracles get, with room for ``chains`` chains."""

    @abstractmethod
    def gauge(self, points: FloatArray) -> FloatArray:
        """inf{s: x in c + s(K − c)} of points (…, n) about the centre c: 1 on the boundary."""

    def off_flat(self, point: FloatArray) -> str:
        """Why the point lies off the body's affine hull; empty where it does not."""
        return ""

    def facets(self) -> tuple[FloatArray, FloatArray]:
        """A and b of {Ax ≤ b}; no rows where the body is no polytope."""
        return np.zeros((0, self.dimension)), np.zeros(0)

    # One point at a time, for tests and for a look; the same functions as in the driver.

    def project(self, point: FloatArray) -> FloatArray:
        """The nearest point of the body."""
        points = np.array(point, dtype=np.float64).reshape(1, -1)
        self.oracles.project(self.record(1, no_calls()), points)
        return points[0]

    def contains(self, point: FloatArray) -> bool:
        """Whether the point lies in the body."""
        out = np.zeros(1)
        points = np.array(point, dtype=np.float64).reshape(1, -1)
        self.oracles.contains(self.record(1, no_calls()), points, out)
        return bool(out[0])

    def chord(self, point: FloatArray, direction: FloatArray) -> tuple[float, float]:
        """The ends t of {point + t · direction in the body}."""
        points = np.array(point, dtype=np.float64).reshape(1, -1)
        directions = np.array(direction, dtype=np.float64).reshape(1, -1)
        low, high = np.zeros(1), np.zeros(1)
        record = self.record(1, no_calls())
        self.oracles.refresh(record, points)
        self.oracles.chords(record, points, directions, low, high)
        return float(low[0]), float(high[0])


class Target(ABC):
    """A law on a body with density proportional to exp(−f)."""

    name: ClassVar[str]
    oracles: ClassVar[TargetOracles]
    is_uniform: bool = False

    @abstractmethod
    def record(self, chains: int, calls: IntArray) -> Any:
        """The NamedTuple that the oracles get."""

    def lipschitz(self, body: Body) -> float:
        """An upper bound of |∇f| on the body."""
        return inf

    def smoothness(self, body: Body) -> float:
        """A Lipschitz constant of ∇f on the body."""
        return inf

    def concentration(self) -> FloatArray:
        """α of a Dirichlet law, else nothing."""
        return np.zeros(0)

    def check(self, body: Body) -> None:
        """Refuse a body on which the law is not defined."""
        return


def facts_of(body: Body, target: Target, chains: int) -> Facts:
    """What a method may know of them."""
    facets, offsets = body.facets()
    return Facts(
        dimension=body.dimension,
        flat=body.flat,
        chains=chains,
        inner_radius=body.inner_radius,
        outer_radius=body.outer_radius,
        lipschitz=target.lipschitz(body),
        smoothness=target.smoothness(body),
        is_uniform=target.is_uniform,
        centre=np.ascontiguousarray(body.centre, dtype=np.float64),
        facets=facets,
        offsets=offsets,
        concentration=target.concentration(),
    )
