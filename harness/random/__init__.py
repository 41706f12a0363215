"""Counter-based random numbers: a draw is a function of its address, plain and compiled alike.

=========  =====================================================================
module     what
=========  =====================================================================
stream     keys and named streams: where the randomness of a cell comes from
scalar     one number from (key, t, lane, draw): uniform, normal, gamma, beta, …
arrays     arrays filled from (key, step, tag): words, uniforms, normals
philox     the generator, and how an address becomes its 128-bit counter
laws       the arithmetic of scalar draws, one source for plain and compiled code
loops      the arithmetic of filled arrays, and its compiled loops
=========  =====================================================================

Importing this package imports none of them. The counter's layout is in ``docs/randomness.md``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.random.arrays import fill_normals as fill_normals
    from harness.random.arrays import fill_uniforms as fill_uniforms
    from harness.random.arrays import fill_words as fill_words
    from harness.random.scalar import beta as beta
    from harness.random.scalar import bits as bits
    from harness.random.scalar import exponential as exponential
    from harness.random.scalar import gamma as gamma
    from harness.random.scalar import integer as integer
    from harness.random.scalar import normal as normal
    from harness.random.scalar import normal_pair as normal_pair
    from harness.random.scalar import uniform as uniform
    from harness.random.scalar import uniform_pair as uniform_pair
    from harness.random.stream import Stream as Stream
    from harness.random.stream import derive_key as derive_key

_HOME = {
    "Stream": "harness.random.stream",
    "beta": "harness.random.scalar",
    "bits": "harness.random.scalar",
    "derive_key": "harness.random.stream",
    "exponential": "harness.random.scalar",
    "fill_normals": "harness.random.arrays",
    "fill_uniforms": "harness.random.arrays",
    "fill_words": "harness.random.arrays",
    "gamma": "harness.random.scalar",
    "integer": "harness.random.scalar",
    "normal": "harness.random.scalar",
    "normal_pair": "harness.random.scalar",
    "uniform": "harness.random.scalar",
    "uniform_pair": "harness.random.scalar",
}

__all__ = [*_HOME]


def __getattr__(name: str) -> Any:
    """Import a public name on first use, so that ``import harness.random`` costs nothing."""
    if name not in _HOME:
        raise AttributeError(f"module 'harness.random' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
