"""Sides of comparisons made by hand, in memory and as folders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from measured import METRICS, STARTED, Run

from harness.analyse.leaderboard import leaderboard
from harness.analyse.results import Results
from harness.analyse.sides import Side, run_side
from harness.api.metric import Metric
from harness.store.parquet import write_table
from harness.store.record import RunRecord, write_run_json

TASK = "bandits/bernoulli"


def run_of(values: Mapping[str, Sequence[float]], **of_group: Any) -> Run:
    """A run with one group a label."""
    run = Run()
    for label, column in values.items():
        run.add(label, column, **of_group)
    return run


def tables_of(run: Run, code: bytes = b"", machine: str = "m") -> dict[str, pa.Table]:
    tables = run.tables()
    cells = tables["cells"]
    code_id = blake2b(code, digest_size=16).digest()
    ids = pa.array([code_id] * len(cells), pa.binary(16))
    machines = pa.array([machine] * len(cells)).dictionary_encode()
    for name, column in (("code_id", ids), ("machine", machines)):
        cells = cells.set_column(cells.column_names.index(name), cells.schema.field(name), column)
    return tables | {"cells": cells}


def side(
    run: Run,
    name: str = "base",
    *,
    code: bytes | None = None,
    machine: str = "m",
    metrics: Sequence[Metric] = METRICS,
    exclusive: Sequence[str] = (),
) -> Side:
    """A side in memory; its code differs from that of a side with another name."""
    tables = tables_of(run, name.encode() if code is None else code, machine)
    declared = {spec.task: list(metrics) for spec in run.specs}
    return run_side(name, tables, declared, exclusive, suite="by hand", run_id=name)


def sides(
    base: Mapping[str, Sequence[float]], other: Mapping[str, Sequence[float]], **of_group: Any
) -> tuple[Side, Side]:
    return side(run_of(base, **of_group), "base"), side(run_of(other, **of_group), "other")


def write_run(
    root: Path,
    run: Run,
    run_id: str,
    *,
    suite: str = "by-hand",
    commit: str = "",
    diff_hash: str = "",
    hours: int = 0,
    state: str = "finished",
    metrics: Sequence[Metric] = METRICS,
    **of_record: Any,
) -> Path:
    """A run's folder as the store writes it; its code is named by its id."""
    folder = root / suite / run_id
    folder.mkdir(parents=True)
    tables = tables_of(run, run_id.encode())
    for name, table in tables.items():
        if len(table) or name in ("cells", "measurements"):
            write_table(folder / f"{name}.parquet", table)
    declared = {spec.task: list(metrics) for spec in run.specs}
    results = Results.from_tables(
        tables["cells"], tables["measurements"], items=tables["items"], metrics=declared
    )
    write_table(folder / "leaderboard.parquet", leaderboard(results, suite=suite))
    record = RunRecord(
        run_id=run_id,
        suite=suite,
        suite_hash="",
        state=state,
        started=STARTED.astimezone(UTC) + timedelta(hours=hours),
        finished=datetime(2026, 1, 2, tzinfo=UTC),
        commit=commit,
        diff_hash=diff_hash,
        metrics={task: [asdict(each) for each in metrics] for task, metrics in declared.items()},
        **of_record,
    )
    write_run_json(folder, record)
    return folder


def noisy(seed: int, seeds: int, mean: float = 10.0, spread: float = 1.0) -> np.ndarray:
    return mean + spread * np.random.default_rng(seed).standard_normal(seeds)
