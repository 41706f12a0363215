"""What waits to be run: which job comes next, what runs again, what can never run.

A worker stays with a spec while it has cells left (its modules are loaded, its kernels
compiled), then takes one that nobody has begun, then helps with the one that has most left.
Artifacts go first, and jobs that run again before new ones. Cells of an exclusive class come
last, one job at a time with nothing beside it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from harness.execute.builds import Builds, Missing
from harness.execute.jobs import (
    BUILD,
    Job,
    Lane,
    Need,
    Paces,
    WorkerKind,
    build_need,
    lanes_of,
)
from harness.store.rows import Status

if TYPE_CHECKING:
    import numpy.typing as npt

    from harness.plan.records import ArtifactSpec, Plan

    IntArray = npt.NDArray[np.int64]

__all__ = ["JobQueue"]

_NO_ROWS = np.empty(0, np.int64)


@dataclass(slots=True)
class _Shelf:
    """What waits for one kind of worker: whole jobs, and lanes to cut them from."""

    jobs: deque[Job] = field(default_factory=deque)
    fresh: deque[Lane] = field(default_factory=deque)
    begun: list[Lane] = field(default_factory=list)

    def waiting(self, enough: int) -> int:
        """How many workers could have a job, counted up to ``enough``."""
        count = len(self.jobs)
        for lane in chain(self.begun, self.fresh):
            if count >= enough:
                break
            count += lane.left
        return min(enough, count)

    def pop_job(self, memory_bytes: int | None) -> Job | None:
        """The first job that fits into the memory."""
        for place, job in enumerate(self.jobs):
            if _fits(job.need, memory_bytes):
                del self.jobs[place]
                return job
        return None

    def lane(self, spec: int | None, memory_bytes: int | None) -> Lane | None:
        """The lane to cut from: the worker's own spec, a fresh one, the one with most left."""
        self.begun = [lane for lane in self.begun if lane.left]
        fitting = [lane for lane in self.begun if _fits(lane.need, memory_bytes)]
        for lane in fitting:
            if lane.spec == spec:
                return lane
        for place, lane in enumerate(self.fresh):
            if _fits(lane.need, memory_bytes):
                del self.fresh[place]
                self.begun.append(lane)
                return lane
        return max(fitting, key=lambda lane: lane.left, default=None)

    def take_spec(self, spec: int) -> list[IntArray]:
        """Take away all rows of a spec."""
        rows = [job.rows for job in self.jobs if job.spec == spec]
        self.jobs = deque(job for job in self.jobs if job.spec != spec)
        lanes = [lane for lane in (*self.fresh, *self.begun) if lane.spec == spec]
        self.fresh = deque(lane for lane in self.fresh if lane.spec != spec)
        return rows + [lane.cut(lane.left) for lane in lanes]


def _fits(need: Need, memory_bytes: int | None) -> bool:
    return memory_bytes is None or need.memory_bytes <= memory_bytes


