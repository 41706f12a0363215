"""``InlineExecutor``: everything in this process; the debugger's home, and what works anywhere.

No isolation: a cell that crashes takes the run along (its journal stays), and there are no
limits of time or memory.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from harness.api.contracts import Method, Task
from harness.execute.artifacts import LoadedArtifacts, build_artifact
from harness.execute.builds import build_order
from harness.execute.context import Context
from harness.execute.evaluate import JobRun
from harness.execute.jobs import Job, Paces, WorkerKind, name_of
from harness.execute.messages import job_message, spec_message
from harness.execute.objects import Bench, load_bench, prepare_kernels
from harness.execute.outgoing import Outgoing
from harness.execute.queue import JobQueue
from harness.execute.recorder import Recorder
from harness.execute.records import Control, Execution, Sink, WorkerView
from harness.execute.slot import YIELDED, fresh_marks
from harness.execute.system import PeakMemory, is_supported
from harness.execute.wire import Parcel

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from harness.plan.records import ArtifactSpec, Plan

__all__ = ["InlineExecutor"]

_TICK_S = 0.1
_UNLIMITED = 1 << 62


class InlineExecutor:
    """Runs cells one after the other in this process, on the same path as a worker.

    Parameters
    ----------
    objects
        Task and method of a spec (by its index) as live objects, for those that were made
        in a notebook; the others are imported.
    is_debugged
        Let the first exception of a cell through, for ``pdb``; cells before it are written.
    job_cells
        Cells a job; ``None`` learns it.
    flush_s
        Age at which waiting outcomes are given to the sink.
    """

    def __init__(
        self,
        *,
        objects: Mapping[int, tuple[Task, Method]] | None = None,
        is_debugged: bool = False,
        job_cells: int | None = None,
        flush_s: float = 0.005,
    ) -> None:
        self._objects = dict(objects or {})
        self._is_debugged = is_debugged
        self._job_cells = job_cells
        self._flush_s = flush_s

    def run(
        self, plan: Plan, rows: npt.NDArray[np.int64], sink: Sink, control: Control
    ) -> Execution:
        """Run the cells at ``rows`` of ``plan``; see :meth:`LocalExecutor.run`."""
        run = _InlineRun(self, plan, rows, sink, control)
        try:
            run.loop()
        finally:
            run.outgoing.flush()
        return Execution(was_stopped=not run.queue.is_done, notes=tuple(run.notes))

    def bench(self, plan: Plan, spec: int) -> Bench:
        """Task and method of a spec: those given, or imported."""
        if spec in self._objects:
            return Bench.of(*self._objects[spec])
        return load_bench(spec_message(plan.specs[spec]))


class _InlineRun:
    """One run: the queue, the rows that wait, and the loop over jobs."""

    def __init__(
        self,
        executor: InlineExecutor,
        plan: Plan,
        rows: npt.NDArray[np.int64],
        sink: Sink,
        control: Control,
    ) -> None:
        self.queue = JobQueue(
            plan, rows, Paces(executor._job_cells, 1), WorkerKind(_UNLIMITED, _UNLIMITED)
        )
        self.outgoing = Outgoing(sink, executor._flush_s)
        self.notes: list[str] = []
        self._executor = executor
        self._plan = plan
        self._sink = sink
        self._control = control
        self._marks = fresh_marks()
        self._loaded = LoadedArtifacts()
        self._peak = PeakMemory() if is_supported() else None
        self._benches: dict[int, Bench] = {}
        self._tick_at = 0.0

    def loop(self) -> None:
        """Run jobs until none is left, or the control stops it."""
        for done in self.queue.builds.found:
            self._sink.artifact_done(done)
        spec = None
        while not self.queue.is_done and not self._control.stop:
            job = self.queue.next(self.queue.kinds[0], spec, _UNLIMITED)
            assert job is not None, "one kind has something to run while the queue is not done"
            spec = job.spec
            started = time.monotonic()
            if job.artifact is not None:
                self._build(job, job.artifact)
            else:
                self._run(job)
            if not self._control.stop:
                self.queue.finished(job, time.monotonic() - started)

    def _run(self, job: Job) -> None:
        message = job_message(job, self._plan, self.queue.builds)
        spec = spec_message(self._plan.specs[job.spec])
        context = Context(spec, message, self._loaded, self._marks)
        self._now = job
        recorder = Recorder(job.number, job.attempt, self._take, self._peak)
        run = JobRun(
            message,
            context,
            recorder,
            self._marks,
            control=self._control,
            is_debugged=self._executor._is_debugged,
        )
        run.run(self._loader(job.spec, spec.kernel_cache))

    def _loader(self, spec: int, kernel_cache: str) -> Callable[[], Bench]:
        def load() -> Bench:
            if spec not in self._benches:
                self._benches[spec] = self._executor.bench(self._plan, spec)
            prepare_kernels(kernel_cache)
            return self._benches[spec]

        return load

    def _build(self, job: Job, artifact: ArtifactSpec) -> None:
        order = build_order(artifact, self.queue.builds)
        built = build_artifact(order, self._loaded, _wait, is_debugged=self._executor._is_debugged)
        self.outgoing.end_build(self.queue, artifact, built)

    def _take(self, parcel: Parcel) -> None:
        whose = name_of(self._now, self._plan)
        self.notes += [f"{whose}: {note}" for note in parcel.notes]
        if parcel.group.cells:
            self.outgoing.take(parcel, "")
        now = time.monotonic()
        if now >= self.outgoing.due:
            self.outgoing.flush()
        if now >= self._tick_at:
            self._tick_at = now + _TICK_S
            job = self._now
            done = int(self._marks[YIELDED])
            view = WorkerView(0, os.getpid(), job.spec, "", job.cells, done, 0.0, None)
            self._sink.tick([view])


def _wait() -> None:
    """Another process builds the artifact; there is no deadline to put off here."""
