"""The ellipsoid {(x − c)ᵀM(x − c) ≤ 1}.

In the eigenvectors' coordinates w the nearest point is w_i/(1 + θλ_i) with the one θ ≥ 0 that puts
it on the boundary. The sum to solve is convex and decreasing in θ, so Newton's steps from 0 grow
towards the root and never pass it.
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import numpy as np

from harness_sampling.arrays import FloatArray, IntArray
from harness_sampling.ball import quadratic_chord
from harness_sampling.flat import dot
from harness_sampling.problem import Body, BodyOracles, follow_nothing, refresh_nothing
from harness_sampling.sampler import CHORD, MEMBERSHIP, PROJECTION

__all__ = ["Ellipsoid", "EllipsoidRecord"]

_NEWTON_STEPS = 100
_TINY = 1e-15


class EllipsoidRecord(NamedTuple):
    """M = Σ λ_i v_i v_iᵀ."""

    axes: FloatArray  # (n, n) row i is v_i
    columns: FloatArray  # (n, n) the transpose
    lambdas: FloatArray  # (n,)
    centre: FloatArray  # (n,)
    work: FloatArray  # (3, n)
    calls: IntArray


def inner(body, x, work, out):
    """Coordinates of x − c along the axes."""
    for j in range(x.size):
        work[j] = x[j] - body.centre[j]
    for i in range(x.size):
        out[i] = dot(body.axes[i], work)


def weighted(lambdas, v, w):
    """Σ λ_i v_i w_i."""
    total = 0.0
    for i in range(v.size):
        total += lambdas[i] * v[i] * w[i]
    return total


def multiplier(lambdas, w):
    """θ with Σ λ_i w_i²/(1 + θλ_i)² = 1."""
    theta = 0.0
    for _ in range(_NEWTON_STEPS):
        value, slope = -1.0, 0.0
        for i in range(w.size):
            shrink = 1.0 + theta * lambdas[i]
            term = lambdas[i] * w[i] * w[i] / (shrink * shrink)
            value += term
            slope += 2.0 * term * lambdas[i] / shrink
        if not value > _TINY:
            return theta
        theta += value / slope
    return theta


def project(body, points):
    body.calls[PROJECTION] += points.shape[0]
    away, w = body.work[0], body.work[1]
    for c in range(points.shape[0]):
        inner(body, points[c], away, w)
        if not weighted(body.lambdas, w, w) > 1.0:
            continue
        theta = multiplier(body.lambdas, w)
        for i in range(w.size):
            w[i] /= 1.0 + theta * body.lambdas[i]
        for j in range(w.size):
            points[c, j] = body.centre[j] + dot(body.columns[j], w)


def contains(body, points, out):
    body.calls[MEMBERSHIP] += points.shape[0]
    for c in range(points.shape[0]):
        inner(body, points[c], body.work[0], body.work[1])
        inside = weighted(body.lambdas, body.work[1], body.work[1]) <= 1.0 + 1e-12
        out[c] = 1.0 if inside else 0.0


def chords(body, points, directions, low, high):
    body.calls[CHORD] += points.shape[0]
    w, v = body.work[1], body.work[2]
    for c in range(points.shape[0]):
        inner(body, points[c], body.work[0], w)
        for i in range(w.size):
            v[i] = dot(body.axes[i], directions[c])
        low[c], high[c] = quadratic_chord(
            weighted(body.lambdas, v, v),
            weighted(body.lambdas, v, w),
            weighted(body.lambdas, w, w) - 1.0,
        )


def axis_chords(body, points, axes, low, high):
    body.calls[CHORD] += points.shape[0]
    w = body.work[1]
    for c in range(points.shape[0]):
        inner(body, points[c], body.work[0], w)
        v = body.columns[axes[c]]
        low[c], high[c] = quadratic_chord(
            weighted(body.lambdas, v, v),
            weighted(body.lambdas, v, w),
            weighted(body.lambdas, w, w) - 1.0,
        )


class Ellipsoid(Body):
    """{(x − centre)ᵀ matrix (x − centre) ≤ 1}; the matrix is symmetric and positive definite."""

    name: ClassVar[str] = "ellipsoid"
    oracles: ClassVar[BodyOracles] = BodyOracles(
        project, contains, chords, axis_chords, follow_nothing, refresh_nothing
    )

    def __init__(self, matrix: FloatArray, centre: FloatArray | None = None) -> None:
        self.matrix = np.array(matrix, dtype=np.float64)
        n = self.matrix.shape[0] if self.matrix.ndim == 2 else 0
        if not n or self.matrix.shape != (n, n) or not np.isfinite(self.matrix).all():
            raise ValueError(f"an ellipsoid needs a finite square matrix, got {self.matrix.shape}")
        if not np.allclose(self.matrix, self.matrix.T, rtol=1e-12, atol=0.0):
            raise ValueError("the matrix of an ellipsoid must be symmetric")
        self.lambdas, self.vectors = np.linalg.eigh(self.matrix)
        if not self.lambdas[0] > 0.0:
            raise ValueError(
                "the matrix of an ellipsoid must be positive definite, its smallest eigenvalue is "
                f"{self.lambdas[0]:g}"
            )
        self.dimension = n
        self.centre = np.zeros(n) if centre is None else np.array(centre, dtype=np.float64)
        if self.centre.shape != (n,):
            raise ValueError(f"the centre has {self.centre.size} coordinates, the matrix {n}")
        self.inner_radius = float(self.lambdas[-1] ** -0.5)
        self.outer_radius = float(self.lambdas[0] ** -0.5)

    def record(self, chains: int, calls: IntArray) -> EllipsoidRecord:
        """Axes and eigenvalues."""
        return EllipsoidRecord(
            np.ascontiguousarray(self.vectors.T),
            np.ascontiguousarray(self.vectors),
            self.lambdas,
            self.centre,
            np.zeros((3, self.dimension)),
            calls,
        )

    def gauge(self, points: FloatArray) -> FloatArray:
        """√((x − c)ᵀM(x − c))."""
        away = points - self.centre
        return np.sqrt(np.einsum("...i,ij,...j->...", away, self.matrix, away))
