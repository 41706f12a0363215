"""What can be told of a run's folder without recomputing: sums, the journal's chain, the tables.

Each layer is harder to deceive than the one before: the sums stand in a file that can be
rewritten, the journal's chain in one that has to be made anew as a whole, and the board
follows from the measurements. A folder that was forged whole passes; its cells, computed
again, do not.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from harness.analyse.leaderboard import leaderboard
from harness.analyse.results import Results
from harness.analyse.specs import stored_specs
from harness.api.metric import Metric
from harness.store.ids import id_rows, match_repeated
from harness.store.parquet import read_table
from harness.store.record import RunRecord, changed_files
from harness.store.recover import JournalTables, read_journal
from harness.store.results import ResultTables

__all__ = ["Finding", "folder_findings"]

_FOLLOWS = ("mean", "n", "failures", "censored", "ratio_to_lower", "ratio_to_guarantee")
_ROUNDING = 1e-9  # the order of a sum may differ between machines
_KEY = ("task", "task_params", "metric", "label")
_NOT_KEPT = ("journal/", "logs/")  # what a published folder may do without


class Finding(NamedTuple):
    """Something that speaks against the run: which file, and what is wrong with it."""

    file: str
    told: str


def folder_findings(
    folder: Path,
    record: RunRecord,
    tables: ResultTables,
    metrics: Mapping[str, Mapping[str, Metric]],
) -> tuple[list[Finding], list[str]]:
    """What is wrong with the files, and notes on what could not be checked."""
    findings, notes = _sums(folder, record)
    if (folder / "journal" / "cells.arrows").exists():
        journal = read_journal(folder)
        findings += [Finding("journal", f"is damaged: {note}") for note in journal.notes]
        findings += _against_journal(tables, journal)
    else:
        notes.append("there is no journal: the tables were not held against it")
    findings += _board(folder, tables, record, metrics)
    return findings, notes


def _sums(folder: Path, record: RunRecord) -> tuple[list[Finding], list[str]]:
    if not record.files:
        told = f"run.json has no sums: the run is {record.state}"
        return [], [told]
    gone, notes = 0, []
    findings = []
    for name in changed_files(folder, record):
        is_gone = not (folder / name).is_file()
        if is_gone and name.startswith(_NOT_KEPT):
            gone += 1
        else:
            what = "is gone" if is_gone else "is not the file that run.json has the sha256 of"
            findings.append(Finding(name, what))
    if gone:
        notes.append(f"{gone} files of journal and logs are not in the folder")
    return findings, notes


def _against_journal(tables: ResultTables, journal: JournalTables) -> Iterator[Finding]:
    """Numbers of the run's own cells (reused ones have no journal) that its journal lacks."""
    own = tables.cells.filter(pc.equal(tables.cells["status"].cast(pa.string()), "ok"))
    told = id_rows(journal.cells["cell_id"])
    missing = int((match_repeated(id_rows(own["cell_id"]), told) < 0).sum())
    if missing:
        yield Finding("cells.parquet", f"has {missing} cells that the journal has not")
    for name in ("measurements", "items"):
        table: pa.Table = getattr(tables, name)
        owner = match_repeated(id_rows(table["cell_id"]), id_rows(own["cell_id"]))
        stored = _values(table.filter(pa.array(owner >= 0)))
        written = _values(getattr(journal, name))
        other = sum(written.get(key) != value for key, value in stored.items())
        if other:
            yield Finding(f"{name}.parquet", f"has {other} values that the journal has not")


def _values(table: pa.Table) -> dict[tuple[object, ...], float]:
    names = [name for name in ("metric", "at", "item") if name in table.column_names]
    columns = [table[name].to_pylist() for name in ("cell_id", *names)]
    values = table["value"].to_pylist()
    return dict(zip(zip(*columns, strict=True), values, strict=True))


def _board(
    folder: Path,
    tables: ResultTables,
    record: RunRecord,
    metrics: Mapping[str, Mapping[str, Metric]],
) -> list[Finding]:
    """Rows of the board that do not follow from the measurements."""
    path = folder / "leaderboard.parquet"
    if not path.exists():
        return []
    stored = _rows(read_table(path))
    made = _rows(_made_again(tables, metrics))
    findings = []
    for key, row in stored.items():
        if key[0] not in metrics:
            continue  # a task that is not known here: its metrics' directions are not either
        told = _contradiction(row, made.get(key))
        if told:
            findings.append(Finding(path.name, f"{key[3]} on {key[0]}, {key[2]}: {told}"))
    return findings


def _contradiction(
    row: Mapping[str, float | None], again: Mapping[str, float | None] | None
) -> str:
    if again is None:
        return "no cell has a value of it"
    wrong = [name for name in _FOLLOWS if not _is_same(row[name], again[name])]
    return f"{', '.join(wrong)}: not what the cells give" if wrong else ""


def _made_again(tables: ResultTables, metrics: Mapping[str, Mapping[str, Metric]]) -> pa.Table:
    declared = {task: tuple(known.values()) for task, known in metrics.items()}
    results = Results.from_tables(
        tables.cells,
        tables.measurements,
        tables.bounds,
        tables.items,
        stored_specs(tables.cells, tables.bounds, declared),
    )
    return leaderboard(results)


def _rows(board: pa.Table) -> dict[tuple[str, ...], dict[str, float | None]]:
    measured = board.filter(pc.equal(board["origin"].cast(pa.string()), "measured"))
    rows = measured.select([*_KEY, *_FOLLOWS]).to_pylist()
    return {tuple(row[name] for name in _KEY): row for row in rows}


def _is_same(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=_ROUNDING)
