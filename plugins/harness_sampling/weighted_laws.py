"""Laws with a density on box, ball and simplex: linear, Gaussian, exponential tilt.

Source: closed forms; for the tilt the Hermite–Genocchi formula.
"""

from __future__ import annotations

from collections.abc import Callable
from math import exp, log, sqrt

import numpy as np
from scipy import special

from harness_sampling.arrays import FloatArray
from harness_sampling.law import ExactLaw, directions, full
from harness_sampling.tables import tabulate

__all__ = ["gaussian_ball", "gaussian_box", "linear_box", "simplex_normaliser", "tilted_simplex"]

_LOG_TINY = -600.0  # below it a probability is near the end of the doubles
_HALVINGS = 60


def linear_box(low: FloatArray, high: FloatArray, slope: FloatArray) -> ExactLaw:
    """Density ∝ exp(−Σ a_i x_i) on {low ≤ x ≤ high}."""
    low, high = np.asarray(low, float), np.asarray(high, float)
    slope = np.broadcast_to(np.asarray(slope, float), low.shape)
    width = high - low
    if not slope.all():
        raise ValueError("linear_box: a slope of 0 is the uniform law")
    power = slope * width
    # E of the distance u from ``low``, and of u².
    lost = width / np.expm1(power)
    first = 1 / slope - lost
    squared = 2 / slope * first - width * lost

    def marginal(i: int, t: FloatArray) -> FloatArray:
        gone = np.clip(t - low[i], 0.0, width[i])
        return np.asarray(np.expm1(-slope[i] * gone) / np.expm1(-power[i]))

    def sampler(generator: np.random.Generator, count: int) -> FloatArray:
        uniform = generator.random((count, low.size))
        return low - np.log1p(uniform * np.expm1(-power)) / slope

    return ExactLaw(
        dimension=low.size,
        mean=low + first,
        second_moment=low**2 + 2 * low * first + squared,
        low=low,
        high=high,
        marginal=marginal,
        sampler=sampler,
    )


def gaussian_box(dimension: int, half_width: float, sigma: float) -> ExactLaw:
    """N(0, σ²I) restricted to [−a, a]^d."""
    ends = float(special.erf(half_width / (sigma * np.sqrt(2))))
    edge = np.sqrt(2 / np.pi) / sigma * np.exp(-(half_width**2) / (2 * sigma**2)) / ends

    def marginal(i: int, t: FloatArray) -> FloatArray:
        inside = np.clip(t, -half_width, half_width)
        return np.asarray(0.5 + special.erf(inside / (sigma * np.sqrt(2))) / (2 * ends))

    def gauge(u: FloatArray) -> FloatArray:
        reached = half_width * u ** (1.0 / dimension)
        return np.asarray((special.erf(reached / (sigma * np.sqrt(2))) / ends) ** dimension)

    def sampler(generator: np.random.Generator, count: int) -> FloatArray:
        spread = generator.uniform(-ends, ends, (count, dimension))
        return np.asarray(special.erfinv(spread) * sigma * np.sqrt(2))

    return ExactLaw(
        dimension=dimension,
        mean=full(dimension, 0.0),
        second_moment=full(dimension, sigma**2 * (1 - half_width * edge)),
        low=full(dimension, -half_width),
        high=full(dimension, half_width),
        marginal=marginal,
        gauge=gauge,
        sampler=sampler,
    )


def gaussian_ball(dimension: int, radius: float, sigma: float) -> ExactLaw:
    """N(0, σ²I) restricted to {|x| ≤ R}: |x|² is a truncated χ².

    In logarithms: the mass of the ball is 10⁻¹⁰⁰⁰ at d = 1,000, σ = R/2.
    """
    half, end = dimension / 2, radius**2 / (2 * sigma**2)
    inside = float(log_lower_gamma(half, np.array(end)))

    def log_density(x: FloatArray) -> FloatArray:
        if dimension == 1:
            return -(x**2) / (2 * sigma**2)
        left = np.maximum(radius**2 - x**2, 0.0) / (2 * sigma**2)
        return log_lower_gamma((dimension - 1) / 2, left) - x**2 / (2 * sigma**2)

    peak = float(log_density(np.zeros(1))[0])
    # At most twelve standard deviations of a Gaussian that is wider than the marginal.
    reach = min(radius, 12 * sigma, 12 * radius / sqrt(dimension))
    table = tabulate(lambda x: np.exp(log_density(x) - peak), -reach, reach)

    def gauge(u: FloatArray) -> FloatArray:
        return np.exp(log_lower_gamma(half, end * u ** (2.0 / dimension)) - inside)

    def sampler(generator: np.random.Generator, count: int) -> FloatArray:
        levels = _inverted(gauge, generator.random((count, 1)))
        return radius * levels ** (1.0 / dimension) * directions(generator, count, dimension)

    second = sigma**2 * exp(float(log_lower_gamma(half + 1, np.array(end))) - inside)
    return ExactLaw(
        dimension=dimension,
        mean=full(dimension, 0.0),
        second_moment=full(dimension, second),
        low=full(dimension, -radius),
        high=full(dimension, radius),
        marginal=lambda i, t: table.cdf(t),
        gauge=gauge,
        sampler=sampler,
    )


