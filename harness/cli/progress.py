"""What a run looks like while it goes on, as numbers: counts, time left, causes of failure.

Both displays, the live one and the plain one, draw from a :class:`Progress`.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic

from harness.plan.records import Plan
from harness.runner.settings import Started
from harness.store.rows import CELL_FORMAT, Group, Status

__all__ = ["STOPPING", "Cause", "Progress", "headline"]

STOPPING = "stopping: finishing the write; Ctrl-C again stops at once"

_CELL = struct.Struct(CELL_FORMAT)
_WORDS: Mapping[Status, str] = {
    Status.FAILED: "failed",
    Status.TIMEOUT: "timed out",
    Status.CRASHED: "crashed",
    Status.OOM: "out of memory",
    Status.SKIPPED: "skipped",
}


@dataclass(slots=True)
class Cause:
    """One way in which cells of one (task, label) end badly, with how many did."""

    status: str
    task: str
    label: str
    message: str
    log: str
    count: int = 0
    seeds: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Progress:
    """Counts of a run so far. Updated a group, never a cell's worth of drawing.

    ``total`` are all its cells; ``recovered`` those that it had before it was interrupted.
    """

    total: int
    reused: int
    recovered: int = 0
    measured: int = 0
    failed: int = 0
    skipped: int = 0
    began: float = field(default_factory=monotonic)
    causes: dict[tuple[str, str, str, str], Cause] = field(default_factory=dict)

    @classmethod
    def of(cls, started: Started) -> Progress:
        """The state before the first outcome."""
        before = started.reused + started.recovered
        return cls(
            total=started.pending + before, reused=started.reused, recovered=started.recovered
        )

    def add(self, plan: Plan, group: Group) -> list[Cause]:
        """Count a group; the causes that it is the first to show."""
        texts = {text.cell: text for text in group.texts}
        new = []
        for row in _CELL.iter_unpack(group.cells):
            cell, status = row[0], Status(row[1])
            self.measured += status is Status.OK
            self.skipped += status is Status.SKIPPED
            self.failed += status not in (Status.OK, Status.SKIPPED)
            if status is not Status.OK:
                text = texts.get(cell)
                told = (text.error_message, text.log) if text else ("", "")
                cause = self._cause(plan, cell, status, *told)
                new += [cause] if cause.count == 1 else []
        return new

    def _cause(self, plan: Plan, cell: int, status: Status, message: str, log: str) -> Cause:
        spec = plan.specs[int(plan.spec[cell])]
        first = message.splitlines()[0] if message else ""
        word = _WORDS[status]
        cause = self.causes.setdefault(
            (word, spec.title, spec.label, first), Cause(word, spec.title, spec.label, first, log)
        )
        cause.count += 1
        cause.seeds.append(int(plan.seed[cell]))
        return cause

    @property
    def done(self) -> int:
        """Cells of this run that have ended, well or not."""
        return self.reused + self.recovered + self._ended

    @property
    def _ended(self) -> int:
        return self.measured + self.failed + self.skipped

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return monotonic() - self.began

    def seconds_left(self) -> float | None:
        """By the rate so far; ``None`` until there is one."""
        if not self._ended or self.elapsed < 1 or self.done >= self.total:
            return None
        return self.elapsed * (self.total - self.done) / self._ended


def headline(started: Started) -> str:
    """Suite, size, hardware, commit: the line that stands above everything."""
    plan = started.plan
    tasks = len({(spec.task, spec.title) for spec in plan.specs})
    labels = len({spec.label for spec in plan.specs})
    hardware = ", ".join(sorted({spec.hardware for spec in plan.specs}))
    where = f"{started.branch} {started.commit}".strip()
    parts = [
        f"{_many(tasks, 'task')} · {_many(labels, 'method')} · {_many(len(plan), 'cell')}",
        f"{hardware}, {_many(started.workers, 'worker')}"
        if started.workers
        else f"{hardware}, inline",
        *([where] if where else []),
    ]
    return " · ".join(parts)


def _many(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"
