"""Arrays filled from an address (key, step, tag): what batch samplers and trainings call.

Place i of an array holds the same number whatever the array's length, so more lanes or
coordinates at its end change nothing before it. Plain code computes with numpy; compiled code
runs :mod:`harness.random.loops`, at 1,000 million normals a second and core: the bits are the
same, and the same on every machine.

Ranges: keys 0 … 2^63 - 1, steps 0 … 2^56 - 1, tags 0 … 2^32 - 1; 2^34 places.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import index
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.random import loops
from harness.random.loops import BLOCKS, normal_pair, unit_double, unit_single
from harness.random.philox import NORMALS, UNIFORMS, WORDS, array_block

__all__ = ["SOURCES", "fill_normals", "fill_uniforms", "fill_words", "use"]

# Tiles that numpy takes up at once: large enough for its calls, small enough for the cache.
_TILES = 64


def fill_words(out: npt.NDArray[np.uint32], key: int, step: int, tag: int) -> None:
    """Fill a C-contiguous uint32 array with random words; ``TypeError`` for another."""
    _require(out, (np.uint32,))
    _live.fill_words(out, index(key), index(step), index(tag))


def fill_uniforms(out: npt.NDArray[Any], key: int, step: int, tag: int) -> None:
    """Fill a C-contiguous float32 or float64 array with uniforms on (0, 1), never 0 or 1."""
    _require(out, (np.float32, np.float64))
    _live.fill_uniforms(out, index(key), index(step), index(tag))


def fill_normals(out: npt.NDArray[np.float32], key: int, step: int, tag: int) -> None:
    """Fill a C-contiguous float32 array with standard normals, at most 6.8 in size."""
    _require(out, (np.float32,))
    _live.fill_normals(out, index(key), index(step), index(tag))


def _require(out: npt.NDArray[Any], accepted: tuple[type, ...]) -> None:
    if out.dtype not in accepted or not out.flags.c_contiguous:
        names = " or ".join(np.dtype(each).name for each in accepted)
        got = out.dtype if out.flags.c_contiguous else f"a strided {out.dtype} one"
        raise TypeError(f"out must be a C-contiguous {names} array, got {got}")


def _words(out: npt.NDArray[np.uint32], key: int, step: int, tag: int) -> None:
    def tiles(words: Any) -> Any:
        return words

    _fill(out, key, step, tag, WORDS, tiles)


def _uniforms(out: npt.NDArray[Any], key: int, step: int, tag: int) -> None:
    def singles(words: Any) -> Any:
        return unit_single(words)

    def doubles(words: Any) -> Any:
        return np.stack(
            (unit_double(words[:, 0], words[:, 1]), unit_double(words[:, 2], words[:, 3])), axis=1
        )

    tiles = singles if out.itemsize == 4 else doubles
    _fill(out, key, step, tag, UNIFORMS, tiles)


def _normals(out: npt.NDArray[np.float32], key: int, step: int, tag: int) -> None:
    def tiles(words: Any) -> Any:
        return np.stack(
            (*normal_pair(words[:, 0], words[:, 1]), *normal_pair(words[:, 2], words[:, 3])),
            axis=1,
        )

    _fill(out, key, step, tag, NORMALS, tiles)


def _fill(
    out: npt.NDArray[Any],
    key: int,
    step: int,
    tag: int,
    sampler: int,
    law: Callable[[Any], Any],
) -> None:
    """``law`` makes of words (tiles, 4, BLOCKS) the numbers (tiles, rows, BLOCKS)."""
    flat = out.reshape(-1)
    start = tile = 0
    while start < flat.size:
        block = np.arange(tile * BLOCKS, (tile + _TILES) * BLOCKS, dtype=np.int64)
        words: Any = array_block(key, step, tag, sampler, block.reshape(_TILES, BLOCKS))  # type: ignore[arg-type]  # runs on arrays too
        numbers = law(np.stack(words, axis=1).astype(np.uint32)).reshape(-1)
        stop = min(start + numbers.size, flat.size)
        flat[start:stop] = numbers[: stop - start]
        start, tile = stop, tile + _TILES


@dataclass(slots=True)
class _Live:
    """What a call from Python runs at present."""

    fill_words: Callable[[Any, int, int, int], None] = _words
    fill_uniforms: Callable[[Any, int, int, int], None] = _uniforms
    fill_normals: Callable[[Any, int, int, int], None] = _normals


_live = _Live()

# What stands for each function in compiled code.
SOURCES: dict[Callable[..., Any], Callable[..., Any]] = {
    fill_words: loops.fill_words,
    fill_uniforms: loops.fill_uniforms,
    fill_normals: loops.fill_normals,
}


def use(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Let calls of the fill ``name`` from Python run ``function``, which gives the same bits.

    Returns what they ran before.
    """
    before: Callable[..., Any] = getattr(_live, name)
    setattr(_live, name, function)
    return before
