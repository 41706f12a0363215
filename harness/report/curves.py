"""Curves of a run: mean and interval a group, metric and point, in one pass over the rows."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from harness.analyse.columns import floats, texts
from harness.report.records import Curve, FloatArray
from harness.stats.distributions import t_quantile
from harness.store.ids import id_rows, match_repeated

__all__ = ["Groups", "curves_of"]

IntArray = npt.NDArray[np.int64]


class Groups(NamedTuple):
    """The group of each row of ``cells``, and the groups' labels."""

    codes: IntArray  # (cells,)
    labels: tuple[str, ...]  # (groups,)


def curves_of(
    cells: pa.Table, measurements: pa.Table, groups: Groups
) -> dict[tuple[int, str], Curve]:
    """The curves by group and metric.

    Student's t at every point: a bootstrap of 40,000 points takes half a minute, and the
    board shows the bootstrap's interval of the final value.
    """
    is_point = measurements["at"].is_valid()
    table = measurements.filter(is_point)
    if not len(table) or not len(cells):
        return {}
    owner = match_repeated(id_rows(table["cell_id"]), id_rows(cells["cell_id"]))
    metric = texts(table["metric"])
    at, value = floats(table["at"]), floats(table["value"])
    is_owned = (owner >= 0) & np.isfinite(value)
    owner, codes = owner[is_owned], metric.codes[is_owned]
    at, value = at[is_owned], value[is_owned]
    points, place = np.unique(at, return_inverse=True)
    key = (groups.codes[owner] * len(metric.words) + codes) * points.size + place
    found, which = np.unique(key, return_inverse=True)
    mean, half, count = _student(value, which, found.size)
    series = found // points.size
    return {
        (int(code // len(metric.words)), metric.words[code % len(metric.words)]): Curve(
            label=groups.labels[int(code // len(metric.words))],
            at=points[found[rows] % points.size],
            mean=mean[rows],
            low=mean[rows] - half[rows],
            high=mean[rows] + half[rows],
            seeds=int(count[rows].max()),
        )
        for code, rows in _runs(series)
    }


def _student(
    value: FloatArray, which: IntArray, size: int
) -> tuple[FloatArray, FloatArray, IntArray]:
    """Mean, half-width of the 95 % interval, and number of values, each (size,)."""
    count = np.bincount(which, minlength=size)
    mean = np.bincount(which, value, size) / count
    # Around the mean in a second pass: the one-pass formula loses all digits on flat curves.
    squares = np.bincount(which, (value - mean[which]) ** 2, size)
    spread = np.sqrt(squares / np.maximum(count - 1, 1) / count)
    quantiles = {int(n): t_quantile(0.975, n - 1) if n > 1 else 0.0 for n in np.unique(count)}
    factor = np.array([quantiles[int(n)] for n in count])
    return mean, factor * spread, count


def _runs(series: IntArray) -> Iterator[tuple[int, slice]]:
    """Each value of an ascending array, and where it stands."""
    starts = np.concatenate([[0], np.flatnonzero(np.diff(series)) + 1, [series.size]])
    for start, end in pairwise(starts):
        yield int(series[start]), slice(int(start), int(end))
