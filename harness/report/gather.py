"""A run's tables as the records of a page. A damaged file is named; the rest is shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from harness.analyse.columns import floats, texts
from harness.errors import PluginError, StoreError
from harness.registry import Registry
from harness.report.curves import Groups, IntArray, curves_of
from harness.report.records import (
    Board,
    BoundPoint,
    CellGroup,
    Curve,
    FloatArray,
    Row,
    RunPage,
    TaskKey,
    TaskPage,
)
from harness.runner.results import Run
from harness.store.ids import id_rows, match_repeated
from harness.store.schemas import SCHEMAS

__all__ = ["gather"]

_SHOWN = (
    *("cell_id", "seed", "status", "wall_s", "peak_memory", "machine", "device", "reused_from"),
    *("log", "error_type", "error_message"),
)
_VALUES = 3  # metrics whose final values stand beside each cell


def gather(run: Run, registry: Registry | None = None) -> RunPage:
    """All that a page shows of a run.

    Raises ``StoreError`` when ``run.json`` itself cannot be read.
    """
    source = _Source(run)
    record = run.record
    tasks = _Tasks(source, registry or Registry()).pages()
    failures: list[dict[str, Any]] = run.failures() if source.has("cells") else []
    return RunPage(
        path=run.path,
        record=record,
        tasks=tasks,
        claims=source.table("claims").to_pylist(),
        failures=failures,
        statuses=Counter(source.table("cells")["status"].to_pylist()),
        labels=tuple(dict.fromkeys(texts(source.table("cells")["label"]).words)),
        notes=(*source.notes, *record.notes),
        damage=tuple(source.notes),
    )


class _Source:
    """The run's tables, each read once; those that cannot be read are empty and noted."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._tables: dict[str, pa.Table] = {}
        self._missing: dict[str, str] = {}

    def table(self, name: str) -> pa.Table:
        if name not in self._tables:
            self._tables[name] = self._read(name)
        return self._tables[name]

    def has(self, name: str) -> bool:
        self.table(name)
        return name not in self._missing

    @property
    def notes(self) -> list[str]:
        return list(self._missing.values())

    def _read(self, name: str) -> pa.Table:
        if name == "bounds" and not (self._run.path / f"{name}.parquet").exists():
            return SCHEMAS[name].empty_table()  # theory says nothing of these tasks
        try:
            return self._run.table(name)
        except StoreError as error:
            self._missing[name] = str(error)
            return SCHEMAS[name].empty_table()


