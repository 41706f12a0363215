"""The journal: append-only, one writer, and a cell's row is the commit.

Everything that belongs to a cell is appended before its row, in files of its own, one a kind
of row. A group is in the journal whole or not at all: where the disk is full in the middle,
what was written of it is cut again.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa

from harness.api.parameters import canonical
from harness.errors import StoreError
from harness.store.batches import PlanLookup, artifact_batch, group_batches
from harness.store.disk import Disk, explain, storing
from harness.store.lock import FolderLock
from harness.store.planned import PlannedCells
from harness.store.recover import JournalTables, Recovered, read_files, recover
from harness.store.rows import Group
from harness.store.schemas import JOURNAL_SCHEMAS, SCHEMA_VERSION
from harness.store.stream import Header, JournalStream, Pending, stream_path
from harness.store.syncer import Syncer

__all__ = ["Journal"]


class Journal:
    """The journal of one run, open for appending; made by :meth:`open`.

    Attributes
    ----------
    recovered
        What was in it when it was opened.
    notes
        What was cut from it then: nothing, unless a process or the machine died.
    """

    def __init__(
        self, folder: Path, disk: Disk, lock: FolderLock, found: Recovered, hold_sync_s: float
    ) -> None:
        self.recovered: JournalTables = found.tables
        self.notes = list(found.tables.notes)
        self._folder = folder
        self._disk = disk
        self._lock = lock
        self._session = found.session + 1
        self._streams: dict[str, JournalStream] = {}
        self._lookup: PlanLookup | None = None
        self._failure: StoreError | None = None
        self._has_new_names = True
        self._is_open = True
        self._reopen(found)
        self._syncer = Syncer(self._sync_all, hold_sync_s)
        if self._streams:
            self._syncer.wrote()  # what a killed process wrote is read, but may not be synced

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        disk: Disk | None = None,
        hold_sync_s: float = 0.05,
        lock: FolderLock | None = None,
    ) -> Journal:
        """Open the journal in the run folder ``folder``, made where absent.

        Torn tails are cut, and told in :attr:`notes`. ``lock`` is the run's, where
        :func:`~harness.store.folder.choose_run` took it already; the journal releases it.

        Raises
        ------
        StoreError
            If another process is writing there (named), the journal is of another schema,
            or the disk fails.
        """
        disk = disk or Disk()
        with storing(folder):
            (folder / "journal").mkdir(parents=True, exist_ok=True)
        lock = lock or FolderLock.take(folder / "lock", disk)
        with ExitStack() as undo:
            undo.callback(lock.release)
            found = recover(read_files(folder), str(folder))
            for name, end in found.ends.items():
                if end.size and end.version != SCHEMA_VERSION:
                    raise StoreError(_earlier(stream_path(folder, name), end.version))
            journal = cls(folder, disk, lock, found, hold_sync_s)
            undo.pop_all()
        return journal

    def append(self, plan: PlannedCells, group: Group) -> None:
        """Append the outcomes of ``group``, whose rows are numbers of ``plan``.

        All of a cell's rows are in the group of its cell row or in an earlier one; see
        :mod:`harness.store.claimed` for cells that are appended again. Returns before
        anything is synced.

        Raises
        ------
        StoreError
            If it could not be written; the journal is then as it was before the call.
        """
        if self._lookup is None or self._lookup.plan is not plan:
            self._lookup = PlanLookup(plan)
        self._append(group_batches(self._lookup, group))

    def append_artifact(
        self,
        artifact_id: str,
        name: str,
        fields_json: str,
        status: str,
        wall_s: float,
        metrics: Mapping[str, float],
        error: str = "",
    ) -> None:
        """Append how the build of an artifact ended; of several for one id the last counts."""
        row = {
            "artifact_id": artifact_id,
            "name": name,
            "fields": fields_json,
            "status": status,
            "wall_s": wall_s,
            "metrics": canonical(dict(metrics)),
            "error": error,
        }
        self._append({"artifacts": artifact_batch(row)})

    def sync(self) -> None:
        """Wait until all that was appended is on the medium; ``StoreError`` if it cannot be."""
        self._check()
        self._syncer.wait()
        self._check()

    def close(self) -> None:
        """Sync, close the files and release the lock; the last two whatever happens."""
        if not self._is_open:
            return
        self._is_open = False
        with ExitStack() as undo:
            undo.callback(self._lock.release)
            for stream in self._streams.values():
                undo.callback(stream.close)
            undo.callback(self._syncer.close)
            self.sync()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _reopen(self, found: Recovered) -> None:
        """Open the streams that there are, and cut what recovery does not count."""
        with ExitStack() as undo:
            for name, end in found.ends.items():
                path = stream_path(self._folder, name)
                if not end.file_size:
                    continue
                with storing(path):
                    stream = JournalStream(path, self._disk, end.place, end.size)
                    undo.callback(stream.close)
                    self._streams[name] = stream
                    if end.file_size > end.size:
                        stream.cut_to_size()
            undo.pop_all()

    def _stream(self, name: str) -> JournalStream:
        stream = self._streams.get(name)
        if stream is None:
            stream = JournalStream(stream_path(self._folder, name), self._disk)
            self._has_new_names = True
            # A new dictionary, since the syncing thread may be walking over the old one.
            self._streams = {**self._streams, name: stream}
        return stream

    def _append(self, batches: Mapping[str, pa.RecordBatch]) -> None:
        """Write the batches, cells last; all of them or none."""
        self._check()
        touched: dict[str, Pending] = {}
        try:
            for name in JOURNAL_SCHEMAS:
                if name in batches:
                    stream = self._stream(name)
                    header = self._header(name, stream, touched)
                    touched[name] = stream.encode(batches[name], header)
                    stream.write(touched[name])
        except OSError as error:
            self._cut_back([self._streams[name] for name in touched])
            raise explain(self._folder / "journal", error) from error
        for name, pending in touched.items():
            self._streams[name].accept(pending)
        self._syncer.wrote()

    def _header(self, name: str, stream: JournalStream, touched: Mapping[str, Pending]) -> Header:
        number = stream.place.number + 1
        if name != "cells":
            return Header(number)
        places = {
            other: touched[other].place if other in touched else self._streams[other].place
            for other in self._streams
            if other != "cells"
        }
        return Header(number, self._session, places)

    def _cut_back(self, streams: list[JournalStream]) -> None:
        try:
            for stream in reversed(streams):
                stream.cut_back()
        except OSError as error:
            # What is there now is mended when the journal is opened again, not before.
            self._failure = explain(self._folder / "journal", error)

    def _sync_all(self) -> None:
        """Sync everything that cells point to, then the cells; in the syncing thread."""
        if self._has_new_names:
            self._has_new_names = False
            for path in (self._folder / "journal", self._folder, self._folder.parent):
                self._disk.sync_folder(path)
        streams = self._streams
        for name in JOURNAL_SCHEMAS:
            if name in streams:
                streams[name].sync()

    def _check(self) -> None:
        """Raise what has ended the journal."""
        if self._failure is None and self._syncer.failure is not None:
            self._failure = explain(self._folder / "journal", self._syncer.failure, doing="sync")
        if self._failure is not None:
            raise self._failure


def _earlier(path: Path, version: int) -> str:
    return (
        f"{path} was begun with schema version {version} and cannot be gone on with in version "
        f"{SCHEMA_VERSION} (finish it with the harness that began it, or start a new run)"
    )
