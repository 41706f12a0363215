"""The arithmetic of filled arrays, and the flat loops over it that are compiled.

The functions of an element run on numbers in compiled code and on whole numpy arrays in plain
code (:mod:`harness.random.arrays`), with the same bits: single precision throughout, no fused
multiply-add, no library logarithm, whose last bit would depend on the machine. Allowing
contraction gains 2 to 9 % of 1,100 million normals a second and is not worth that.

Every loop is a function of its own over flat contiguous arrays: written into its caller it is
not vectorised (five times slower).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.random.philox import NORMALS, UNIFORMS, WORDS, array_block

__all__ = [
    "BLOCKS",
    "LOOPS",
    "fill_normals",
    "fill_uniforms",
    "fill_words",
    "normal_pair",
    "unit_double",
    "unit_single",
]

# Blocks of a tile. In a tile of an array the first BLOCKS places hold word 0 of its blocks, the
# next BLOCKS word 1, …: stores are contiguous, and a longer array begins with the shorter one.
# 32 blocks cost 10 %, 256 gain 5 % and waste more on short arrays.
BLOCKS = 64

_HALF = np.float32(0.5)
_SINGLE_STEP = np.float32(2.0**-23)
_WORD_STEP = np.float32(2.0**-32)
_ROOT_HALF_BITS = np.int32(0x3F3504F3)  # the float32 nearest to sqrt(1/2)
_MANTISSA = np.int32(23)
# ln 2 in two parts, and Cephes' logf, sinf, cosf (S. Moshier, netlib), highest power first.
_LN2_HIGH, _LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)
_LOG_8, _LOG_7, _LOG_6 = (
    np.float32(7.0376836292e-2),
    np.float32(-1.1514610310e-1),
    np.float32(1.1676998740e-1),
)
_LOG_5, _LOG_4, _LOG_3 = (
    np.float32(-1.2420140846e-1),
    np.float32(1.4249322787e-1),
    np.float32(-1.6668057665e-1),
)
_LOG_2, _LOG_1, _LOG_0 = (
    np.float32(2.0000714765e-1),
    np.float32(-2.4999993993e-1),
    np.float32(3.3333331174e-1),
)
_SIN_2, _SIN_1, _SIN_0 = (
    np.float32(-1.9515295891e-4),
    np.float32(8.3321608736e-3),
    np.float32(-1.6666654611e-1),
)
_COS_2, _COS_1, _COS_0 = (
    np.float32(2.443315711809948e-5),
    np.float32(-1.388731625493765e-3),
    np.float32(4.166664568298827e-2),
)
_ONE, _MINUS_TWO = np.float32(1.0), np.float32(-2.0)
_ANGLE_STEP = np.float32(2.0 * np.pi / 2.0**32)
_EIGHTH_TURN = np.uint32(0x20000000)
_U0, _U1, _U2, _U9, _U30 = np.uint32(0), np.uint32(1), np.uint32(2), np.uint32(9), np.uint32(30)

Words = npt.NDArray[np.uint32]


def unit_single(word: Any) -> Any:
    """(0, 1) in float32: the middle of one of 2^23 cells; 24 bits and a half would round to 1."""
    return (np.float32(np.uint32(word) >> _U9) + _HALF) * _SINGLE_STEP


def unit_double(high: Any, low: Any) -> Any:
    """(0, 1) in float64: the middle of one of 2^52 cells."""
    return (((np.int64(high) << 20) | (np.int64(low) >> 12)) + 0.5) * 2.0**-52


def normal_pair(radius_word: Any, angle_word: Any) -> Any:
    """Two independent standard normals in float32 (Box & Muller), at most 6.8 in size.

    The angle is cut into a quadrant and a remainder in integers, so nothing is lost by
    range reduction. Error of sine and cosine at most 1.1e-7, of ``-2 ln u`` 2e-6.
    """
    radius = np.sqrt(_minus_two_log(radius_word))
    quadrant = np.uint32(np.uint32(angle_word + _EIGHTH_TURN) >> _U30)
    remainder = np.uint32(angle_word - np.uint32(quadrant << _U30)).view(np.int32)
    x = np.float32(remainder) * _ANGLE_STEP  # [-pi/4, pi/4)
    z = x * x
    sine = np.float32(((_SIN_2 * z + _SIN_1) * z + _SIN_0) * z * x + x).view(np.uint32)
    cosine = np.float32(((_COS_2 * z + _COS_1) * z + _COS_0) * z * z - _HALF * z + _ONE).view(
        np.uint32
    )
    # Odd quadrants swap the two; then the signs, by their bit.
    swap = np.uint32((sine ^ cosine) & np.uint32(_U0 - np.uint32(quadrant & _U1)))
    cosine_sign = np.uint32(np.uint32(np.uint32(quadrant + _U1) & _U2) << _U30)
    sine_sign = np.uint32(np.uint32(quadrant & _U2) << _U30)
    first = np.uint32(np.uint32(cosine ^ swap) ^ cosine_sign).view(np.float32)
    second = np.uint32(np.uint32(sine ^ swap) ^ sine_sign).view(np.float32)
    return radius * first, radius * second


def _minus_two_log(word: Any) -> Any:
    """``-2 ln((word + 1/2) / 2^32)`` in float32; the largest words give -0.0."""
    u = np.float32((np.float32(word) + _HALF) * _WORD_STEP).view(np.int32)
    exponent = np.int32(np.int32(u - _ROOT_HALF_BITS) >> _MANTISSA)
    # Mantissa in [sqrt(1/2), sqrt(2)), minus 1.
    x = np.int32(u - np.int32(exponent << _MANTISSA)).view(np.float32) - _ONE
    z = x * x
    power = np.float32(exponent)
    series = ((_LOG_8 * x + _LOG_7) * x + _LOG_6) * x + _LOG_5
    series = (((series * x + _LOG_4) * x + _LOG_3) * x + _LOG_2) * x + _LOG_1
    correction = x * z * (series * x + _LOG_0) + power * _LN2_LOW - _HALF * z
    return _MINUS_TWO * (x + correction + power * _LN2_HIGH)


def fill_words(out: Words, key: int, step: int, tag: int) -> None:
    """Tile after tile; the last one is computed whole and copied in part."""
    # Plain code refuses these too; a silent cast would differ from it.
    if out.itemsize != 4 or not out.flags.c_contiguous:
        raise TypeError("out must be a C-contiguous uint32 array")
    flat = out.reshape(out.size)
    words = np.empty((4, BLOCKS), np.uint32)
    for start in range(0, flat.size, 4 * BLOCKS):
        _tile_words(words[0], words[1], words[2], words[3], key, step, tag, WORDS, start // 4)
        _copy(words.reshape(4 * BLOCKS), flat[start : start + 4 * BLOCKS])


def fill_uniforms(out: npt.NDArray[Any], key: int, step: int, tag: int) -> None:
    """Tile after tile; the last one is computed whole and copied in part."""
    if out.itemsize < 4 or not out.flags.c_contiguous:
        raise TypeError("out must be a C-contiguous float32 or float64 array")
    flat = out.reshape(out.size)
    words = np.empty((4, BLOCKS), np.uint32)
    tile = np.empty((4, BLOCKS), out.dtype)
    # A double takes two words, so a block holds two.
    places = 4 if out.itemsize == 4 else 2
    for start in range(0, flat.size, places * BLOCKS):
        first = start // places
        _tile_words(words[0], words[1], words[2], words[3], key, step, tag, UNIFORMS, first)
        if places == 4:
            for row in range(4):
                _tile_singles(words[row], tile[row])
        else:
            _tile_doubles(words[0], words[1], tile[0])
            _tile_doubles(words[2], words[3], tile[1])
        _copy(tile.reshape(4 * BLOCKS), flat[start : start + places * BLOCKS])


def fill_normals(out: npt.NDArray[np.float32], key: int, step: int, tag: int) -> None:
    """Tile after tile, each where it belongs; the last one is computed whole, copied in part."""
    if out.itemsize != 4 or not out.flags.c_contiguous:
        raise TypeError("out must be a C-contiguous float32 array")
    flat = out.reshape(out.size)
    words = np.empty((4, BLOCKS), np.uint32)
    # To copy every tile costs an eighth.
    whole = flat.size - flat.size % (4 * BLOCKS)
    for start in range(0, whole, 4 * BLOCKS):
        _tile_words(words[0], words[1], words[2], words[3], key, step, tag, NORMALS, start // 4)
        tile = flat[start : start + 4 * BLOCKS]
        _tile_normals(words[0], words[1], tile[:BLOCKS], tile[BLOCKS : 2 * BLOCKS])
        _tile_normals(words[2], words[3], tile[2 * BLOCKS : 3 * BLOCKS], tile[3 * BLOCKS :])
    if whole < flat.size:
        last = np.empty((4, BLOCKS), np.float32)
        _tile_words(words[0], words[1], words[2], words[3], key, step, tag, NORMALS, whole // 4)
        _tile_normals(words[0], words[1], last[0], last[1])
        _tile_normals(words[2], words[3], last[2], last[3])
        _copy(last.reshape(4 * BLOCKS), flat[whole:])


def _tile_words(
    w0: Words,
    w1: Words,
    w2: Words,
    w3: Words,
    key: int,
    step: int,
    tag: int,
    sampler: int,
    first: int,
) -> None:
    for i in range(w0.size):
        w0[i], w1[i], w2[i], w3[i] = array_block(key, step, tag, sampler, first + i)


def _tile_normals(radius: Words, angle: Words, x: Any, y: Any) -> None:
    for i in range(x.size):
        x[i], y[i] = normal_pair(radius[i], angle[i])


def _tile_singles(word: Words, x: Any) -> None:
    for i in range(x.size):
        x[i] = unit_single(word[i])


def _tile_doubles(high: Words, low: Words, x: Any) -> None:
    for i in range(x.size):
        x[i] = unit_double(high[i], low[i])


def _copy(tile: Any, out: Any) -> None:
    for i in range(out.size):
        out[i] = tile[i]


# Kept as functions of their own in compiled code; all others are inlined by force.
LOOPS: frozenset[Callable[..., Any]] = frozenset(
    {
        fill_words,
        fill_uniforms,
        fill_normals,
        _tile_words,
        _tile_normals,
        _tile_singles,
        _tile_doubles,
        _copy,
    }
)
