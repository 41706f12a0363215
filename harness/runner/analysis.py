"""From a run's tables to its leaderboard and its judged claims."""

from __future__ import annotations

from pathlib import Path

from harness.analyse.claims import claims_table, judge_all
from harness.analyse.leaderboard import leaderboard
from harness.analyse.results import Results
from harness.runner.prepare import Prepared
from harness.runner.settings import Watcher
from harness.store.parquet import write_table
from harness.store.results import ResultTables

__all__ = ["analyse"]


def analyse(
    folder: Path, prepared: Prepared, tables: ResultTables, *, commit: str, watcher: Watcher
) -> None:
    """Write ``leaderboard.parquet`` and ``claims.parquet`` into a run's folder."""
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
    judged = judge_all(suite.claims, results, cut=bool(suite.cuts), plugins=prepared.registry.claim)
    write_table(folder / "claims.parquet", claims_table(judged))
