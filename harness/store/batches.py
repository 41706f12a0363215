"""A group of outcomes as Arrow batches: rows of the plan become ids and names.

The journal is read without the plan, so each row carries the cell's id, and cells that of
their code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from harness.store.ids import id_column
from harness.store.planned import PlannedCells
from harness.store.rows import (
    CELL_ROW,
    CENSORED,
    HAS_AT,
    MEASUREMENT_ROW,
    BoundRow,
    CellText,
    Group,
    ItemRow,
    RecordRow,
)
from harness.store.schemas import JOURNAL_SCHEMAS

__all__ = ["PlanLookup", "artifact_batch", "group_batches"]

_CELL_DTYPE = np.dtype(CELL_ROW)
_MEASUREMENT_DTYPE = np.dtype(MEASUREMENT_ROW)
_KIB = 1024

Rows = npt.NDArray[Any]  # structured: a record array has no narrower type
Batches = dict[str, pa.RecordBatch]


class PlanLookup:
    """What a plan's numbers stand for, as arrays: made once a plan."""

    def __init__(self, plan: PlannedCells) -> None:
        self.plan = plan
        specs = plan.specs
        self.code_ids = np.frombuffer(b"".join(spec.code_id for spec in specs), np.uint8)
        self.code_ids = self.code_ids.reshape(len(specs), 16)
        # Specs of one task share their metrics: 100,000 specs have a handful of tuples.
        starts: dict[int, int] = {}
        names: list[str] = []
        first = np.zeros(len(specs), np.int64)
        for index, spec in enumerate(specs):
            start = starts.get(id(spec.metrics))
            if start is None:
                start = starts[id(spec.metrics)] = len(names)
                names += [metric.name for metric in spec.metrics]
            first[index] = start
        self._names = pa.array(names, pa.string())
        self._first = first

    def ids(self, cells: npt.NDArray[Any]) -> pa.Array:
        """The ids of rows of the plan."""
        return id_column(self.plan.cell_ids[cells])

    def codes(self, cells: npt.NDArray[Any]) -> pa.Array:
        """The code ids of rows of the plan."""
        return id_column(self.code_ids[self.plan.spec[cells]])

    def metrics(self, cells: npt.NDArray[Any], metrics: npt.NDArray[Any]) -> pa.Array:
        """Names of metrics, given by their index in the spec of each cell."""
        return self._names.take(_numbers(self._first[self.plan.spec[cells]] + metrics))


def group_batches(lookup: PlanLookup, group: Group) -> Batches:
    """The batches of a group by stream; a stream without rows is left out."""
    batches: Batches = {}
    if group.measurements:
        batches["measurements"] = _measurements(lookup, group.measurements)
    if group.items:
        batches["items"] = _items(lookup, group.items)
    if group.records:
        batches["records"] = _records(lookup, group.records)
    if group.bounds:
        batches["bounds"] = _bounds(lookup, group.bounds)
    if group.cells:
        batches["cells"] = _cells(lookup, group)
    return batches


def artifact_batch(row: Mapping[str, object]) -> pa.RecordBatch:
    """One artifact as a batch."""
    return pa.RecordBatch.from_pylist([row], schema=JOURNAL_SCHEMAS["artifacts"])


def _cells(lookup: PlanLookup, group: Group) -> pa.RecordBatch:
    rows: Rows = np.frombuffer(group.cells, _CELL_DTYPE)
    cells = rows["cell"]
    ordered = np.sort(cells)
    if np.any(ordered[1:] == ordered[:-1]):
        raise ValueError("a cell has two rows in one group: its measurements would be mixed")
    columns = [
        lookup.ids(cells),
        lookup.codes(cells),
        _numbers(rows["status"]),
        _numbers(rows["compiled"]),
        _numbers(rows["attempts"]),
        _numbers(rows["shared"]),
        _numbers(rows["started"]),
        _numbers(rows["wall_s"]),
        _numbers(rows["cpu_s"]),
        _numbers(rows["compile_s"]),
        _numbers(rows["peak_kib"] * _KIB),
        *_texts(cells, group.texts),
    ]
    return _batch("cells", columns)


