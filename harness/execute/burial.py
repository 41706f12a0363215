"""What a worker's death means for the job that it had: how it is told, and who is charged."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

from harness.execute.blame import Death, Reason, Ruling, rule
from harness.execute.crew import Hand
from harness.execute.foreign import LOST_GPU
from harness.execute.jobs import Job, name_of
from harness.execute.outgoing import Settled
from harness.execute.slot import Mark, Stage
from harness.store.rows import Status

if TYPE_CHECKING:
    from harness.plan.records import Plan

__all__ = ["afterlife_note", "judge", "limit_s", "obituary"]

_STATUS = {
    Reason.CRASHED: (Status.CRASHED, "Crashed"),
    Reason.TIMEOUT: (Status.TIMEOUT, "Timeout"),
    Reason.OOM: (Status.OOM, "OutOfMemory"),
    Reason.CROWDED: (Status.FAILED, "TooManyProcesses"),
}
_KIB = 1024
_MIB = 1 << 20


def judge(hand: Hand, job: Job, mark: Mark, reason: Reason, retries: int) -> Ruling:
    """Who is charged, of the job at the head of a dead worker."""
    return rule(
        Death(
            job=job.number,
            cells=job.cells,
            attempt=job.attempt,
            received=job.received,
            mark=mark,
            verdict=hand.verdict,
            reason=reason,
            retries=retries,
        )
    )


def limit_s(job: Job, plan: Plan) -> float:
    """How long one cell of the job, or its build, may take."""
    if job.artifact is not None:
        return job.artifact.timeout_s
    return plan.specs[job.spec].timeout_s


def obituary(hand: Hand, job: Job, mark: Mark, wait_status: int, plan: Plan) -> Settled:
    """What the rows of the cells say that are charged with the death."""
    status, error_type = _STATUS[hand.reason]
    began = mark.job == job.number
    wall_s = max(0.0, time.monotonic() - mark.since_ns * 1e-9) if began else 0.0
    return Settled(
        status,
        error_type,
        _message(hand, job, mark, wait_status, plan),
        job.attempt,
        wall_s,
        max(0, hand.seen_bytes) // _KIB,
        hand.log_name,
    )


def _message(hand: Hand, job: Job, mark: Mark, wait_status: int, plan: Plan) -> str:
    loading = mark.job == job.number and mark.stage == Stage.LOADING
    where = " while task and method were imported and constructed" if loading else ""
    if hand.reason is Reason.TIMEOUT and loading:
        return f"it did not end in time{where}"
    if hand.reason is Reason.TIMEOUT:
        return f"no outcome within {limit_s(job, plan):g} s"
    if hand.reason is Reason.OOM:
        limit, seen = job.need.memory_bytes / _MIB, hand.seen_bytes / _MIB
        return f"used {seen:.0f} MiB where {limit:.0f} MiB are allowed{where}"
    if hand.reason is Reason.CROWDED:
        seen, allowed = hand.seen_processes, job.need.processes
        return f"{seen} processes ran at one time where the hardware class says {allowed}{where}"
    return f"the worker {describe(wait_status)}{where}"


def describe(wait_status: int) -> str:
    """A wait status in words."""
    if os.WIFSIGNALED(wait_status):
        number = os.WTERMSIG(wait_status)
        try:
            name = signal.Signals(number).name
        except ValueError:
            name = "a real-time signal"
        return f"was killed by signal {number} ({name})"
    status = os.waitstatus_to_exitcode(wait_status)
    if status == LOST_GPU:
        return "ended: an error had made its GPU useless to it, and the log says which"
    return f"exited with status {status}"


def afterlife_note(hand: Hand, mark: Mark, wait_status: int, plan: Plan) -> str:
    """What a job did to its worker after its last outcome; empty if nothing."""
    last = hand.last
    if hand.is_retiring or last is None or mark.job != last.number:
        return ""
    if hand.reason is Reason.TIMEOUT:
        return f"{name_of(last, plan)}: evaluate did not end after its last outcome"
    return f"{name_of(last, plan)}: after its last outcome the worker {describe(wait_status)}"
