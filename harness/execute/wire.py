"""Frames and messages between the main process and its workers.

A frame is ``u32 length, u8 kind, payload``. Numbers of cells travel as fixed-width rows, which
neither side translates; text goes as JSON behind them and only where there is some. No pickle.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from harness.store.rows import BoundRow, CellText, Group, ItemRow, RecordRow

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = [
    "Frames",
    "JobMessage",
    "Kind",
    "Parcel",
    "decode_parcel",
    "encode_job",
    "encode_json",
    "encode_parcel",
    "frame",
]

_HEAD = struct.Struct("<IB")
_JOB = struct.Struct("<QIII")
_PARCEL = struct.Struct("<QII")
_CELL_ID_BYTES = 16

# Measurements beyond this go ahead in frames of their own: one frame of hundreds of MB would
# be held several times over in both processes.
_PIECE_BYTES = 1 << 20


class Kind(IntEnum):
    """What a frame's payload is."""

    SETUP = 1  # JSON: what a worker is told first
    SPEC = 2  # JSON: a spec or an artifact to build, before its first job
    JOB = 3
    BUILD = 4  # JSON: build an artifact
    PARCEL = 5  # outcomes of a job
    BUILT = 6  # JSON: how a build ended


def frame(kind: Kind, *parts: bytes | memoryview) -> bytes:
    """One frame."""
    return b"".join((_HEAD.pack(sum(map(len, parts)), kind), *parts))


def encode_json(kind: Kind, content: Mapping[str, Any]) -> bytes:
    """One frame of JSON; NaN and infinity are as Python writes and reads them."""
    return frame(kind, json.dumps(content).encode())


class Frames:
    """Cuts a stream of bytes into frames; what is incomplete waits for more."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Every (kind, payload) that is complete with ``data``; to be read to its end."""
        if not self._waiting:
            length, kind = _HEAD.unpack_from(data) if len(data) >= _HEAD.size else (0, 0)
            if kind and len(data) == _HEAD.size + length:  # nearly always: one frame, whole
                yield kind, data[_HEAD.size :]
                return
        waiting = self._waiting
        waiting += data
        start = 0
        while len(waiting) - start >= _HEAD.size:
            length, kind = _HEAD.unpack_from(waiting, start)
            end = start + _HEAD.size + length
            if end > len(waiting):
                break
            yield kind, bytes(waiting[start + _HEAD.size : end])
            start = end
        del waiting[:start]


class JobMessage(NamedTuple):
    """A job as a worker gets it: cells of one spec, in the order in which they are run.

    ``artifacts`` says which artifact of the cache each key stands for.
    """

    job: int
    spec: int
    attempt: int
    rows: tuple[int, ...]
    seeds: tuple[int, ...]
    cell_ids: bytes
    artifacts: Mapping[str, str]

    @classmethod
    def decode(cls, payload: bytes) -> JobMessage:
        """The message that :func:`encode_job` wrote."""
        job, spec, attempt, count = _JOB.unpack_from(payload)
        seeds_at = _JOB.size + 4 * count
        ids_at = seeds_at + 8 * count
        end = ids_at + _CELL_ID_BYTES * count
        return cls(
            job,
            spec,
            attempt,
            struct.unpack_from(f"<{count}I", payload, _JOB.size),
            struct.unpack_from(f"<{count}q", payload, seeds_at),
            payload[ids_at:end],
            json.loads(payload[end:]) if len(payload) > end else {},
        )

    def cell_id(self, place: int) -> bytes:
        """The 16 bytes of the cell at ``place``."""
        return self.cell_ids[place * _CELL_ID_BYTES : (place + 1) * _CELL_ID_BYTES]


def encode_job(
    head: tuple[int, int, int],
    rows: npt.NDArray[np.int64],
    seeds: npt.NDArray[np.int64],
    cell_ids: npt.NDArray[np.uint8],
    artifacts: Mapping[str, str],
) -> bytes:
    """The frame of a job; ``head`` is (job, spec, attempt)."""
    return frame(
        Kind.JOB,
        _JOB.pack(*head, len(rows)),
        rows.astype("<u4").tobytes(),
        seeds.astype("<i8", copy=False).tobytes(),
        cell_ids.tobytes(),
        json.dumps(artifacts).encode() if artifacts else b"",
    )


@dataclass(slots=True)
class Parcel:
    """Outcomes of one job on their way.

    ``checkpoints`` are folders that may go once the outcomes are written; ``notes`` belong
    to the job and to none of its cells.
    """

    job: int
    group: Group
    checkpoints: Sequence[str] = ()
    notes: Sequence[str] = ()


def encode_parcel(parcel: Parcel) -> Iterator[bytes]:
    """The parcel's frames: pieces of measurements first, the cells' rows with the last."""
    group = parcel.group
    rest = memoryview(group.measurements)
    while len(rest) > _PIECE_BYTES:
        yield frame(Kind.PARCEL, _PARCEL.pack(parcel.job, 0, _PIECE_BYTES), rest[:_PIECE_BYTES])
        rest = rest[_PIECE_BYTES:]
    head = _PARCEL.pack(parcel.job, len(group.cells), len(rest))
    yield frame(Kind.PARCEL, head, group.cells, rest, _encode_text(parcel))


def decode_parcel(payload: bytes) -> Parcel:
    """The parcel of one frame."""
    job, cells, measurements = _PARCEL.unpack_from(payload)
    cells_end = _PARCEL.size + cells
    end = cells_end + measurements
    group = Group(payload[_PARCEL.size : cells_end], payload[cells_end:end])
    if len(payload) == end:
        return Parcel(job, group)
    text = json.loads(payload[end:])
    group.texts = [CellText(*each) for each in text["texts"]]
    group.items = [
        ItemRow(cell, metric, item, value)
        for cell, metric, names, values in text["items"]
        for item, value in zip(names, values, strict=True)
    ]
    group.records = [RecordRow(*each) for each in text["records"]]
    group.bounds = [BoundRow(*each) for each in text["bounds"]]
    return Parcel(job, group, text["checkpoints"], text["notes"])


def _encode_text(parcel: Parcel) -> bytes:
    group = parcel.group
    parts = (group.texts, group.items, group.records, group.bounds)
    if not any(parts) and not parcel.checkpoints and not parcel.notes:
        return b""
    text = {
        "texts": group.texts,
        "items": list(_item_columns(group.items)),
        "records": group.records,
        "bounds": group.bounds,
        "checkpoints": parcel.checkpoints,
        "notes": parcel.notes,
    }
    return json.dumps(text).encode()


def _item_columns(items: Sequence[ItemRow]) -> Iterator[tuple[int, int, list[str], list[float]]]:
    """Items of one cell and metric together: a third of the bytes of a row each."""
    start = 0
    while start < len(items):
        cell, metric = items[start].cell, items[start].metric
        stop = start
        while stop < len(items) and (items[stop].cell, items[stop].metric) == (cell, metric):
            stop += 1
        span = items[start:stop]
        yield cell, metric, [each.item for each in span], [each.value for each in span]
        start = stop