def _texts(cells: npt.NDArray[Any], texts: Sequence[CellText]) -> list[pa.Array]:
    if not texts:
        return [pa.nulls(len(cells), pa.string())] * 3
    place = {int(cell): row for row, cell in enumerate(cells)}
    columns: list[list[str | None]] = [[None] * len(cells) for _ in range(3)]
    for text in texts:
        row = place[text.cell]
        said = (text.error_type, text.error_message, text.log)
        for column, value in zip(columns, said, strict=True):
            column[row] = value or None
    return [_strings(column) for column in columns]


def _measurements(lookup: PlanLookup, data: bytes) -> pa.RecordBatch:
    rows: Rows = np.frombuffer(data, _MEASUREMENT_DTYPE)
    flags = rows["flags"]
    columns = [
        lookup.ids(rows["cell"]),
        lookup.metrics(rows["cell"], rows["metric"]),
        _numbers(rows["at"], is_given=(flags & HAS_AT) != 0),
        _numbers(rows["value"]),
        _flags((flags & CENSORED) != 0),
    ]
    return _batch("measurements", columns)


def _items(lookup: PlanLookup, items: Sequence[ItemRow]) -> pa.RecordBatch:
    cells = np.array([item.cell for item in items])
    metrics = np.array([item.metric for item in items])
    columns = [
        lookup.ids(cells),
        lookup.metrics(cells, metrics),
        _strings([item.item for item in items]),
        _reals([item.value for item in items]),
    ]
    return _batch("items", columns)


def _records(lookup: PlanLookup, records: Sequence[RecordRow]) -> pa.RecordBatch:
    columns = [
        lookup.ids(np.array([record.cell for record in records])),
        _strings([record.item for record in records]),
        _strings([record.record for record in records]),
    ]
    return _batch("records", columns)


def _bounds(lookup: PlanLookup, bounds: Sequence[BoundRow]) -> pa.RecordBatch:
    cells = np.array([bound.cell for bound in bounds])
    metrics = np.array([bound.metric for bound in bounds])
    columns = [
        lookup.ids(cells),
        lookup.metrics(cells, metrics),
        _strings([bound.role for bound in bounds]),
        _strings([bound.name for bound in bounds]),
        _reals([bound.at for bound in bounds]),
        _reals([bound.value for bound in bounds]),
        _strings([bound.holds for bound in bounds]),
        _reals([bound.delta for bound in bounds]),
        _reals([bound.trivial for bound in bounds]),
        _strings([bound.source for bound in bounds]),
    ]
    return _batch("bounds", columns)


def _batch(stream: str, columns: list[pa.Array]) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(columns, schema=JOURNAL_SCHEMAS[stream])


def _strings(values: Sequence[str | None]) -> pa.Array:
    return pa.array(values, pa.string())


def _reals(values: Sequence[float | None]) -> pa.Array:
    return pa.array(values, pa.float64())


def _numbers(values: npt.NDArray[Any], is_given: npt.NDArray[np.bool_] | None = None) -> pa.Array:
    """A column from an array; pa.array would take five times as long to look at its type."""
    data = np.ascontiguousarray(values)
    nulls = None
    if is_given is not None and not is_given.all():
        nulls = _bits(is_given)
    return pa.Array.from_buffers(_ARROW[data.dtype], len(data), [nulls, pa.py_buffer(data)])


def _flags(values: npt.NDArray[np.bool_]) -> pa.Array:
    return pa.Array.from_buffers(pa.bool_(), len(values), [None, _bits(values)])


def _bits(values: npt.NDArray[np.bool_]) -> pa.Buffer:
    return pa.py_buffer(np.packbits(values, bitorder="little"))


_ARROW = {
    np.dtype(kind): pa.from_numpy_dtype(np.dtype(kind)) for kind in ("u1", "u2", "u4", "i8", "f8")
}
