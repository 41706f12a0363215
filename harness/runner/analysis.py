"""From a run's tables to its leaderboard and its judged claims."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from harness.analyse.claims import claims_table, judge_all
from harness.analyse.leaderboard import leaderboard
from harness.analyse.results import Results
from harness.runner.prepare import Prepared
from harness.store.parquet import write_table
from harness.store.results import ResultTables

__all__ = ["analyse"]


def analyse(
    folder: Path, prepared: Prepared, tables: ResultTables, *, commit: str, missing: int = 0
) -> None:
    """Write ``leaderboard.parquet`` and ``claims.parquet`` into a run's folder.

    With ``missing`` planned cells that have no row no claim is judged: looking at a part of
    the seeds spoils the level of the verdict on all of them.
    """
    plan = prepared.plan
    suite = plan.suite
    results = Results.from_tables(
        tables.cells,
        tables.measurements,
        tables.bounds,
        tables.items,
        plan.specs,
        published=suite.published,
    )
    board = leaderboard(
        results,
        suite=suite.name,
        published=suite.published,
        commit=commit,
        machine=prepared.machine.fingerprint,
    )
    write_table(folder / "leaderboard.parquet", board)
    is_partial = bool(suite.cuts) or missing > 0
    judged = judge_all(suite.claims, results, cut=is_partial, plugins=prepared.registry.claim)
    if missing and not suite.cuts:
        judged = [replace(each, note=f"{missing:,} cells have not run") for each in judged]
    write_table(folder / "claims.parquet", claims_table(judged))
