"""A run where there is no terminal: a line at the start, each tenth, each new cause."""

from __future__ import annotations

import os
from collections.abc import Sequence
from time import monotonic
from typing import TYPE_CHECKING

from harness.cli import numbers
from harness.cli.progress import STOPPING, Progress, headline
from harness.cli.text import line, say_error
from harness.runner.settings import Started

if TYPE_CHECKING:
    from harness.execute import WorkerView
    from harness.plan.records import Plan
    from harness.store.rows import Group

__all__ = ["PlainWatcher"]

_EVERY_S = 30.0


class PlainWatcher:
    """Prints to standard error: at most one line a tenth of the run or 30 seconds."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._progress = Progress(total=0, reused=0)
        self._tenth = 0
        self._told = monotonic()

    @property
    def progress(self) -> Progress:
        """Counts so far."""
        return self._progress

    def started(self, started: Started) -> None:
        """Print the headline."""
        self._progress = Progress.of(started)
        self._say(f"{started.plan.suite.name} · {headline(started)}")
        for note in started.notes:
            self.notice(note)

    def wrote(self, plan: Plan, group: Group) -> None:
        """Print new causes, and how far the run is."""
        for cause in self._progress.add(plan, group):
            self._say(f"{cause.status}: {cause.label} on {cause.task}: {cause.message}")
        self._tell()

    def tick(self, views: Sequence[WorkerView]) -> None:
        """Print how far the run is when it is time."""
        self._tell()

    def notice(self, text: str) -> None:
        """Print a line."""
        self._say(f"! {text}")

    def stopping(self) -> None:
        """Say that the run ends; called in a signal handler, where streams cannot be used."""
        if not self._quiet:
            os.write(2, f"{STOPPING}\n".encode())

    def finished(self) -> None:
        """Print nothing: the result follows."""

    def _tell(self) -> None:
        progress = self._progress
        tenth = 10 * progress.done // max(progress.total, 1)
        if tenth == self._tenth and monotonic() - self._told < _EVERY_S:
            return
        self._tenth, self._told = tenth, monotonic()
        left = progress.seconds_left()
        self._say(
            f"{progress.done:,} of {progress.total:,} cells, {progress.failed:,} failed"
            + (f", {numbers.duration(left)} left" if left is not None else "")
        )

    def _say(self, text: str) -> None:
        if not self._quiet:
            say_error([line(text)])
