"""Inner loops over flat arrays, each compiled by itself: inside its caller none is vectorised.

No floating-point flags: plain Python computes the same bits. Sums run in four lanes, because one
long chain of additions waits four cycles for each.
"""

from __future__ import annotations

from math import sqrt

from harness.kernels import row

__all__ = [
    "add_moments",
    "add_noise",
    "add_noise_and_clip",
    "add_noise_and_drift",
    "all_finite",
    "clip",
    "copy",
    "dot",
    "flatten",
    "length",
    "move",
    "scale_into",
    "widen",
]


@row()
def add_noise(x, noise, sd):
    """X += sd · noise."""
    for i in range(x.size):
        x[i] += sd * float(noise[i])  # plain Python would multiply in single precision


@row()
def add_noise_and_drift(x, noise, sd, slope, half):
    """X += sd · noise − half · slope."""
    for i in range(x.size):
        x[i] += sd * float(noise[i]) - half * slope[i]


@row()
def clip(x, low, high):
    """Each row of ``x``, as long as ``low``, to its box; the last row may be shorter.

    Both branches are values, so that NaN stays NaN. Bounds are repeated a row, not a chain: they
    stay in the first cache (0.3 ns a number less at 6,400).
    """
    n = low.size
    for at in range(0, x.size, n):
        line = x[at : at + n]
        for j in range(line.size):
            u = line[j]
            u = low[j] if u < low[j] else u
            line[j] = high[j] if u > high[j] else u


@row()
def add_noise_and_clip(x, noise, sd, low, high):
    """:func:`add_noise`, then :func:`clip`, in one pass: two thirds of the time."""
    n = low.size
    for at in range(0, x.size, n):
        line, added = x[at : at + n], noise[at : at + n]
        for j in range(line.size):
            u = line[j] + sd * float(added[j])
            u = low[j] if u < low[j] else u
            line[j] = high[j] if u > high[j] else u


@row()
def scale_into(out, x, factor):
    """Out = factor · x."""
    for i in range(x.size):
        out[i] = factor * x[i]


def flatten(directions):
    """Take each row's mean off: directions within the flat of fixed sums."""
    n = directions.shape[1]
    for c in range(directions.shape[0]):
        total = 0.0
        for j in range(n):
            total += directions[c, j]
        mean = total / n
        for j in range(n):
            directions[c, j] -= mean


@row()
def widen(out, noise):
    """Out = noise, in double precision."""
    for i in range(out.size):
        out[i] = noise[i]


@row()
def copy(x, out):
    """Out = x."""
    for i in range(out.size):
        out[i] = x[i]


@row()
def move(x, u, t):
    """Each row of x (chains, n), flat, by its own t along its own u."""
    n = x.size // t.size
    for c in range(t.size):
        at, step = c * n, t[c]
        for j in range(n):
            x[at + j] += step * u[at + j]


@row()
def add_moments(x, first, second):
    """Add the rows of ``x``, as long as ``first``, and their squares, one row after the other.

    Four rows at a time, so that the sums are loaded and stored once for them: less than half the
    time, and the same bits.
    """
    n = first.size
    rows = x.size // n
    whole = rows - rows % 4
    for c in range(0, whole, 4):
        at = c * n
        one, two = x[at : at + n], x[at + n : at + 2 * n]
        three, four = x[at + 2 * n : at + 3 * n], x[at + 3 * n : at + 4 * n]
        for j in range(n):
            p, q, r, s = one[j], two[j], three[j], four[j]
            first[j] = (((first[j] + p) + q) + r) + s
            second[j] = (((second[j] + p * p) + q * q) + r * r) + s * s
    for c in range(whole, rows):
        last = x[c * n : (c + 1) * n]
        for j in range(n):
            first[j] += last[j]
            second[j] += last[j] * last[j]


def all_finite(values):
    """Whether no number of the flat array is NaN or infinite."""
    return finite_sum(values) == 0.0


@row()
def finite_sum(values):
    """0, or NaN if any number is NaN or infinite."""
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    whole = values.size - values.size % 4
    for i in range(0, whole, 4):
        a += values[i] * 0.0
        b += values[i + 1] * 0.0
        c += values[i + 2] * 0.0
        d += values[i + 3] * 0.0
    for i in range(whole, values.size):
        a += values[i] * 0.0
    return (a + b) + (c + d)


@row()
def dot(x, y):
    """Sum of the products."""
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    whole = x.size - x.size % 4
    for i in range(0, whole, 4):
        a += x[i] * y[i]
        b += x[i + 1] * y[i + 1]
        c += x[i + 2] * y[i + 2]
        d += x[i + 3] * y[i + 3]
    for i in range(whole, x.size):
        a += x[i] * y[i]
    return (a + b) + (c + d)


def length(x):
    """Euclidean norm."""
    return sqrt(dot(x, x))
