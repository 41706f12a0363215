"""What an argument of ``harness compare`` means: a path, a run's id, a git revision, a suite.

A revision means the latest finished run at its commit: one of a clean tree before one that had
changes, and of the whole suite before one of which a cut or a budget left a part out. Where
revisions have runs of several suites, the one is taken that all have.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from harness.errors import StoreError, UsageError, nearest
from harness.runner.revisions import Repository
from harness.runner.sides import BOARD_SUFFIXES
from harness.store.folder import RunInfo, find_run, list_runs
from harness.store.record import RUN_JSON, read_run_json

__all__ = ["Resolved", "commit_at", "commit_order", "resolve"]

_SHOWN = 7  # digits of a hash


class Resolved(NamedTuple):
    """Where each argument's results lie, and what was chosen among several."""

    paths: tuple[Path, ...]
    notes: tuple[str, ...]


class _Revision(NamedTuple):
    """A git revision with the runs at its commit, the newest first."""

    name: str
    commit: str
    runs: tuple[RunInfo, ...]


def resolve(
    arguments: Sequence[str],
    root: Path,
    *,
    suite: str | None = None,
    repository: Path | None = None,
) -> Resolved:
    """The results that each argument means.

    Parameters
    ----------
    arguments
        In turn a path (of a run's folder or a leaderboard), a run's id, a git revision
        (branch, tag, ``HEAD~3``, short hash), the unique start of a run's id, or a suite's
        name (its latest run).
    root
        The folder in which runs are kept.
    suite
        Only runs of this suite, for revisions.
    repository
        The folder in which git is asked; the current one unless given.

    Raises
    ------
    UsageError
        If an argument means nothing, or has no results; it says which command makes them.
    """
    notes: list[str] = []
    runs = list_runs(root, notes=notes)
    asked = [_meaning(each, runs, root, repository or Path()) for each in arguments]
    revisions = [each for each in asked if isinstance(each, _Revision)]
    chosen = suite or _common_suite(asked, revisions, notes)
    paths = [
        _latest(each, chosen, notes) if isinstance(each, _Revision) else each for each in asked
    ]
    return Resolved(tuple(paths), tuple(dict.fromkeys(notes)))


def commit_at(revision: str, repository: Path) -> str:
    """The full hash that a revision means; empty where it means none, or there is no git."""
    try:
        return Repository.around(repository).revision(revision).commit
    except UsageError:
        return ""


def commit_order(repository: Path) -> dict[str, int]:
    """The place of each commit in the history of all branches, the oldest first."""
    listed = _git(repository, "rev-list", "--topo-order", "--reverse", "--all", "HEAD").split()
    return {commit: place for place, commit in enumerate(listed)}


def _git(repository: Path, *arguments: str) -> str:
    try:
        answer = subprocess.run(
            ["git", "-C", str(repository), *arguments], capture_output=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout.decode(errors="replace")


def _meaning(
    argument: str, runs: Sequence[RunInfo], root: Path, repository: Path
) -> Path | _Revision:
    path = Path(argument)
    if _is_results(path):
        return path
    same_id = [run.folder.path for run in runs if run.folder.run_id == argument]
    if len(same_id) == 1:
        return same_id[0]
    commit = commit_at(argument, repository)
    if commit:
        there = tuple(run for run in runs if run.record.commit == commit)
        return _Revision(argument, commit, there)
    if path.suffix in BOARD_SUFFIXES:
        raise UsageError(f"{argument} is not there: give a leaderboard, a run or a revision")
    try:
        return find_run(root, argument).path
    except UsageError as error:
        raise UsageError(f"{error}; nor is it a git revision here") from error


def _is_results(path: Path) -> bool:
    if path.is_file():
        return path.suffix in BOARD_SUFFIXES
    marks = (RUN_JSON, "leaderboard.parquet", "measurements.parquet")
    return any((path / mark).is_file() for mark in marks)


def _common_suite(
    asked: Sequence[Path | _Revision], revisions: Sequence[_Revision], notes: list[str]
) -> str | None:
    """The suite to take of revisions that have several: one that every argument has."""
    had = [
        {run.record.suite for run in each.runs if run.record.state == "finished"}
        if isinstance(each, _Revision)
        else {_suite_of(each)}
        for each in asked
    ]
    common = set.intersection(*had)
    if len(revisions) > 1 and not common and all(had):
        one, other = revisions[0], revisions[-1]
        names = [", ".join(sorted(each)) for each in had]
        suite = max(each.record.suite for each in other.runs)
        raise UsageError(
            f"no suite has a run at all of them: {one.name} has {names[0]}, {other.name} has "
            f"{names[-1]}; harness run --at {one.name} suites/{suite}.yaml makes one"
        )
    if not revisions or not common or len(common) == 1:
        return next(iter(common), None)
    newest = next(run.record.suite for run in revisions[-1].runs if run.record.suite in common)
    rest = ", ".join(sorted(common - {newest}))
    notes.append(f"compared {newest}, which ran last; --suite takes another ({rest})")
    return newest


def _suite_of(path: Path) -> str:
    """The suite of a run, wherever its folder was copied to."""
    folder = path if path.is_dir() else path.parent
    with suppress(StoreError):
        return read_run_json(folder).suite
    return folder.parent.name


def _latest(revision: _Revision, suite: str | None, notes: list[str]) -> Path:
    there = [run for run in revision.runs if suite in (None, run.record.suite)]
    finished = [run for run in there if run.record.state == "finished"]
    if not finished:
        raise UsageError(_no_run(revision, suite, bool(there)))
    best = min(finished, key=lambda run: (bool(run.record.diff_hash), not run.record.is_whole))
    if best.record.diff_hash:
        notes.append(f"{revision.name}: the tree of {best.folder.run_id} differed from its commit")
    if not best.record.is_whole:
        notes.append(
            f"{revision.name}: {best.folder.run_id} ran a part of the suite "
            f"({', '.join(best.record.cuts) or 'its budget ended it'})"
        )
    return best.folder.path


def _no_run(revision: _Revision, suite: str | None, is_unfinished: bool) -> str:
    commit = revision.commit[:_SHOWN]
    of_suite = f" of {suite}" if suite else ""
    file = f"suites/{suite}.yaml" if suite else "suites/NAME.yaml"
    if is_unfinished:
        return (
            f"the runs{of_suite} at {revision.name} ({commit}) did not finish; "
            f"harness run {file} at that commit goes on with one"
        )
    others = sorted({run.record.suite for run in revision.runs})
    near = nearest(suite, others) if suite else ""
    hint = f" (there: {near or ', '.join(others)})" if others else ""
    return (
        f"no results{of_suite} at {revision.name} ({commit}){hint}; "
        f"harness run --at {revision.name} {file} makes them"
    )
