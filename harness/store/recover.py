"""Reads a journal back: the whole batches of each stream, and of these what cells commit.

Scan and cut. A stream is good up to its first batch that is torn, damaged, or does not fit
the chain of sums. Cells batches are good up to the first that names a batch of another stream
which is not there (two files have no common order after a power cut); of the other streams
what no good cells batch names is cut. Artifact rows commit themselves.

:func:`recover` is a function of the files' bytes; :func:`read_journal` reads them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from harness.store.chain import Chain
from harness.store.claimed import Claims, claim_rows, last_rows
from harness.store.disk import storing
from harness.store.schemas import (
    JOURNAL_SCHEMAS,
    SCHEMA_VERSION,
    empty,
    refuse_later,
    schema_version,
    upgrade,
)
from harness.store.stream import NOTHING, Header, Place, stream_path

__all__ = ["End", "JournalTables", "Recovered", "read_files", "read_journal", "recover"]

# What a damaged file makes pyarrow raise, seen in thousands of cuts and flips.
_DAMAGE = (pa.ArrowException, OSError, ValueError, KeyError)

# All that belongs to a cell; these rows count once a cell row names their batch.
_OWNED = ("measurements", "items", "records", "bounds")

IntArray = npt.NDArray[np.int64]


class JournalTables(NamedTuple):
    """What a journal says: each cell's last row, and the rows that belong to it.

    Columns are those of ``JOURNAL_SCHEMAS``; ``notes`` tell what was cut.
    """

    cells: pa.Table
    measurements: pa.Table
    items: pa.Table
    records: pa.Table
    bounds: pa.Table
    artifacts: pa.Table
    notes: tuple[str, ...] = ()


class End(NamedTuple):
    """Where a stream's good part ends."""

    place: Place
    size: int  # bytes
    file_size: int
    version: int  # of the schema


class Recovered(NamedTuple):
    """A journal's content, and what a writer needs to go on."""

    tables: JournalTables
    ends: Mapping[str, End]
    session: int  # of the last cells batch, -1 where there is none


class _Batch(NamedTuple):
    rows: pa.RecordBatch
    header: Header
    sum: bytes
    end: int  # offset of the byte after it

    @property
    def place(self) -> Place:
        return Place(self.header.number, self.sum)


class _Scan(NamedTuple):
    """The whole batches of one file."""

    batches: list[_Batch]
    size: int
    version: int
    has_own_head: bool = True  # else the schema at its start is damaged


def read_journal(folder: Path) -> JournalTables:
    """The journal in a run's folder, without its lock: a writer may be at work.

    Raises ``StoreError`` if it is of a later schema, or cannot be read.
    """
    return recover(read_files(folder), str(folder)).tables


def read_files(folder: Path) -> dict[str, bytes]:
    """The bytes of each stream that there is; cells first, so that all they name follows."""
    contents = {}
    for name in reversed(tuple(JOURNAL_SCHEMAS)):
        path = stream_path(folder, name)
        with storing(path, doing="read"):
            if path.exists():
                contents[name] = path.read_bytes()
    return contents


def recover(contents: Mapping[str, bytes], where: str) -> Recovered:
    """What the streams' bytes say; ``where`` is the run's folder, for messages."""
    scans = {
        name: _scan(name, contents.get(name, b""), f"{where}/journal/{name}.arrows")
        for name in JOURNAL_SCHEMAS
    }
    kept = {name: scan.batches for name, scan in scans.items()}
    kept["cells"] = _committed(kept)
    last = kept["cells"][-1].header if kept["cells"] else Header(-1, -1)
    for name in _OWNED:
        kept[name] = kept[name][: last.after.get(name, NOTHING).number + 1]
    ends = {name: _end(batches, scans[name]) for name, batches in kept.items()}
    notes = [note for name in JOURNAL_SCHEMAS for note in _notes(name, scans[name], kept[name])]
    return Recovered(_tables(kept, scans, tuple(notes)), ends, last.session)


def _end(batches: list[_Batch], scan: _Scan) -> End:
    if not batches:
        return End(NOTHING, 0, scan.size, scan.version)
    return End(batches[-1].place, batches[-1].end, scan.size, scan.version)


def _committed(streams: Mapping[str, list[_Batch]]) -> list[_Batch]:
    """The cells batches before the first that names what is not there."""
    cells = streams["cells"]
    for count, batch in enumerate(cells):
        named = batch.header.after.items()
        if not all(_is_there(place, streams.get(name, [])) for name, place in named):
            return cells[:count]
    return cells


def _is_there(place: Place, batches: list[_Batch]) -> bool:
    if place.number < 0:
        return True  # the stream was empty
    return place.number < len(batches) and batches[place.number].sum == place.sum


def _notes(name: str, scan: _Scan, kept: list[_Batch]) -> list[str]:
    notes = []
    if not scan.has_own_head:
        notes.append(f"{name}: the schema at the start of the file is damaged, and is known")
    whole = scan.batches[-1].end if scan.batches else 0
    if scan.size > whole:
        notes.append(f"{name}: {scan.size - whole} bytes after {len(scan.batches)} whole batches")
    lost = len(scan.batches) - len(kept)
    if lost:
        why = "without what they name" if name == "cells" else "that no cell names"
        notes.append(f"{name}: {lost} whole {'batch' if lost == 1 else 'batches'} {why}")
    return notes


