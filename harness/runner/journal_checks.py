"""A run's tables held against the journals that its cells were written to when they ended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from harness.store.ids import id_rows, match_repeated
from harness.store.recover import JournalTables, read_journal
from harness.store.results import ResultTables
from harness.store.rows import Status

__all__ = ["Finding", "Held", "against_journals"]

_COSTS = ("wall_s", "cpu_s", "compile_s", "peak_memory", "shared", "attempts")
_OWN = "the journal"


class Finding(NamedTuple):
    """Something that speaks against the run: which file, and what is wrong with it."""

    file: str
    told: str


class Held(NamedTuple):
    """What a comparison with journals gave; ``suspects`` are ids of cells that it puts in doubt."""

    findings: list[Finding]
    notes: list[str]
    suspects: frozenset[bytes]


def against_journals(folder: Path, tables: ResultTables) -> Held:
    """Hold the run's own cells against its journal, and reused ones against their origins'."""
    held = Held([], [], frozenset())
    cells = tables.cells
    status = cells["status"].cast(pa.string())
    if (folder / "journal" / "cells.arrows").exists():
        journal = read_journal(folder)
        held.findings.extend(Finding("journal", f"is damaged: {note}") for note in journal.notes)
        own = cells.filter(pc.equal(status, "ok"))
        held = _joined(held, _against(tables, own, journal, _OWN))
    elif pc.any(pc.equal(status, "ok")).as_py():
        held.notes.append("there is no journal: the tables were not held against it")
    reused = cells.filter(pc.equal(status, "reused"))
    for origin in pc.unique(reused["reused_from"].cast(pa.string())).to_pylist():
        part = reused.filter(pc.equal(reused["reused_from"].cast(pa.string()), origin))
        found = _folder_of(folder, origin)
        if found is None:
            told = (
                f"{len(part):,} cells are of run {origin}, which is not here to hold them against"
            )
            held.notes.append(told)
            continue
        journal = read_journal(found)
        held = _joined(held, _against(tables, part, journal, f"the journal of {origin}"))
    return held


def _joined(one: Held, other: Held) -> Held:
    return Held(
        one.findings + other.findings, one.notes + other.notes, one.suspects | other.suspects
    )


def _folder_of(folder: Path, run_id: str) -> Path | None:
    """The folder of another run that is kept where this one is; ``None`` without its journal."""
    if not run_id or Path(run_id).name != run_id:
        return None  # a stranger's text is no path
    root = folder.resolve().parent
    near = [root / run_id, *root.parent.glob(f"*/{run_id}")]
    return next((each for each in near if (each / "journal" / "cells.arrows").exists()), None)


def _against(tables: ResultTables, own: pa.Table, journal: JournalTables, name: str) -> Held:
    """Rows of these cells that a journal has not, or has otherwise."""
    findings: list[Finding] = []
    suspects: set[bytes] = set()
    ids = id_rows(own["cell_id"])
    place = match_repeated(ids, id_rows(journal.cells["cell_id"]))
    for told, wrong in _cell_faults(own, journal, place):
        findings.append(Finding("cells.parquet", f"{told} {name} has not"))
        suspects |= {bytes(ids[row]) for row in np.flatnonzero(wrong)}
    for table in ("measurements", "items", "bounds"):
        stored: pa.Table = getattr(tables, table)
        if table == "bounds":
            stored = stored.filter(pc.is_valid(stored["cell_id"]))
        owner = match_repeated(id_rows(stored["cell_id"]), ids)
        mine, written = (
            _values(stored.filter(pa.array(owner >= 0))),
            _values(getattr(journal, table)),
        )
        other = [key for key, value in mine.items() if not _is_same(written.get(key), value)]
        known = {bytes(each) for each in ids}
        # What cells cost does not come along with those that are reused.
        is_own = name == _OWN
        gone = [key for key in written if is_own and key[0] in known and key not in mine]
        if other:
            findings.append(
                Finding(f"{table}.parquet", f"has {len(other)} values that {name} has not")
            )
        if gone:
            findings.append(
                Finding(f"{table}.parquet", f"lacks {len(gone)} values that {name} has")
            )
        suspects |= {bytes(key[0]) for key in (*other, *gone)}
    return Held(findings, [], frozenset(suspects))


def _cell_faults(
    own: pa.Table, journal: JournalTables, place: np.ndarray
) -> Iterator[tuple[str, np.ndarray]]:
    """What is said of cells and was not written: (words, (cells,) where)."""
    is_there = place >= 0
    status = journal.cells["status"].to_numpy()
    ended = np.zeros(len(own), np.bool_)
    ended[is_there] = status[place[is_there]] == Status.OK
    if not ended.all():
        yield f"has {int((~ended).sum())} cells that", ~ended
    names = [name for name in _COSTS if name in own.column_names]
    for name in names:
        wrong = np.zeros(len(own), np.bool_)
        stored = _numbers(own[name])
        written = _numbers(journal.cells[name])
        wrong[ended] = ~_are_same(stored[ended], written[place[ended]])
        if wrong.any():
            yield f"has {int(wrong.sum())} values of {name} that", wrong


def _numbers(column: pa.ChunkedArray) -> np.ndarray:
    return np.asarray(column.cast(pa.float64()).fill_null(np.nan).to_numpy())


def _are_same(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    same: np.ndarray = (one == other) | np.isnan(one) | np.isnan(other)
    return same


def _is_same(one: float | None, other: float) -> bool:
    return one == other or (one is not None and one != one and other != other)


def _values(table: pa.Table) -> Mapping[tuple[bytes, ...], float]:
    names = [
        name for name in ("metric", "role", "name", "at", "item") if name in table.column_names
    ]
    columns = [table[name].to_pylist() for name in ("cell_id", *names)]
    values = table["value"].to_pylist()
    return dict(zip(zip(*columns, strict=True), values, strict=True))
