"""From a run's tables to its leaderboard and its judged claims."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from harness.analyse.claims import ClaimResult, claims_table, judge_all
from harness.analyse.decided import BOARD_LEVEL, Look, judge_at
from harness.analyse.leaderboard import leaderboard
from harness.analyse.results import Results
from harness.plan.records import Plan
from harness.runner.prepare import Prepared
from harness.store.parquet import write_table
from harness.store.results import ResultTables

__all__ = ["analyse", "results_of"]


def results_of(plan: Plan, tables: ResultTables) -> Results:
    """What a run's tables say of the groups of its plan."""
    return Results.from_tables(
        tables.cells,
        tables.measurements,
        tables.bounds,
        tables.items,
        plan.specs,
        published=plan.suite.published,
    )


def analyse(
    folder: Path,
    prepared: Prepared,
    tables: ResultTables,
    *,
    commit: str,
    missing: int = 0,
    look: Look | None = None,
) -> tuple[ClaimResult, ...]:
    """Write ``leaderboard.parquet`` and ``claims.parquet`` into a run's folder; the verdicts.

    With ``missing`` planned cells that have no row no claim is judged: looking at a part of
    the seeds spoils the level of the verdict on all of them. At a ``look`` of seeds that are
    added in waves the level is the one that the looks leave.
    """
    plan = prepared.plan
    suite = plan.suite
    results = results_of(plan, tables)
    board = leaderboard(
        results,
        level=look.board_level if look else BOARD_LEVEL,
        suite=suite.name,
        published=suite.published,
        commit=commit,
        machine=prepared.machine.fingerprint,
    )
    write_table(folder / "leaderboard.parquet", board)
    is_partial = bool(suite.cuts) or missing > 0
    plugins = prepared.registry.claim
    if look is None or is_partial:
        judged = judge_all(suite.claims, results, cut=is_partial, plugins=plugins)
    else:
        judged = judge_at(look, suite.claims, results, plugins)
    if missing and not suite.cuts:
        judged = [replace(each, note=f"{missing:,} cells have not run") for each in judged]
    write_table(folder / "claims.parquet", claims_table(judged))
    return tuple(judged)
