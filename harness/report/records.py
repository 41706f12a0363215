"""What a page shows of a run, as plain records; :mod:`harness.report.gather` makes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from harness.store.record import RunRecord

__all__ = [
    "Board",
    "BoundPoint",
    "CellGroup",
    "Curve",
    "Evidence",
    "EvidenceRow",
    "FloatArray",
    "RunPage",
    "TaskKey",
    "TaskPage",
]

FloatArray = npt.NDArray[np.float64]
Row = Mapping[str, Any]


class TaskKey(NamedTuple):
    """A task with its parameters (canonical JSON)."""

    task: str
    params: str


class BoundPoint(NamedTuple):
    """A planned bound of a label's metric; ``at`` is ``None`` for the final value."""

    metric: str
    label: str
    role: str
    name: str
    at: float | None
    value: float
    is_vacuous: bool
    trivial: float | None  # the value from which on it says nothing
    source: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Curve:
    """Mean and 95 % Student interval of one label's metric along its axis."""

    label: str
    at: FloatArray  # (points,) ascending
    mean: FloatArray  # (points,)
    low: FloatArray  # (points,) equal to the mean where one seed gives no interval
    high: FloatArray  # (points,)
    seeds: int  # the most at any point


@dataclass(frozen=True, kw_only=True)
class Board:
    """One metric of a task: rows of ``leaderboard.parquet``, best first, valueless last."""

    metric: str
    unit: str
    direction: str
    rows: Sequence[Row]


@dataclass(frozen=True, kw_only=True)
class CellGroup:
    """The cells of one label on a task: what they share, and each of them."""

    label: str
    method: str
    method_params: str
    hardware: str
    machines: Sequence[str]
    statuses: Mapping[str, int]
    table: pa.Table = field(repr=False)  # one row a cell, in the order of cells.parquet
    values: Mapping[str, FloatArray] = field(default_factory=dict, repr=False)  # final, by metric

    @property
    def cells(self) -> int:
        """How many there are."""
        return sum(self.statuses.values())


@dataclass(frozen=True, kw_only=True)
class TaskPage:
    """All that is shown of one task with its parameters."""

    key: TaskKey
    title: str
    boards: Sequence[Board]
    curves: Mapping[str, Sequence[Curve]] = field(default_factory=dict)  # by metric
    bounds: Sequence[BoundPoint] = ()
    groups: Sequence[CellGroup] = ()
    axes: Mapping[str, str] = field(default_factory=dict)  # metric → name of its axis
    costs: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class EvidenceRow:
    """One group of a claim: what was estimated, what is allowed, and of which cells."""

    title: str
    quantity: str
    verdict: str
    estimate: float | None
    low: float | None
    high: float | None
    allowed_low: float | None
    allowed_high: float | None
    threshold: float | None
    requirement: str  # what is allowed, in words
    n: int
    is_change: bool
    is_every: bool
    is_vacuous: bool
    note: str
    places: Sequence[tuple[TaskKey, str]]  # task and label of each group of cells


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What a claim rests on; without ``rows`` the ``note`` says why they are not known."""

    metric: str = ""
    level: float = 0.95
    is_any: bool = False  # one group that holds it is enough
    note: str = ""
    rows: Sequence[EvidenceRow] = ()


@dataclass(frozen=True, kw_only=True)
class RunPage:
    """All that is shown of one run; ``damage`` names the files that could not be read."""

    path: Path
    record: RunRecord
    tasks: Sequence[TaskPage]
    claims: Sequence[Row]
    failures: Sequence[Row]
    statuses: Mapping[str, int]
    labels: Sequence[str]  # in order of first appearance in the suite
    notes: Sequence[str] = ()
    damage: tuple[str, ...] = ()

    @property
    def cells(self) -> int:
        """How many cells have a row."""
        return sum(self.statuses.values())

    @property
    def failed(self) -> int:
        """How many did not end well."""
        well = ("ok", "reused", "skipped")
        return sum(number for status, number in self.statuses.items() if status not in well)
