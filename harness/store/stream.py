"""One append-only file of the journal: an Arrow IPC stream that is never closed.

The file is the schema, written once, and then batches; ``pyarrow.ipc.open_stream`` reads it.
Each batch carries its number and chained sum in its metadata, cells batches also the session
and how far every other stream was (see :class:`Header`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from harness.store.chain import START, Chain
from harness.store.disk import Disk, write_all
from harness.store.schemas import JOURNAL_SCHEMAS

__all__ = ["NOTHING", "Header", "JournalStream", "Pending", "Place", "stream_path"]

_BUFFER_BYTES = 1 << 20
_SLACK_BYTES = 8192  # for the metadata of one batch and the padding round it


class Place(NamedTuple):
    """How far a stream is: number and sum of its last batch."""

    number: int
    sum: bytes


NOTHING = Place(-1, START)
"""The place of a stream without a batch."""


class Header(NamedTuple):
    """What a batch says besides its rows; summed with them.

    ``session`` counts the openings of the journal and ``after`` is the place of every other
    stream when the batch was written; both are said by cells batches only.
    """

    number: int
    session: int = 0
    after: Mapping[str, Place] = {}

    def encode(self) -> bytes:
        """The header as it is stored."""
        places = (f"{name}:{place.number}:{place.sum.hex()}" for name, place in self.after.items())
        return " ".join((str(self.number), str(self.session), *places)).encode()

    @classmethod
    def decode(cls, text: bytes) -> Header:
        """Read what :meth:`encode` wrote; ``ValueError`` for anything else."""
        number, session, *places = text.decode().split(" ")
        after = {}
        for place in places:
            name, at, total = place.split(":")
            after[name] = Place(int(at), bytes.fromhex(total))
        return cls(int(number), int(session), after)


class Pending(NamedTuple):
    """A batch that is encoded and not yet accepted."""

    message: memoryview
    place: Place


def stream_path(folder: Path, name: str) -> Path:
    """Where a run's folder keeps the journal's stream ``name``."""
    return folder / "journal" / f"{name}.arrows"


class JournalStream:
    """The writing end of one stream, from the place and size to which it is whole.

    :meth:`write` puts a batch into the file, :meth:`accept` makes it the last one,
    :meth:`cut_back` takes away whatever was written since the last acceptance.
    """

    def __init__(self, path: Path, disk: Disk, place: Place = NOTHING, size: int = 0) -> None:
        self.path = path
        self.place = place
        self.is_dirty = True  # what an earlier process wrote may not be synced either
        self._disk = disk
        self._schema = JOURNAL_SCHEMAS[path.stem]
        self._chain = Chain(self._schema)
        self._encoder = _Encoder(self._schema)
        self._size = size
        self._grown = size
        self._fd = disk.open_append(path)

    def encode(self, batch: pa.RecordBatch, header: Header) -> Pending:
        """``batch`` as the bytes that :meth:`write` appends; good until the next call."""
        told = header.encode()
        total = self._chain.step(self.place.sum, told, batch)
        message = self._encoder.message(batch, {b"header": told, b"sum": total.hex().encode()})
        return Pending(message, Place(header.number, total))

    def write(self, pending: Pending) -> None:
        """Append to the file; raises ``OSError``, after which :meth:`cut_back` mends it."""
        self.cut_back()  # a signal may have ended the last call in its middle
        if not self._size:
            head = memoryview(self._schema.serialize())
            self._grown += len(head)
            write_all(self._disk, self._fd, head)
        self._grown += len(pending.message)
        write_all(self._disk, self._fd, pending.message)

    def accept(self, pending: Pending) -> None:
        """The batch just written is now the last one."""
        self._size = self._grown
        self.place = pending.place
        self.is_dirty = True

    def cut_back(self) -> None:
        """Cut what was written and not accepted; raises ``OSError``."""
        if self._grown != self._size:
            self._disk.truncate(self._fd, self._size)
            self._grown = self._size

    def cut_to_size(self) -> None:
        """Cut a tail that recovery found to be torn; raises ``OSError``."""
        self._disk.truncate(self._fd, self._size)

    def sync(self) -> None:
        """Sync the file if anything was written since the last time; raises ``OSError``."""
        if self.is_dirty:
            self.is_dirty = False  # before the sync: what is written meanwhile sets it again
            self._disk.sync(self._fd)

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)


class _Encoder:
    """Arrow IPC messages as bytes.

    Only a stream writer can give a batch metadata, so one writes into a buffer of 1 MiB and
    the bytes are taken from there: 7 us a batch. A writer puts the schema before its first
    batch, which would be unreadable in the middle of a file: every new writer gets an empty
    batch first, and both are thrown away.
    """

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self._room = 0

    def message(self, batch: pa.RecordBatch, metadata: Mapping[bytes, bytes]) -> memoryview:
        need = pa.ipc.get_record_batch_size(batch) + _SLACK_BYTES
        if need > self._room - self._end():
            self._start(max(_BUFFER_BYTES, need + _SLACK_BYTES))
        start = self._end()
        self._writer.write_batch(batch, custom_metadata=metadata)
        return memoryview(self._buffer)[start : self._end()]

    def _end(self) -> int:
        return int(self._sink.tell()) if self._room else 0

    def _start(self, size: int) -> None:
        self._buffer = pa.allocate_buffer(size)
        self._sink = pa.FixedSizeBufferWriter(self._buffer)
        self._writer = pa.ipc.new_stream(self._sink, self._schema)
        self._writer.write_batch(pa.RecordBatch.from_pylist([], schema=self._schema))
        self._room = size
