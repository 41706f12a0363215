"""Runs as folders, ``results/<suite>/<run-id>/``: choose, create, list, find.

Which run a command goes on with is decided under a lock of the suite's folder, and the run's
own lock is taken before that one is given back: two commands at once never choose one run.
"""

from __future__ import annotations

import os
from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from harness.errors import StoreError, UsageError, nearest
from harness.store.disk import Disk, storing
from harness.store.lock import FolderLock, is_locked, waited_for
from harness.store.record import LOCK, RUN_JSON, RunRecord, read_run_json, write_run_json

__all__ = [
    "RunFolder",
    "RunInfo",
    "choose_run",
    "create_run",
    "find_run",
    "latest_first",
    "list_runs",
    "new_run_id",
]

_COMMIT_CHARACTERS = 7


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Where a run lies.

    ``lock`` is held by this process where the run was chosen or created to be written: hand
    it to :meth:`~harness.store.journal.Journal.open`, which releases it when it closes.
    """

    path: Path
    lock: FolderLock | None = field(default=None, compare=False)

    @property
    def run_id(self) -> str:
        """The folder's own name."""
        return self.path.name

    @property
    def suite(self) -> str:
        """Name of the suite that ran."""
        return self.path.parent.name

    @property
    def run_json(self) -> Path:
        """The record of the run."""
        return self.path / RUN_JSON

    @property
    def is_being_written(self) -> bool:
        """Whether a living process holds the run's lock."""
        return is_locked(self.path / LOCK)

    def table(self, name: str) -> Path:
        """Where the Parquet table ``name`` lies."""
        return self.path / f"{name}.parquet"

    def release(self) -> None:
        """Give the lock back, if it is held."""
        if self.lock is not None:
            self.lock.release()


class RunInfo(NamedTuple):
    """A run as it is listed."""

    folder: RunFolder
    record: RunRecord


def new_run_id(now: datetime, commit: str, taken: Container[str] = ()) -> str:
    """An id such as ``20261124-2031-3f9c2e1``, with ``-2`` and so on where it is taken."""
    first = f"{now:%Y%m%d-%H%M}-{commit[:_COMMIT_CHARACTERS] or 'nocommit'}"
    name, count = first, 1
    while name in taken:
        count += 1
        name = f"{first}-{count}"
    return name


def create_run(
    root: Path,
    suite: str,
    suite_hash: str,
    *,
    commit: str = "",
    now: datetime | None = None,
    disk: Disk | None = None,
) -> RunFolder:
    """A new run of ``suite``, its lock held and its first ``run.json`` written.

    Raises ``StoreError`` if the folder cannot be made.
    """
    now = now or datetime.now(UTC)
    parent = root / suite
    with storing(parent):
        parent.mkdir(parents=True, exist_ok=True)
        path = _new_folder(parent, now, commit)
    lock = FolderLock.take(path / LOCK, disk)
    record = RunRecord(
        run_id=path.name,
        suite=suite,
        suite_hash=suite_hash,
        state="running",
        started=now,
        commit=commit,
    )
    try:
        write_run_json(path, record, disk)
    except StoreError:
        lock.release()
        raise
    return RunFolder(path, lock)


def choose_run(
    root: Path,
    suite: str,
    suite_hash: str,
    *,
    commit: str = "",
    now: datetime | None = None,
    disk: Disk | None = None,
) -> RunFolder:
    """The run that a command goes on with, its lock held.

    The latest run of ``suite`` that did not finish, has the same ``suite_hash`` and is not
    being written by a living process; otherwise a new one.

    Raises ``StoreError`` if ``root`` cannot be written.
    """
    parent = root / suite
    with storing(parent):
        parent.mkdir(parents=True, exist_ok=True)
    with waited_for(parent / ".lock"):
        for folder, record in list_runs(root, suite):
            if record.state == "finished" or record.suite_hash != suite_hash:
                continue
            if not folder.is_being_written:
                return RunFolder(folder.path, FolderLock.take(folder.path / LOCK, disk))
        return create_run(root, suite, suite_hash, commit=commit, now=now, disk=disk)


def list_runs(
    root: Path, suite: str | None = None, *, notes: list[str] | None = None
) -> list[RunInfo]:
    """All runs under ``root``, or those of one suite, the newest first.

    A folder without ``run.json`` is no run. One whose ``run.json`` cannot be read is left
    out, and a line about it is put into ``notes``.
    """
    runs = []
    for path in root.glob(f"*/*/{RUN_JSON}" if suite is None else f"{suite}/*/{RUN_JSON}"):
        try:
            runs.append(RunInfo(RunFolder(path.parent), read_run_json(path.parent)))
        except StoreError as error:
            if notes is not None:
                notes.append(str(error))
    return sorted(runs, key=lambda run: (run.record.started, run.record.run_id), reverse=True)


def find_run(root: Path, name: str, *, notes: list[str] | None = None) -> RunFolder:
    """The run that ``name`` means: its path, its id or the unique start of it, or a suite.

    A suite, or its folder, means its latest run, see :func:`latest_first`. ``notes`` as for
    :func:`list_runs`.

    Raises ``UsageError`` if it means none, or several.
    """
    as_path = Path(name)
    if (as_path / RUN_JSON).is_file():
        return RunFolder(as_path)
    if name and as_path.is_dir() and any(as_path.glob(f"*/{RUN_JSON}")):
        root, name = as_path.resolve().parent, as_path.resolve().name  # a suite's folder
    infos = list_runs(root, notes=notes)
    runs = [info.folder for info in infos]
    same_id = [run for run in runs if run.run_id == name]
    of_suite = latest_first([info for info in infos if info.folder.suite == name])
    begins = [run for run in runs if name and run.run_id.startswith(name)]
    found = same_id or of_suite[:1] or begins
    if len(found) == 1:
        return found[0]
    if found:
        named = ", ".join(f"{run.suite}/{run.run_id}" for run in found[:5])
        raise UsageError(f"{name!r} means {len(found)} runs: {named} (give its path)")
    raise UsageError(_no_such_run(root, name, runs))


def latest_first(infos: Sequence[RunInfo], *, of_parts: bool = False) -> list[RunFolder]:
    """Runs in the order in which "the latest" means them, of runs that are listed newest first.

    First those that have their tables, then those of the code at hand (``--at`` and ``bisect``
    ran others for a comparison), then, unless parts count as much, those of the whole suite.
    """

    def later(info: RunInfo) -> tuple[bool, ...]:
        has_tables = info.folder.table("leaderboard").exists()
        return not has_tables, info.record.is_aside, not (of_parts or info.record.is_whole)

    return [info.folder for info in sorted(infos, key=later)]


def _no_such_run(root: Path, name: str, runs: list[RunFolder]) -> str:
    known = sorted({run.run_id for run in runs} | {run.suite for run in runs})
    near = nearest(name, known)
    hint = f"nearest: {near}" if near else f"{len(runs)} runs are there: harness results"
    return f"no run is called {name!r} under {root} ({hint})"


def _new_folder(parent: Path, now: datetime, commit: str) -> Path:
    while True:
        path = parent / new_run_id(now, commit, set(os.listdir(parent)))
        try:
            path.mkdir()
        except FileExistsError:  # another process took the name this moment
            continue
        return path
