"""The Gaussian e^{−a|x|²}, cut to the body: standard deviation 1/√(2a)."""

from __future__ import annotations

from math import exp, log, log1p, sqrt
from typing import ClassVar, NamedTuple

from harness.random import normal, uniform
from harness_sampling.arrays import IntArray
from harness_sampling.flat import dot, scale_into
from harness_sampling.guards import require_positive
from harness_sampling.problem import Body, Target, TargetOracles
from harness_sampling.sampler import GRADIENT, POTENTIAL

__all__ = ["Gaussian", "GaussianRecord", "truncated_normal"]

_LONG = 3.0  # standard deviations from which a chord is drawn from the whole normal


class GaussianRecord(NamedTuple):
    """The coefficient."""

    a: float
    calls: IntArray


def gradient(target, points, key, k, out):
    target.calls[GRADIENT] += points.shape[0]
    size = points.size
    scale_into(out.reshape(size), points.reshape(size), 2.0 * target.a)


def potential(target, points, out):
    target.calls[POTENTIAL] += points.shape[0]
    for c in range(points.shape[0]):
        out[c] = target.a * dot(points[c], points[c])


def tail(low, high, key, k, lane):
    """A standard normal on [low, high] with 0 < low: from an exponential of rate ``low``."""
    mass = 1.0 - exp(-low * (high - low))
    attempt = 0
    while True:
        z = low - log1p(-uniform(key, k, lane, attempt) * mass) / low
        away = z - low
        if log(uniform(key, k, lane, attempt + 1)) <= -0.5 * away * away:
            return min(z, high)
        attempt += 2


def middle(low, high, key, k, lane):
    """A standard normal on [low, high] that reaches near 0: from the normal, or the uniform."""
    closest = max(low, 0.0)
    attempt = 0
    while True:
        if high - low > _LONG:
            z = normal(key, k, lane, attempt)
            if low <= z <= high:
                return z
        else:
            z = low + (high - low) * uniform(key, k, lane, attempt)
            if log(uniform(key, k, lane, attempt + 1)) <= 0.5 * (closest * closest - z * z):
                return z
        attempt += 2


def truncated_normal(low, high, key, k, lane):
    """A standard normal on [low, high], by rejection."""
    is_mirrored = high < -low
    if is_mirrored:
        low, high = -high, -low
    z = tail(low, high, key, k, lane) if low > 0.5 else middle(low, high, key, k, lane)
    return -z if is_mirrored else z


def along(target, points, directions, low, high, key, k, out):
    for c in range(points.shape[0]):
        square = dot(directions[c], directions[c])
        mean = -dot(points[c], directions[c]) / square
        sd = 1.0 / sqrt(2.0 * target.a * square)
        first, last = (low[c] - mean) / sd, (high[c] - mean) / sd
        z = truncated_normal(first, last, key, k, c)
        out[c] = min(max(mean + sd * z, low[c]), high[c])


class Gaussian(Target):
    """Density ∝ exp(−a|x|²)."""

    name: ClassVar[str] = "gaussian"
    oracles: ClassVar[TargetOracles] = TargetOracles(gradient, potential, along)

    def __init__(self, a: float) -> None:
        require_positive("the coefficient of |x|²", a)
        self.a = float(a)

    def record(self, chains: int, calls: IntArray) -> GaussianRecord:
        """The coefficient."""
        return GaussianRecord(self.a, calls)

    def lipschitz(self, body: Body) -> float:
        """2a(|c| + R)."""
        from numpy.linalg import norm

        return 2.0 * self.a * (float(norm(body.centre)) + body.outer_radius)

    def smoothness(self, body: Body) -> float:
        """2a."""
        return 2.0 * self.a
