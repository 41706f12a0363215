"""Cutting rows of a plan into jobs: cells that differ in their seed only.

A job should take about a second: long enough that its overhead is nothing, short enough that
workers end together. The size is learned a spec, from one cell upwards. A worker stays with a
spec while it has cells left (its modules are loaded, its kernels compiled), then takes one
that nobody has begun, then helps with the one that has most left.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from harness.execute.builds import Builds

if TYPE_CHECKING:
    import numpy.typing as npt

    from harness.plan.records import ArtifactSpec, Plan, Spec

    IntArray = npt.NDArray[np.int64]

__all__ = ["BUILD", "Job", "JobQueue", "Lane", "Need", "WorkerKind", "lanes_of"]

_TARGET_S = 1.0
_MOST_CELLS = 1000
# A size may grow by this from one job to the next: the first cells of a spec say little.
_GROWTH = 8

# The spec of a job that builds an artifact.
BUILD = -1


class WorkerKind(NamedTuple):
    """What a worker is set up for: libraries read their thread counts once, at import."""

    cpus: int
    device: str


class Need(NamedTuple):
    """What a job takes while it runs."""

    kind: WorkerKind
    memory_bytes: int
    is_exclusive: bool


@dataclass(slots=True, eq=False)
class Lane:
    """Rows of one spec that need the same artifacts."""

    spec: int
    rows: IntArray
    needs: tuple[str, ...]
    need: Need
    taken: int = 0

    @property
    def left(self) -> int:
        """Cells that no job has."""
        return len(self.rows) - self.taken


@dataclass(slots=True, eq=False)
class Job:
    """What one worker is given: rows of a spec, or an artifact to build."""

    number: int
    spec: int
    rows: IntArray
    needs: tuple[str, ...]
    need: Need
    attempt: int = 1
    artifact: ArtifactSpec | None = None
    received: int = 0

    @property
    def cells(self) -> int:
        """How many outcomes end it."""
        return len(self.rows) if self.artifact is None else 1


@dataclass(slots=True)
class _Pace:
    """What is known of a spec's speed."""

    cell_s: float | None = None
    cells: int = 1  # of the last job


@dataclass(slots=True)
class _Shelf:
    """What waits for one kind of worker."""

    again: deque[Job] = field(default_factory=deque)
    builds: deque[Job] = field(default_factory=deque)
    fresh: deque[Lane] = field(default_factory=deque)
    begun: list[Lane] = field(default_factory=list)

    def jobs(self) -> Iterator[deque[Job]]:
        """Whole jobs, builds first: cells wait for them."""
        yield self.builds
        yield self.again


def lanes_of(plan: Plan, rows: IntArray, cpus: int) -> Iterator[Lane]:
    """The rows by spec and by the artifacts that they need, in the order of the plan."""
    order = np.argsort(plan.spec[rows], kind="stable")
    rows = rows[order]
    of_spec = plan.spec[rows]
    starts = np.flatnonzero(np.diff(of_spec, prepend=-1))
    for first, stop in zip(starts, np.append(starts[1:], len(rows)), strict=True):
        spec = plan.specs[of_spec[first]]
        need = Need(
            WorkerKind(min(spec.cpus, cpus), spec.device),
            spec.memory_bytes or 0,
            spec.exclusive,
        )
        if not spec.artifacts:
            yield Lane(spec.index, rows[first:stop], (), need)
            continue
        by_needs: dict[tuple[str, ...], list[int]] = {}
        for row in rows[first:stop].tolist():
            needs = tuple(spec.artifacts.get(int(plan.seed[row]), ()))
            by_needs.setdefault(needs, []).append(row)
        for needs, chosen in by_needs.items():
            yield Lane(spec.index, np.array(chosen, np.int64), needs, need)


class JobQueue:
    """Hands out jobs and takes back what has to run again.

    Parameters
    ----------
    plan, rows
        Which cells.
    workers
        How many processes share them.
    job_cells
        Cells a job; ``None`` learns it.
    cpus
        Processors of the machine; a spec that wants more gets these.
    """

    def __init__(
        self, plan: Plan, rows: IntArray, workers: int, job_cells: int | None, cpus: int
    ) -> None:
        self._workers = workers
        self._job_cells = job_cells
        self._shelves: dict[WorkerKind, _Shelf] = {}
        self._blocked: list[Lane] = []
        self._exclusive: deque[Job | Lane] = deque()
        self._paces: dict[int, _Pace] = {}
        self._numbers = 0
        self._lane_cells = 0
        self._running = 0
        self._is_alone = False
        lanes = list(lanes_of(plan, rows, cpus))
        self.builds = Builds(plan, {each for lane in lanes for each in lane.needs})
        self._cpus = cpus
        for lane in lanes:
            self._lane_cells += lane.left
            self._place(lane)
        self._blocked_builds = self.builds.waiting
        self._release_builds()
        self.lost: list[Job] = []
        self._sort_blocked()

    # --- what there is ---------------------------------------------------------------------

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to hand out and nothing is running."""
        return not (self._running or self._lane_cells or self._blocked_builds or self._has_jobs())

    def _has_jobs(self) -> bool:
        shelves = self._shelves.values()
        return bool(self._exclusive) or any(any(shelf.jobs()) for shelf in shelves)

    @property
    def running(self) -> int:
        """Jobs handed out and not yet finished or dropped."""
        return self._running
