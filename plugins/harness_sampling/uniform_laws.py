"""Uniform laws on the bodies, and the Dirichlet laws that the simplex's is one of.

Source: closed forms; the intersection of box and ball by the volumes of its slices.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy import special

from harness_sampling.arrays import FloatArray
from harness_sampling.law import ExactLaw, directions, equal, full
from harness_sampling.tables import TabulatedLaw, tabulate
from harness_sampling.volumes import share_of_box_in_ball

__all__ = [
    "dirichlet",
    "uniform_ball",
    "uniform_body",
    "uniform_box",
    "uniform_box_and_ball",
    "uniform_ellipsoid",
    "uniform_l1_ball",
    "uniform_simplex",
    "uniform_solid_simplex",
]

_SLICE_PANELS = 24  # of [0, a], where each place costs a millisecond


def uniform_body(dimension: int) -> ExactLaw:
    """The uniform law on any body: only the gauge's law is known."""
    unknown = full(dimension, np.nan)
    return ExactLaw(
        dimension=dimension,
        mean=unknown,
        second_moment=unknown,
        low=unknown,
        high=unknown,
        gauge=equal,
    )


def uniform_box(low: FloatArray, high: FloatArray) -> ExactLaw:
    """Uniform on {low ≤ x ≤ high}."""
    low, high = np.asarray(low, float), np.asarray(high, float)
    return ExactLaw(
        dimension=low.size,
        mean=(low + high) / 2,
        second_moment=(low**2 + low * high + high**2) / 3,
        low=low,
        high=high,
        marginal=lambda i, t: np.clip((t - low[i]) / (high[i] - low[i]), 0.0, 1.0),
        gauge=equal,
        sampler=lambda generator, count: generator.uniform(low, high, (count, low.size)),
    )


def uniform_ball(dimension: int, radius: float = 1.0) -> ExactLaw:
    """Uniform on {|x| ≤ radius}."""
    return uniform_ellipsoid(np.zeros(dimension), np.eye(dimension) / radius**2)


def uniform_ellipsoid(centre: FloatArray, matrix: FloatArray) -> ExactLaw:
    """Uniform on {(x − c)ᵀM(x − c) ≤ 1}."""
    centre, dimension = np.asarray(centre, float), len(matrix)
    values, vectors = np.linalg.eigh(matrix)
    root = vectors / np.sqrt(values)  # columns: a ball's point z is mapped to c + root z
    reach = np.sqrt((root**2).sum(axis=1))  # (d,) largest x_i − c_i

    def sampler(generator: np.random.Generator, count: int) -> FloatArray:
        return centre + _ball_draws(generator, count, dimension) @ root.T

    return ExactLaw(
        dimension=dimension,
        mean=centre,
        second_moment=centre**2 + reach**2 / (dimension + 2),
        low=centre - reach,
        high=centre + reach,
        marginal=lambda i, t: _ball_cdf(dimension, (t - centre[i]) / reach[i]),
        gauge=equal,
        sampler=sampler,
    )


def _ball_cdf(dimension: int, t: FloatArray) -> FloatArray:
    inside = np.clip(t, -1.0, 1.0)
    half = special.betainc(0.5, (dimension + 1) / 2, inside**2) / 2
    return 0.5 + np.sign(inside) * half


def _ball_draws(generator: np.random.Generator, count: int, dimension: int) -> FloatArray:
    radii = generator.random((count, 1)) ** (1.0 / dimension)
    return radii * directions(generator, count, dimension)


def uniform_simplex(dimension: int, total: float = 1.0) -> ExactLaw:
    """Uniform on the face {x ≥ 0, Σx = total} in R^d."""
    return dirichlet(np.ones(dimension), total)


def dirichlet(alpha: FloatArray, total: float = 1.0) -> ExactLaw:
    """Density ∝ Π x_i^{α_i − 1} on the face {x ≥ 0, Σx = total}."""
    alpha = np.asarray(alpha, float)
    whole = float(alpha.sum())

    def sampler(generator: np.random.Generator, count: int) -> FloatArray:
        return total * generator.dirichlet(alpha, count)

    def marginal(i: int, t: FloatArray) -> FloatArray:
        share = np.clip(t / total, 0.0, 1.0)
        return np.asarray(special.betainc(alpha[i], whole - alpha[i], share))

    return ExactLaw(
        dimension=alpha.size,
        mean=total * alpha / whole,
        second_moment=total**2 * alpha * (alpha + 1) / (whole * (whole + 1)),
        low=full(alpha.size, 0.0),
        high=full(alpha.size, total),
        marginal=marginal,
        gauge=equal if (alpha == 1.0).all() else None,
        sampler=sampler,
    )


