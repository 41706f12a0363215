"""What cells took in earlier runs, as a forecast of what a plan will take."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from harness.api.parameters import canonical
from harness.errors import StoreError
from harness.plan.records import Plan
from harness.store.folder import list_runs
from harness.store.parquet import read_table

__all__ = ["Cost", "cost_of"]

_COLUMNS = ["task", "task_params", "method", "method_params", "status", "wall_s"]
_RUNS_READ = 5  # newer runs tell more; the rest would only cost time


class Cost(NamedTuple):
    """``seconds`` of one core for ``known`` of the cells asked about."""

    seconds: float
    known: int


def cost_of(plan: Plan, rows: npt.NDArray[np.int64], results: Path) -> Cost:
    """The forecast for ``rows`` of a plan, by the mean time of like cells before."""
    before = _seconds_a_cell(results)
    pending = np.bincount(plan.spec[rows], minlength=len(plan.specs))
    seconds, known = 0.0, 0
    for spec, count in zip(plan.specs, pending, strict=True):
        key = (
            spec.task,
            canonical(spec.task_params),
            spec.method,
            canonical(spec.method_params),
        )
        if count and key in before:
            seconds += before[key] * int(count)
            known += int(count)
    return Cost(seconds, known)


def _seconds_a_cell(results: Path) -> dict[tuple[str, ...], float]:
    found: dict[tuple[str, ...], float] = {}
    for info in list_runs(results)[:_RUNS_READ]:
        try:
            cells = read_table(info.folder.table("cells"), _COLUMNS)
        except StoreError:
            continue  # a forecast does without a damaged run
        for row in _means(cells).to_pylist():
            key = tuple(row[name] for name in _COLUMNS[:4])
            found.setdefault(key, row["wall_s_mean"])
    return found


def _means(cells: pa.Table) -> pa.Table:
    plain = pa.table(
        {
            name: cells[name].cast(pa.string()) if name != "wall_s" else cells[name]
            for name in _COLUMNS
        }
    )
    ran = plain.filter(pc.and_(pc.equal(plain["status"], "ok"), pc.is_valid(plain["wall_s"])))
    return ran.group_by(_COLUMNS[:4], use_threads=False).aggregate([("wall_s", "mean")])
