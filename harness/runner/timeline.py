"""Runs in the order of their commits: one a commit, the oldest first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from harness.analyse.sides import Side
from harness.errors import StoreError, UsageError
from harness.runner.arguments import commit_order
from harness.runner.sides import load_side
from harness.store.folder import RunInfo, list_runs

__all__ = ["Timeline", "runs_by_commit"]


class Timeline(NamedTuple):
    """Runs, the oldest commit first, and what a reader must know of their order."""

    sides: tuple[Side, ...]
    notes: tuple[str, ...]


def runs_by_commit(
    root: Path, *, suite: str | None = None, repository: Path | None = None
) -> Timeline:
    """The latest finished run of each suite at each commit, and with each uncommitted change.

    In the order of git's history where every commit is in it, else of the runs' starts. A
    run that cannot be read is named in the notes.

    Raises
    ------
    UsageError
        If there is no finished run.
    """
    notes: list[str] = []
    runs = [run for run in list_runs(root, suite, notes=notes) if run.record.state == "finished"]
    if not runs:
        of_suite = f" of {suite}" if suite else ""
        raise UsageError(f"no finished run{of_suite} in {root}; harness run makes one")
    chosen: dict[tuple[str, ...], RunInfo] = {}
    for run in runs:  # the newest first
        told = run.record
        chosen.setdefault((told.commit or told.run_id, told.diff_hash, told.suite), run)
    ordered = _ordered(list(chosen.values()), repository or Path(), notes)
    sides = []
    for run in ordered:
        try:
            sides.append(load_side(run.folder.path, run.folder.run_id))
        except StoreError as error:
            notes.append(str(error))
    return Timeline(tuple(sides), (*notes, *(note for side in sides for note in side.notes)))


def _ordered(runs: Sequence[RunInfo], repository: Path, notes: list[str]) -> list[RunInfo]:
    places = commit_order(repository)
    unknown = {run.record.commit for run in runs} - set(places)
    if unknown and places:
        count = len(unknown)
        word = "1 commit is" if count == 1 else f"{count} commits are"
        notes.append(f"{word} not in this repository: runs are ordered by when they started")
    if unknown:
        return sorted(runs, key=lambda run: run.record.started)
    return sorted(runs, key=lambda run: (places[run.record.commit], run.record.started))
