"""Who is charged for a worker's death: a pure function of what is known at its burial.

One bad cell costs one cell. Where a task works on one cell at a time, the cell in flight is
the one; where it holds several, nobody can say, and each is tried alone, so that only a cell
that dies *alone* gets the status.

Every ruling raises an attempt, settles a cell or splits a job (or follows an outcome that came
in), so a job given back again and again comes to an end: :func:`rule` asserts it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from harness.execute.slot import Mark, Stage

__all__ = ["Death", "Reason", "Return", "Ruling", "rule"]


class Reason(Enum):
    """Why a worker died."""

    CRASHED = "crashed"
    TIMEOUT = "timeout"
    OOM = "oom"
    CROWDED = "crowded"
    LOST = "lost"  # the guardian died and took it along: nobody's fault


class Return(NamedTuple):
    """Cells ``first`` to ``stop`` (not included) of the job, to be run as a job again."""

    first: int
    stop: int
    attempt: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Death:
    """What is known when a worker is buried, of the job at the head of its queue.

    Parameters
    ----------
    job
        Number of that job.
    cells
        How many cells it has.
    attempt
        Of the job's cells, from 1.
    received
        Outcomes of it that came in.
    mark
        The slot at the burial.
    verdict
        The slot when the worker was sentenced (time, memory); ``None``: nobody sentenced it.
    reason
        Why it died.
    retries
        How often a crashed cell is tried again.
    """

    job: int
    cells: int
    attempt: int
    received: int
    mark: Mark
    verdict: Mark | None
    reason: Reason
    retries: int

    @property
    def may_retry(self) -> bool:
        """Whether a crash leaves the cells another attempt; time and memory leave none."""
        return self.reason is Reason.CRASHED and self.attempt <= self.retries


@dataclass(frozen=True, slots=True)
class Ruling:
    """What becomes of the job's cells that have no outcome.

    ``settled``: places of cells that get the reason's status; ``again``: what runs again;
    ``condemns_spec``: the worker died before ``evaluate`` began and no attempt is left, so
    that no other cell of the spec can fare better.
    """

    settled: tuple[int, ...] = ()
    again: tuple[Return, ...] = ()
    condemns_spec: bool = False


def rule(death: Death) -> Ruling:
    """Charge cells for a death; the sets of the ruling part the cells not received."""
    ruling = _ruling(death)
    assert _makes_progress(death, ruling), f"a job would loop for ever: {death} {ruling}"
    return ruling


def _ruling(death: Death) -> Ruling:
    mark = death.mark
    if death.received == death.cells:
        return Ruling()
    if death.reason is Reason.LOST or _was_for_another_job(death):
        return Ruling(again=_returns(death, (death.received, death.cells)))
    if mark.job != death.job:  # it never began: stopped or killed from outside, most likely
        return _charge_all(death, forgive=True)
    if death.verdict is not None and death.verdict.place != mark.place:
        return _late(death, death.verdict)
    if mark.stage == Stage.LOADING:
        # Forgiven once for time and memory too: a machine that stood still while a worker
        # started must not cost a whole spec.
        return _charge_all(death, condemns=True, forgive=True)
    if mark.yielded >= death.cells:  # all done, killed while the last were being sent
        return _charge_all(death)
    if mark.in_flight > 1:
        return _try_alone(death, mark.yielded, min(mark.handed, death.cells))
    if mark.handed == 0 and death.cells > 1:  # it took none of its cells, or all unseen
        return _try_alone(death, death.received, death.cells)
    return _charge_one(death, mark.yielded)


def _was_for_another_job(death: Death) -> bool:
    """Whether the death belongs to what an earlier job did after its last outcome."""
    if death.verdict is not None:
        return death.verdict.job not in (0, death.job)
    return 0 < death.mark.job < death.job


def _late(death: Death, verdict: Mark) -> Ruling:
    """The cell was done between verdict and signal: it is not blamed, but not for ever.

    A cell whose outcome was lost with the worker counts an attempt, since one that always
    ends right at its limit would otherwise be run for ever.
    """
    if verdict.job != death.job or verdict.stage == Stage.LOADING:
        return _charge_all(death, forgive=True)
    if verdict.yielded < death.received:
        return Ruling(again=_returns(death, (death.received, death.cells)))
    return _charge_one(death, verdict.yielded, forgive=True)


def _charge_one(death: Death, place: int, *, forgive: bool = False) -> Ruling:
    """The cell at ``place`` did it; the others go back as they were."""
    others = _returns(death, (death.received, place), (place + 1, death.cells))
    if death.may_retry or (forgive and death.attempt <= death.retries):
        return Ruling(again=(Return(place, place + 1, death.attempt + 1), *others))
    return Ruling(settled=(place,), again=others)


def _charge_all(death: Death, *, condemns: bool = False, forgive: bool = False) -> Ruling:
    """All cells not received count an attempt together."""
    first, stop = death.received, death.cells
    if death.may_retry or (forgive and death.attempt <= death.retries):
        return Ruling(again=(Return(first, stop, death.attempt + 1),))
    return Ruling(settled=tuple(range(first, stop)), condemns_spec=condemns)


def _try_alone(death: Death, first: int, stop: int) -> Ruling:
    """Nobody can say which of ``first`` to ``stop`` did it: each becomes a job of its own."""
    alone = tuple(Return(place, place + 1, death.attempt) for place in range(first, stop))
    others = _returns(death, (death.received, first), (stop, death.cells))
    return Ruling(again=(*alone, *others))


def _returns(death: Death, *spans: tuple[int, int]) -> tuple[Return, ...]:
    return tuple(Return(first, stop, death.attempt) for first, stop in spans if first < stop)


def _makes_progress(death: Death, ruling: Ruling) -> bool:
    if death.reason is Reason.LOST or _was_for_another_job(death):
        return True  # the executor counts those deaths, or an earlier job ended with it
    return (
        death.received > 0
        or bool(ruling.settled)
        or any(each.attempt > death.attempt for each in ruling.again)
        or all(each.stop - each.first < death.cells for each in ruling.again)
    )
