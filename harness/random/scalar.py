"""One number from an address (key, t, lane, draw): the draws that policies and tasks call.

A draw is a function of its address, so it does not matter who asked before, in what order, or
in which process. ``key`` says what for (:class:`~harness.random.Stream`), ``t`` is the round,
``lane`` which of the round's equal things (the arm, the coordinate), ``draw`` which of several
numbers of one kind there. Two calls of one function at one address give the same number; two
different functions at one address are independent.

In compiled code a call is replaced by its source in :mod:`harness.random.laws`; called from
Python it runs that source, or, once :func:`use` handed one over, a compiled object: the bits
are the same.

Ranges: keys 0 … 2^63 - 1, rounds 0 … 2^44 - 1, lanes and draws 0 … 2^32 - 1; beyond them
addresses repeat.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from harness.random import laws

__all__ = [
    "SOURCES",
    "beta",
    "bits",
    "exponential",
    "gamma",
    "integer",
    "normal",
    "normal_pair",
    "uniform",
    "uniform_pair",
    "use",
]


@dataclass(slots=True)
class _Live:
    """What a call from Python runs at present."""

    uniform: Callable[[int, int, int, int], float] = laws.uniform
    uniform_pair: Callable[[int, int, int, int], tuple[float, float]] = laws.uniform_pair
    normal: Callable[[int, int, int, int], float] = laws.normal
    normal_pair: Callable[[int, int, int, int], tuple[float, float]] = laws.normal_pair
    exponential: Callable[[int, int, int, int], float] = laws.exponential
    gamma: Callable[[int, int, int, float, int], float] = laws.gamma
    beta: Callable[[int, int, int, float, float, int], float] = laws.beta
    integer: Callable[[int, int, int, int, int], int] = laws.integer
    bits: Callable[[int, int, int, int], int] = laws.bits


_live = _Live()


def uniform(key: int, t: int, lane: int, draw: int = 0) -> float:
    """Uniform on (0, 1), never 0 or 1: the middle of one of 2^52 cells.

    >>> uniform(2013, 1, 0) == uniform(2013, 1, 0) != uniform(2013, 1, 1)
    True
    """
    return _live.uniform(key, t, lane, draw)


def uniform_pair(key: int, t: int, lane: int, draw: int = 0) -> tuple[float, float]:
    """Two independent uniforms for the price of one; the first is :func:`uniform`'s."""
    return _live.uniform_pair(key, t, lane, draw)


def normal(key: int, t: int, lane: int, draw: int = 0) -> float:
    """Standard normal (Box–Muller); at most 8.6 in absolute value."""
    return _live.normal(key, t, lane, draw)


def normal_pair(key: int, t: int, lane: int, draw: int = 0) -> tuple[float, float]:
    """Two independent standard normals; the first is :func:`normal`'s."""
    return _live.normal_pair(key, t, lane, draw)


def exponential(key: int, t: int, lane: int, draw: int = 0) -> float:
    """Exponential with mean 1."""
    return _live.exponential(key, t, lane, draw)


def gamma(key: int, t: int, lane: int, shape: float, draw: int = 0) -> float:
    """Gamma with the given shape and scale 1; ``ValueError`` unless ``shape`` > 0.

    Marsaglia & Tsang 2000; a shape below 1 by ``gamma(shape + 1) * u ** (1 / shape)``, which
    is 0 where that underflows.
    """
    return _live.gamma(key, t, lane, shape, draw)


def beta(key: int, t: int, lane: int, a: float, b: float, draw: int = 0) -> float:
    """Beta(a, b) on [0, 1]; ``ValueError`` unless both shapes are > 0.

    The ratio of two gammas. Exactly 0 or 1 only where the number nearest to the variate is.
    """
    return _live.beta(key, t, lane, a, b, draw)


def integer(key: int, t: int, lane: int, n: int, draw: int = 0) -> int:
    """Uniform on 0 … n - 1, exactly (Lemire 2019); ``ValueError`` unless 1 ≤ n ≤ 2^32."""
    return _live.integer(key, t, lane, n, draw)


def bits(key: int, t: int, lane: int, draw: int = 0) -> int:
    """63 random bits: a number that can serve as a key."""
    return _live.bits(key, t, lane, draw)


# What stands for each function in compiled code.
SOURCES: dict[Callable[..., Any], Callable[..., Any]] = {
    uniform: laws.uniform,
    uniform_pair: laws.uniform_pair,
    normal: laws.normal,
    normal_pair: laws.normal_pair,
    exponential: laws.exponential,
    gamma: laws.gamma,
    beta: laws.beta,
    integer: laws.integer,
    bits: laws.bits,
}


def use(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Let calls of the draw ``name`` from Python run ``function``, which gives the same bits.

    Returns what they ran before.
    """
    before: Callable[..., Any] = getattr(_live, name)
    setattr(_live, name, function)
    return before
