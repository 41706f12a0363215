"""Reads one side of a comparison from disk: a run's folder, or a leaderboard's file.

What is damaged is named in the side's notes and the rest is used: without its measurements a
run is its leaderboard, without its leaderboard it is its measurements.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.analyse.sides import Side, board_of, is_cost_by_unit, run_side
from harness.api.metric import Metric
from harness.errors import StoreError, UsageError
from harness.store.parquet import read_table
from harness.store.record import RUN_JSON, RunRecord, read_run_json
from harness.store.schemas import SCHEMAS

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["BOARD_SUFFIXES", "load_side", "recorded_metrics"]

BOARD_SUFFIXES = (".parquet", ".csv", ".json")
_NEEDED = ("cells", "measurements")
# Columns of cells that no comparison asks for: a third of the time to read a million of them.
_UNREAD = ("run_id", "attempts", "started", "cpu_s", "shared", "compile_s", "error_type", "log")
_READ = [name for name in SCHEMAS["cells"].names if name not in _UNREAD]
_NUMBERS = ("mean", "ci_low", "ci_high", "n", "failures", "censored")
_COLUMNS = ("task", "task_params", "metric", "label", "origin", *_NUMBERS)
_METRIC_FIELDS = tuple(each.name for each in fields(Metric))


def load_side(path: Path, name: str = "") -> Side:
    """The side that lies at ``path``, called ``name``.

    Parameters
    ----------
    path
        A run's folder, or a leaderboard: ``leaderboard.parquet``, or what
        ``harness leaderboard --format csv`` or ``json`` printed. A leaderboard beside the
        ``cells.parquet`` of its run is that run.

    Raises
    ------
    StoreError
        If nothing of it can be read; the message names the file.
    UsageError
        If the file is no leaderboard.
    """
    name = name or str(path)
    if path.is_dir():
        return _of_run(path, name)
    if path.name == "leaderboard.parquet" and (path.parent / "cells.parquet").exists():
        return _of_run(path.parent, name)
    return _of_board(path, name)


def recorded_metrics(record: RunRecord) -> dict[str, list[Metric]]:
    """What each task of a run declared of its metrics, as the run recorded it."""
    return {
        task: [
            Metric(**{key: each[key] for key in _METRIC_FIELDS if key in each}) for each in declared
        ]
        for task, declared in record.metrics.items()
    }


def _of_run(folder: Path, name: str) -> Side:
    notes: list[str] = []
    record = _record(folder, notes)
    tables: dict[str, pa.Table] = {}
    for table in (*_NEEDED, "items", "leaderboard"):
        path = folder / f"{table}.parquet"
        if not path.exists():
            if table in _NEEDED:
                notes.append(f"{path} is not there")
            continue
        try:
            tables[table] = read_table(path, _READ if table == "cells" else None)
        except StoreError as error:
            notes.append(str(error))
    told = _told(folder, record, notes)
    if all(each in tables for each in _NEEDED):
        exclusive = record.exclusive if record else ()
        return run_side(name, tables, _metrics(record, tables, notes), exclusive, **told)
    if "leaderboard" not in tables:
        raise StoreError(f"nothing of {folder} can be compared: {'; '.join(notes)}")
    return Side(name=name, board=board_of(tables["leaderboard"].to_pylist()), **told)


def _record(folder: Path, notes: list[str]) -> RunRecord | None:
    if not (folder / RUN_JSON).exists():
        return None
    try:
        record = read_run_json(folder)
    except StoreError as error:
        notes.append(str(error))
        return None
    if record.state != "finished":
        notes.append(f"{folder} is {record.state}: only its finished cells are compared")
    return record


def _told(folder: Path, record: RunRecord | None, notes: Sequence[str]) -> dict[str, Any]:
    if record is None:
        return {"path": str(folder), "run_id": folder.name, "notes": tuple(notes)}
    return {
        "path": str(folder),
        "run_id": record.run_id,
        "suite": record.suite,
        "commit": record.commit,
        "started": record.started.isoformat(),
        "is_clean": not record.diff_hash,
        "notes": tuple(notes),
    }


def _metrics(
    record: RunRecord | None, tables: Mapping[str, pa.Table], notes: list[str]
) -> dict[str, list[Metric]]:
    """What each task declares: as the run recorded it, else as its leaderboard shows it."""
    if record is not None and record.metrics:
        return recorded_metrics(record)
    found: dict[str, dict[str, Metric]] = {}
    if "leaderboard" in tables:
        board = tables["leaderboard"].select(["task", "metric", "unit", "direction"])
        for row in board.to_pylist():
            metric = Metric(
                name=row["metric"],
                unit=row["unit"],
                direction=row["direction"],
                is_cost=is_cost_by_unit(row["unit"] or ""),
            )
            found.setdefault(row["task"], {})[metric.name] = metric
    return {task: list(metrics.values()) for task, metrics in found.items()}


def _of_board(path: Path, name: str) -> Side:
    rows = _parquet_rows(path) if path.suffix == ".parquet" else _text_rows(path)
    try:
        board = board_of(rows)
    except (KeyError, TypeError) as error:
        raise UsageError(f"{path} is no leaderboard: its rows have no {error}") from error
    suites = {str(row.get("suite") or "") for row in rows}
    return Side(
        name=name, path=str(path), suite=suites.pop() if len(suites) == 1 else "", board=board
    )


def _parquet_rows(path: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = read_table(path, name="leaderboard").to_pylist()
    return rows


def _text_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a leaderboard that was printed as CSV or JSON."""
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".json":
            rows = json.loads(text)
            return [row for row in rows if isinstance(row, dict)]
        reader = csv.DictReader(text.splitlines())
        lacking = [name for name in _COLUMNS if name not in (reader.fieldnames or ())]
        if lacking:
            raise UsageError(f"{path} is no leaderboard: it has no column {lacking[0]}")
        return [_numbered(row) for row in reader]
    except (OSError, ValueError, TypeError) as error:
        raise StoreError(f"{path} cannot be read as a leaderboard: {error}") from error


def _numbered(row: Mapping[str, str]) -> dict[str, Any]:
    """A row of CSV with its numbers as numbers, and ``None`` where there is none."""
    return dict(row) | {
        name: (float(row[name]) if row[name] else None) for name in _NUMBERS if name in row
    }
