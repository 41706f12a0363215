"""The simplex's face {x ≥ 0, Σx = total} and the solid simplex {x ≥ 0, Σx ≤ total}.

The nearest point of the face is (y − θ)₊ with the one θ for which it sums to the total. θ grows
from the mean over all coordinates, leaving out those at 0, until none is left to leave out
(Michelot 1986): exact, in a few passes, and no sorting.
"""

from __future__ import annotations

from math import inf, sqrt
from typing import ClassVar, NamedTuple

import numpy as np

from harness_sampling.arrays import FloatArray, IntArray
from harness_sampling.guards import require_dimension, require_positive
from harness_sampling.problem import Body, BodyOracles, follow_nothing, refresh_nothing
from harness_sampling.sampler import CHORD, MEMBERSHIP, PROJECTION

__all__ = ["SimplexFace", "SimplexRecord", "SolidSimplex", "project_on_face"]

_TOLERANCE = 1e-10  # of the sum and the signs, in units of the total


class SimplexRecord(NamedTuple):
    """The sum of the coordinates, or its upper end."""

    total: float
    calls: IntArray


def project_on_face(y, total):
    """Replace ``y`` by the nearest point with coordinates ≥ 0 and this sum."""
    threshold, left, before = -inf, 0, -1
    while left != before:
        before = left
        summed, left = 0.0, 0
        for j in range(y.size):
            if y[j] > threshold:
                summed += y[j]
                left += 1
        if left == 0:  # only NaN leaves none
            return
        threshold = (summed - total) / left
    for j in range(y.size):
        y[j] = y[j] - threshold if y[j] > threshold else 0.0


def project_face(body, points):
    body.calls[PROJECTION] += points.shape[0]
    for c in range(points.shape[0]):
        project_on_face(points[c], body.total)


def project_solid(body, points):
    body.calls[PROJECTION] += points.shape[0]
    for c in range(points.shape[0]):
        y = points[c]
        positive = 0.0
        for j in range(y.size):
            positive += max(y[j], 0.0)
        if positive > body.total:
            project_on_face(y, body.total)
        else:
            for j in range(y.size):
                y[j] = max(y[j], 0.0)


def lowest_and_sum(x):
    """The smallest coordinate and the sum."""
    lowest, summed = inf, 0.0
    for j in range(x.size):
        lowest = min(lowest, x[j])
        summed += x[j]
    return lowest, summed


def contains_face(body, points, out):
    body.calls[MEMBERSHIP] += points.shape[0]
    for c in range(points.shape[0]):
        lowest, summed = lowest_and_sum(points[c])
        is_flat = abs(summed - body.total) <= _TOLERANCE * body.total
        out[c] = 1.0 if lowest >= 0.0 and is_flat else 0.0


def contains_solid(body, points, out):
    body.calls[MEMBERSHIP] += points.shape[0]
    for c in range(points.shape[0]):
        lowest, summed = lowest_and_sum(points[c])
        out[c] = 1.0 if lowest >= 0.0 and summed <= body.total * (1.0 + 1e-14) else 0.0


def positive_chord(x, u):
    """Ends t of {x + t u ≥ 0}."""
    low, high = -inf, inf
    for j in range(x.size):
        if u[j] > 0.0:
            low = max(low, -x[j] / u[j])
        elif u[j] < 0.0:
            high = min(high, -x[j] / u[j])
    return low, high


def chords_face(body, points, directions, low, high):
    body.calls[CHORD] += points.shape[0]
    for c in range(points.shape[0]):
        low[c], high[c] = positive_chord(points[c], directions[c])


def chords_solid(body, points, directions, low, high):
    body.calls[CHORD] += points.shape[0]
    for c in range(points.shape[0]):
        first, last = positive_chord(points[c], directions[c])
        summed, rate = 0.0, 0.0
        for j in range(points.shape[1]):
            summed += points[c, j]
            rate += directions[c, j]
        if rate > 0.0:
            last = min(last, (body.total - summed) / rate)
        elif rate < 0.0:
            first = max(first, (body.total - summed) / rate)
        low[c], high[c] = first, last


