"""What executors and their callers exchange."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from harness.plan.records import Plan
    from harness.store.rows import Group

__all__ = [
    "ArtifactDone",
    "Control",
    "Execution",
    "Executor",
    "LocalOptions",
    "Sink",
    "WorkerView",
]


class ArtifactDone(NamedTuple):
    """How an artifact came to be, or why it did not.

    ``status`` is a cell's, in small letters: ``ok``: built now; ``reused``: it was in the
    cache; ``message`` says why it is neither, and is empty otherwise.
    """

    artifact_id: str
    name: str
    status: str
    wall_s: float
    metrics: Mapping[str, float]
    message: str = ""


class WorkerView(NamedTuple):
    """What a worker is at, for a display.

    ``spec`` is an index into the plan's specs, ``None`` while it idles or builds
    ``artifact`` (a name, else empty). ``fraction`` is what the cell itself told of its
    progress, ``None`` if it told nothing.
    """

    worker: int
    pid: int
    spec: int | None
    artifact: str
    cells: int
    done: int
    cell_s: float
    fraction: float | None


class Sink(Protocol):
    """Where outcomes go. Called in the thread that called ``run``, one call at a time."""

    def write(self, group: Group) -> None:
        """Take outcomes; what it raises ends the execution."""

    def artifact_done(self, done: ArtifactDone) -> None:
        """An artifact was built, found, or failed; before any cell that needs it runs."""

    def tick(self, views: Sequence[WorkerView]) -> None:
        """At most ten times a second, for a display."""


@dataclass(slots=True)
class Control:
    """How a caller ends an execution early: set ``stop`` (a signal handler may)."""

    stop: bool = False


class Executor(Protocol):
    """What runs cells: ours, or a plugin's (``harness_executors``), made without arguments."""

    def run(
        self, plan: Plan, rows: npt.NDArray[np.int64], sink: Sink, control: Control
    ) -> Execution:
        """Run the cells at ``rows`` of ``plan`` and give their outcomes to ``sink``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Execution:
    """What an execution tells when it returns.

    Parameters
    ----------
    was_stopped
        Whether :attr:`Control.stop` ended it; cells without an outcome are then left.
    restarts
        Workers that died, by their own fault or killed, and were replaced.
    notes
        What is worth telling and belongs to no cell: outcomes past a job's last, an
        exception after it, a guardian that died.
    """

    was_stopped: bool = False
    restarts: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class LocalOptions:
    """How workers are run.

    Parameters
    ----------
    log_folder
        Where each worker's prints go; ``None`` drops them. A cell's row names the log by
        the folder's own name and the file (``logs/worker-0.log``).
    job_cells
        Cells a job; ``None`` learns a size that takes about a second.
    retries
        How often a cell is tried again after it crashed its worker.
    load_timeout_s
        How long importing and constructing may take, where a cell's own limit is shorter.
    term_grace_s
        Time between SIGTERM and SIGKILL when a cell's time is up.
    flush_s
        Age at which waiting outcomes are given to the sink. A group costs the journal the
        same whatever its size, so 0 costs a job of one cell four times as much.
    log_cap_bytes
        Size at which a log is cut to its latter half.
    max_restarts
        Deaths of workers after which the cells left are given up as crashed.
    preload
        Modules that the guardian imports before it forks: each saves every worker its
        import. Only what computes nothing when it is imported.
    data_sets
        Declared data sets, name → ``module:OBJECT``, told to workers.
    cpus, memory_bytes, gpus
        What may be used at once; ``None`` asks the machine.
    is_pinned
        Whether each worker keeps to processors of its own.
    """

    log_folder: Path | None = None
    job_cells: int | None = None
    retries: int = 1
    load_timeout_s: float = 60.0
    term_grace_s: float = 0.3
    flush_s: float = 0.005
    log_cap_bytes: int = 1 << 20
    max_restarts: int = 10_000
    preload: tuple[str, ...] = ()
    data_sets: Mapping[str, str] = field(default_factory=dict)
    cpus: int | None = None
    memory_bytes: int | None = None
    gpus: int | None = None
    is_pinned: bool = True
