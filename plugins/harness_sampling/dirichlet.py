"""The Dirichlet law on the simplex's face: density ∝ Π x_i^{α_i − 1}.

The potential's gradient is unbounded at the faces unless all α are 1: a projected chain, which
stops exactly there, has infinite drift. Along a chord the law is drawn by slice sampling with
shrinkage (Neal 2003): exact, no step to tune.
"""

from __future__ import annotations

from math import inf, log
from typing import ClassVar, NamedTuple

import numpy as np

from harness.random import uniform
from harness_sampling.arrays import FloatArray, IntArray
from harness_sampling.problem import Body, Target, TargetOracles
from harness_sampling.sampler import GRADIENT, POTENTIAL

__all__ = ["Dirichlet", "DirichletRecord"]

_SHRINKS = 200  # attempts on a chord before the point stays


class DirichletRecord(NamedTuple):
    """α."""

    alpha: FloatArray  # (n,)
    calls: IntArray


def value_at(alpha, x, u, t):
    """f(x + t u); inf where a coordinate is not above 0."""
    total = 0.0
    for j in range(x.size):
        place = x[j] + t * u[j]
        if not place > 0.0:
            return inf
        if alpha[j] != 1.0:
            total -= (alpha[j] - 1.0) * log(place)
    return total


def gradient(target, points, key, k, out):
    target.calls[GRADIENT] += points.shape[0]
    for c in range(points.shape[0]):
        for j in range(points.shape[1]):
            if target.alpha[j] == 1.0:
                out[c, j] = 0.0
            elif points[c, j] == 0.0:
                out[c, j] = -inf if target.alpha[j] > 1.0 else inf
            else:
                out[c, j] = -(target.alpha[j] - 1.0) / points[c, j]


def potential(target, points, out):
    target.calls[POTENTIAL] += points.shape[0]
    for c in range(points.shape[0]):
        out[c] = value_at(target.alpha, points[c], points[c], 0.0)


def along(target, points, directions, low, high, key, k, out):
    for c in range(points.shape[0]):
        x, u = points[c], directions[c]
        level = value_at(target.alpha, x, u, 0.0) - log(uniform(key, k, c, 0))
        target.calls[POTENTIAL] += 1
        first, last = low[c], high[c]
        out[c] = 0.0
        for attempt in range(1, _SHRINKS):
            t = first + (last - first) * uniform(key, k, c, attempt)
            target.calls[POTENTIAL] += 1
            if value_at(target.alpha, x, u, t) <= level:
                out[c] = t
                break
            if t < 0.0:
                first = t
            else:
                last = t


class Dirichlet(Target):
    """Dirichlet(α) on {x ≥ 0, Σx = total}."""

    name: ClassVar[str] = "dirichlet"
    oracles: ClassVar[TargetOracles] = TargetOracles(gradient, potential, along)

    def __init__(self, alpha: FloatArray) -> None:
        self.alpha = np.array(alpha, dtype=np.float64)
        if self.alpha.ndim != 1 or not np.isfinite(self.alpha).all():
            raise ValueError("α must be a vector of finite numbers")
        if not (self.alpha > 0.0).all():
            place = int(np.argmin(self.alpha > 0.0))
            raise ValueError(f"α must be above 0, got {self.alpha[place]:g} in place {place}")
        self.is_uniform = bool((self.alpha == 1.0).all())

    def record(self, chains: int, calls: IntArray) -> DirichletRecord:
        """α."""
        return DirichletRecord(self.alpha, calls)

    def lipschitz(self, body: Body) -> float:
        """Infinite at the faces, unless the law is uniform."""
        return 0.0 if self.is_uniform else inf

    def smoothness(self, body: Body) -> float:
        """Infinite at the faces, unless the law is uniform."""
        return 0.0 if self.is_uniform else inf

    def concentration(self) -> FloatArray:
        """α."""
        return self.alpha

    def check(self, body: Body) -> None:
        """The law lives on the simplex's face."""
        if body.name != "simplex":
            raise ValueError(f"the Dirichlet law lives on the simplex's face, not on: {body.name}")
        if self.alpha.size != body.dimension:
            raise ValueError(f"α has {self.alpha.size} numbers, x has {body.dimension}")
