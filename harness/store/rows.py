"""What travels from a worker to the journal: fixed-width rows, and text beside them.

One definition for both ends. ``cell`` is always the row of the plan. The worker packs rows
with :mod:`struct`, the main process reads many at once with ``numpy.frombuffer``.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

__all__ = [
    "BOUND_HOLDS",
    "BOUND_ROLES",
    "CELL_FORMAT",
    "CELL_ROW",
    "MEASUREMENT_FORMAT",
    "MEASUREMENT_ROW",
    "BoundRow",
    "CellText",
    "Group",
    "ItemRow",
    "RecordRow",
    "Status",
    "skipped",
]


class Status(IntEnum):
    """How a cell ended; the number is what is stored in rows."""

    OK = 0
    FAILED = 1
    TIMEOUT = 2
    CRASHED = 3
    OOM = 4
    SKIPPED = 5
    REUSED = 6


# cell, status, compiled (0 plain, 1 compiled, 2 nothing to compile), attempts, shared,
# started (Unix s), wall s, cpu s, compile s, peak memory KiB.
CELL_FORMAT = "<IBBHIddddq"
CELL_ROW = [
    ("cell", "<u4"),
    ("status", "u1"),
    ("compiled", "u1"),
    ("attempts", "<u2"),
    ("shared", "<u4"),
    ("started", "<f8"),
    ("wall_s", "<f8"),
    ("cpu_s", "<f8"),
    ("compile_s", "<f8"),
    ("peak_kib", "<i8"),
]

# cell, metric (index into the spec's metrics), flags (1: has ``at``, 2: censored), at, value.
MEASUREMENT_FORMAT = "<IHHdd"
MEASUREMENT_ROW = [
    ("cell", "<u4"),
    ("metric", "<u2"),
    ("flags", "<u2"),
    ("at", "<f8"),
    ("value", "<f8"),
]
HAS_AT = 1
CENSORED = 2

BOUND_ROLES = ("guarantee", "lower_bound", "optimum", "exact")
BOUND_HOLDS = ("always", "in_expectation", "with_probability")


class CellText(NamedTuple):
    """Why a cell is not ``ok``: the error's type and message, and where its log is."""

    cell: int
    error_type: str
    error_message: str
    log: str = ""


class ItemRow(NamedTuple):
    """The score of one item in one cell."""

    cell: int
    metric: int
    item: str
    value: float


class RecordRow(NamedTuple):
    """Text of one item of a cell: a prompt and its answer."""

    cell: int
    item: str
    record: str


class BoundRow(NamedTuple):
    """A bound that is known only for this cell's instance."""

    cell: int
    metric: int
    role: str
    name: str
    at: float | None
    value: float
    holds: str
    delta: float | None
    trivial: float | None
    source: str


@dataclass(slots=True)
class Group:
    """Outcomes that are journalled together.

    ``cells`` and ``measurements`` are concatenated rows of ``CELL_FORMAT`` and
    ``MEASUREMENT_FORMAT``. All of a cell's measurements, items, records and bounds are in
    the group of its cell row or in an earlier one.
    """

    cells: bytes = b""
    measurements: bytes = b""
    texts: list[CellText] = field(default_factory=list)
    items: list[ItemRow] = field(default_factory=list)
    records: list[RecordRow] = field(default_factory=list)
    bounds: list[BoundRow] = field(default_factory=list)


def skipped(cells: Sequence[int], reasons: Sequence[str]) -> Group:
    """The rows of cells that nobody ran, each with its reason."""
    row = struct.Struct(CELL_FORMAT)
    status = int(Status.SKIPPED)
    packed = (row.pack(cell, status, 2, 0, 1, 0.0, 0.0, 0.0, 0.0, 0) for cell in cells)
    texts = [CellText(cell, "Skip", why) for cell, why in zip(cells, reasons, strict=True)]
    return Group(cells=b"".join(packed), texts=texts)
