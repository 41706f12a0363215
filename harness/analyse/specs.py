"""What results know of a group besides numbers: from a plan, or from the tables alone."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from harness.analyse.columns import IntArray, texts
from harness.api.metric import Bound, BoundRole, Metric
from harness.api.parameters import canonical
from harness.suite.filters import Candidate

__all__ = ["SpecLike", "StoredSpec", "cell_specs", "stored_specs"]

IDENTITY = ("task", "task_params", "label", "hardware")


class SpecLike(Candidate, Protocol):
    """One task with one method on one class of hardware; a plan's specs are such."""

    @property
    def title(self) -> str:
        """The task with the parameters that differ from their defaults."""

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """What the task measures."""

    @property
    def bounds(self) -> tuple[Bound, ...]:
        """What theory says, as far as planning knew it."""

    @property
    def hardware(self) -> str:
        """Name of the hardware class."""

    @property
    def exclusive(self) -> bool:
        """Whether its cells ran alone on the machine."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredSpec:
    """A group as the tables of a run tell it, for results whose suite is not at hand."""

    index: int
    task: str
    task_params: Mapping[str, Any]
    method: str
    method_params: Mapping[str, Any]
    label: str
    hardware: str
    title: str = ""
    metrics: tuple[Metric, ...] = ()
    bounds: tuple[Bound, ...] = field(default=(), repr=False)
    exclusive: bool = False


def stored_specs(
    cells: pa.Table,
    bounds: pa.Table | None,
    metrics: Mapping[str, Sequence[Metric]],
    exclusive: Collection[str] = (),
) -> tuple[StoredSpec, ...]:
    """The groups of ``cells.parquet``, in the order in which they first appear.

    Parameters
    ----------
    cells, bounds
        As :mod:`harness.store.schemas` declares them.
    metrics
        What each task declares, by the task's name.
    exclusive
        Names of the hardware classes whose cells run alone.
    """
    names = (*IDENTITY, "method", "method_params", "title")
    planned = _planned_bounds(bounds)
    rows = _first_rows(cells)
    columns = {name: cells[name].take(rows).to_pylist() for name in names}
    found = []
    for index in range(len(rows)):
        row = {name: columns[name][index] for name in names}
        found.append(
            StoredSpec(
                index=index,
                task=row["task"],
                task_params=json.loads(row["task_params"]),
                method=row["method"],
                method_params=json.loads(row["method_params"]),
                label=row["label"],
                hardware=row["hardware"],
                title=row["title"],
                metrics=tuple(metrics.get(row["task"], ())),
                bounds=planned.get((row["task"], row["task_params"], row["label"]), ()),
                exclusive=row["hardware"] in exclusive,
            )
        )
    return tuple(found)


def cell_specs(cells: pa.Table, specs: Sequence[SpecLike]) -> IntArray:
    """(cells,) the number of each cell's spec, -1 where it belongs to none of them."""
    codes, rows = _identities(cells)
    known = {
        (spec.task, canonical(spec.task_params), spec.label, spec.hardware): place
        for place, spec in enumerate(specs)
    }
    columns = [cells[name].take(rows).to_pylist() for name in IDENTITY]
    place = np.array([known.get(key, -1) for key in zip(*columns, strict=True)], np.int64)
    return place[codes] if place.size else np.empty(0, np.int64)


def _identities(cells: pa.Table) -> tuple[IntArray, IntArray]:
    """Each cell's number among the distinct identities, and a first row of each of these."""
    combined = np.zeros(len(cells), np.int64)
    for name in IDENTITY:
        codes, words = texts(cells[name])
        combined = combined * (len(words) + 1) + codes
    _, rows, inverse = np.unique(combined, return_index=True, return_inverse=True)
    return inverse.astype(np.int64), rows.astype(np.int64)


def _first_rows(cells: pa.Table) -> IntArray:
    return np.sort(_identities(cells)[1])


def _planned_bounds(bounds: pa.Table | None) -> dict[tuple[str, str, str], tuple[Bound, ...]]:
    """Bounds that hold for a whole group: those without a cell."""
    if bounds is None:
        return {}
    found: dict[tuple[str, str, str], tuple[Bound, ...]] = {}
    for row in bounds.filter(bounds["cell_id"].is_null()).to_pylist():
        key = (row["task"], row["task_params"], row["label"])
        role: BoundRole = row["role"]
        bound = Bound(
            metric=row["metric"],
            role=role,
            value=row["value"],
            at=row["at"],
            name=row["name"],
            holds=row["holds"],
            delta=row["delta"],
            trivial=row["trivial"],
            source=row["source"],
        )
        found[key] = (*found.get(key, ()), bound)
    return found
