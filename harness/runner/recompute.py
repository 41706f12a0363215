"""Cells of a run's tables as a plan again, and their numbers from both sides in one shape."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from harness.analyse.audit import NumberKey
from harness.data import describe
from harness.errors import HarnessError, nearest
from harness.plan.planner import plan_suite
from harness.plan.records import Plan
from harness.registry import Registry
from harness.store.ids import id_rows, match_repeated
from harness.store.record import RunRecord
from harness.store.results import ResultTables
from harness.store.rows import CELL_ROW, HAS_AT, MEASUREMENT_ROW, Group, Status
from harness.suite.model import Entry, HardwareClass, MethodUse, Seeds, Suite

__all__ = ["PlannedAgain", "Recomputed", "plan_again", "stored_numbers"]

IntArray = npt.NDArray[np.int64]

_SEED_LINE = re.compile(r"^seed:[ \t]*['\"]?(\d+)", re.MULTILINE)
_TIMEOUT_S = 24 * 3600.0  # the run's own limits are not those of an audit
_REFUSALS = (HarnessError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


@dataclass(frozen=True, slots=True)
class Recomputed:
    """What a cell gave this time."""

    status: str
    told: str
    numbers: Mapping[NumberKey, float]

    @classmethod
    def of(cls, plan: Plan, groups: Sequence[Group]) -> dict[int, Recomputed]:
        """Every cell that the groups tell of, by its row of the plan."""
        numbers: dict[int, dict[NumberKey, float]] = {}
        for group in groups:
            for cell, key, value in _numbers(plan, group):
                numbers.setdefault(cell, {})[key] = value
        texts = {text.cell: text.error_message for group in groups for text in group.texts}
        rows = np.frombuffer(b"".join(group.cells for group in groups), np.dtype(CELL_ROW))
        found = {}
        for cell, number in zip(rows["cell"].tolist(), rows["status"].tolist(), strict=True):
            status = Status(number).name.lower()
            message = texts.get(cell, "").partition("\n")[0]
            told = f"{status}: {message}" if message else status
            found[cell] = cls(status, told, numbers.get(cell, {}))
        return found


class PlannedAgain(NamedTuple):
    """The plan of a sample.

    ``rows`` (planned cells,) is each cell's row of the sample; ``refused`` says of the rows
    that are not planned why.
    """

    plan: Plan
    rows: IntArray
    refused: dict[int, str]


class _Group(NamedTuple):
    """Cells of the sample that share all but their seed."""

    task: str
    task_params: str
    method: str
    method_params: str
    label: str
    device: str


def plan_again(cells: pa.Table, record: RunRecord, registry: Registry) -> PlannedAgain:
    """The plan that computes ``cells`` again, without those that this machine cannot make."""
    describe({name: thing.at for name, thing in registry.things("dataset").items()})
    groups = _groups_of(cells)
    seeds = cells["seed"].to_numpy()
    refused: dict[int, str] = {}
    for group, members in list(groups.items()):
        try:
            plan_suite(_suite({group: members}, seeds, record.suite, 0), registry)
        except _REFUSALS as error:
            refused |= dict.fromkeys(members, _why(group, error, record, registry))
            del groups[group]
    rows = np.array([row for members in groups.values() for row in members], np.int64)
    ids = id_rows(cells["cell_id"])[rows]
    plans = [
        plan_suite(_suite(groups, seeds, record.suite, suite_seed), registry)
        for suite_seed in _suite_seeds(record)
    ]
    best = max(plans, key=lambda plan: int((plan.cell_ids == ids).all(axis=1).sum()))
    return PlannedAgain(best, rows, refused)


def _groups_of(cells: pa.Table) -> dict[_Group, list[int]]:
    """Rows of the sample by group."""
    columns = [cells[name].cast(pa.string()).to_pylist() for name in _Group._fields]
    groups: dict[_Group, list[int]] = {}
    for row, key in enumerate(zip(*columns, strict=True)):
        groups.setdefault(_Group(*key), []).append(row)
    return groups


def stored_numbers(cells: pa.Table, tables: ResultTables) -> list[dict[NumberKey, float]]:
    """What the tables have of each of ``cells``, in their order."""
    found: list[dict[NumberKey, float]] = [{} for _ in range(len(cells))]
    ids = id_rows(cells["cell_id"])
    for name in ("measurements", "items", "bounds"):
        table: pa.Table = getattr(tables, name)
        if name == "bounds":
            table = table.filter(pc.is_valid(table["cell_id"]))
        owner = match_repeated(id_rows(table["cell_id"]), ids)
        kept = np.flatnonzero(owner >= 0)
        for row, values in zip(owner[kept], table.take(pa.array(kept)).to_pylist(), strict=True):
            found[row][_stored_key(name, values)] = values["value"]
    return found


def _stored_key(table: str, row: Mapping[str, Any]) -> NumberKey:
    if table == "measurements":
        return NumberKey(row["metric"], row["at"])
    if table == "items":
        return NumberKey(row["metric"], None, f"item {row['item']}")
    return NumberKey(row["metric"], row["at"], _bound_name(row["role"], row["name"]))


def _numbers(plan: Plan, group: Group) -> Iterator[tuple[int, NumberKey, float]]:
    def metric(cell: int, number: int) -> str:
        return plan.specs[int(plan.spec[cell])].metrics[number].name

    rows = np.frombuffer(group.measurements, np.dtype(MEASUREMENT_ROW))
    for row in rows:
        cell = int(row["cell"])
        at = float(row["at"]) if row["flags"] & HAS_AT else None
        yield cell, NumberKey(metric(cell, int(row["metric"])), at), float(row["value"])
    for item in group.items:
        key = NumberKey(metric(item.cell, item.metric), None, f"item {item.item}")
        yield item.cell, key, item.value
    for bound in group.bounds:
        of = _bound_name(bound.role, bound.name)
        yield bound.cell, NumberKey(metric(bound.cell, bound.metric), bound.at, of), bound.value


def _bound_name(role: str, name: str) -> str:
    return f"{role} {name}".strip()


def _suite(
    groups: Mapping[_Group, Sequence[int]], seeds: IntArray, name: str, suite_seed: int
) -> Suite:
    """A suite of just these cells."""
    classes = {
        device: HardwareClass(name=device, gpus=int(device == "cuda"))
        for device in sorted({group.device for group in groups})
    }
    return Suite(
        name=name,
        description="",
        seed=suite_seed,
        path="",
        text="",
        hardware=classes,
        entries=tuple(
            Entry(
                task=group.task,
                params=json.loads(group.task_params),
                methods=(_use(group, seeds[np.array(members)]),),
            )
            for group, members in groups.items()
        ),
    )


def _use(group: _Group, seeds: IntArray) -> MethodUse:
    return MethodUse(
        name=group.method,
        params=json.loads(group.method_params),
        label=group.label,
        seeds=Seeds(values=tuple(seeds.tolist())),
        timeout_s=_TIMEOUT_S,
        hardware=group.device,
    )


def _suite_seeds(record: RunRecord) -> list[int]:
    """Seeds that the suite may have had: no table has it, and a cell's id tells which it was."""
    given = [each.partition("=")[2] for each in record.overrides if each.startswith("seed=")]
    written = _SEED_LINE.findall(record.suite_text)
    known = [int(each) for each in (*reversed(given), *written) if each.strip().isdecimal()]
    return list(dict.fromkeys([*known, 0]))


def _why(key: tuple[str, ...], error: Exception, record: RunRecord, registry: Registry) -> str:
    """Why a group cannot be planned here, and what would help."""
    sides = (("task", key[0], registry.task_names()), ("method", key[2], registry.method_names()))
    unknown = [side for side in sides if side[1] not in side[2]]
    if not unknown:
        return f"the code at hand cannot make it: {error}"
    kind, name, known = unknown[0]
    near = nearest(name, known)
    told = f'no {kind} is called "{name}" here{f" (nearest: {near})" if near else ""}'
    paths = [origin for origin in record.plugins.values() if Path(origin).is_absolute()]
    return f"{told}; the run used {', '.join(paths)}: give --plugin PATH" if paths else told
