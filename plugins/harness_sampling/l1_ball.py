"""The ℓ1 ball {Σ|x| ≤ radius}."""

from __future__ import annotations

from itertools import product
from math import sqrt
from typing import ClassVar, NamedTuple

import numpy as np

from harness_sampling.arrays import FloatArray, IntArray
from harness_sampling.guards import require_dimension, require_positive
from harness_sampling.problem import Body, BodyOracles, follow_nothing, refresh_nothing
from harness_sampling.sampler import CHORD, MEMBERSHIP, PROJECTION
from harness_sampling.simplex import project_on_face

__all__ = ["MOST_DIMENSIONS_WITH_FACETS", "L1Ball", "L1BallRecord"]

MOST_DIMENSIONS_WITH_FACETS = 12  # there are 2^n


class L1BallRecord(NamedTuple):
    """The radius, and room for one point."""

    radius: float
    work: FloatArray  # (n,)
    calls: IntArray


def absolute_sum(x):
    """Σ|x|."""
    total = 0.0
    for j in range(x.size):
        total += abs(x[j])
    return total


def project(body, points):
    body.calls[PROJECTION] += points.shape[0]
    size = body.work
    for c in range(points.shape[0]):
        if not absolute_sum(points[c]) > body.radius:
            continue
        for j in range(size.size):
            size[j] = abs(points[c, j])
        project_on_face(size, body.radius)
        for j in range(size.size):
            points[c, j] = size[j] if points[c, j] > 0.0 else -size[j]


def contains(body, points, out):
    body.calls[MEMBERSHIP] += points.shape[0]
    for c in range(points.shape[0]):
        out[c] = 1.0 if absolute_sum(points[c]) <= body.radius * (1.0 + 1e-14) else 0.0


def reach(body, x, u):
    """The largest t with Σ|x + t u| ≤ radius, by kinks: the sum is convex and piecewise linear.

    From t = 0 the sum's slope grows by 2|u_j| at each kink −x_j/u_j > 0.
    """
    kinks = body.work
    slope, total = 0.0, 0.0
    for j in range(x.size):
        total += abs(x[j])
        kinks[j] = -x[j] / u[j] if u[j] != 0.0 else -1.0
        rises = x[j] * u[j] > 0.0 or x[j] == 0.0
        slope += abs(u[j]) if rises else -abs(u[j])
    order = np.argsort(kinks, kind="mergesort")
    t = 0.0
    for place in range(x.size):
        j = order[place]
        if kinks[j] <= 0.0:
            continue
        ahead = total + slope * (kinks[j] - t)
        if ahead > body.radius:
            break
        total, t = ahead, kinks[j]
        slope += 2.0 * abs(u[j])
    return t + (body.radius - total) / slope


def chords(body, points, directions, low, high):
    body.calls[CHORD] += points.shape[0]
    backwards = np.empty(points.shape[1])
    for c in range(points.shape[0]):
        for j in range(points.shape[1]):
            backwards[j] = -directions[c, j]
        high[c] = reach(body, points[c], directions[c])
        low[c] = -reach(body, points[c], backwards)


def axis_chords(body, points, axes, low, high):
    body.calls[CHORD] += points.shape[0]
    for c in range(points.shape[0]):
        own = points[c, axes[c]]
        room = body.radius - absolute_sum(points[c]) + abs(own)
        low[c], high[c] = -room - own, room - own


class L1Ball(Body):
    """{Σ|x| ≤ radius} about 0."""

    name: ClassVar[str] = "l1-ball"
    oracles: ClassVar[BodyOracles] = BodyOracles(
        project, contains, chords, axis_chords, follow_nothing, refresh_nothing
    )

    def __init__(self, dimension: int, radius: float = 1.0) -> None:
        require_dimension("an l1 ball", dimension)
        require_positive("the radius of an l1 ball", radius)
        self.dimension, self.radius = dimension, float(radius)
        self.centre = np.zeros(dimension)
        self.inner_radius, self.outer_radius = self.radius / sqrt(dimension), self.radius
        if dimension <= MOST_DIMENSIONS_WITH_FACETS:
            self.serves = Body.serves | {"facets"}

    def record(self, chains: int, calls: IntArray) -> L1BallRecord:
        """The radius."""
        return L1BallRecord(self.radius, np.zeros(self.dimension), calls)

    def gauge(self, points: FloatArray) -> FloatArray:
        """Σ|x| / radius."""
        return np.abs(points).sum(axis=-1) / self.radius

    def facets(self) -> tuple[FloatArray, FloatArray]:
        """One facet for each choice of signs; none above 12 dimensions, where they are too many."""
        if self.dimension > MOST_DIMENSIONS_WITH_FACETS:
            return super().facets()
        signs = np.array(list(product((-1.0, 1.0), repeat=self.dimension)))
        return signs, np.full(len(signs), self.radius)