def _scan(name: str, data: bytes, path: str) -> _Scan:
    """The whole batches at the start of ``data``."""
    schema = JOURNAL_SCHEMAS[name]
    head = schema.serialize().to_pybytes()
    version, has_own_head = SCHEMA_VERSION, True
    if not data.startswith(head):
        found = _other_head(name, data, path)
        if found is not None:
            schema, version = found
        elif len(data) <= len(head):
            return _Scan([], len(data), version)
        else:  # what follows may be whole: its schema is ours, or its sums will not fit
            has_own_head = False
            data = head + data[len(head) :]
    batches = _whole_batches(data, schema)
    if not batches:
        has_own_head = True  # nothing is read with the one that we know
    return _Scan(batches, len(data), version, has_own_head)


def _other_head(name: str, data: bytes, path: str) -> tuple[pa.Schema, int] | None:
    """Schema and version that a file begins with, where they differ from ours in bytes.

    They do when the file is of another version, or written by another version of pyarrow.
    ``None`` for a head that is torn or damaged.
    """
    try:
        schema = pa.ipc.open_stream(pa.BufferReader(data)).schema
        version = schema_version(schema)
    except _DAMAGE:
        return None
    if version is None:
        return None
    refuse_later(version, path)
    ours = JOURNAL_SCHEMAS[name]
    if version == SCHEMA_VERSION:
        return (schema, version) if schema.equals(ours) else None
    return (schema, version) if set(schema.names) <= set(ours.names) else None


def _whole_batches(data: bytes, schema: pa.Schema) -> list[_Batch]:
    batches: list[_Batch] = []
    source = pa.BufferReader(data)
    try:
        reader = pa.ipc.open_stream(source)
        chain = Chain(schema)
        while source.tell() < len(data):
            previous = batches[-1].place if batches else NOTHING
            batches.append(_next_batch(source, reader, chain, previous))
    except (StopIteration, *_DAMAGE):
        # Torn or damaged here. Zero bytes, too: they are an end mark to pyarrow.
        pass
    return batches


def _next_batch(
    source: pa.BufferReader, reader: pa.RecordBatchReader, chain: Chain, previous: Place
) -> _Batch:
    """The next batch; ``ValueError`` where it is not the one that was written."""
    rows, metadata = reader.read_next_batch_with_custom_metadata()
    rows.validate(full=True)  # before any buffer is touched: offsets may point anywhere
    metadata = metadata or {}
    told = metadata[b"header"]
    header = Header.decode(told)
    if not rows.num_rows or header.number != previous.number + 1:
        raise ValueError("not the next batch")
    total = chain.step(previous.sum, told, rows)
    if metadata[b"sum"] != total.hex().encode():
        raise ValueError("the checksum differs")
    return _Batch(rows, header, total, source.tell())


def _tables(
    kept: Mapping[str, list[_Batch]], scans: Mapping[str, _Scan], notes: tuple[str, ...]
) -> JournalTables:
    whole = {name: _table(name, kept[name], scans[name].version) for name in JOURNAL_SCHEMAS}
    claims = _claims(whole["cells"], kept["cells"])
    cells = whole["cells"]
    if len(claims.rows) < len(cells):
        cells = cells.take(pa.array(claims.rows))
    owned = {
        name: claim_rows(name, whole[name], _numbers(kept[name]), cells, claims) for name in _OWNED
    }
    return JournalTables(
        cells=cells, artifacts=_last_artifacts(whole["artifacts"]), notes=notes, **owned
    )


def _table(name: str, batches: list[_Batch], version: int) -> pa.Table:
    schema = JOURNAL_SCHEMAS[name]
    if not batches:
        return empty(schema)
    table = pa.Table.from_batches([batch.rows for batch in batches]).combine_chunks()
    return upgrade(table, schema, version)


def _numbers(batches: list[_Batch]) -> IntArray:
    """The number of the batch that each row is in."""
    sizes = [batch.rows.num_rows for batch in batches]
    return np.repeat(np.arange(len(batches), dtype=np.int64), sizes)


def _claims(table: pa.Table, batches: list[_Batch]) -> Claims:
    up_to, opened = {}, {}
    sessions = np.array([batch.header.session for batch in batches], np.int64)
    is_first = np.append(True, sessions[1:] != sessions[:-1])[: len(batches)]
    start = np.maximum.accumulate(np.where(is_first, np.arange(len(batches)), 0))
    for name in _OWNED:
        places = [batch.header.after.get(name, NOTHING).number for batch in batches]
        up_to[name] = np.array(places, np.int64)
        # The journal is opened at the place that the last cells batch before it names.
        opened[name] = np.append(-1, up_to[name])[start]
    return last_rows(table, _numbers(batches), up_to, opened)


def _last_artifacts(table: pa.Table) -> pa.Table:
    """The last row of each artifact, in the order of these rows."""
    last = {artifact: row for row, artifact in enumerate(table.column("artifact_id").to_pylist())}
    if len(last) == len(table):
        return table
    return table.take(pa.array(sorted(last.values()), pa.int64()))
