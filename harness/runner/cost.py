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
from harness.plan.records import Plan, Spec
from harness.store.folder import list_runs
from harness.store.parquet import read_table

__all__ = ["Cost", "cost_of"]

_COLUMNS = ["task", "task_params", "method", "method_params", "status", "wall_s"]
_RUNS_READ = 20  # newer runs tell more; the rest would only cost time


class Cost(NamedTuple):
    """``seconds`` of one core for ``known`` of the cells asked about."""

    seconds: float
    known: int


def cost_of(plan: Plan, rows: npt.NDArray[np.int64], results: Path) -> Cost:
    """The forecast for ``rows`` of a plan, by the mean time of like cells before."""
    pending = np.bincount(plan.spec[rows], minlength=len(plan.specs))
    keys = [_key(spec) for spec in plan.specs]
    before = _seconds_a_cell(
        results, {key for key, count in zip(keys, pending, strict=True) if count}
    )
    seconds, known = 0.0, 0
    for key, count in zip(keys, pending, strict=True):
        if count and key in before:
            seconds += before[key] * int(count)
            known += int(count)
    return Cost(seconds, known)


def _key(spec: Spec) -> tuple[str, ...]:
    params = canonical(spec.task_params), canonical(spec.method_params)
    return spec.task, params[0], spec.method, params[1]


def _seconds_a_cell(results: Path, wanted: set[tuple[str, ...]]) -> dict[tuple[str, ...], float]:
    """Of each wanted kind of cell what it took in the newest run that tells."""
    found: dict[tuple[str, ...], float] = {}
    for info in list_runs(results)[:_RUNS_READ]:
        if wanted <= found.keys():
            break
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
