"""The exponential tilt e^{−⟨c, x⟩}: a linear potential."""

from __future__ import annotations

from math import expm1, log1p
from typing import ClassVar, NamedTuple

import numpy as np

from harness.random import fill_uniforms
from harness_sampling.arrays import FloatArray, IntArray
from harness_sampling.flat import dot
from harness_sampling.problem import Body, Target, TargetOracles
from harness_sampling.sampler import GRADIENT, POTENTIAL
from harness_sampling.uniform import ALONG

__all__ = ["Tilt", "TiltRecord", "truncated_exponential"]

_FLAT = 1e-9  # a fall of the log density over the chord below which it is uniform


class TiltRecord(NamedTuple):
    """The coefficients, and room for a draw a chain."""

    c: FloatArray  # (n,)
    uniforms: FloatArray  # (chains,)
    calls: IntArray


def gradient(target, points, key, k, out):
    target.calls[GRADIENT] += points.shape[0]
    for c in range(points.shape[0]):
        for j in range(points.shape[1]):
            out[c, j] = target.c[j]


def potential(target, points, out):
    target.calls[POTENTIAL] += points.shape[0]
    for c in range(points.shape[0]):
        out[c] = dot(target.c, points[c])


def truncated_exponential(rate, low, high, u):
    """The quantile ``u`` of the density ∝ e^{−rate t} on [low, high]; rate of either sign."""
    fall = rate * (high - low)
    if abs(fall) < _FLAT:
        return low + (high - low) * u
    if rate > 0.0:
        return min(low - log1p(u * expm1(-fall)) / rate, high)
    return max(high - log1p(u * expm1(fall)) / rate, low)


def along(target, points, directions, low, high, key, k, out):
    fill_uniforms(target.uniforms, key, k, ALONG)
    for c in range(points.shape[0]):
        rate = dot(target.c, directions[c])
        out[c] = truncated_exponential(rate, low[c], high[c], target.uniforms[c])


class Tilt(Target):
    """Density ∝ exp(−⟨c, x⟩)."""

    name: ClassVar[str] = "tilt"
    oracles: ClassVar[TargetOracles] = TargetOracles(gradient, potential, along)

    def __init__(self, c: FloatArray) -> None:
        self.c = np.array(c, dtype=np.float64)
        if self.c.ndim != 1 or not np.isfinite(self.c).all():
            raise ValueError("the coefficients of a tilt must be a vector of finite numbers")

    def record(self, chains: int, calls: IntArray) -> TiltRecord:
        """The coefficients."""
        return TiltRecord(self.c, np.zeros(chains), calls)

    def lipschitz(self, body: Body) -> float:
        """|c|."""
        return float(np.linalg.norm(self.c))

    def smoothness(self, body: Body) -> float:
        """0: the gradient is constant."""
        return 0.0

    def check(self, body: Body) -> None:
        """As many coefficients as coordinates."""
        if self.c.size != body.dimension:
            raise ValueError(f"{self.c.size} coefficients, but {body.dimension} coordinates")