def log_lower_gamma(a: float, x: FloatArray) -> FloatArray:
    """Logarithm of the regularised lower incomplete gamma function P(a, x), x ≥ 0.

    Where P itself is no number any more, by x^a e^{−x}/Γ(a + 1) · Σ x^k/((a + 1) … (a + k)); there
    x < a, so that the terms fall.
    """
    with np.errstate(divide="ignore"):
        plain = np.log(special.gammainc(a, x))
    small = (plain < _LOG_TINY) & (x > 0)
    if not small.any():
        return np.asarray(plain)
    y = x[small]
    term = total = np.ones_like(y)
    k = 0
    while (term > 1e-17 * total).any():
        k += 1
        term = term * y / (a + k)
        total = total + term
    found = np.array(plain)
    found[small] = a * np.log(y) - y - special.gammaln(a + 1) + np.log(total)
    return found


def _inverted(cdf: Callable[[FloatArray], FloatArray], levels: FloatArray) -> FloatArray:
    """The u in [0, 1] at which an increasing ``cdf`` reaches each level, by halving."""
    low, high = np.zeros_like(levels), np.ones_like(levels)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        is_below = cdf(middle) < levels
        low, high = np.where(is_below, middle, low), np.where(is_below, high, middle)
    return (low + high) / 2


def tilted_simplex(tilt: FloatArray) -> ExactLaw:
    """Density ∝ exp(−⟨c, x⟩) on the face {x ≥ 0, Σx = 1} in R^d, d ≥ 2.

    Draws are by rejection from the uniform law: one in Z e^{min c} is kept.
    """
    tilt = np.asarray(tilt, float)
    size = tilt.size
    whole = log_normaliser(tilt)
    first = [log_normaliser(np.append(tilt, c)) - whole for c in tilt]
    second = [log_normaliser(np.append(tilt, [c, c])) - whole for c in tilt]
    tables: dict[int, Callable[[FloatArray], FloatArray]] = {}

    def density(i: int, x: FloatArray) -> FloatArray:
        others = np.delete(tilt, i)
        if size == 2:
            return np.exp(-tilt[i] * x - others[0] * (1 - x))
        logs = [log_normaliser((1 - each) * others) for each in x]
        return np.exp(np.array(logs) - tilt[i] * x - whole) * (1 - x) ** (size - 2)

    def marginal(i: int, t: FloatArray) -> FloatArray:
        if i not in tables:
            tables[i] = tabulate(lambda x: density(i, x), 0.0, 1.0).cdf
        return tables[i](t)

    def sampler(generator: np.random.Generator, count: int) -> FloatArray:
        kept: list[FloatArray] = []
        missing = count
        while missing > 0:
            tried = generator.dirichlet(np.ones(size), 4 * missing + 64)
            chance = np.exp(tilt.min() - tried @ tilt)
            found = tried[generator.random(len(tried)) < chance][:missing]
            kept.append(found)
            missing -= len(found)
        return np.concatenate(kept)

    return ExactLaw(
        dimension=size,
        mean=np.exp(first) / size,
        second_moment=2 * np.exp(second) / (size * (size + 1)),
        low=full(size, 0.0),
        high=full(size, 1.0),
        marginal=marginal,
        sampler=sampler,
    )


def simplex_normaliser(tilt: FloatArray) -> float:
    """E exp(−⟨c, x⟩) for x uniform on the face {x ≥ 0, Σx = 1}."""
    return exp(log_normaliser(np.asarray(tilt, float)))


def log_normaliser(tilt: FloatArray) -> float:
    """Logarithm of :func:`simplex_normaliser`; equal c_i are no special case.

    (d − 1)! times the divided difference of exp at −c (Hermite–Genocchi) is an entry of the
    exponential of the bidiagonal matrix with −c on and 1, 2, …, d − 1 beside the diagonal
    (Opitz). Shifted by max c that matrix has no negative entry, so its power series loses no
    digits, where the usual sum over i of e^{−c_i}/Π(c_j − c_i) loses all of them beyond d = 20.
    """
    shift = float(tilt.max())
    diagonal, beside = shift - tilt, np.arange(1.0, tilt.size)
    # The row e_1ᵀ A^k / k!, summed until nothing is added; the scale keeps it in range.
    row = np.zeros(tilt.size)
    row[0] = 1.0
    total, scale, k = row[-1], 0.0, 0
    while True:
        k += 1
        after = row * diagonal
        after[1:] += row[:-1] * beside
        row = after / k
        before, total = total, total + row[-1]
        if k >= tilt.size and total == before:
            return log(total) + scale - shift
        largest = row.max()
        if largest > 1e100 or total > 1e100:
            row, total, scale = row / 1e100, total / 1e100, scale + log(1e100)
