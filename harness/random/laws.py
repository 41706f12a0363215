"""The arithmetic of scalar draws: one source, run as Python and compiled, with the same bits.

Only ``math`` functions and plain arithmetic, no powers: ``np.log``, ``x**2`` and others differ
between plain and compiled code. :mod:`harness.random.scalar` documents each function.

=============  ==================================================================
block          used by
=============  ==================================================================
attempt 0      uniform, normal, exponential, bits; the first try of integer
2 k, 2 k + 1   try k of gamma and beta: two normals, then two uniforms
last           gamma and beta with a shape below 1: the boost's uniforms
=============  ==================================================================
"""

from __future__ import annotations

import math

from harness.random.philox import (
    ATTEMPTS,
    BETA,
    BITS,
    EXPONENTIAL,
    GAMMA,
    INTEGER,
    NORMAL,
    UNIFORM,
    scalar_block,
)

__all__ = [
    "beta",
    "bits",
    "exponential",
    "gamma",
    "integer",
    "normal",
    "normal_pair",
    "uniform",
    "uniform_pair",
]

_WORD = 0xFFFFFFFF
_TWO_PI = 2.0 * math.pi
_STEP = 2.0**-52
_LAST = ATTEMPTS - 1
_REJECTED = -1.0  # never a gamma variate; compiled code has no cheap None
_SQUEEZE = 0.0331  # Marsaglia & Tsang 2000, section 6


def uniform(key: int, t: int, lane: int, draw: int = 0) -> float:
    """From the first half of the block."""
    w0, w1, _, _ = scalar_block(key, t, lane, draw, UNIFORM, 0)
    return _unit(w0, w1)


def uniform_pair(key: int, t: int, lane: int, draw: int = 0) -> tuple[float, float]:
    """From both halves of the block."""
    return _unit_pair(key, t, lane, draw, UNIFORM, 0)


def normal(key: int, t: int, lane: int, draw: int = 0) -> float:
    """The first of the block's two normals; the sine of the second is not computed."""
    u, v = _unit_pair(key, t, lane, draw, NORMAL, 0)
    return math.sqrt(-2.0 * math.log(u)) * math.cos(_TWO_PI * v)


def normal_pair(key: int, t: int, lane: int, draw: int = 0) -> tuple[float, float]:
    """Both normals of the block."""
    return _normal_pair(key, t, lane, draw, NORMAL, 0)


def exponential(key: int, t: int, lane: int, draw: int = 0) -> float:
    """By inversion."""
    w0, w1, _, _ = scalar_block(key, t, lane, draw, EXPONENTIAL, 0)
    return -math.log(_unit(w0, w1))


def gamma(key: int, t: int, lane: int, shape: float, draw: int = 0) -> float:
    """Tries until one is accepted; 95 to 99.9 % of first tries are."""
    if not shape > 0.0:
        raise ValueError("gamma: the shape must be positive")
    scale = _scale(shape)
    value, attempt = _REJECTED, 0
    while value < 0.0:
        x, y = _normal_pair(key, t, lane, draw, GAMMA, attempt)
        u, v = _unit_pair(key, t, lane, draw, GAMMA, attempt + 1)
        value = _try_gamma(scale, x, u)
        if value < 0.0:
            value = _try_gamma(scale, y, v)
        attempt += 2
    if shape < 1.0:
        u, v = _unit_pair(key, t, lane, draw, GAMMA, _LAST)
        value *= math.exp(math.log(u) / shape)
    return value


def beta(key: int, t: int, lane: int, a: float, b: float, draw: int = 0) -> float:
    """Tries until both gammas are accepted; an accepted one is kept."""
    if not (a > 0.0 and b > 0.0):
        raise ValueError("beta: both shapes must be positive")
    scale_a, scale_b = _scale(a), _scale(b)
    x, y, attempt = _REJECTED, _REJECTED, 0
    while x < 0.0 or y < 0.0:
        n, m = _normal_pair(key, t, lane, draw, BETA, attempt)
        u, v = _unit_pair(key, t, lane, draw, BETA, attempt + 1)
        if x < 0.0:
            x = _try_gamma(scale_a, n, u)
        if y < 0.0:
            y = _try_gamma(scale_b, m, v)
        attempt += 2
    if a >= 1.0 and b >= 1.0:
        return x / (x + y)
    # Logarithms, because a boosted gamma of a small shape underflows: beta(.001, .001) would
    # be 0 / 0.
    u, v = _unit_pair(key, t, lane, draw, BETA, _LAST)
    log_x = math.log(x) + (math.log(u) / a if a < 1.0 else 0.0)
    log_y = math.log(y) + (math.log(v) / b if b < 1.0 else 0.0)
    return _logistic(log_x - log_y)


def integer(key: int, t: int, lane: int, n: int, draw: int = 0) -> int:
    """Tries until a word is accepted; a try fails with probability below n / 2^32."""
    if n < 1 or n > 4294967296:
        raise ValueError("integer: n must be 1 to 2**32")
    attempt = 0
    while True:
        # Lemire 2019: the high word of word * n is uniform once the (2^32 mod n) smallest low
        # words are rejected. Masked, since the product may pass 2^63.
        word, _, _, _ = scalar_block(key, t, lane, draw, INTEGER, attempt)
        product = word * n
        low = product & _WORD
        if low >= n or low >= (4294967296 - n) % n:
            return (product >> 32) & _WORD
        attempt += 1


def bits(key: int, t: int, lane: int, draw: int = 0) -> int:
    """From the first half of the block."""
    w0, w1, _, _ = scalar_block(key, t, lane, draw, BITS, 0)
    return (w0 << 31) | (w1 >> 1)


def _unit(high: int, low: int) -> float:
    """The middle of one of 2^52 equal cells of (0, 1).

    With 53 bits the half of the last cell would round up to 1.
    """
    return (((high << 20) | (low >> 12)) + 0.5) * _STEP


def _unit_pair(
    key: int, t: int, lane: int, draw: int, sampler: int, attempt: int
) -> tuple[float, float]:
    w0, w1, w2, w3 = scalar_block(key, t, lane, draw, sampler, attempt)
    return _unit(w0, w1), _unit(w2, w3)


def _normal_pair(
    key: int, t: int, lane: int, draw: int, sampler: int, attempt: int
) -> tuple[float, float]:
    """Two independent standard normals (Box & Muller 1958)."""
    u, v = _unit_pair(key, t, lane, draw, sampler, attempt)
    radius = math.sqrt(-2.0 * math.log(u))
    angle = _TWO_PI * v
    return radius * math.cos(angle), radius * math.sin(angle)


def _scale(shape: float) -> float:
    """Marsaglia & Tsang's d; a shape below 1 is raised by 1 and brought back by the boost."""
    return (shape if shape >= 1.0 else shape + 1.0) - 1.0 / 3.0


def _try_gamma(scale: float, x: float, u: float) -> float:
    """A gamma variate of shape ``scale + 1/3``, or ``_REJECTED`` (Marsaglia & Tsang 2000)."""
    base = 1.0 + x / math.sqrt(9.0 * scale)
    if base <= 0.0:
        return _REJECTED
    v = base * base * base
    square = x * x
    if u < 1.0 - _SQUEEZE * square * square:
        return scale * v
    if math.log(u) < 0.5 * square + scale * (1.0 - v + math.log(v)):
        return scale * v
    return _REJECTED


def _logistic(x: float) -> float:
    """``1 / (1 + exp(-x))``; never exponentiates a positive number, where Python overflows."""
    if x > 0.0:
        return 1.0 / (1.0 + math.exp(-x))
    power = math.exp(x)
    return power / (1.0 + power)
