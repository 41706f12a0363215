"""Seeds added until everything is decided, or until the time is used up.

A suite's cells run in waves over all groups at once, so that whenever they stop the groups
have seeds in common. After the waves that are looks, what has been measured is judged at the
look's level; nothing of that is shown before the waves have ended.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from harness.analyse.decided import Look, Looks, Open
from harness.execute import Execution
from harness.plan.planner import plan_suite
from harness.plan.records import Plan
from harness.runner.prepare import Prepared
from harness.suite.model import Entry, MethodUse, Seeds

__all__ = ["Ended", "Waves", "extended"]

IntArray = npt.NDArray[np.int64]


def extended(prepared: Prepared) -> tuple[Prepared, Looks]:
    """The plan with every seed that may be added, and the looks at which adding may stop."""
    suite = prepared.plan.suite
    looks = Looks(suite.seeds)
    if not looks.are_planned:
        return prepared, looks
    longest = replace(suite, entries=tuple(map(_longest_entry, suite.entries)))
    return prepared.of(replace(plan_suite(longest, prepared.registry), suite=suite)), looks


class _Step(NamedTuple):
    """``counts`` (specs,) are the seeds that each spec has when the step is done."""

    counts: IntArray
    look: Look | None


class Ended(NamedTuple):
    """How the waves ended.

    ``plan`` has the cells of the waves that were begun; ``look`` is the one at which they
    ended, ``None`` where they ended between looks or none was planned; ``is_cut_short`` when
    the budget ended them.
    """

    execution: Execution
    plan: Plan
    look: Look | None
    note: str
    is_cut_short: bool = False


@dataclass
class Waves:
    """The loop.

    Parameters
    ----------
    plan
        With every seed that may be added.
    looks
        When to judge.
    rows
        The cells that must run, of those in the plan.
    budget_s
        Time after which no further wave begins; ``None``: no limit.
    clock
        Seconds, for the budget.
    """

    plan: Plan
    looks: Looks
    rows: IntArray
    budget_s: float | None = None
    clock: Callable[[], float] = time.monotonic
    _cells_run: int = field(default=0, init=False)

    def run(
        self,
        execute: Callable[[IntArray], Execution],
        still_open: Callable[[Plan, Look], Open],
        tell: Callable[[str], None],
    ) -> Ended:
        """Run steps until all is decided, the time is used up, or the caller stops.

        Parameters
        ----------
        execute
            Runs rows of the plan.
        still_open
            What is undecided at a look, given the plan as far as it has run.
        tell
            Told at each look how many questions are open, never which way one leans.
        """
        began, done = self.clock(), Execution()
        before = _Step(np.zeros(len(self.plan.specs), np.int64), None)
        for step in self._steps():
            rows = self._between(before, step)
            if not self._fits(rows.size, self.clock() - began):
                note = self._told(
                    before, f"the budget of {self.budget_s:g} s is used up", "left out"
                )
                return self._ended(before, done, note)._replace(is_cut_short=True)
            if rows.size:
                done = _joined(done, execute(rows))
                self._cells_run += rows.size
            if done.was_stopped:
                return self._ended(step._replace(look=None), done, "")
            before = step
            if step.look is None:
                continue
            unsettled = still_open(self._reached(step.counts), step.look)
            if not unsettled:
                return self._ended(step, done, self._told(step, "all is decided"))
            tell(f"{step.look.told}: {unsettled} at {self._seeds(step.counts)} seeds")
        told = self._told(before, "not all is decided") if self.looks.are_planned else ""
        return self._ended(before, done, told)

    def _between(self, before: _Step, step: _Step) -> IntArray:
        """The cells that must run for a step."""
        rank, spec = self._rank[self.rows], self.plan.spec[self.rows]
        return self.rows[(rank >= before.counts[spec]) & (rank < step.counts[spec])]

    def _ended(self, step: _Step, done: Execution, note: str) -> Ended:
        if not self.looks.are_planned:
            return Ended(done, self.plan, None, note)
        counts = step.counts if step.look else np.maximum(step.counts, self._target(0))
        return Ended(done, self._reached(counts), step.look, note)

    def _reached(self, counts: IntArray) -> Plan:
        """The plan with the first seeds of each spec only."""
        kept = np.flatnonzero(self._rank < counts[self.plan.spec])
        plan = self.plan
        return replace(
            plan, cell_ids=plan.cell_ids[kept], spec=plan.spec[kept], seed=plan.seed[kept]
        )

    def __post_init__(self) -> None:
        _, first, of_spec = np.unique(self.plan.spec, return_index=True, return_inverse=True)
        self._rank = np.arange(len(self.plan)) - first[of_spec]  # the how-manieth seed of its spec
        self._planned = np.bincount(self.plan.spec, minlength=len(self.plan.specs))

    def _steps(self) -> Iterator[_Step]:
        """Looks; under a budget what comes before the first one is run in doubling steps."""
        counts = np.zeros(len(self.plan.specs), np.int64)
        for number in range(self.looks.count):
            target = self._target(number)
            if self.budget_s is not None and number == 0:
                yield from (_Step(part, None) for part in _doubling(target))
            is_look = self.looks.are_planned
            if number == 0 or (target > counts).any():
                yield _Step(target, self.looks.at(number) if is_look else None)
            counts = target

    def _target(self, number: int) -> IntArray:
        if not self.looks.are_planned:
            return self._planned
        return np.array([sizes[number] for sizes in self.looks.schedules], np.int64)

    def _fits(self, cells: int, used_s: float) -> bool:
        """Whether so many cells fit into what is left, at the pace so far."""
        if self.budget_s is None or not self._cells_run or not cells:
            return True
        return used_s + cells * used_s / self._cells_run <= self.budget_s

    def _told(self, step: _Step, what: str, unrun: str = "saved") -> str:
        most = self._seeds(self._planned)
        rest = int(self._planned.sum() - step.counts.sum())
        told = f"{what} with {self._seeds(step.counts)} of {most} seeds"
        return f"{told}, {rest:,} of {len(self.plan):,} cells {unrun}" if rest else told

    def _seeds(self, counts: IntArray) -> str:
        """How many seeds groups have that get some added; a span where they differ."""
        grow = [seeds.until is not None for seeds in self.looks.groups]
        chosen = counts[np.array(grow, np.bool_)] if any(grow) else counts
        low, high = (int(chosen.min()), int(chosen.max())) if chosen.size else (0, 0)
        return f"{high}" if low == high else f"{low} to {high}"


def _doubling(target: IntArray) -> Iterator[IntArray]:
    """1, 2, 4 … seeds of the largest group, and of the others their share; less than all."""
    size, most = 1, int(target.max(initial=0))
    while size < most:
        yield np.ceil(target * (size / most)).astype(np.int64)
        size *= 2


def _joined(one: Execution, other: Execution) -> Execution:
    return Execution(
        was_stopped=one.was_stopped or other.was_stopped,
        restarts=one.restarts + other.restarts,
        notes=(*one.notes, *other.notes),
    )


def _longest_entry(entry: Entry) -> Entry:
    return replace(entry, methods=tuple(map(_longest, entry.methods)))


def _longest(use: MethodUse) -> MethodUse:
    if use.seeds.until is None or use.seeds.maximum is None:
        return use
    return replace(use, seeds=Seeds(values=tuple(range(use.seeds.maximum))))
