"""``LocalExecutor``: workers of our own on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.errors import UsageError
from harness.execute.crew import Crew, Shares
from harness.execute.guard import Guard
from harness.execute.jobs import Paces
from harness.execute.queue import JobQueue
from harness.execute.records import Control, Execution, LocalOptions, Sink
from harness.execute.running import LocalRun
from harness.execute.slot import Slots
from harness.execute.staff import Poller, Staff
from harness.execute.system import is_supported
from harness.hardware import observe, visible_gpus

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from harness.plan.records import Plan

__all__ = ["LocalExecutor"]


class LocalExecutor:
    """Runs cells in workers that may crash, hang or eat memory without taking others along.

    Parameters
    ----------
    workers
        Processes at one time.
    options
        How they are run.

    Raises
    ------
    UsageError
        On a system without Linux's ``/proc``, ``prctl`` and ``memfd``.
    """

    def __init__(self, workers: int, options: LocalOptions | None = None) -> None:
        if not is_supported():
            raise UsageError(
                "the local executor needs Linux (/proc, prctl); run with --inline here: one "
                "process, no isolation, no limits"
            )
        self._workers = workers
        self._options = options or LocalOptions()
        self._prepared: tuple[Slots, Guard] | None = None

    def prepare(self) -> None:
        """Start the guardian: early, it costs nothing beside the caller's own imports."""
        if self._prepared is None:
            slots = Slots(self._workers)
            self._prepared = slots, Guard(slots, self._options.preload)

    def configure(self, options: LocalOptions) -> None:
        """Take other options: a caller starts the guardian before it knows what it runs."""
        self._options = options

    def close(self) -> None:
        """Let go of a guardian that :meth:`prepare` started and no run has used."""
        if self._prepared is not None:
            slots, guard = self._prepared
            self._prepared = None
            guard.close()
            slots.close()

    def run(
        self, plan: Plan, rows: npt.NDArray[np.int64], sink: Sink, control: Control
    ) -> Execution:
        """Run the cells at ``rows`` of ``plan``; each gets one row in the sink.

        Returns when all have one, or ``control`` ended it. No process is left.

        Raises
        ------
        StoreError
            What the sink raises comes through.
        HarnessError
            When the guardian is killed again and again.
        """
        if len(rows) == 0:
            self.close()
            return Execution()
        self.prepare()
        assert self._prepared is not None
        slots, guard = self._prepared
        self._prepared = None
        options, machine = self._options, observe()
        shares = Shares(options.cpus, self._workers, visible_gpus(options.gpus))
        queue = JobQueue(plan, rows, Paces(options.job_cells, self._workers), shares.most)
        setup = {"data_sets": dict(options.data_sets)}
        crew = Crew(self._workers, shares, options.log_folder, setup, is_pinned=options.is_pinned)
        poller = Poller()
        staff = Staff(plan, queue, crew, poller, options.memory_bytes or machine.memory_bytes)
        run = LocalRun(plan, queue, crew, staff, poller, sink, control, options)
        return run.execute(slots, guard)
