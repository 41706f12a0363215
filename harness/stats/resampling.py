"""Resampling seeds: which seeds each of 2,000 resamples holds, the same in every process.

A resample of n seeds is a row of counts (how often each seed was drawn), so that means of any
number of columns under it are one matrix product, and columns resampled together keep their
pairing. The draws come from a fixed Philox stream by integer arithmetic on its raw words,
which no release of numpy may change, unlike its ``integers``.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import numpy.typing as npt

__all__ = ["RESAMPLES", "resampled_deviations"]

FloatArray = npt.NDArray[np.float64]

RESAMPLES = 2_000
_KEY = 2013  # any number serves; a fixed one makes a verdict a function of the values alone
_BLOCK_DRAWS = 1 << 22  # draws made at once: 32 MB of indices
_CACHED_SEEDS = 10_000  # above it the counts (20 MB) are drawn anew each time
_READY_SEEDS = 2_000  # up to here the last ones are kept as floats too (32 MB): pairs that
# share no two sets of seeds ask for the same n hundreds of times
# Products of at most so many terms are made by one thread. Of a larger one the other threads
# wait for more, spinning, for 30 ms: fifty of them took half the time of a leaderboard.
_ONE_THREAD = 1 << 18
_FEWEST_ROWS = 4  # products that fill fewer rows are large enough to be shared among threads


def resampled_deviations(columns: FloatArray) -> FloatArray:
    """Means of resampled seeds less the means of all, for columns resampled together.

    Parameters
    ----------
    columns : (seeds, columns) float64
        One row a seed, finite.

    Returns
    -------
    (2000, columns) float64
        Row b is ``mean of resample b - mean``; the same resamples for every call with as many
        seeds.
    """
    seeds = columns.shape[0]
    # Transposed, so that the resamples of a column lie side by side, as they are sorted.
    centred = np.ascontiguousarray((columns - columns.mean(axis=0)).T)
    rows = _rows_at_once(centred.size)
    deviations = np.empty((columns.shape[1], RESAMPLES))
    start = 0
    for counts in _counts(seeds):
        for first in range(0, counts.shape[0], rows):
            block = counts[first : first + rows]
            np.matmul(centred, block.T, out=deviations[:, start : start + block.shape[0]])
            start += block.shape[0]
    deviations /= seeds
    return deviations.T


def _rows_at_once(numbers: int) -> int:
    rows = _ONE_THREAD // max(1, numbers)
    return rows if rows >= _FEWEST_ROWS else RESAMPLES


def _counts(seeds: int) -> Iterator[FloatArray]:
    if seeds <= _READY_SEEDS:
        yield _ready_counts(seeds)
        return
    if seeds <= _CACHED_SEEDS:
        drawn = _cached_counts(seeds)
        rows = _BLOCK_DRAWS // seeds
        blocks: Iterator[npt.NDArray[np.uint8]] = (
            drawn[start : start + rows] for start in range(0, RESAMPLES, rows)
        )
    else:
        blocks = _drawn_counts(seeds)
    for block in blocks:
        yield block.astype(np.float64)


@lru_cache(maxsize=1)
def _ready_counts(seeds: int) -> FloatArray:
    return _cached_counts(seeds).astype(np.float64)


@lru_cache(maxsize=4)
def _cached_counts(seeds: int) -> npt.NDArray[np.uint8]:
    return np.concatenate(list(_drawn_counts(seeds)))  # (2000, seeds)


def _drawn_counts(seeds: int) -> Iterator[npt.NDArray[np.uint8]]:
    generator = np.random.Philox(key=_KEY)
    rows = max(1, min(RESAMPLES, _BLOCK_DRAWS // seeds))
    for start in range(0, RESAMPLES, rows):
        block = min(rows, RESAMPLES - start)
        words = generator.random_raw(block * seeds)
        # The upper 32 bits times n, shifted, is uniform on 0 … n - 1 up to n / 2^32.
        drawn = ((words >> np.uint64(32)) * np.uint64(seeds)) >> np.uint64(32)
        cell = drawn.astype(np.int64).reshape(block, seeds)
        cell += np.arange(block, dtype=np.int64)[:, None] * seeds
        counted = np.bincount(cell.ravel(), minlength=block * seeds)
        yield counted.astype(np.uint8).reshape(block, seeds)