class JobQueue:
    """Hands out jobs and takes back what has to run again.

    Parameters
    ----------
    plan, rows
        Which cells.
    paces
        How long they take.
    most
        Processors and GPUs that there are; a spec that wants more gets these.
    """

    def __init__(self, plan: Plan, rows: IntArray, paces: Paces, most: WorkerKind) -> None:
        self.paces = paces
        self._most = most
        self._shelves: dict[WorkerKind, _Shelf] = {}
        self._exclusive: dict[WorkerKind, _Shelf] = {}
        self._numbers = 0
        self._running = 0
        self._is_alone = False
        lanes = list(lanes_of(plan, rows, most))
        self._cells = sum(lane.left for lane in lanes)  # in lanes, blocked or not
        self.builds = Builds(plan, {each for lane in lanes for each in lane.needs})
        self._blocked = [lane for lane in lanes if not self.builds.is_ready(lane.needs)]
        self._unbuilt = self.builds.waiting
        for lane in lanes:
            if self.builds.is_ready(lane.needs):
                self._shelf(lane.need).fresh.append(lane)
        self._release_builds()

    @property
    def is_done(self) -> bool:
        """Whether nothing waits and nothing is running."""
        return not (self._running or self._cells or self._unbuilt or self._has_jobs())

    @property
    def kinds(self) -> list[WorkerKind]:
        """Kinds of worker for which something waits that may run now."""
        kinds = [kind for kind, shelf in self._shelves.items() if shelf.waiting(1)]
        return kinds or self._exclusive_kinds()

    def waiting(self, kind: WorkerKind, enough: int) -> int:
        """How many workers of ``kind`` could be given a job now, counted up to ``enough``."""
        shelf = self._shelves.get(kind)
        waiting = 0 if shelf is None else shelf.waiting(enough)
        return waiting or int(kind in self.kinds)

    def next(self, kind: WorkerKind, spec: int | None, memory_bytes: int) -> Job | None:
        """The next job for a worker of ``kind`` that has last run ``spec``.

        ``memory_bytes`` is what is not promised to others; what wants more than that waits,
        unless nothing else is running.
        """
        if self._is_alone:
            return None
        limit = memory_bytes if self._running else None
        shelf = self._shelves.get(kind)
        job = None if shelf is None else self._from(shelf, spec, limit)
        if job is None and kind in self._exclusive_kinds():
            job = self._from(self._exclusive[kind], spec, None)
            self._is_alone = job is not None
        if job is not None:
            self._running += 1
        return job

    def finished(self, job: Job, seconds: float) -> None:
        """All outcomes of a job came in."""
        self._release(job)
        if job.artifact is None:
            self.paces.learn(job.spec, job.cells, seconds)

    def give_back(self, job: Job, spans: Sequence[tuple[int, int, int]] | None = None) -> None:
        """A job ends without all outcomes; (first, stop, attempt) of its cells run again.

        ``None`` gives it back as it was.
        """
        self._release(job)
        shelf = self._shelf(job.need)
        if spans is None:
            shelf.jobs.append(job)
            return
        for first, stop, attempt in spans:
            rows = job.rows[first:stop]
            shelf.jobs.append(self._job(job.spec, rows, job.needs, job.need, attempt, job.artifact))

    def end_build(
        self, artifact_id: str, status: Status, message: str
    ) -> tuple[list[ArtifactSpec], list[tuple[IntArray, Missing]]]:
        """A build ended: what it frees may run.

        Returns
        -------
        artifacts, cells
            What can never be built because of it, and rows that can never run, each with
            the reason.
        """
        self.builds.finish(artifact_id, status, message)
        lost = list(self._release_builds())
        doomed = []
        for lane in self._blocked:
            missing = self.builds.missing(lane.needs)
            if missing is not None:
                doomed.append((self._empty(lane), missing))
            elif self.builds.is_ready(lane.needs):
                self._shelf(lane.need).fresh.append(lane)
        self._blocked = [
            lane for lane in self._blocked if lane.left and not self.builds.is_ready(lane.needs)
        ]
        return lost, doomed

    def take_spec(self, spec: int) -> IntArray:
        """Take away every cell of a spec that waits."""
        rows = [rows for shelf in self._all_shelves() for rows in shelf.take_spec(spec)]
        rows += [lane.cut(lane.left) for lane in self._blocked if lane.spec == spec]
        self._blocked = [lane for lane in self._blocked if lane.left]
        self._recount()
        return np.concatenate([_NO_ROWS, *rows])

    def take_all(self) -> tuple[list[ArtifactSpec], IntArray]:
        """Take away everything that waits: artifacts, and rows."""
        shelves = self._all_shelves()
        jobs = [job for shelf in shelves for job in shelf.jobs]
        lanes = [lane for shelf in shelves for lane in (*shelf.fresh, *shelf.begun)]
        lanes += self._blocked
        unbuilt = [*self._unbuilt, *(job.artifact for job in jobs if job.artifact is not None)]
        rows = [job.rows for job in jobs if job.artifact is None]
        rows += [lane.cut(lane.left) for lane in lanes]
        self._shelves.clear()
        self._exclusive.clear()
        self._unbuilt, self._blocked = [], []
        self._cells = 0
        return unbuilt, np.concatenate([_NO_ROWS, *rows])

    def _recount(self) -> None:
        lanes = [lane for shelf in self._all_shelves() for lane in (*shelf.fresh, *shelf.begun)]
        self._cells = sum(lane.left for lane in (*lanes, *self._blocked))

    def _has_jobs(self) -> bool:
        return any(shelf.jobs for shelf in self._all_shelves())

    def _exclusive_kinds(self) -> list[WorkerKind]:
        """The kind of the exclusive job that may run now: only when nothing else can."""
        if self._running or any(shelf.waiting(1) for shelf in self._shelves.values()):
            return []
        return [kind for kind, shelf in self._exclusive.items() if shelf.waiting(1)][:1]

    def _shelf(self, need: Need) -> _Shelf:
        shelves = self._exclusive if need.is_exclusive else self._shelves
        return shelves.setdefault(need.kind, _Shelf())

    def _all_shelves(self) -> list[_Shelf]:
        return [*self._shelves.values(), *self._exclusive.values()]

    def _from(self, shelf: _Shelf, spec: int | None, memory_bytes: int | None) -> Job | None:
        if shelf.jobs:
            job = shelf.pop_job(memory_bytes)
            if job is not None:
                return job
        lane = shelf.lane(spec, memory_bytes)
        if lane is None:
            return None
        rows = lane.cut(self.paces.size(lane.spec, self._cells))
        self._cells -= len(rows)
        return self._job(lane.spec, rows, lane.needs, lane.need)

    def _job(
        self,
        spec: int,
        rows: IntArray,
        needs: tuple[str, ...],
        need: Need,
        attempt: int = 1,
        artifact: ArtifactSpec | None = None,
    ) -> Job:
        self._numbers += 1
        return Job(self._numbers, spec, rows, needs, need, attempt, artifact)

    def _release(self, job: Job) -> None:
        self._running -= 1
        if job.need.is_exclusive:
            self._is_alone = False

    def _release_builds(self) -> Iterator[ArtifactSpec]:
        """Put builds whose inputs are there on their shelf; those that lost one are given."""
        lost = []
        still = []
        for artifact in self._unbuilt:
            missing = self.builds.missing(artifact.inputs)
            if missing is not None:
                self.builds.finish(artifact.artifact_id, missing.status, str(missing))
                lost.append(artifact)
            elif self.builds.is_ready(artifact.inputs):
                need = build_need(artifact, self._most)
                job = self._job(BUILD, _NO_ROWS, artifact.inputs, need, artifact=artifact)
                self._shelf(need).jobs.appendleft(job)
            else:
                still.append(artifact)
        self._unbuilt = still
        return iter(lost)

    def _empty(self, lane: Lane) -> IntArray:
        rows = lane.cut(lane.left)
        self._cells -= len(rows)
        return rows
