"""The commands that make a number again, as they can be pasted into a shell.

A run tells the path of its suite as it was typed. That is where the suite can be had again only
if git has it there: else (never committed, run at another commit from a copy, called from a
program) the text that the run kept is saved first.
"""

from __future__ import annotations

import glob
from dataclasses import dataclass
from pathlib import Path, PurePath
from shlex import join as shell

import yaml

from harness.errors import UsageError
from harness.report.records import RunPage, TaskPage
from harness.runner.revisions import Repository
from harness.store.record import RunRecord

__all__ = ["CELL", "Commands", "cell_id", "commands_of"]

CELL = "CELL"  # what stands for a cell's id in the template of a command

_SAVE = (
    'import json, sys; sys.stdout.write(json.load(open(sys.argv[1], encoding="utf-8"))'
    '["suite_text"])'
)


@dataclass(frozen=True, kw_only=True)
class Commands:
    """How a run's numbers are made again: ``setup`` once, then one of the commands."""

    setup: tuple[str, ...]
    suite: str  # as ``harness run`` takes it after the setup
    overrides: tuple[str, ...] = ()

    def cell(self, ident: str = CELL) -> str:
        """One cell alone, reusing nothing, in this process."""
        return shell([*self._run, "--cell", ident, "--inline", "--fresh"])

    def label(self, task: TaskPage, label: str) -> str:
        """All cells of a row of a board."""
        method = ["--method", glob.escape(label)]
        return shell([*self._run, "--only", _only(task.title), *method, "--fresh"])

    def task(self, task: TaskPage) -> str:
        """A whole board."""
        return shell([*self._run, "--only", _only(task.title), "--fresh"])

    @property
    def _run(self) -> list[str]:
        changes = [part for change in self.overrides for part in ("-o", change)]
        return ["harness", "run", self.suite, *changes]


def cell_id(whole: bytes) -> str:
    """The start of a cell's id, as ``--cell`` takes it."""
    return whole.hex()[:12]


def commands_of(page: RunPage, repository: Path | None = None) -> Commands:
    """The commands for a run; ``repository`` (where this is called) is asked for its suite."""
    record = page.record
    tracked = _tracked(record, repository or Path())
    if tracked:
        there = "# in the root of the repository"
        return Commands(setup=(there, *_code(record)), suite=tracked, overrides=record.overrides)
    if record.suite_path and _needs_others(record.suite_text):
        told = "# the suite names other files: it is run where it lies"
        return Commands(
            setup=(*_code(record), told), suite=record.suite_path, overrides=record.overrides
        )
    name = f"{record.suite}.yaml"
    saved = f"{shell(['python', '-c', _SAVE, str(page.path / 'run.json')])} > {shell([name])}"
    return Commands(setup=(*_code(record), saved), suite=name, overrides=record.overrides)


def _code(record: RunRecord) -> tuple[str, ...]:
    """The code that the run used; what was not committed cannot be had again."""
    if not record.commit:
        return ("# the run was made outside a git repository: its code is not recorded",)
    told = f"git checkout {record.commit}"
    return (f"{told}  # with changes that were not committed" if record.diff_hash else told,)


def _tracked(record: RunRecord, repository: Path) -> str:
    """Where the commit has the suite as it ran, from the repository's root; else empty."""
    if not record.commit or not record.suite_path:
        return ""
    parts = PurePath(record.suite_path).parts
    try:
        known = Repository.around(repository)
        revision = known.revision(record.commit)
        for start in range(len(parts)):
            path = "/".join(parts[start:])
            text = known.text_at(revision, path)
            if text and _is_ran(text, record.suite_text):
                return path
    except UsageError:  # no repository here, or not this commit's
        return ""
    return ""


def _is_ran(text: str, ran: str) -> bool:
    """Whether a file is the suite that ran, whose text ends with those it includes."""
    return text == ran or (ran.startswith(text) and _needs_others(text))


def _needs_others(text: str) -> bool:
    """Whether a suite names files from where it lies, which a copy elsewhere would miss."""
    try:
        told = yaml.safe_load(text)
    except yaml.YAMLError:
        return True  # several files joined
    if not isinstance(told, dict):
        return False
    named = [told.get(key) or () for key in ("include", "plugins")]
    paths = [path for each in named for path in ([each] if isinstance(each, str) else each)]
    return any(not Path(str(path)).is_absolute() for path in paths)


def _only(title: str) -> str:
    """What ``--only`` takes: of the title the words that it can tell apart."""
    task, *words = title.split(" ")
    told = [word for word in words if "=" in word and not set(word) & set('[]{}",')]
    is_whole = all("=" in word for word in words)  # else a value has a space in it
    return " ".join([task, *told]) if is_whole else task
