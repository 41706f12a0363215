"""A suite at another commit: its code, in an environment of its own, results beside the others.

The suite is the file at hand, so that commits are asked the same question. It is run from the
commit's worktree, where relative ``include:`` and ``plugins:`` mean that commit's files, and
copies of those at hand where it has none: as it is there if the texts agree, else as an
untracked copy beside it, so that the commit recorded is the commit and not a changed one.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.errors import ExitCode, StoreError, UsageError
from harness.runner.environments import Environment, environment_of
from harness.runner.revisions import Repository, Revision

__all__ = ["audit_at", "run_at", "summary_at"]

_COPY = ".at-hand.yaml"


def run_at(revision: str, suite: Path, results: Path, options: Sequence[str] = ()) -> int:
    """``harness run`` with a commit's code; its exit code. Output is passed on.

    Parameters
    ----------
    revision
        As git takes it.
    suite
        The suite at hand, a file of the repository.
    results
        Where results go.
    options
        Further options of ``harness run``.

    Raises
    ------
    UsageError
        When there is no such commit, or it cannot be built.
    """
    _, done = _run(suite, revision, results, options)
    sys.stdout.write(done[1])
    return done[0]


def summary_at(
    revision: Revision, suite: Path, results: Path, options: Sequence[str] = ()
) -> dict[str, Any]:
    """What ``harness run --json`` says of a run with a commit's code.

    Raises
    ------
    UsageError
        When the commit cannot be built, or the suite does not run to its end there.
    """
    environment, (code, said) = _run(suite, revision.commit, results, [*options, "--json"])
    try:
        summary: dict[str, Any] = json.loads(said)
    except ValueError:
        told = f"{suite.name} does not run at {environment.revision.short} (exit {code})"
        raise UsageError(told) from None
    if code == ExitCode.INTERRUPTED:
        raise UsageError(f"{suite.name} was interrupted at {environment.revision.short}")
    return summary


def audit_at(folder: Path, commit: str, options: Sequence[str] = ()) -> int:
    """``harness audit`` of a run's folder with the code of the run's own commit.

    Raises
    ------
    UsageError
        When the run tells no commit, or this repository has no such commit.
    """
    if not commit:
        raise UsageError(f"{folder} tells no commit: it was not run from a repository")
    repository = Repository.around(Path.cwd())
    environment = environment_of(repository, repository.revision(commit))
    done = environment.run("audit", str(folder.resolve()), *options)
    sys.stdout.write(done.stdout)
    return done.returncode


def _run(
    suite: Path, revision: str, results: Path, options: Sequence[str]
) -> tuple[Environment, tuple[int, str]]:
    if not suite.is_file():
        raise UsageError(f"there is no suite {suite}")
    repository = Repository.around(suite)
    environment = environment_of(repository, repository.revision(revision))
    place = _placed(environment, suite.resolve(), repository)
    done = environment.run("run", str(place), "--results", str(results.resolve()), *options)
    return environment, (done.returncode, done.stdout)


def _placed(environment: Environment, suite: Path, repository: Repository) -> Path:
    """The suite in the commit's worktree."""
    place = environment.source / suite.relative_to(repository.root.resolve())
    text = suite.read_text(encoding="utf-8")
    folder = suite.parent.relative_to(repository.root.resolve())
    for path in _named(text):
        if (suite.parent / path).exists() and not repository.has(
            environment.revision, (folder / path).as_posix()
        ):
            _bring(path, suite.parent, place.parent)
    if place.is_file() and place.read_text(encoding="utf-8") == text:
        return place
    copy = place.with_name(f"{suite.stem}{_COPY}")
    try:
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StoreError(f"{copy} cannot be written: {error.strerror}") from error
    return copy


def _named(text: str) -> list[str]:
    """Relative paths that a suite names: its plugins and what it includes."""
    import yaml

    try:
        suite = yaml.safe_load(text)
    except yaml.YAMLError:
        return []  # told with its place when the suite is read
    if not isinstance(suite, dict):
        return []
    lists = [suite.get(key) for key in ("plugins", "include")]
    paths = [path for each in lists for path in (each if isinstance(each, list) else [each])]
    return [path for path in paths if isinstance(path, str) and not Path(path).is_absolute()]


def _bring(path: str, here: Path, there: Path) -> None:
    """A copy in the worktree of what lies beside the suite and is no part of the commit."""
    source, target = here / path, there / path
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source, target)
    except OSError as error:
        raise StoreError(f"{target} cannot be written: {error.strerror}") from error
