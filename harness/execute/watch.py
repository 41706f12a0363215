"""Time, memory, processes and logs of workers, looked at from outside.

Works while C code holds the interpreter's lock, with signals blocked, and for a process that
is stopped: nothing is asked of the worker.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from harness.execute.blame import Reason
from harness.execute.burial import limit_s
from harness.execute.crew import Hand
from harness.execute.guard import Guard
from harness.execute.jobs import Job
from harness.execute.records import LocalOptions, WorkerView
from harness.execute.slot import Mark, Slots, Stage

if TYPE_CHECKING:
    from harness.plan.records import Plan

__all__ = ["EVERY_S", "Watch"]

# How often workers are looked at: 17 µs each. At 5 GB/s an allocation passes its limit by
# 250 MB in that time.
EVERY_S = 0.05
# How long a worker may take to end that was told to: some milliseconds are usual.
_RETIRES_S = 2.0


class Watch:
    """Looks at one worker at a time, sentences it, and carries the sentence out."""

    def __init__(self, plan: Plan, options: LocalOptions) -> None:
        self._plan = plan
        self._options = options

    def look(self, hand: Hand, slots: Slots, guard: Guard) -> None:
        """Whether the worker keeps its limits; if not, signals go out."""
        if hand.pid is None:
            return
        if hand.log is not None:
            _cap_log(hand.log_fd, self._options.log_cap_bytes)
        now = time.monotonic()
        if hand.is_retiring and not hand.jobs:
            self._end_retired(hand, slots, guard, now)
        if hand.verdict is not None:
            if now >= hand.kill_at:
                hand.kill_at = float("inf")
                guard.kill(hand.index, signal.SIGKILL)
            return
        if self._is_over_memory(hand):
            self._sentence(hand, slots, Reason.OOM)
            guard.kill(hand.index, signal.SIGKILL)
        elif self._is_crowded(hand):
            self._sentence(hand, slots, Reason.CROWDED)
            guard.kill(hand.index, signal.SIGKILL)
        # Read twice: the numbers are stored one by one, and an outcome may come in between.
        elif all(self._is_late(hand, slots.read(hand.index), now) for _ in range(2)):
            self._sentence(hand, slots, Reason.TIMEOUT)
            hand.kill_at = now + self._options.term_grace_s
            guard.kill(hand.index, signal.SIGTERM)

    def _end_retired(self, hand: Hand, slots: Slots, guard: Guard, now: float) -> None:
        """Kill a worker that has nothing left to do and stands still: others wait for its share."""
        if now - hand.retired_at > _RETIRES_S and not slots.read(hand.index).job:
            hand.retired_at = float("inf")
            guard.kill(hand.index, signal.SIGKILL)

    def _is_over_memory(self, hand: Hand) -> bool:
        if not hand.jobs or not hand.jobs[0].need.memory_bytes:
            return False
        return hand.memory_bytes() > hand.jobs[0].need.memory_bytes

    def _is_crowded(self, hand: Hand) -> bool:
        allowed = hand.jobs[0].need.processes if hand.jobs else 0
        return bool(allowed) and hand.count_processes() > allowed

    def _is_late(self, hand: Hand, mark: Mark, now: float) -> bool:
        """Cells taken up together have the time of all of them until the first outcome."""
        job = _job_of(hand, mark)
        if job is None:
            return False
        since = mark.since_ns * 1e-9 if mark.job else hand.head_since
        allowed_s = limit_s(job, self._plan) * max(1, mark.in_flight)
        if mark.job and mark.stage == Stage.LOADING:
            allowed_s = max(allowed_s, self._options.load_timeout_s)
        return now - since > allowed_s

    def _sentence(self, hand: Hand, slots: Slots, reason: Reason) -> None:
        hand.verdict = slots.read(hand.index)
        hand.reason = reason


def view_of(hand: Hand, mark: Mark) -> WorkerView:
    """What a display shows of the worker."""
    job = _job_of(hand, mark)
    pid = hand.pid or 0
    if job is None or mark.job != job.number or not hand.jobs:
        return WorkerView(hand.index, pid, None, "", 0, 0, 0.0, None)
    running_s = max(0.0, time.monotonic() - mark.since_ns * 1e-9)
    fraction = (mark.fraction - 1) / 1000 if mark.fraction else None
    spec, artifact = (job.spec, "") if job.artifact is None else (None, job.artifact.name)
    return WorkerView(hand.index, pid, spec, artifact, job.cells, mark.yielded, running_s, fraction)


def _job_of(hand: Hand, mark: Mark) -> Job | None:
    """The job that the slot speaks of, or the one that should have begun."""
    if hand.last is not None and mark.job == hand.last.number:
        return hand.last
    return hand.jobs[0] if hand.jobs else None


def _cap_log(fd: int, cap_bytes: int) -> None:
    """Keep the latter half of a log that has grown too long."""
    size = os.fstat(fd).st_size
    if size <= cap_bytes:
        return
    keep = os.pread(fd, cap_bytes // 2, size - cap_bytes // 2)
    os.ftruncate(fd, 0)
    with suppress(OSError):  # the disk is full: the log is what can be done without
        os.write(fd, b"(cut here: the log was too long)\n" + keep)
