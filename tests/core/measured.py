"""Small runs made by hand: the tables that a store would give, from values a group."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from harness.analyse.results import Results
from harness.analyse.specs import StoredSpec
from harness.api.metric import Bound, Metric
from harness.api.parameters import canonical
from harness.store.schemas import SCHEMAS
from harness.suite.model import Published

REGRET = Metric(name="regret", unit="reward", axis="round", between="step")
ACCURACY = Metric(name="accuracy", direction="higher")
SOLVED = Metric(name="solved", direction="higher", type="share", has_items=True)
WALL = Metric(name="seconds", unit="s", is_cost=True)
METRICS = (REGRET, ACCURACY, SOLVED, WALL)
STARTED = datetime(2026, 1, 1, tzinfo=UTC)


def spec(
    label: str = "thompson",
    index: int = 0,
    task: str = "bandits/bernoulli",
    *,
    task_params: Mapping[str, Any] | None = None,
    method: str | None = None,
    method_params: Mapping[str, Any] | None = None,
    metrics: Sequence[Metric] = METRICS,
    bounds: Sequence[Bound] = (),
    exclusive: bool = False,
) -> StoredSpec:
    params = {"arms": 10} if task_params is None else dict(task_params)
    return StoredSpec(
        index=index,
        task=task,
        task_params=params,
        method=method or f"bandits/{label}",
        method_params=dict(method_params or {}),
        label=label,
        hardware="laptop",
        title=" ".join([task, *(f"{name}={value}" for name, value in params.items())]),
        metrics=tuple(metrics),
        bounds=tuple(bounds),
        exclusive=exclusive,
    )


@dataclass
class Run:
    """Collects cells and measurements; ``results()`` reads them back as a run's tables."""

    published: Sequence[Published] = ()
    specs: list[StoredSpec] = field(default_factory=list)
    cells: list[dict[str, Any]] = field(default_factory=list)
    measurements: list[dict[str, Any]] = field(default_factory=list)
    items: list[dict[str, Any]] = field(default_factory=list)
    bounds: list[dict[str, Any]] = field(default_factory=list)

    def add(
        self,
        label: str = "thompson",
        values: Sequence[float] = (),
        *,
        metric: str = "regret",
        seeds: Sequence[int] | None = None,
        curve: Mapping[float, Sequence[float]] | None = None,
        censored: Sequence[int] = (),
        lost: Mapping[int, str] | None = None,
        wall_s: float = 0.5,
        **of_spec: Any,
    ) -> int:
        """A group with one value a seed; ``lost`` are further seeds and their status."""
        index = len(self.specs)
        made = spec(label, index, **of_spec)
        self.specs.append(made)
        count = len(next(iter(curve.values()))) if curve else len(values)
        seeds = range(count) if seeds is None else seeds
        for row, seed in enumerate(seeds):
            cell = self._cell(made, seed, "ok", wall_s)
            if len(values):
                self.measure(cell, metric, None, values[row], row in censored)
            for at, column in (curve or {}).items():
                self.measure(cell, metric, at, column[row], row in censored)
        for seed, status in (lost or {}).items():
            self._cell(made, seed, status, wall_s)
        return index

    def measure(
        self, cell: bytes, metric: str, at: float | None, value: float, censored: bool = False
    ) -> None:
        row = {"cell_id": cell, "metric": metric, "at": at, "value": value, "censored": censored}
        self.measurements.append(row)

    def score(self, group: int, seed: int, metric: str, scores: Mapping[str, float]) -> None:
        cell = cell_id(self.specs[group], seed)
        for item, value in scores.items():
            self.items.append({"cell_id": cell, "metric": metric, "item": item, "value": value})

    def bound(self, group: int, seed: int, bound: Bound) -> None:
        """A bound that only this cell knows."""
        made = self.specs[group]
        self.bounds.append(
            {
                "cell_id": cell_id(made, seed),
                "task": made.task,
                "task_params": canonical(made.task_params),
                "label": made.label,
                "metric": bound.metric,
                "role": bound.role,
                "name": bound.name,
                "at": bound.at,
                "value": bound.value,
                "holds": bound.holds,
                "delta": bound.delta,
                "trivial": bound.trivial,
                "vacuous": bound.is_vacuous,
                "source": bound.source,
            }
        )

    def tables(self) -> dict[str, pa.Table]:
        return {
            name: pa.Table.from_pylist(getattr(self, name), schema=SCHEMAS[name])
            for name in ("cells", "measurements", "items", "bounds")
        }

    def results(self) -> Results:
        return Results.from_tables(**self.tables(), specs=self.specs, published=self.published)

    def _cell(self, made: StoredSpec, seed: int, status: str, wall_s: float) -> bytes:
        identity = cell_id(made, seed)
        self.cells.append(
            {
                "run_id": "run",
                "cell_id": identity,
                "code_id": bytes(16),
                "suite": "by hand",
                "task": made.task,
                "title": made.title,
                "task_params": canonical(made.task_params),
                "method": made.method,
                "method_params": canonical(made.method_params),
                "label": made.label,
                "seed": seed,
                "hardware": made.hardware,
                "machine": "m",
                "device": "cpu",
                "status": status,
                "reused_from": None,
                "attempts": 1,
                "started": STARTED,
                "wall_s": wall_s,
                "cpu_s": wall_s,
                "shared": 1,
                "compile_s": 0.0,
                "peak_memory": 1_000_000 + seed,
                "compiled": None,
                "error_type": None,
                "error_message": None if status in ("ok", "reused") else f"it was {status}",
                "log": None,
            }
        )
        return identity


def cell_id(made: StoredSpec, seed: int) -> bytes:
    text = canonical([made.task, made.task_params, made.label, seed])
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def draws(seed: int, *shape: int) -> np.ndarray:
    """Standard normal numbers."""
    return np.random.default_rng(seed).standard_normal(shape)
