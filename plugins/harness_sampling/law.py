"""What is known exactly of a target: marginals, moments, the gauge, and direct draws.

The *gauge* of x in a body K around its centre o is γ(x) = inf{s: x ∈ o + s(K − o)}. For a uniform
law γ^n is uniform on [0, 1], whatever the body: the one statistic that sees the boundary in any
dimension n (the dimension of the flat that the body lies in).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from harness_sampling.arrays import FloatArray

__all__ = ["ExactLaw", "directions", "equal", "full"]

_TABLE = 8193  # places of a table of quantiles

Cdf = Callable[[int, FloatArray], FloatArray]
Draw = Callable[[np.random.Generator, int], FloatArray]


@dataclass(frozen=True, kw_only=True)
class ExactLaw:
    """What is known of a target.

    Parameters
    ----------
    dimension
        Of the vectors x (a simplex face's own dimension is one less).
    mean, second_moment
        (d,) E x_i and E x_i²; NaN where not known.
    low, high
        (d,) ends of each coordinate's support.
    marginal
        ``marginal(i, t)`` is P(x_i ≤ t) for an array t; ``None`` where not known.
    gauge
        ``gauge(u)`` is P(γ^n ≤ u) for u in [0, 1]; ``None`` where not known.
    sampler
        ``sampler(generator, count)`` gives (count, d) independent draws; ``None``: no way.
    """

    dimension: int
    mean: FloatArray
    second_moment: FloatArray
    low: FloatArray
    high: FloatArray
    marginal: Cdf | None = None
    gauge: Callable[[FloatArray], FloatArray] | None = None
    sampler: Draw | None = None

    @property
    def has_marginals(self) -> bool:
        """Whether :meth:`cdf` can be called."""
        return self.marginal is not None

    @property
    def has_gauge(self) -> bool:
        """Whether :meth:`gauge_cdf` can be called."""
        return self.gauge is not None

    @property
    def can_draw(self) -> bool:
        """Whether :meth:`draw` can be called."""
        return self.sampler is not None

    @property
    def variance(self) -> FloatArray:
        """(d,) Var x_i."""
        return self.second_moment - self.mean**2

    def cdf(self, coordinate: int, values: FloatArray) -> FloatArray:
        """P(x_i ≤ t), by ``coordinate`` and array of t."""
        if self.marginal is None:
            raise ValueError("the marginals of this law are not known")
        return self.marginal(coordinate, np.asarray(values, dtype=np.float64))

    def quantile(self, coordinate: int, probabilities: FloatArray) -> FloatArray:
        """The t with P(x_i ≤ t) = p, by inverting a table: within 10⁻⁷ of the support."""
        grid = np.linspace(self.low[coordinate], self.high[coordinate], _TABLE)
        return np.interp(probabilities, self.cdf(coordinate, grid), grid)

    def gauge_cdf(self, values: FloatArray) -> FloatArray:
        """P(γ^n ≤ u), for an array of u in [0, 1]."""
        if self.gauge is None:
            raise ValueError("the gauge law of this target is not known")
        return self.gauge(np.clip(np.asarray(values, dtype=np.float64), 0.0, 1.0))

    def draw(self, generator: np.random.Generator, count: int) -> FloatArray:
        """(count, d) independent draws."""
        if self.sampler is None:
            raise ValueError("this law cannot be drawn directly")
        return self.sampler(generator, count)


def full(dimension: int, value: float) -> FloatArray:
    """(d,) of one value."""
    return np.full(dimension, value)


def equal(values: FloatArray) -> FloatArray:
    """The gauge's law under a uniform target: uniform on [0, 1]."""
    return values


def directions(generator: np.random.Generator, count: int, dimension: int) -> FloatArray:
    """(count, d) unit vectors of the uniform law on the sphere."""
    found = generator.standard_normal((count, dimension))
    return found / np.linalg.norm(found, axis=1, keepdims=True)
