"""The box {low ≤ x ≤ high}."""

from __future__ import annotations

from math import inf
from typing import ClassVar, NamedTuple

import numpy as np

from harness_sampling.arrays import FloatArray, IntArray
from harness_sampling.flat import add_noise_and_clip, clip
from harness_sampling.problem import Body, BodyOracles, follow_nothing, refresh_nothing
from harness_sampling.sampler import CHORD, MEMBERSHIP, PROJECTION

__all__ = ["Box", "BoxRecord", "box_chord"]


_LOOP = 1024  # turns of the inner loop, at most, by repeating


class BoxRecord(NamedTuple):
    """Bounds, in few dimensions repeated for several chains: loops of a few turns are slow."""

    low: FloatArray  # (repeats · n,)
    high: FloatArray  # (repeats · n,)
    calls: IntArray


def project(body, points):
    body.calls[PROJECTION] += points.shape[0]
    clip(points.reshape(points.size), body.low, body.high)


def project_sum(project, body, points, noise, sd):
    body.calls[PROJECTION] += points.shape[0]
    size = points.size
    add_noise_and_clip(points.reshape(size), noise.reshape(size), sd, body.low, body.high)


def contains(body, points, out):
    body.calls[MEMBERSHIP] += points.shape[0]
    for c in range(points.shape[0]):
        out[c] = 1.0
        for j in range(points.shape[1]):
            if not (body.low[j] <= points[c, j] <= body.high[j]):
                out[c] = 0.0


def box_chord(low, high, x, u):
    """Ends t of {x + t u in the box}."""
    first, last = -inf, inf
    for j in range(x.size):
        if u[j] > 0.0:
            last = min(last, (high[j] - x[j]) / u[j])
            first = max(first, (low[j] - x[j]) / u[j])
        elif u[j] < 0.0:
            last = min(last, (low[j] - x[j]) / u[j])
            first = max(first, (high[j] - x[j]) / u[j])
    return first, last


def chords(body, points, directions, low, high):
    body.calls[CHORD] += points.shape[0]
    for c in range(points.shape[0]):
        low[c], high[c] = box_chord(body.low, body.high, points[c], directions[c])


def axis_chords(body, points, axes, low, high):
    body.calls[CHORD] += points.shape[0]
    for c in range(points.shape[0]):
        j = axes[c]
        low[c] = body.low[j] - points[c, j]
        high[c] = body.high[j] - points[c, j]


class Box(Body):
    """{low ≤ x ≤ high}, about its centre."""

    name: ClassVar[str] = "box"
    serves = Body.serves | {"facets"}
    oracles: ClassVar[BodyOracles] = BodyOracles(
        project, contains, chords, axis_chords, follow_nothing, refresh_nothing, project_sum
    )

    def __init__(self, low: FloatArray, high: FloatArray) -> None:
        self.low = np.array(low, dtype=np.float64)
        self.high = np.array(high, dtype=np.float64)
        if self.low.ndim != 1 or self.low.shape != self.high.shape or not self.low.size:
            raise ValueError(
                f"a box has as many lower ends as upper ones, got {self.low.shape} and "
                f"{self.high.shape}"
            )
        if not (np.isfinite(self.low).all() and np.isfinite(self.high).all()):
            raise ValueError("the ends of a box must be finite: the body is unbounded")
        if not (self.low < self.high).all():
            place = int(np.argmin(self.low < self.high))
            raise ValueError(
                f"coordinate {place}: the lower end {self.low[place]:g} must be below the upper "
                f"end {self.high[place]:g}: the body is empty"
            )
        self.dimension = self.low.size
        self.centre = (self.low + self.high) / 2.0
        self.half = (self.high - self.low) / 2.0
        self.inner_radius = float(self.half.min())
        self.outer_radius = float(np.linalg.norm(self.half))

    def record(self, chains: int, calls: IntArray) -> BoxRecord:
        """Bounds for some chains at a time."""
        repeats = max(1, min(chains, _LOOP // self.dimension))
        return BoxRecord(np.tile(self.low, repeats), np.tile(self.high, repeats), calls)

    def gauge(self, points: FloatArray) -> FloatArray:
        """Max |x_i − c_i| / half width."""
        # Where a coordinate is at its end, the quotient may round to less than 1.
        inside = np.abs(points - self.centre) / self.half
        at_end = (points <= self.low) | (points >= self.high)
        return np.where(at_end, np.maximum(inside, 1.0), inside).max(axis=-1)

    def facets(self) -> tuple[FloatArray, FloatArray]:
        """X ≤ high, then −x ≤ −low."""
        identity = np.eye(self.dimension)
        return np.concatenate([identity, -identity]), np.concatenate([self.high, -self.low])
