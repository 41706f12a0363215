"""The commands that make a number again, as they can be pasted into a shell."""

from __future__ import annotations

from shlex import join as shell

from harness.report.records import Row, RunPage, TaskPage
from harness.store.record import RunRecord

__all__ = ["at_commit", "cell_command", "cell_id", "label_command", "task_command"]


def cell_id(row: Row) -> str:
    """The start of a cell's id, as ``--cell`` takes it."""
    return str(row["cell_id"].hex()[:12])


def cell_command(record: RunRecord, row: Row) -> str:
    """One cell alone, reusing nothing, in this process."""
    return shell([*_run(record), "--cell", cell_id(row), "--inline", "--fresh"])


def label_command(record: RunRecord, task: TaskPage, label: str) -> str:
    """All cells of a row of a board."""
    return shell([*_run(record), "--only", task.title, "--method", label, "--fresh"])


def task_command(record: RunRecord, task: TaskPage) -> str:
    """A whole board."""
    return shell([*_run(record), "--only", task.title, "--fresh"])


def at_commit(page: RunPage) -> str:
    """The code that the run used; what was not committed cannot be had again."""
    record = page.record
    if not record.commit:
        return "# the run was made outside a git repository: its code is not recorded"
    told = f"git checkout {record.commit}"
    return f"{told}  # with changes that were not committed" if record.diff_hash else told


def _run(record: RunRecord) -> list[str]:
    changes = [part for change in record.overrides for part in ("-o", change)]
    return ["harness", "run", record.suite_path or record.suite, *changes]
