"""Rows of earlier runs that a plan need not compute again: same cell, same code, ended well.

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
from harness.store.recover import JournalTables
from harness.store.results import ReusedTables
from harness.store.schemas import SCHEMAS, empty

__all__ = ["Reusable", "find_reusable", "journalled"]

IntArray = npt.NDArray[np.int64]

_USABLE = pa.array(["ok", "reused"])


class Reusable(NamedTuple):
    """What earlier runs have of a plan's cells.

    ``run`` and ``row`` (cells,) give for each planned cell the index into ``runs`` and the
    row of that run's ``cells.parquet``, -1 where it must be computed. ``tables`` are the
    rows to copy. ``notes`` tell of runs that could not be read.
    """

    run: IntArray
    row: IntArray
    runs: tuple[RunInfo, ...]
    tables: ReusedTables
    notes: tuple[str, ...] = ()


def find_reusable(
    root: Path, cell_ids: IdArray, code_ids: IdArray, *, without: Container[str] = ()
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
    """
    notes: list[str] = []
    runs: list[RunInfo] = []
    parts: list[ReusedTables] = []
    run = np.full(len(cell_ids), -1, np.int64)
    row = np.full(len(cell_ids), -1, np.int64)
    for info in list_runs(root, notes=notes):
        open_cells = np.flatnonzero(run < 0)
        if not open_cells.size:
            break
        if info.record.run_id in without or not info.folder.table("cells").exists():
            continue
        try:
            found = _rows_for(info, cell_ids[open_cells], code_ids[open_cells])
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
    return Reusable(run, row, tuple(runs), _joined(parts), tuple(notes))


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


def _rows_for(info: RunInfo, cell_ids: IdArray, code_ids: IdArray) -> IntArray:
    """For each cell its usable row in a run, -1 where it has none."""
    table = read_table(info.folder.table("cells"), ["cell_id", "code_id", "status"])
    is_usable = pc.is_in(table.column("status").cast(pa.string()), value_set=_USABLE)
    usable = np.flatnonzero(is_usable.to_numpy())
    found = match(cell_ids, id_rows(table.column("cell_id"))[usable])
    row = np.append(usable, -1)[found]
    there = np.flatnonzero(row >= 0)
    codes = id_rows(table.column("code_id"))[row[there]]
    is_same = np.all(id_keys(codes) == id_keys(code_ids[there]), axis=1)
    row[there[~is_same]] = -1
    return row


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
