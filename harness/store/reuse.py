"""Rows of earlier runs that a plan need not compute again: same cell, same code.

Those that ended well serve as they are. Those that failed, took too long or too much memory
are settled too, until their limits change or somebody asks for a retry; crashed and skipped
cells never are.

A row that was itself reused counts under the run that computed it, so that its origin stays
known however often it is copied, and also after that run was removed.
"""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from harness.errors import StoreError
from harness.store.folder import RunInfo, list_runs
from harness.store.ids import IdArray, id_keys, id_rows, match, match_repeated
from harness.store.parquet import read_table
from harness.store.planned import PlannedCells
from harness.store.recover import JournalTables
from harness.store.results import ReusedTables
from harness.store.schemas import SCHEMAS, empty

__all__ = ["Limits", "Reusable", "find_reusable", "journalled"]

IntArray = npt.NDArray[np.int64]

BoolArray = npt.NDArray[np.bool_]

_GOOD = pa.array(["ok", "reused"])
_BAD = pa.array(["failed", "timeout", "oom"])
_READ = ["cell_id", "code_id", "status", "timeout_s", "memory_limit"]


class Limits(NamedTuple):
    """What each planned cell may take: (cells,) seconds, and bytes (-1: no limit)."""

    timeout_s: npt.NDArray[np.float64]
    memory: IntArray

    @classmethod
    def of(cls, plan: PlannedCells) -> Limits:
        """The limits of a plan's cells."""
        timeouts = [each.timeout_s for each in plan.specs]
        memory = [-1 if each.memory_bytes is None else each.memory_bytes for each in plan.specs]
        return cls(np.array(timeouts, float)[plan.spec], np.array(memory, np.int64)[plan.spec])


class Reusable(NamedTuple):
    """What earlier runs have of a plan's cells.

    ``run`` and ``row`` (cells,) give for each planned cell the index into ``runs`` and the
    row of that run's ``cells.parquet``, -1 where it must be computed. ``tables`` are the
    rows to copy, of which ``bad`` did not end well. ``notes`` tell of runs that could not be
    read.
    """

    run: IntArray
    row: IntArray
    runs: tuple[RunInfo, ...]
    tables: ReusedTables
    notes: tuple[str, ...] = ()
    bad: int = 0


def find_reusable(
    root: Path,
    cell_ids: IdArray,
    code_ids: IdArray,
    *,
    without: Container[str] = (),
    limits: Limits | None = None,
) -> Reusable:
    """For each planned cell the latest row of any run under ``root`` that serves for it.

    Parameters
    ----------
    root
        The results' folder; runs of all suites in it are looked at, the newest first.
    cell_ids, code_ids : (cells, 16) uint8
        The planned cells, and the code that each would run with.
    without
        Ids of runs to leave out: the one that is being written.
    limits
        With them, cells that ended badly under the same limits serve too, unless a later run
        tried them again; without, they are computed again.
    """
    notes: list[str] = []
    runs: list[RunInfo] = []
    parts: list[ReusedTables] = []
    run = np.full(len(cell_ids), -1, np.int64)
    row = np.full(len(cell_ids), -1, np.int64)
    wanted = _Wanted.of(cell_ids, code_ids, limits)
    for info in list_runs(root, notes=notes):
        open_cells = np.flatnonzero(run < 0)
        if not open_cells.size:
            break
        if info.record.run_id in without or not info.folder.table("cells").exists():
            continue
        try:
            found, was_tried = _rows_for(info, wanted.at(open_cells))
            wanted.may_be_bad[open_cells[was_tried]] = False
            used = np.flatnonzero(found >= 0)
            if used.size:
                parts.append(_copied(info, found[used]))
        except StoreError as error:
            notes.append(str(error))
            continue
        if used.size:
            run[open_cells[used]] = len(runs)
            row[open_cells[used]] = found[used]
            runs.append(info)
    tables = _joined(parts)
    bad = pc.sum(pc.is_in(tables.cells.column("status").cast(pa.string()), value_set=_BAD))
    return Reusable(run, row, tuple(runs), tables, tuple(notes), bad.as_py() or 0)


def journalled(tables: JournalTables, cell_ids: IdArray, code_ids: IdArray) -> IntArray:
    """The status that a journal has of each planned cell, -1 where it has none.

    A row that was computed by other code than ``code_ids`` says counts as none.
    """
    row = match(cell_ids, id_rows(tables.cells.column("cell_id")))
    have = np.flatnonzero(row >= 0)
    status = np.full(len(cell_ids), -1, np.int64)
    codes = id_rows(tables.cells.column("code_id"))[row[have]]
    is_same = np.all(id_keys(codes) == id_keys(code_ids[have]), axis=1)
    have = have[is_same]
    status[have] = tables.cells.column("status").to_numpy()[row[have]]
    return status


