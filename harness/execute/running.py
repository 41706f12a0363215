"""One run of the local executor: the loop of the main process.

It takes outcomes as they come, buries workers that die, looks at those that live, and gives
the sink a group whenever the first outcome of it is a few milliseconds old.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from harness.errors import HarnessError
from harness.execute.artifacts import Built
from harness.execute.blame import Reason
from harness.execute.burial import afterlife_note, judge, obituary
from harness.execute.crew import Crew, Hand
from harness.execute.guard import Born, Guard, GuardianLost
from harness.execute.jobs import Job, name_of
from harness.execute.outgoing import Outgoing, Settled, artifact_done
from harness.execute.queue import JobQueue
from harness.execute.records import Control, Execution, LocalOptions, Sink
from harness.execute.slot import Slots
from harness.execute.staff import Poller, Staff
from harness.execute.watch import EVERY_S, Watch, view_of
from harness.execute.wire import Kind, Parcel, decode_parcel
from harness.store.rows import Status

if TYPE_CHECKING:
    from harness.plan.records import Plan

__all__ = ["LocalRun"]

_TICK_S = 0.1
_GUARDIANS = 20  # that may be lost before someone is told to look


class LocalRun:
    """See :class:`harness.execute.local.LocalExecutor`, which makes and runs it."""

    def __init__(
        self,
        plan: Plan,
        queue: JobQueue,
        crew: Crew,
        staff: Staff,
        poller: Poller,
        sink: Sink,
        control: Control,
        options: LocalOptions,
    ) -> None:
        self._plan = plan
        self._queue = queue
        self._crew = crew
        self._staff = staff
        self._poller = poller
        self._sink = sink
        self._control = control
        self._options = options
        self._outgoing = Outgoing(sink, options.flush_s)
        self._watch = Watch(plan, options)
        self._notes: list[str] = []
        self._restarts = 0
        self._guardians_lost = 0
        self._is_changed = True  # whether someone may idle while work waits
        self._watch_at = self._tick_at = 0.0

    def execute(self, slots: Slots, guard: Guard) -> Execution:
        """Run to the end, or until the control stops it."""
        self._slots, self._guard = slots, guard
        self._poller.watch_guard(guard)
        for done in self._queue.builds.found:
            self._sink.artifact_done(done)
        try:
            while not self._queue.is_done and not self._control.stop:
                self._turn()
            self._dismiss()
        finally:
            self._guard.close()
            self._collect()
        self._outgoing.flush()
        return Execution(
            was_stopped=not self._queue.is_done,
            restarts=self._restarts,
            notes=tuple(self._notes),
        )

    def _turn(self) -> None:
        """Once round the loop."""
        try:
            if self._is_changed:
                self._is_changed = False
                self._staff.tend(self._guard)
            self._serve()
        except GuardianLost:
            self._replace_guardian()

    def _serve(self) -> None:
        now = time.monotonic()
        timeout_s = min(self._watch_at, self._outgoing.due) - now
        for fd, hand in self._poller.ready(timeout_s):
            if hand is None:
                self._hear_guardian()
            elif hand.is_dead:
                continue  # buried a moment ago, in this turn: read to its end, its pipes closed
            elif fd == hand.outcomes:
                self._take_outcomes(hand)
            elif hand.push():
                self._poller.forget(fd)
        now = time.monotonic()
        if now >= self._outgoing.due:
            self._outgoing.flush()
        if now >= self._watch_at:
            self._watch_at = now + EVERY_S
            for hand in self._crew.hands.values():
                self._watch.look(hand, self._slots, self._guard)
        if now >= self._tick_at:
            self._tick_at = now + _TICK_S
            hands = self._crew.hands.values()
            self._sink.tick([view_of(hand, self._slots.read(hand.index)) for hand in hands])

    def _take_outcomes(self, hand: Hand) -> None:
        for kind, payload in hand.drain():
            if kind == Kind.PARCEL:
                self._take_parcel(hand, decode_parcel(payload))
            else:
                self._take_built(hand, json.loads(payload))
        if hand.is_ended:
            self._poller.forget(hand.outcomes)  # it would be readable for ever

    def _take_parcel(self, hand: Hand, parcel: Parcel) -> None:
        if parcel.notes:
            spoken = next(
                job for job in (hand.last, *hand.jobs) if job and job.number == parcel.job
            )
            whose = name_of(spoken, self._plan)
            self._notes += [f"{whose}: {note}" for note in parcel.notes]
        group = parcel.group
        cells = len(group.cells) // Outgoing.cell_bytes
        if not cells:
            hand.pieces.append(group.measurements)
            return
        if hand.pieces:
            group.measurements = b"".join((*hand.pieces, group.measurements))
            hand.pieces.clear()
        job = hand.jobs[0]
        assert parcel.job == job.number, "a worker answers its jobs in their order"
        job.received += cells
        self._outgoing.take(parcel, hand.log_name)
        if job.is_over:
            self._end_job(hand, job)

    def _end_job(self, hand: Hand, job: Job) -> None:
        now = time.monotonic()
        hand.jobs.popleft()
        hand.last = job
        self._queue.finished(job, now - hand.head_since)
        hand.head_since = now
        hand.seen_bytes = 0
        self._staff.feed(hand)
        if hand.is_idle or job.need.memory_bytes or job.need.is_exclusive:
            self._is_changed = True

    def _take_built(self, hand: Hand, answer: Mapping[str, Any]) -> None:
        job = hand.jobs[0]
        assert answer["job"] == job.number, "a worker answers its jobs in their order"
        assert job.artifact is not None
        job.received = 1
        status = Status(answer["status"])
        built = Built(status, answer["wall_s"], answer["metrics"], answer["message"])
        self._outgoing.end_build(self._queue, job.artifact, built)
        self._end_job(hand, job)
        self._is_changed = True

    def _hear_guardian(self) -> None:
        for event in self._guard.events():
            hand = self._crew.hands[event.worker]
            if isinstance(event, Born):
                hand.pid = event.pid
                hand.base_bytes = hand.memory_bytes()
                hand.seen_bytes = 0
                self._staff.feed(hand)
                # Others did its jobs meanwhile: it may hold what another kind waits for.
                self._is_changed |= hand.is_idle
            else:
                hand.is_dead = True
                self._take_outcomes(hand)
                self._bury(hand, event.status)

    def _bury(self, hand: Hand, wait_status: int) -> None:
        """Take a dead worker's jobs back, and charge who is to be charged."""
        mark = self._slots.read(hand.index)
        self._poller.forget(hand.outcomes)
        self._poller.forget(hand.commands)
        self._crew.bury(hand)
        self._slots.clear(hand.index)
        self._is_changed = True
        if hand.is_retiring and not hand.jobs:
            return
        note = afterlife_note(hand, mark, wait_status, self._plan)
        if note:
            self._notes.append(note)
        self._restarts += 1
        head, *behind = hand.jobs or (None,)
        for job in behind:
            self._queue.give_back(job)
        if head is not None:
            ruling = judge(hand, head, mark, hand.reason, self._options.retries)
            self._queue.give_back(head, ruling.again)
            if ruling.settled:
                told = obituary(hand, head, mark, wait_status, self._plan)
                self._settle(head, list(ruling.settled), told)
                if ruling.condemns_spec and head.artifact is None:
                    self._outgoing.settle(self._queue.take_spec(head.spec), told)
        if self._restarts > self._options.max_restarts:
            self._give_up()

    def _settle(self, job: Job, places: list[int], told: Settled) -> None:
        if job.artifact is not None:
            built = Built(told.status, told.wall_s, {}, told.message)
            self._outgoing.end_build(self._queue, job.artifact, built)
        else:
            self._outgoing.settle(job.rows[places], told)

    def _give_up(self) -> None:
        """So many workers died that what waits is not tried any more."""
        text = f"not run: workers died {self._restarts} times"
        unbuilt, rows = self._queue.take_all()
        for artifact in unbuilt:
            self._sink.artifact_done(artifact_done(artifact, Built(Status.CRASHED, 0.0, {}, text)))
        self._outgoing.settle(rows, Settled(Status.CRASHED, "Crashed", text, attempts=0))

    def _replace_guardian(self) -> None:
        """The guardian was killed, and all workers with it: nobody's fault, all goes back."""
        self._guardians_lost += 1
        if self._guardians_lost > _GUARDIANS:
            raise HarnessError(
                f"the guardian of the workers was killed {_GUARDIANS} times; what is done is "
                "kept, and the same command goes on"
            )
        self._notes.append("the guardian of the workers was killed and replaced")
        self._guard.close()
        for hand in list(self._crew.hands.values()):
            hand.is_dead = True
            hand.reason = Reason.LOST
            self._take_outcomes(hand)
            self._bury(hand, 0)
        # A new slot file: a worker of the old guardian may be writing its last numbers.
        self._slots.close()
        self._slots = Slots(self._crew.most)
        self._guard = Guard(self._slots, self._options.preload)
        self._poller.watch_guard(self._guard)
        # Where the old one died before its first worker was born, nothing was buried that
        # would ask for workers.
        self._is_changed = True

    def _dismiss(self) -> None:
        """Let workers end by themselves, so that what they say last is heard."""
        if self._control.stop:
            return
        until = time.monotonic() + self._options.term_grace_s
        for hand in self._crew.hands.values():
            self._staff.retire(hand)
        try:
            while self._crew.hands and time.monotonic() < until and not self._control.stop:
                self._serve()
        except GuardianLost:
            pass  # they are gone

    def _collect(self) -> None:
        """Take what killed workers had sent, and give everything back."""
        for hand in list(self._crew.hands.values()):
            hand.is_dead = True
            self._take_outcomes(hand)
            self._crew.bury(hand)
        self._poller.close()
        self._slots.close()
