"""The box [−half, half]^n within the ball {|x| ≤ radius}.

To clip and then shrink is no projection. The nearest point has x_i = clip(y_i/t) with *one* t ≥ 1,
by the conditions of Karush, Kuhn and Tucker: t = 1 if the clipped point lies in the ball, else the
root of Σ min(|y_i|/t, half)² = radius². For the coordinates that are clipped at some t above the
root, solving for t gives another such t, closer: exact once the set of them stays.
"""

from __future__ import annotations

from math import sqrt
from typing import ClassVar, NamedTuple

import numpy as np

from harness_sampling.arrays import FloatArray, IntArray
from harness_sampling.ball import quadratic_chord
from harness_sampling.flat import dot
from harness_sampling.guards import require_dimension, require_positive
from harness_sampling.problem import Body, BodyOracles, follow_nothing, refresh_nothing
from harness_sampling.sampler import CHORD, MEMBERSHIP, PROJECTION

__all__ = ["BoxBall", "BoxBallRecord", "divisor"]


class BoxBallRecord(NamedTuple):
    """Half the edge, and the radius."""

    half: float
    radius: float
    calls: IntArray


def clipped_square(y, half):
    """Squared length of the clipped point."""
    total = 0.0
    for j in range(y.size):
        size = min(abs(y[j]), half)
        total += size * size
    return total


def divisor(y, half, radius):
    """The t ≥ 1 of the nearest point."""
    if not clipped_square(y, half) > radius * radius:
        return 1.0
    t = sqrt(dot(y, y)) / radius  # with nothing clipped: above the root
    while True:
        rest, clipped = 0.0, 0
        for j in range(y.size):
            if abs(y[j]) >= t * half:
                clipped += 1
            else:
                rest += y[j] * y[j]
        room = radius * radius - clipped * half * half
        if not (room > 0.0 and rest > 0.0):
            return t
        nearer = sqrt(rest / room)
        if not nearer < t:
            return t
        t = nearer


def project(body, points):
    body.calls[PROJECTION] += points.shape[0]
    half = body.half
    for c in range(points.shape[0]):
        y = points[c]
        t = divisor(y, half, body.radius)
        for j in range(y.size):
            u = y[j] / t
            u = half if u > half else u
            y[j] = -half if u < -half else u


def contains(body, points, out):
    body.calls[MEMBERSHIP] += points.shape[0]
    limit = body.radius * body.radius * (1.0 + 1e-12)
    for c in range(points.shape[0]):
        out[c] = 1.0 if dot(points[c], points[c]) <= limit else 0.0
        for j in range(points.shape[1]):
            if not abs(points[c, j]) <= body.half:
                out[c] = 0.0


def chords(body, points, directions, low, high):
    body.calls[CHORD] += points.shape[0]
    for c in range(points.shape[0]):
        x, u = points[c], directions[c]
        constant = dot(x, x) - body.radius * body.radius
        first, last = quadratic_chord(dot(u, u), dot(x, u), constant)
        for j in range(x.size):
            if u[j] > 0.0:
                last = min(last, (body.half - x[j]) / u[j])
                first = max(first, (-body.half - x[j]) / u[j])
            elif u[j] < 0.0:
                last = min(last, (-body.half - x[j]) / u[j])
                first = max(first, (body.half - x[j]) / u[j])
        low[c], high[c] = first, last


def axis_chords(body, points, axes, low, high):
    body.calls[CHORD] += points.shape[0]
    for c in range(points.shape[0]):
        own = points[c, axes[c]]
        constant = dot(points[c], points[c]) - body.radius * body.radius
        first, last = quadratic_chord(1.0, own, constant)
        low[c], high[c] = max(first, -body.half - own), min(last, body.half - own)


class BoxBall(Body):
    """[−half, half]^n ∩ {|x| ≤ radius} about 0."""

    name: ClassVar[str] = "box-ball"
    oracles: ClassVar[BodyOracles] = BodyOracles(
        project, contains, chords, axis_chords, follow_nothing, refresh_nothing
    )

    def __init__(self, dimension: int, half: float, radius: float) -> None:
        require_dimension("a box", dimension)
        require_positive("half the edge", half)
        require_positive("the radius", radius)
        self.dimension, self.half, self.radius = dimension, float(half), float(radius)
        self.centre = np.zeros(dimension)
        self.inner_radius = min(self.half, self.radius)
        self.outer_radius = min(self.radius, self.half * sqrt(dimension))

    def record(self, chains: int, calls: IntArray) -> BoxBallRecord:
        """Half the edge and the radius."""
        return BoxBallRecord(self.half, self.radius, calls)

    def gauge(self, points: FloatArray) -> FloatArray:
        """The larger of max |x_i| / half and |x| / radius."""
        in_box = np.abs(points).max(axis=-1) / self.half
        return np.maximum(in_box, np.linalg.norm(points, axis=-1) / self.radius)
