"""The ball {|x| ≤ radius}."""

from __future__ import annotations

from math import copysign, sqrt
from typing import ClassVar, NamedTuple

import numpy as np

from harness_sampling.arrays import FloatArray, IntArray
from harness_sampling.flat import dot
from harness_sampling.guards import require_dimension, require_positive
from harness_sampling.problem import Body, BodyOracles, follow_nothing, refresh_nothing
from harness_sampling.sampler import CHORD, MEMBERSHIP, PROJECTION

__all__ = ["Ball", "BallRecord", "quadratic_chord"]


class BallRecord(NamedTuple):
    """The radius."""

    radius: float
    calls: IntArray


def project(body, points):
    body.calls[PROJECTION] += points.shape[0]
    limit = body.radius * body.radius
    for c in range(points.shape[0]):
        square = dot(points[c], points[c])
        if square > limit:
            scale = body.radius / sqrt(square)
            for j in range(points.shape[1]):
                points[c, j] *= scale


def contains(body, points, out):
    body.calls[MEMBERSHIP] += points.shape[0]
    limit = body.radius * body.radius * (1.0 + 1e-12)
    for c in range(points.shape[0]):
        out[c] = 1.0 if dot(points[c], points[c]) <= limit else 0.0


def quadratic_chord(square, half, constant):
    """Roots of square·t² + 2 half·t + constant, which is at most 0 at t = 0 but for rounding."""
    root = sqrt(max(half * half - square * constant, 0.0))
    # The sum has no cancellation; the other root is the constant over it.
    large = -(half + copysign(root, half))
    if large == 0.0:
        return 0.0, 0.0
    one, other = large / square, constant / large
    return min(one, other), max(one, other)


def chords(body, points, directions, low, high):
    body.calls[CHORD] += points.shape[0]
    for c in range(points.shape[0]):
        x, u = points[c], directions[c]
        constant = dot(x, x) - body.radius * body.radius
        low[c], high[c] = quadratic_chord(dot(u, u), dot(x, u), constant)


def axis_chords(body, points, axes, low, high):
    body.calls[CHORD] += points.shape[0]
    for c in range(points.shape[0]):
        x = points[c]
        constant = dot(x, x) - body.radius * body.radius
        low[c], high[c] = quadratic_chord(1.0, x[axes[c]], constant)


class Ball(Body):
    """{|x| ≤ radius} about 0."""

    name: ClassVar[str] = "ball"
    oracles: ClassVar[BodyOracles] = BodyOracles(
        project, contains, chords, axis_chords, follow_nothing, refresh_nothing
    )

    def __init__(self, dimension: int, radius: float = 1.0) -> None:
        require_dimension("a ball", dimension)
        require_positive("the radius of a ball", radius)
        self.dimension, self.radius = dimension, float(radius)
        self.centre = np.zeros(dimension)
        self.inner_radius = self.outer_radius = self.radius

    def record(self, chains: int, calls: IntArray) -> BallRecord:
        """The radius."""
        return BallRecord(self.radius, calls)

    def gauge(self, points: FloatArray) -> FloatArray:
        """|x| / radius."""
        return np.linalg.norm(points, axis=-1) / self.radius