class _Tasks:
    """Puts boards, curves, bounds and cells together by task."""

    def __init__(self, source: _Source, registry: Registry) -> None:
        self._source = source
        self._registry = registry

    def pages(self) -> list[TaskPage]:
        boards = _by_task(self._source.table("leaderboard").to_pylist())
        bounds = _by_task(_planned(self._source.table("bounds")))
        keys = list(dict.fromkeys([*boards, *self._groups]))
        return [self._page(key, boards.get(key, []), bounds.get(key, [])) for key in keys]

    def _page(self, key: TaskKey, rows: Sequence[Row], bounds: Sequence[Row]) -> TaskPage:
        groups = self._groups.get(key, [])
        metrics = self._metrics(key.task)
        curves: dict[str, list[Curve]] = {}
        for group, _ in groups:
            for metric, curve in self._curves.get(group, {}).items():
                curves.setdefault(metric, []).append(curve)
        return TaskPage(
            key=key,
            title=self._titles.get(key) or (rows[0]["title"] if rows else "") or key.task,
            boards=_boards(rows),
            curves=curves,
            bounds=[_bound(row) for row in bounds],
            groups=[cells for _, cells in groups],
            axes={metric.name: metric.axis for metric in metrics if metric.axis},
            costs=frozenset(metric.name for metric in metrics if metric.is_cost),
        )

    def _metrics(self, task: str) -> Sequence[Any]:
        """What the task declares; nothing where its plugin is not here."""
        try:
            return tuple(self._registry.task(task).metrics)
        except (KeyError, PluginError):
            return ()

    @cached_property
    def _codes(self) -> IntArray:
        """(cells,) the group of each cell, by first appearance."""
        cells = self._source.table("cells")
        code = np.zeros(len(cells), np.int64)
        for name in ("task", "task_params", "label"):
            column = texts(cells[name])
            code = code * max(len(column.words), 1) + column.codes
        _, first, inverse = np.unique(code, return_index=True, return_inverse=True)
        order = np.empty(first.size, np.int64)
        order[np.argsort(first)] = np.arange(first.size)
        return order[inverse]

    @cached_property
    def _lists(self) -> list[IntArray]:
        """The rows of each group."""
        order = np.argsort(self._codes, kind="stable")
        if not order.size:
            return []
        return np.split(order, np.flatnonzero(np.diff(self._codes[order])) + 1)

    @cached_property
    def _heads(self) -> list[dict[str, Any]]:
        """The first row of each group."""
        rows: list[dict[str, Any]] = (
            self._source.table("cells").take([rows[0] for rows in self._lists]).to_pylist()
            if self._lists
            else []
        )
        return rows

    @cached_property
    def _titles(self) -> dict[TaskKey, str]:
        return {TaskKey(row["task"], row["task_params"]): row["title"] for row in self._heads}

    @cached_property
    def _groups(self) -> dict[TaskKey, list[tuple[int, CellGroup]]]:
        cells = self._source.table("cells")
        status, machine = texts(cells["status"]), texts(cells["machine"])
        few = cells.select(list(_SHOWN))
        found: dict[TaskKey, list[tuple[int, CellGroup]]] = {}
        for number, (head, rows) in enumerate(zip(self._heads, self._lists, strict=True)):
            counts = np.bincount(status.codes[rows], minlength=len(status.words))
            group = CellGroup(
                label=head["label"],
                method=head["method"],
                method_params=head["method_params"],
                hardware=head["hardware"],
                machines=[machine.words[code] for code in np.unique(machine.codes[rows])],
                statuses={w: int(n) for w, n in zip(status.words, counts, strict=True) if n},
                table=few.take(rows),
                values=self._values_of(head["task"], rows),
            )
            key = TaskKey(head["task"], head["task_params"])
            found.setdefault(key, []).append((number, group))
        return found

    def _values_of(self, task: str, rows: IntArray) -> dict[str, FloatArray]:
        """The cells' final values of the first metrics that are no costs and have some."""
        costs = {metric.name for metric in self._metrics(task) if metric.is_cost}
        found = {
            metric: values[rows] for metric, values in self._finals.items() if metric not in costs
        }
        known = [metric for metric, values in found.items() if np.isfinite(values).any()]
        return {metric: found[metric] for metric in known[:_VALUES]}

    @cached_property
    def _finals(self) -> dict[str, FloatArray]:
        """(cells,) the final value of each metric, NaN where a cell has none."""
        cells, measured = (self._source.table(name) for name in ("cells", "measurements"))
        last = measured.filter(measured["at"].is_null())
        if not len(last) or not len(cells):
            return {}
        owner = match_repeated(id_rows(last["cell_id"]), id_rows(cells["cell_id"]))
        metric, value = texts(last["metric"]), floats(last["value"])
        found = {}
        for code, name in enumerate(metric.words):
            is_own = (owner >= 0) & (metric.codes == code)
            values = np.full(len(cells), np.nan)
            values[owner[is_own]] = value[is_own]
            found[name] = values
        return found

    @cached_property
    def _curves(self) -> dict[int, dict[str, Curve]]:
        labels = tuple(row["label"] for row in self._heads)
        cells, measured = (self._source.table(name) for name in ("cells", "measurements"))
        found: dict[int, dict[str, Curve]] = {}
        for (group, metric), curve in curves_of(
            cells, measured, Groups(self._codes, labels)
        ).items():
            found.setdefault(group, {})[metric] = curve
        return found


def _by_task(rows: Sequence[Row]) -> dict[TaskKey, list[Row]]:
    found: dict[TaskKey, list[Row]] = {}
    for row in rows:
        found.setdefault(TaskKey(row["task"], row["task_params"]), []).append(row)
    return found


def _boards(rows: Sequence[Row]) -> list[Board]:
    by_metric: dict[str, list[Row]] = {}
    for row in rows:
        by_metric.setdefault(row["metric"], []).append(row)
    return [
        Board(
            metric=metric,
            unit=found[0]["unit"] or "",
            direction=found[0]["direction"],
            rows=[*(r for r in found if r["mean"] is not None)]
            + [r for r in found if r["mean"] is None],
        )
        for metric, found in by_metric.items()
    ]


def _planned(bounds: pa.Table) -> list[Mapping[str, Any]]:
    """Bounds that planning knew: those of single instances belong to no line of a figure."""
    kept: list[Mapping[str, Any]] = bounds.filter(bounds["cell_id"].is_null()).to_pylist()
    return kept


def _bound(row: Row) -> BoundPoint:
    return BoundPoint(
        metric=row["metric"],
        label=row["label"],
        role=row["role"],
        name=row["name"],
        at=row["at"],
        value=row["value"],
        is_vacuous=bool(row["vacuous"]),
        trivial=row["trivial"],
        source=row["source"],
    )
