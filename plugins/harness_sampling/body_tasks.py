"""The tasks on bodies: which body, and which laws on it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import sqrt
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Gt, Interval

from harness_sampling.ball import Ball
from harness_sampling.box import Box
from harness_sampling.box_ball import BoxBall
from harness_sampling.dirichlet import Dirichlet
from harness_sampling.ellipsoid import Ellipsoid
from harness_sampling.exact import reference
from harness_sampling.gaussian import Gaussian
from harness_sampling.guards import require_positive
from harness_sampling.intersection import Intersection
from harness_sampling.l1_ball import L1Ball
from harness_sampling.law import ExactLaw
from harness_sampling.polytope import Polytope
from harness_sampling.problem import Body, Target
from harness_sampling.sampling_task import SamplingTask
from harness_sampling.simplex import SimplexFace, SolidSimplex
from harness_sampling.tilt import Tilt
from harness_sampling.uniform import Uniform

__all__ = [
    "BallTask",
    "BoxBallTask",
    "BoxTask",
    "EllipsoidTask",
    "L1BallTask",
    "PolytopeTask",
    "SimplexTask",
]

_Dimension = Annotated[int, Interval(ge=1, le=10_000)]


def _gaussian(sigma: float) -> Gaussian:
    require_positive("sigma", sigma)
    return Gaussian(0.5 / (sigma * sigma))


@dataclass(frozen=True, kw_only=True)
class BoxTask(SamplingTask):
    """[low, high]^n with a uniform, truncated Gaussian or exponentially tilted law.

    Parameters
    ----------
    target_law
        ``tilt``: density ∝ exp(−slope Σx_i).
    sigma
        Of the Gaussian about 0.
    """

    dimension: _Dimension = 10
    low: float = -1.0
    high: float = 1.0
    target_law: Literal["uniform", "gaussian", "tilt"] = "uniform"
    sigma: Annotated[float, Gt(0)] = 0.5
    slope: float = 1.0

    def make_body(self) -> Body:
        return Box(np.full(self.dimension, self.low), np.full(self.dimension, self.high))

    def make_target(self) -> Target:
        if self.target_law == "gaussian":
            return _gaussian(self.sigma)
        if self.target_law == "tilt":
            return Tilt(np.full(self.dimension, self.slope))
        return Uniform()


@dataclass(frozen=True, kw_only=True)
class BallTask(SamplingTask):
    """{|x| ≤ radius} with a uniform or truncated Gaussian law."""

    dimension: _Dimension = 10
    radius: float = 1.0
    target_law: Literal["uniform", "gaussian"] = "uniform"
    sigma: Annotated[float, Gt(0)] = 0.5

    def make_body(self) -> Body:
        return Ball(self.dimension, self.radius)

    def make_target(self) -> Target:
        return _gaussian(self.sigma) if self.target_law == "gaussian" else Uniform()


@dataclass(frozen=True, kw_only=True)
class SimplexTask(SamplingTask):
    """{x ≥ 0, Σx = total}, or the solid simplex {x ≥ 0, Σx ≤ total}.

    Parameters
    ----------
    coefficients
        c of the tilt e^{−⟨c, x⟩}; none: slope · (0, 1, 2, …).
    alpha
        Of the Dirichlet law; none: 2 everywhere.
    """

    dimension: _Dimension = 10
    total: float = 1.0
    solid: bool = False
    target_law: Literal["uniform", "tilt", "dirichlet"] = "uniform"
    coefficients: tuple[float, ...] = ()
    slope: float = 1.0
    alpha: tuple[float, ...] = ()

    def make_body(self) -> Body:
        if self.solid:
            return SolidSimplex(self.dimension, self.total)
        return SimplexFace(self.dimension, self.total)

    def make_target(self) -> Target:
        if self.target_law == "tilt":
            return Tilt(np.array(self.coefficients or self.slope * np.arange(self.dimension)))
        if self.target_law == "dirichlet":
            return Dirichlet(np.array(self.alpha or np.full(self.dimension, 2.0)))
        return Uniform()


@dataclass(frozen=True, kw_only=True)
class L1BallTask(SamplingTask):
    """The uniform law on {Σ|x| ≤ radius}."""

    dimension: _Dimension = 10
    radius: float = 1.0

    def make_body(self) -> Body:
        return L1Ball(self.dimension, self.radius)


@dataclass(frozen=True, kw_only=True)
class EllipsoidTask(SamplingTask):
    """The uniform law on a rotated ellipsoid.

    Parameters
    ----------
    condition
        Longest half axis over shortest, which is 1; those between in geometric order.
    """

    dimension: _Dimension = 10
    condition: Annotated[float, Ge(1)] = 4.0

    def make_body(self) -> Body:
        n = self.dimension
        axes = self.condition ** (np.arange(n) / max(n - 1, 1))
        generator = np.random.Generator(np.random.Philox(key=n))
        rotation = np.linalg.qr(generator.standard_normal((n, n)))[0]
        matrix = (rotation / axes**2) @ rotation.T
        return Ellipsoid((matrix + matrix.T) / 2.0)


@dataclass(frozen=True, kw_only=True)
class BoxBallTask(SamplingTask):
    """The uniform law on [−half, half]^n ∩ {|x| ≤ radius}; radius 0: √n/2 · half.

    Parameters
    ----------
    projection
        ``exact``, or that of the intersection of a box and a ball by Dykstra's algorithm, which
        runs as plain Python.
    """

    dimension: _Dimension = 10
    half: Annotated[float, Gt(0)] = 1.0
    radius: Annotated[float, Ge(0)] = 0.0
    projection: Literal["exact", "dykstra"] = "exact"

    @cached_property
    def law(self) -> ExactLaw | None:
        """What draws are held against, whichever way points are projected."""
        return reference(self._whole(), self.target)

    def make_body(self) -> Body:
        whole = self._whole()
        if self.projection == "exact":
            return whole
        sides = np.full(self.dimension, self.half)
        return Intersection((Box(-sides, sides), Ball(self.dimension, whole.radius)))

    def _whole(self) -> BoxBall:
        radius = self.radius or self.half * sqrt(self.dimension) / 2.0
        whole = BoxBall(self.dimension, self.half, radius)
        if radius >= self.half * sqrt(self.dimension):
            raise ValueError(f"a ball of radius {radius:g} contains the box: take sampling/box")
        if radius <= self.half:
            raise ValueError(f"a ball of radius {radius:g} lies in the box: take sampling/ball")
        return whole


@dataclass(frozen=True, kw_only=True)
class PolytopeTask(SamplingTask):
    """The uniform law on {Ax ≤ b}; only its gauge's law is known exactly.

    Parameters
    ----------
    a, b
        Given facets; none: ``facets`` of them with normals uniform on the sphere, b = 1.
    instance
        Number of the drawn polytope.
    """

    dimension: _Dimension = 10
    facets: Annotated[int, Ge(2)] = 40
    instance: Annotated[int, Ge(0)] = 7
    a: tuple[tuple[float, ...], ...] = ()
    b: tuple[float, ...] = ()

    def make_body(self) -> Body:
        if self.a or self.b:
            if len({len(row) for row in self.a}) > 1:
                raise ValueError("the rows of A must have one length")
            if self.a and len(self.a[0]) != self.dimension:
                raise ValueError(
                    f"dimension is {self.dimension}, but A has {len(self.a[0])} columns"
                )
            return Polytope(np.array(self.a), np.array(self.b))
        generator = np.random.Generator(np.random.Philox(key=self.instance))
        rows = generator.standard_normal((self.facets, self.dimension))
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        return Polytope(rows, np.ones(self.facets))
