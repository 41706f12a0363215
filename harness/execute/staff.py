"""Keeps workers busy: gives them jobs, starts them where work waits, retires the idle."""

from __future__ import annotations

import select
import time
from typing import TYPE_CHECKING

from harness.execute.crew import Crew, Hand
from harness.execute.guard import Guard
from harness.execute.jobs import Job, WorkerKind
from harness.execute.messages import build_frame, job_frame, spec_frame
from harness.execute.queue import JobQueue

if TYPE_CHECKING:
    from harness.plan.records import Plan

__all__ = ["Poller", "Staff"]

# A second job waits in a worker's pipe where jobs are shorter than this: it halves the cost
# of the shortest. A long one would wait there while another worker idles.
_SHORT_S = 0.05
# A job with a memory limit begins where other specs have left less than this share of it.
_LEFT_SHARE = 0.25


class Poller:
    """Which workers have something to say, or room to be told more."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._hands: dict[int, Hand] = {}
        self._guard_fd = -1

    def watch_guard(self, guard: Guard) -> None:
        """Tell of the guardian's events too, as ``None``."""
        self._guard_fd = guard.fileno()
        self._epoll.register(self._guard_fd, select.EPOLLIN)

    def watch(self, hand: Hand) -> None:
        """Tell of a worker's outcomes."""
        self._hands[hand.outcomes] = hand
        self._epoll.register(hand.outcomes, select.EPOLLIN)

    def await_room(self, hand: Hand) -> None:
        """Tell when the worker's command pipe takes more."""
        if hand.commands not in self._hands:
            self._hands[hand.commands] = hand
            self._epoll.register(hand.commands, select.EPOLLOUT)

    def forget(self, fd: int) -> None:
        """Tell no more of this descriptor; to be called before it is closed."""
        if self._hands.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def ready(self, timeout_s: float) -> list[tuple[int, Hand | None]]:
        """Descriptors and the workers that they belong to."""
        found = self._epoll.poll(max(0.0, timeout_s))
        return [(fd, self._hands.get(fd)) for fd, _ in found]

    def close(self) -> None:
        """Give the descriptor back."""
        self._epoll.close()


class Staff:
    """Matches jobs and workers.

    Parameters
    ----------
    plan, queue, crew, poller
        What is run, what waits, who works, who listens.
    memory_bytes
        What may be promised to running jobs at one time.
    """

    def __init__(
        self, plan: Plan, queue: JobQueue, crew: Crew, poller: Poller, memory_bytes: int
    ) -> None:
        self._plan = plan
        self._queue = queue
        self._crew = crew
        self._poller = poller
        self._memory_bytes = memory_bytes

    def tend(self, guard: Guard) -> None:
        """Feed who idles; then start workers where work still waits."""
        for hand in self._crew.hands.values():
            if hand.is_idle:
                self.feed(hand)
        for kind in self._queue.kinds:
            self._staff(kind, guard)

    def feed(self, hand: Hand) -> None:
        """Give a worker what it has room for."""
        while self._has_room(hand):
            last = hand.jobs[-1] if hand.jobs else hand.last
            spec = None if last is None else last.spec
            job = self._queue.next(hand.kind, spec, self._free_memory(hand))
            if job is None:
                return
            if self._is_burdened(hand, job):
                self._queue.give_back(job)
                if not hand.jobs:
                    self.retire(hand)
                return
            self._give(hand, job)

    def _is_burdened(self, hand: Hand, job: Job) -> bool:
        """Whether what other cells left in the worker would be charged to the job."""
        before = hand.jobs[-1] if hand.jobs else hand.last
        need = job.need
        if before is None or not (need.memory_bytes or need.processes):
            return False
        if hand.jobs:  # what its head leaves is not known yet
            return before.spec != job.spec
        if need.processes and hand.count_processes():
            return True
        if not need.memory_bytes or before.spec == job.spec:
            return False
        held = hand.memory_bytes()
        hand.seen_bytes = 0
        return held > _LEFT_SHARE * need.memory_bytes

    def _has_room(self, hand: Hand) -> bool:
        if not hand.takes_jobs or len(hand.jobs) > 1:
            return False
        if not hand.jobs:
            return True
        head = hand.jobs[0]
        expected_s = self._queue.paces.expected_s(head.spec, head.cells)
        return expected_s is not None and expected_s <= _SHORT_S and not head.need.is_exclusive

    def _free_memory(self, hand: Hand) -> int:
        """What is not promised to the jobs of others."""
        others = (each for each in self._crew.hands.values() if each is not hand)
        promised = sum(
            max((job.need.memory_bytes for job in each.jobs), default=0) for each in others
        )
        return self._memory_bytes - promised

    def _give(self, hand: Hand, job: Job) -> None:
        if not hand.jobs:
            hand.head_since = time.monotonic()
        hand.jobs.append(job)
        if job.artifact is not None:
            frame = build_frame(job, self._queue.builds)
        else:
            frame = job_frame(job, self._plan, self._queue.builds)
            if job.spec not in hand.told:
                hand.told.add(job.spec)
                frame = spec_frame(self._plan.specs[job.spec]) + frame
        if not hand.send(frame):
            self._poller.await_room(hand)

    def _staff(self, kind: WorkerKind, guard: Guard) -> None:
        crew = self._crew
        coming = sum(hand.is_coming and hand.kind == kind for hand in crew.hands.values())
        wanted = self._queue.waiting(kind, crew.most) - coming
        while wanted > 0 and crew.can_start(kind):
            self._poller.watch(crew.start(kind, guard))
            wanted -= 1
        if wanted > 0 and not crew.can_start(kind):
            self._retire_for(kind)

    def _retire_for(self, kind: WorkerKind) -> None:
        """Make place for another kind of worker where one idles and has nothing to wait for.

        One at a time: its burial asks again.
        """
        hands = self._crew.hands.values()
        if any(hand.is_retiring for hand in hands):
            return
        for hand in hands:
            if hand.is_idle and hand.kind != kind and not self._queue.waiting(hand.kind, 1):
                self.retire(hand)
                return

    def retire(self, hand: Hand) -> None:
        """Let a worker end by itself."""
        self._poller.forget(hand.commands)
        hand.retire()
