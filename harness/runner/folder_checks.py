"""What can be told of a run's folder without recomputing: sums, the journal's chain, the tables.

Each layer is harder to deceive than the one before: the sums stand in a file that can be
rewritten, the journal's chain in one that has to be made anew as a whole, and the board and
the claims' verdicts follow from the measurements. A folder that was forged whole passes; its
cells, computed again, do not.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from harness.analyse.claims import CUT, claims_table, judge
from harness.analyse.decided import BOARD_LEVEL
from harness.analyse.leaderboard import leaderboard
from harness.analyse.results import Results
from harness.analyse.specs import stored_specs
from harness.api.metric import Metric
from harness.errors import HarnessError
from harness.registry import Registry
from harness.runner.journal_checks import Finding, Held, against_journals
from harness.runner.stored_suite import Asked, asked
from harness.store.parquet import read_table
from harness.store.record import RunRecord, changed_files
from harness.store.results import ResultTables
from harness.suite.model import Claim

__all__ = ["folder_checks", "known_metrics"]

_FOLLOWS = (
    *("mean", "ci_low", "ci_high", "rank_low", "rank_high", "n", "failures", "censored"),
    *("lower_bound", "guarantee", "ratio_to_lower", "ratio_to_guarantee", "vacuous"),
    *("wall_s", "peak_memory", "commit", "machine", "unit", "direction", "method_params"),
)
_JUDGED = (
    *("source", "form", "metric", "groups", "estimate", "ci_low", "ci_high", "threshold", "n"),
    *("verdict", "expect", "statement"),
)
_ROUNDING = 1e-9  # the order of a sum may differ between machines
_KEY = ("task", "task_params", "metric", "label")
_DIGITS = 7  # of a commit, on a board
_NOT_OF_CELLS = "not what the cells give"
_NOT_JUDGED = (HarnessError, ArithmeticError, LookupError, TypeError, ValueError)
_NOT_KEPT = ("journal/", "logs/")  # what a published folder may do without


def folder_checks(
    folder: Path, record: RunRecord, tables: ResultTables, registry: Registry
) -> Held:
    """What is wrong with the files, what could not be checked, and which cells are in doubt."""
    findings, notes = _sums(folder, record)
    held = against_journals(folder, tables)
    findings, notes = findings + held.findings, notes + held.notes
    metrics = known_metrics(tables.cells, registry)
    what = asked(record)
    declared = {task: tuple(known.values()) for task, known in metrics.items()}
    numbers = {}
    for name in ("measurements", "items"):
        numbers[name], lost = _finite(getattr(tables, name))
        if lost:
            told = f"has {lost} values that are no finite numbers: such a cell has failed"
            findings.append(Finding(f"{name}.parquet", told))
    results = Results.from_tables(
        tables.cells,
        numbers["measurements"],
        tables.bounds,
        numbers["items"],
        stored_specs(tables.cells, tables.bounds, declared, record.exclusive),
        published=what.published if what else (),
    )
    findings += _board(folder, results, record, metrics)
    if (folder / "claims.parquet").exists():
        if what is None:
            notes.append("the suite's text is not whole: its claims were not judged again")
        else:
            findings += _claims(folder, record, results, what, registry)
            unknown = sorted(_tasks(results) - set(metrics))
            notes += [f"the metrics of {', '.join(unknown)} are not known here"] if unknown else []
    return Held(findings, notes, held.suspects)


def _finite(table: pa.Table) -> tuple[pa.Table, int]:
    """The rows whose value is a number, and how many are not."""
    is_finite = pc.is_finite(table["value"])
    return table.filter(is_finite), len(table) - int(pc.sum(is_finite).as_py() or 0)


def known_metrics(cells: pa.Table, registry: Registry) -> dict[str, dict[str, Metric]]:
    """The metrics of each task that is known here, by task and name."""
    names = pc.unique(cells["task"].cast(pa.string())).to_pylist()
    known = registry.things("task")
    return {
        name: {metric.name: metric for metric in registry.task(name).metrics}
        for name in names
        if name in known
    }


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


def _board(
    folder: Path,
    results: Results,
    record: RunRecord,
    metrics: Mapping[str, Mapping[str, Metric]],
) -> list[Finding]:
    """Rows of the board that do not follow from the measurements."""
    path = folder / "leaderboard.parquet"
    if not path.exists():
        return []
    short = f"{record.commit[:_DIGITS]}{'+' if record.diff_hash else ''}" if record.commit else ""
    again = leaderboard(results, level=record.level, commit=short, machine=record.machine)
    stored, made = _rows(read_table(path)), _rows(again)
    # Of a task that is not known here the metrics' directions are not either.
    known = {key: row for key, row in stored.items() if key[0] in metrics}
    lost = [key for key in made if key[0] in metrics and key not in stored]
    told = {key: _contradiction(row, made.get(key)) for key, row in known.items()}
    told |= dict.fromkeys(lost, "has cells and no row")
    return [
        Finding(path.name, f"{key[3]} on {key[0]}, {key[2]}: {text}")
        for key, text in told.items()
        if text
    ]


def _claims(
    folder: Path, record: RunRecord, results: Results, what: Asked, registry: Registry
) -> Iterator[Finding]:
    """Claims whose numbers or verdicts do not follow from the measurements."""
    stored = {row["name"]: row for row in read_table(folder / "claims.parquet").to_pylist()}
    for claim in what.claims:
        row = stored.pop(claim.name, None)
        if row is None:
            yield Finding("claims.parquet", f'has no row of "{claim.name}"')
            continue
        if row["verdict"] == CUT or record.is_cut_short:
            continue
        try:
            held = replace(claim, level=_level_of(claim, record))
            again = claims_table([judge(held, results, plugins=registry.claim)]).to_pylist()[0]
        except _NOT_JUDGED as error:
            told = f'"{claim.name}" cannot be judged again here: {error}'
            yield Finding("claims.parquet", told)
            continue
        wrong = [name for name in _JUDGED if not _is_same(row[name], again[name])]
        if wrong:
            yield Finding("claims.parquet", f'"{claim.name}", {", ".join(wrong)}: {_NOT_OF_CELLS}')
    for name in stored:
        yield Finding("claims.parquet", f'"{name}" is no claim of the suite')


def _level_of(claim: Claim, record: RunRecord) -> float:
    """The level that the run's looks left for a claim: never a bolder one than the suite's."""
    if record.level == BOARD_LEVEL:
        return claim.level  # one look
    return max(claim.level, record.claim_levels.get(claim.name, claim.level))


def _contradiction(row: Mapping[str, Any], again: Mapping[str, Any] | None) -> str:
    if again is None:
        return "no cell has a value of it"
    wrong = [name for name in _FOLLOWS if not _is_same(row[name], again[name])]
    return f"{', '.join(wrong)}: {_NOT_OF_CELLS}" if wrong else ""


def _tasks(results: Results) -> set[str]:
    return {spec.task for spec in results.specs}


def _rows(board: pa.Table) -> dict[tuple[str, ...], dict[str, Any]]:
    measured = board.filter(pc.equal(board["origin"].cast(pa.string()), "measured"))
    rows = measured.select([*_KEY, *_FOLLOWS]).to_pylist()
    return {tuple(row[name] for name in _KEY): row for row in rows}


def _is_same(one: float | str | None, other: float | str | None) -> bool:
    if one is None or other is None or isinstance(one, str) or isinstance(other, str):
        return one == other
    return math.isclose(one, other, rel_tol=_ROUNDING)
