"""What a command or a caller decides about a run; the suite decides the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from harness.errors import UsageError

if TYPE_CHECKING:
    from harness.execute import WorkerView
    from harness.plan.records import Plan
    from harness.store.rows import Group

__all__ = ["Quiet", "Settings", "Started", "Watcher"]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Options of one run.

    Parameters
    ----------
    results
        Where runs are kept.
    workers
        Worker processes; ``None`` takes one a core.
    inline
        Run in this process: no isolation, no limits; for debugging, and everywhere.
    executor
        Name of a plugin's executor to run on; empty: workers of our own, or ``inline``.
    debug
        With ``inline``: let a cell's exception through.
    retry_failed
        Run failed, timed-out and out-of-memory cells again.
    fresh
        Measure every cell anew; artifacts that are in the cache are kept.
    skip_unmet
        Leave out cells whose hardware this machine cannot give, instead of refusing.
    cell
        Run only cells whose id (hexadecimal) starts with this; in a run of its own.
    job_cells
        Cells a job; ``None`` lets the executor learn it.
    retries
        How often a cell is tried again after a crash.
    budget_s
        Time after which no further wave of seeds begins; ``None``: no limit.
    """

    results: Path = Path("results")
    workers: int | None = None
    inline: bool = False
    executor: str = ""
    debug: bool = False
    retry_failed: bool = False
    fresh: bool = False
    skip_unmet: bool = False
    cell: str = ""
    job_cells: int | None = None
    retries: int = 1
    budget_s: float | None = None

    def __post_init__(self) -> None:
        if self.inline and self.executor:
            raise UsageError(
                f"inline and the executor {self.executor} are two ways to run: give one"
            )

    @property
    def retries_failed(self) -> bool:
        """Whether failed cells run again; whoever asks for one cell wants to see it run."""
        return self.retry_failed or bool(self.cell)


@dataclass(frozen=True, kw_only=True)
class Started:
    """What is known when the first cell is about to run."""

    plan: Plan
    folder: Path
    commit: str
    branch: str
    workers: int
    pending: int
    reused: int
    recovered: int
    notes: Sequence[str] = field(default=())


class Watcher(Protocol):
    """Whoever shows a run while it goes on; called in the main thread, never once a cell."""

    def started(self, started: Started) -> None:
        """Everything is planned; nothing has been dispatched."""

    def wrote(self, plan: Plan, group: Group) -> None:
        """A group of outcomes is in the journal."""

    def tick(self, views: Sequence[WorkerView]) -> None:
        """At most ten times a second: what each worker does."""

    def notice(self, text: str) -> None:
        """Something that a person should know and that stops nothing."""

    def finished(self) -> None:
        """The last cell is journalled; the analysis follows."""


class Quiet:
    """A watcher that shows nothing."""

    def started(self, started: Started) -> None:
        """Show nothing."""

    def wrote(self, plan: Plan, group: Group) -> None:
        """Show nothing."""

    def tick(self, views: Sequence[WorkerView]) -> None:
        """Show nothing."""

    def notice(self, text: str) -> None:
        """Show nothing."""

    def finished(self) -> None:
        """Show nothing."""