class _Wanted(NamedTuple):
    """Cells that no run has served yet, and which of them a row that ended badly may serve."""

    cell_ids: IdArray
    code_ids: IdArray
    limits: Limits
    may_be_bad: BoolArray

    @classmethod
    def of(cls, cell_ids: IdArray, code_ids: IdArray, limits: Limits | None) -> _Wanted:
        cells = len(cell_ids)
        none = Limits(np.zeros(cells), np.zeros(cells, np.int64))
        return cls(cell_ids, code_ids, limits or none, np.full(cells, limits is not None))

    def at(self, cells: IntArray) -> _Wanted:
        limits = Limits(self.limits.timeout_s[cells], self.limits.memory[cells])
        return _Wanted(self.cell_ids[cells], self.code_ids[cells], limits, self.may_be_bad[cells])


def _rows_for(info: RunInfo, wanted: _Wanted) -> tuple[IntArray, BoolArray]:
    """For each cell the row of a run that serves, -1 where none does; and which it tried.

    Tried in vain, that is: an older row that ended badly is not the last word on the cell.
    """
    table = read_table(info.folder.table("cells"), _READ)
    found = match(wanted.cell_ids, id_rows(table.column("cell_id")))
    there = np.flatnonzero(found >= 0)
    codes = id_rows(table.column("code_id"))[found[there]]
    there = there[np.all(id_keys(codes) == id_keys(wanted.code_ids[there]), axis=1)]
    serves = _serves(table, found[there], wanted.at(there))
    row = np.full(len(found), -1, np.int64)
    row[there[serves]] = found[there[serves]]
    was_tried = np.zeros(len(found), np.bool_)
    was_tried[there[~serves]] = True
    return row, was_tried


def _serves(table: pa.Table, rows: IntArray, wanted: _Wanted) -> BoolArray:
    """Whether each row ended well, or badly under the limits that its cell has now."""
    status = table.column("status").cast(pa.string())
    is_good = pc.is_in(status, value_set=_GOOD).to_numpy()[rows]
    is_bad = pc.is_in(status, value_set=_BAD).to_numpy()[rows]
    timeout_s = pc.fill_null(table.column("timeout_s"), np.inf).to_numpy()[rows]
    memory = pc.fill_null(table.column("memory_limit"), -1).to_numpy()[rows]
    is_same = (timeout_s == wanted.limits.timeout_s) & (memory == wanted.limits.memory)
    serves: BoolArray = is_good | (is_bad & is_same & wanted.may_be_bad)
    return serves


def _copied(info: RunInfo, rows: IntArray) -> ReusedTables:
    """The rows of a run's cells, and all that belongs to them."""
    cells = read_table(info.folder.table("cells"))
    if len(rows) < len(cells):
        cells = cells.take(pa.array(np.sort(rows)))
    origin = pc.coalesce(cells.column("reused_from").cast(pa.string()), info.record.run_id)
    at = cells.column_names.index("reused_from")
    field = cells.schema.field("reused_from")
    cells = cells.set_column(at, field, origin.dictionary_encode())
    owned = {name: _owned(info, name, cells) for name in ReusedTables._fields[1:]}
    return ReusedTables(cells=cells, **owned)


def _owned(info: RunInfo, name: str, cells: pa.Table) -> pa.Table:
    path = info.folder.table(name)
    if name != "measurements" and not path.exists():
        return empty(SCHEMAS[name])
    table = read_table(path)
    if name == "bounds":  # what planning knew then is no cell's
        table = table.filter(pc.is_valid(table.column("cell_id")))
    owner = match_repeated(id_rows(table.column("cell_id")), id_rows(cells.column("cell_id")))
    return table if (owner >= 0).all() else table.filter(pa.array(owner >= 0))


def _joined(parts: list[ReusedTables]) -> ReusedTables:
    columns = zip(*parts, strict=True) if parts else ((),) * len(ReusedTables._fields)
    tables = [
        pa.concat_tables([empty(SCHEMAS[name]), *tables], promote_options="permissive")
        for name, tables in zip(ReusedTables._fields, columns, strict=True)
    ]
    return ReusedTables(*(table.unify_dictionaries() for table in tables))