def uniform_solid_simplex(dimension: int, total: float = 1.0) -> ExactLaw:
    """Uniform on {x ≥ 0, Σx ≤ total}: a face of one more dimension, less its last coordinate."""
    face = uniform_simplex(dimension + 1, total)
    return ExactLaw(
        dimension=dimension,
        mean=face.mean[:-1],
        second_moment=face.second_moment[:-1],
        low=full(dimension, 0.0),
        high=full(dimension, total),
        marginal=face.marginal,
        gauge=equal,
        sampler=lambda generator, count: face.draw(generator, count)[:, :-1],
    )


def uniform_l1_ball(dimension: int, radius: float = 1.0) -> ExactLaw:
    """Uniform on {Σ|x| ≤ radius}: |x_i| ~ Beta(1, d)."""
    solid = uniform_solid_simplex(dimension, radius)

    def marginal(i: int, t: FloatArray) -> FloatArray:
        reached = 1.0 - (1.0 - np.clip(np.abs(t) / radius, 0.0, 1.0)) ** dimension
        return 0.5 + np.sign(t) * reached / 2

    def sampler(generator: np.random.Generator, count: int) -> FloatArray:
        signs = 1.0 - 2.0 * generator.integers(0, 2, (count, dimension))
        return signs * solid.draw(generator, count)

    return ExactLaw(
        dimension=dimension,
        mean=full(dimension, 0.0),
        second_moment=solid.second_moment,
        low=full(dimension, -radius),
        high=full(dimension, radius),
        marginal=marginal,
        gauge=equal,
        sampler=sampler,
    )


def uniform_box_and_ball(dimension: int, half_width: float, radius: float) -> ExactLaw:
    """Uniform on [−a, a]^d ∩ {|x| ≤ R}; marginals from the volumes of its slices."""
    reach = min(half_width, radius)
    table = _slices(dimension, half_width, radius)

    def marginal(i: int, t: FloatArray) -> FloatArray:
        return 0.5 + np.sign(t) * table.cdf(np.abs(t)) / 2

    return ExactLaw(
        dimension=dimension,
        mean=full(dimension, 0.0),
        second_moment=full(dimension, table.moment(2)),
        low=full(dimension, -reach),
        high=full(dimension, reach),
        marginal=marginal,
        gauge=equal,
        sampler=lambda generator, count: _box_ball_draws(
            generator, count, dimension, half_width, radius
        ),
    )


@cache  # some hundred volumes: a third of a second
def _slices(dimension: int, half_width: float, radius: float) -> TabulatedLaw:
    """The law of |x_1|: its density is the volume of a slice."""
    squared = (radius / half_width) ** 2

    def density(x: FloatArray) -> FloatArray:
        left = squared - (x / half_width) ** 2
        if dimension == 1:
            return (left >= 0).astype(float)
        return np.array([share_of_box_in_ball(dimension - 1, each) for each in left])

    # A slice's volume bends where the ball leaves its faces.
    bends = [half_width * np.sqrt(squared - k) for k in range(dimension) if 0 < squared - k < 1]
    return tabulate(density, 0.0, min(half_width, radius), bends=bends, panels=_SLICE_PANELS)


def _box_ball_draws(
    generator: np.random.Generator, count: int, dimension: int, half_width: float, radius: float
) -> FloatArray:
    """Rejection from Π exp(−θx²): with θ for which E|x|² is near R² few are refused."""
    theta = max(0.0, dimension / (2 * radius**2) - 1.5 / half_width**2)
    kept: list[FloatArray] = []
    missing = count
    while missing > 0:
        if theta:
            ends = special.erf(half_width * np.sqrt(theta))
            spread = generator.uniform(-ends, ends, (4 * missing + 64, dimension))
            tried = special.erfinv(spread) / np.sqrt(theta)
        else:
            tried = generator.uniform(-half_width, half_width, (4 * missing + 64, dimension))
        short = radius**2 - (tried**2).sum(axis=1)  # below 0: outside
        chance = np.where(short >= 0, np.exp(-theta * np.maximum(short, 0.0)), 0.0)
        found = tried[generator.random(len(tried)) < chance][:missing]
        kept.append(found)
        missing -= len(found)
    return np.concatenate(kept)
