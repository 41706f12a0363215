"""The intersection of bodies; its projection by Dykstra's algorithm.

Projecting on one body after the other ends somewhere in the intersection, not at the nearest point;
with Dykstra's corrections it does (Boyle & Dykstra 1986). Runs as plain Python.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np

from harness_sampling.arrays import FloatArray, IntArray
from harness_sampling.problem import Body, BodyOracles, no_calls
from harness_sampling.sampler import CHORD, MEMBERSHIP, PROJECTION

__all__ = ["Intersection"]

_MOST_CYCLES = 10_000
# Of 1 + |x|: a cycle that changes the corrections by less is the last. The point itself may stand
# still for many cycles on its way (Birgin & Raydan 2005).
_STILL = 1e-12


class IntersectionRecord(NamedTuple):
    """The bodies with their records."""

    bodies: Any  # tuple of Body
    records: Any  # tuple of their records
    calls: IntArray


def project(body, points):
    body.calls[PROJECTION] += points.shape[0]
    corrections = np.zeros((len(body.bodies), *points.shape))
    # Each chain stops by itself: its point must not depend on who else is there.
    moving = np.flatnonzero(np.isfinite(points).all(axis=1))
    for _ in range(_MOST_CYCLES):
        nearer, change = points[moving], np.zeros(moving.size)
        for place, (each, record) in enumerate(zip(body.bodies, body.records, strict=True)):
            before = corrections[place, moving]
            corrected = nearer + before
            nearer = corrected.copy()
            each.oracles.project(record, nearer)
            corrections[place, moving] = corrected - nearer
            change += np.linalg.norm(corrected - nearer - before, axis=1)
        points[moving] = nearer
        moving = moving[change > _STILL * (1.0 + np.linalg.norm(nearer, axis=1))]
        if not moving.size:
            return
    raise ArithmeticError(f"the projection is not reached after {_MOST_CYCLES} cycles")


def contains(body, points, out):
    body.calls[MEMBERSHIP] += points.shape[0]
    out[:] = 1.0
    one = np.zeros_like(out)
    for each, record in zip(body.bodies, body.records, strict=True):
        each.oracles.contains(record, points, one)
        np.minimum(out, one, out=out)


def _narrowed(body, points, low, high, name, given):
    body.calls[CHORD] += points.shape[0]
    low[:], high[:] = -np.inf, np.inf
    first, last = np.zeros_like(low), np.zeros_like(high)
    for each, record in zip(body.bodies, body.records, strict=True):
        getattr(each.oracles, name)(record, points, given, first, last)
        np.maximum(low, first, out=low)
        np.minimum(high, last, out=high)


def chords(body, points, directions, low, high):
    _narrowed(body, points, low, high, "chords", directions)


def axis_chords(body, points, axes, low, high):
    _narrowed(body, points, low, high, "axis_chords", axes)


def follow(body, points, t):
    for each, record in zip(body.bodies, body.records, strict=True):
        each.oracles.follow(record, points, t)


def refresh(body, points):
    for each, record in zip(body.bodies, body.records, strict=True):
        each.oracles.refresh(record, points)


class Intersection(Body):
    """All points that lie in each of ``bodies``, which must have the first one's centre inside.

    ``inner_radius`` and ``outer_radius`` are about that centre; the outer one is an upper bound.
    """

    name: ClassVar[str] = "intersection"
    oracles: ClassVar[BodyOracles] = BodyOracles(
        project, contains, chords, axis_chords, follow, refresh
    )

    def __init__(self, bodies: Sequence[Body]) -> None:
        self.bodies = tuple(bodies)
        sizes = {each.dimension for each in self.bodies}
        if len(sizes) != 1 or any(each.flat != each.dimension for each in self.bodies):
            raise ValueError(f"bodies of one dimension are needed, none flat; got {sorted(sizes)}")
        self.dimension = sizes.pop()
        self.centre = self.bodies[0].centre
        rooms = []
        for each in self.bodies:
            away = float(np.linalg.norm(each.centre - self.centre))
            rooms.append(each.inner_radius - away)
        self.inner_radius = min(rooms)
        if not self.inner_radius > 0.0:
            raise ValueError(
                "no ball about the first body's centre is known to lie in all of the bodies: "
                "name first a body whose centre lies well within the others"
            )
        self.outer_radius = min(
            each.outer_radius + float(np.linalg.norm(each.centre - self.centre))
            for each in self.bodies
        )

    def record(self, chains: int, calls: IntArray) -> IntersectionRecord:
        """The bodies' records; their own counts are not looked at."""
        records = tuple(each.record(chains, no_calls()) for each in self.bodies)
        return IntersectionRecord(self.bodies, records, calls)

    def gauge(self, points: FloatArray) -> FloatArray:
        """The largest of the bodies' gauges, where all have one centre."""
        return np.max([each.gauge(points) for each in self.bodies], axis=0)