def axis_chords_face(body, points, axes, low, high):
    """A coordinate alone cannot move: the sum is fixed."""
    body.calls[CHORD] += points.shape[0]
    for c in range(points.shape[0]):
        low[c], high[c] = 0.0, 0.0


def axis_chords_solid(body, points, axes, low, high):
    body.calls[CHORD] += points.shape[0]
    for c in range(points.shape[0]):
        summed = 0.0
        for j in range(points.shape[1]):
            summed += points[c, j]
        low[c] = -points[c, axes[c]]
        high[c] = body.total - summed


class _Simplex(Body):
    def __init__(self, dimension: int, total: float = 1.0) -> None:
        require_positive("the sum of the coordinates", total)
        self.dimension, self.total = dimension, float(total)

    def record(self, chains: int, calls: IntArray) -> SimplexRecord:
        """The sum."""
        return SimplexRecord(self.total, calls)


class SimplexFace(_Simplex):
    """{x ≥ 0, Σx = total} about its centroid, which lies in a flat of one dimension less."""

    name: ClassVar[str] = "simplex"
    serves = frozenset({"projection", "membership", "chord", "facets"})
    oracles: ClassVar[BodyOracles] = BodyOracles(
        project_face,
        contains_face,
        chords_face,
        axis_chords_face,
        follow_nothing,
        refresh_nothing,
    )

    def __init__(self, dimension: int, total: float = 1.0) -> None:
        super().__init__(dimension, total)
        if dimension < 2:
            raise ValueError(f"a face of the simplex needs 2 coordinates or more, got {dimension}")
        self.centre = np.full(dimension, self.total / dimension)
        self.inner_radius = self.total / sqrt(dimension * (dimension - 1.0))
        self.outer_radius = self.total * sqrt((dimension - 1.0) / dimension)

    @property
    def flat(self) -> int:
        """One less than coordinates."""
        return self.dimension - 1

    def gauge(self, points: FloatArray) -> FloatArray:
        """1 − the smallest coordinate over that of the centroid."""
        return 1.0 - points.min(axis=-1) * (self.dimension / self.total)

    def off_flat(self, point: FloatArray) -> str:
        """What its coordinates sum to, if that is not the total."""
        summed = float(point.sum())
        if abs(summed - self.total) <= _TOLERANCE * self.total:
            return ""
        return f"its coordinates sum to {summed:.12g}, those of the body's points to {self.total:g}"

    def facets(self) -> tuple[FloatArray, FloatArray]:
        """−x ≤ 0."""
        return -np.eye(self.dimension), np.zeros(self.dimension)


class SolidSimplex(_Simplex):
    """{x ≥ 0, Σx ≤ total} about its incentre."""

    name: ClassVar[str] = "solid-simplex"
    serves = frozenset({"projection", "membership", "chord", "axis", "facets"})
    oracles: ClassVar[BodyOracles] = BodyOracles(
        project_solid,
        contains_solid,
        chords_solid,
        axis_chords_solid,
        follow_nothing,
        refresh_nothing,
    )

    def __init__(self, dimension: int, total: float = 1.0) -> None:
        super().__init__(dimension, total)
        require_dimension("a simplex", dimension)
        self.inner_radius = self.total / (dimension + sqrt(dimension))
        self.centre = np.full(dimension, self.inner_radius)
        # The furthest corner: (total, 0, …) from the second dimension on.
        corner = np.zeros(dimension)
        corner[0] = self.total
        self.outer_radius = max(
            float(np.linalg.norm(corner - self.centre)), float(np.linalg.norm(self.centre))
        )

    def gauge(self, points: FloatArray) -> FloatArray:
        """How far towards the nearest facet, seen from the incentre."""
        slack = self.total - points.sum(axis=-1)
        at_centre = self.total - self.centre.sum()
        least = np.minimum(points.min(axis=-1) / self.inner_radius, slack / at_centre)
        return 1.0 - least

    def facets(self) -> tuple[FloatArray, FloatArray]:
        """−x ≤ 0, Σx ≤ total."""
        rows = np.concatenate([-np.eye(self.dimension), np.ones((1, self.dimension))])
        return rows, np.concatenate([np.zeros(self.dimension), [self.total]])
