"""Exact volumes of the bodies, as logarithms.

The share of a box that lies in a ball is the law of a sum of squares of uniforms. It comes from
the Laplace transform of that sum by an integral through its saddle point: there the integrand is
largest at one place and falls off on both sides, so plain sums converge at any dimension (the
tilt). Below four dimensions the integrand falls too slowly, and one coordinate after the other
is integrated out instead.

Source: closed forms; Bromwich's integral for the intersection, checked against 2·10⁶ draws.
"""

from __future__ import annotations

from math import acos, inf, lgamma, log, pi, sqrt

import numpy as np
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.special import erf

from harness_sampling.arrays import FloatArray

__all__ = [
    "log_volume_of_ball",
    "log_volume_of_box",
    "log_volume_of_box_and_ball",
    "log_volume_of_ellipsoid",
    "log_volume_of_l1_ball",
    "log_volume_of_solid_simplex",
    "share_of_box_in_ball",
]

_SLOW_BELOW = 4  # dimensions in which the integrand falls too slowly
_STEPS_A_TURN = 8.0  # of the integrand's exponential; aliasing is below exp(-2π · this)
_TAIL = 1e-12  # of the integral


def log_volume_of_box(low: FloatArray, high: FloatArray) -> float:
    """Of {low ≤ x ≤ high}."""
    return float(np.log(np.asarray(high) - np.asarray(low)).sum())


def log_volume_of_ball(dimension: int, radius: float = 1.0) -> float:
    """Of {|x| ≤ radius}: π^{d/2} R^d / Γ(d/2 + 1)."""
    half = dimension / 2
    return half * log(pi) - lgamma(half + 1) + dimension * log(radius)


def log_volume_of_solid_simplex(dimension: int, total: float = 1.0) -> float:
    """Of {x ≥ 0, Σx ≤ total}: total^d / d!."""
    return dimension * log(total) - lgamma(dimension + 1)


def log_volume_of_l1_ball(dimension: int, radius: float = 1.0) -> float:
    """Of {Σ|x| ≤ radius}: (2 radius)^d / d!."""
    return dimension * log(2 * radius) - lgamma(dimension + 1)


def log_volume_of_ellipsoid(matrix: FloatArray) -> float:
    """Of {xᵀMx ≤ 1}: the unit ball's over √det M."""
    _, log_determinant = np.linalg.slogdet(matrix)
    return log_volume_of_ball(len(matrix)) - 0.5 * float(log_determinant)


def log_volume_of_box_and_ball(dimension: int, half_width: float, radius: float) -> float:
    """Of [−a, a]^d ∩ {|x| ≤ R}."""
    if radius <= half_width:
        return log_volume_of_ball(dimension, radius)
    share = share_of_box_in_ball(dimension, (radius / half_width) ** 2)
    return dimension * log(2 * half_width) + log(share)


def share_of_box_in_ball(dimension: int, squared_radius: float) -> float:
    """P(u_1² + … + u_d² ≤ s) for uniform u_i on [−1, 1]: the ball's share of the unit box."""
    if squared_radius <= 0:
        return 0.0
    if squared_radius >= dimension:
        return 1.0
    if dimension < _SLOW_BELOW:
        return _share_in_few(dimension, squared_radius)
    return _share_by_inversion(dimension, squared_radius)


def _share_in_few(dimension: int, s: float) -> float:
    if dimension == 1:
        return min(1.0, sqrt(s))
    if dimension == 2:
        return _share_of_square(s)
    ends = [sqrt(s - each) for each in (1.0, 2.0) if 0 < s - each < 1]
    found, _ = quad(lambda u: _share_of_square(s - u * u), 0, min(1.0, sqrt(s)), points=ends)
    return float(found)


def _share_of_square(s: float) -> float:
    """P(u_1² + u_2² ≤ s): the disc, less four segments beyond the sides."""
    if s <= 0 or s >= 2:
        return float(s > 0)
    if s <= 1:
        return pi * s / 4
    return (pi * s - 4 * (s * acos(1 / sqrt(s)) - sqrt(s - 1))) / 4


def _share_by_inversion(dimension: int, s: float) -> float:
    """(1/2πi) ∫ e^{zs} m(z)^d / z dz along Re z = the saddle point, m(z) = E e^{−zu²}."""
    saddle = _saddle(dimension, s)
    spacing = saddle / _STEPS_A_TURN
    peak = _log_integrand(np.array([complex(saddle)]), dimension, s)[0].real
    total, start, block = 0.0, 0, 4096
    while True:
        height = spacing * np.arange(start, start + block)
        found = np.exp(_log_integrand(saddle + 1j * height, dimension, s) - peak)
        total += float(found.real.sum()) - (0.5 * float(found[0].real) if start == 0 else 0.0)
        # What is left turns with period 2π/s, so it is about the last size over s.
        if abs(found[-1]) <= _TAIL * saddle * s:
            return min(1.0, total * spacing / pi * float(np.exp(peak)))
        start += block


def _log_integrand(z: np.ndarray, dimension: int, s: float) -> np.ndarray:
    root = np.sqrt(z)
    # A power of m keeps its branch: no cut is met to the right of 0.
    return z * s + dimension * np.log(sqrt(pi) / 2 * erf(root) / root) - np.log(z)


def _saddle(dimension: int, s: float) -> float:
    """Where the integrand is smallest along the positive axis."""

    def slope(log_z: float) -> float:
        z = float(np.exp(log_z))
        # m'/m = −E u² under the tilt e^{−zu²}.
        root = sqrt(z)
        tilted = 0.5 / z - np.exp(-z) / (sqrt(pi) * root * erf(root)) if z > 1e-8 else 1 / 3
        return s - dimension * tilted - 1 / z

    return float(np.exp(brentq(slope, log(1e-9), log(1e9)))) if s < inf else inf
