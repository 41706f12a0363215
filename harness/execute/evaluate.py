"""Drives ``Task.evaluate`` over the cells of a job; the same in a worker and inline.

The i-th outcome is the i-th cell's. An exception belongs to the first cell not yet yielded,
and ``evaluate`` is called again with those after it; where the task held several cells then,
nobody can say whose it is, and each of them is run alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import overload

from harness.api.cell import Cell
from harness.api.outcome import Outcome, Skip
from harness.execute.context import Context
from harness.execute.foreign import (
    end_without_gpu,
    explain,
    has_lost_gpu,
    report,
    status_of,
)
from harness.execute.objects import Bench
from harness.execute.reading import InvalidOutcome, WrongCell
from harness.execute.recorder import Meter, Recorder
from harness.execute.records import Control
from harness.execute.slot import FRACTION, HANDED, JOB, SINCE, STAGE, YIELDED, Marks, Stage
from harness.execute.wire import JobMessage
from harness.store.rows import CellText, Status

__all__ = ["JobRun"]

_END = object()
_TRACEBACKS = 3  # printed a job: a method that fails in each cell must not fill the log


class Cells(Sequence[Cell]):
    """Cells ``first`` to ``stop`` of a job, as handed to ``evaluate``.

    It marks in the slot how far cells have been handed out, and never takes that back.
    """

    def __init__(
        self, seeds: Sequence[int], context: Context, marks: Marks, first: int, stop: int
    ) -> None:
        self._seeds = seeds
        self._context = context
        self._marks = marks
        self._first = first
        self._count = stop - first

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Cell]:
        marks, seeds, context = self._marks, self._seeds, self._context
        for place in range(self._first, self._first + self._count):
            if place >= marks[HANDED]:
                marks[HANDED] = place + 1
            yield Cell(seeds[place], context)

    @overload
    def __getitem__(self, key: int) -> Cell: ...
    @overload
    def __getitem__(self, key: slice) -> Sequence[Cell]: ...
    def __getitem__(self, key: int | slice) -> Cell | Sequence[Cell]:
        if isinstance(key, slice):
            return [self[place] for place in range(self._count)[key]]
        place = self._first + range(self._count)[key]
        if place >= self._marks[HANDED]:
            self._marks[HANDED] = place + 1
        return Cell(self._seeds[place], self._context)


class JobRun:
    """One job, from loading its spec to its last outcome.

    Parameters
    ----------
    job, context, recorder, marks
        What to run, what its cells may ask, where rows go, where it is.
    control
        Ends the job after the outcome that comes next.
    is_debugged
        Let the first exception through, for a debugger.
    is_worker
        Print tracebacks, for the log, and end the process when its GPU is lost.
    """

    def __init__(
        self,
        job: JobMessage,
        context: Context,
        recorder: Recorder,
        marks: Marks,
        *,
        control: Control | None = None,
        is_debugged: bool = False,
        is_worker: bool = False,
    ) -> None:
        self._job = job
        self._rows, self._seeds = job.rows, job.seeds
        self._context = context
        self._recorder = recorder
        self._marks = marks
        self._control = control or Control()
        self._is_debugged = is_debugged
        self._is_worker = is_worker
        self._tracebacks_left = _TRACEBACKS if is_worker else 0
        self._place = 0

    def run(self, load: Callable[[], Bench]) -> None:
        """Load and evaluate; every cell gets an outcome unless the control stops it."""
        self._begin()
        self._evaluate(load)
        self._marks[JOB] = 0

    def _begin(self) -> None:
        """Mark the job; its number last, so that who sees it sees the rest."""
        marks = self._marks
        marks[YIELDED] = marks[HANDED] = marks[FRACTION] = 0
        marks[STAGE] = Stage.LOADING
        marks[SINCE] = time.monotonic_ns()
        marks[JOB] = self._job.job

    def _evaluate(self, load: Callable[[], Bench]) -> None:
        bench = self._loaded(load)
        self._meter = Meter()
        if isinstance(bench, BaseException):
            self._fail_all(bench)
            return
        self._bench = bench
        self._simple = bench.reader.simple
        self._context.use(bench.reader)
        self._marks[SINCE] = self._meter.now_ns
        self._marks[STAGE] = Stage.EVALUATING
        first, count = 0, len(self._job.rows)
        while first < count and not self._control.stop:
            first = self._drive(first, count)
        self._recorder.send(self._meter.now_ns)

    def _loaded(self, load: Callable[[], Bench]) -> Bench | BaseException:
        try:
            return load()
        # Imports and constructors of plugins: what they raise is each cell's fault, told in
        # its row, and must not take the worker along. KeyboardInterrupt stays out here and
        # below: inline it is the user's own.
        except (Exception, SystemExit) as error:
            if self._is_debugged:
                raise
            return error

    def _fail_all(self, error: BaseException) -> None:
        self._print(error)
        for _ in self._job.rows:
            self._fail(error)
        self._recorder.send(self._meter.now_ns)

    def _drive(self, first: int, stop: int) -> int:
        """Evaluate cells ``first`` to ``stop``; the place of the first one left to do."""
        self._marks[HANDED] = self._place = first
        error = self._outcomes_of(first, stop)
        return stop if error is None else self._after_fault(error, stop)

    def _outcomes_of(self, first: int, stop: int) -> BaseException | None:
        """Take outcomes until ``stop``; what came instead of the next one."""
        job, take = self._job, self._take
        cells = Cells(job.seeds, self._context, self._marks, first, stop)
        try:
            iterator = self._asked(cells)
            while self._place < stop:
                outcome = next(iterator, _END)
                if outcome is _END:
                    raise InvalidOutcome("evaluate ended and yielded no outcome for the cell")
                take(outcome)
                if self._control.stop:
                    break
        # Foreign code: the call into a plugin. Whatever it raises is a cell's, with its text
        # in the cell's row.
        except (Exception, SystemExit) as error:
            if self._is_debugged and status_of(error) is not Status.SKIPPED:
                raise
            return error
        self._recorder.send(self._meter.now_ns)
        self._close(iterator)
        return None

    def _asked(self, cells: Cells) -> Iterator[Outcome]:
        outcomes = self._bench.task.evaluate(self._bench.method, cells)
        if not hasattr(outcomes, "__iter__"):
            raise InvalidOutcome(
                f"evaluate returned {type(outcomes).__name__}, not an iterator of outcomes"
            )
        return iter(outcomes)

    def _take(self, outcome: object) -> None:
        """Record the outcome that answers the first cell without one.

        Most outcomes take the short way: its length is most of what a null cell costs.
        """
        place = self._place
        row = self._rows[place]
        simple = None
        if not self._context.is_touched:
            simple = self._simple(outcome, row, self._seeds[place])
        if simple is None:
            self._take_rich(outcome, row, self._seeds[place])
            return
        marks, meter, recorder = self._marks, self._meter, self._recorder
        recorder.add(row, meter.lap(marks[HANDED] - place), simple)
        now = meter.now_ns
        self._place = place = place + 1
        marks[SINCE] = now
        marks[YIELDED] = place
        if recorder.is_due(now):
            recorder.send(now)

    def _take_rich(self, outcome: object, row: int, seed: int) -> None:
        reader = self._bench.reader
        try:
            read = reader.check(outcome, seed)
            if read.skip_reason is not None:
                raise Skip(read.skip_reason)
            reading = reader.read(read, row, self._context.take_points(seed))
        except WrongCell:
            raise
        except (InvalidOutcome, Skip) as error:
            if self._is_debugged and isinstance(error, InvalidOutcome):
                raise
            self._fail(error)
            return
        cost = self._meter.lap(self._marks[HANDED] - self._place)
        self._recorder.add_rich(row, cost, reading, self._context.take_checkpoint(seed))
        self._advance()

    def _fail(self, error: BaseException) -> None:
        """Record why the first cell without an outcome has none."""
        row = self._job.rows[self._place]
        self._context.take_points(self._job.seeds[self._place])
        cost = self._meter.lap(self._marks[HANDED] - self._place)
        text = CellText(row, type(error).__name__, explain(error))
        self._recorder.add_fault(row, cost, status_of(error), text)
        self._advance()

    def _advance(self) -> None:
        marks, now = self._marks, self._meter.now_ns
        self._place += 1
        marks[SINCE] = now
        marks[YIELDED] = self._place
        marks[FRACTION] = 0
        if self._recorder.is_due(now):
            self._recorder.send(now)

    def _after_fault(self, error: BaseException, stop: int) -> int:
        """Charge the fault, and say where to go on."""
        handed = min(self._marks[HANDED], stop)
        self._print(error)
        if self._is_worker and has_lost_gpu(error):
            self._recorder.send(self._meter.now_ns)
            end_without_gpu()
        if handed - self._place <= 1 or isinstance(error, InvalidOutcome):
            self._fail(error)
            return self._place
        for place in range(self._place, handed):
            if self._control.stop:
                break
            self._drive(place, place + 1)
        return self._place

    def _close(self, iterator: Iterator[object]) -> None:
        """Ask once more after the last outcome: what comes now is the job's, not a cell's."""
        if self._place < len(self._job.rows) and self._control.stop:
            return
        try:
            if next(iterator, _END) is not _END:
                self._recorder.note("evaluate yielded more outcomes than it was given cells")
            close = getattr(iterator, "close", None)
            if close is not None:
                close()
        # Foreign code after its last outcome: all cells have theirs.
        except (Exception, SystemExit) as error:  # noqa: BLE001
            self._print(error)
            self._recorder.note(
                f"after its last outcome evaluate raised {type(error).__name__}: {explain(error)}"
            )

    def _print(self, error: BaseException) -> None:
        if self._tracebacks_left > 0 and status_of(error) is not Status.SKIPPED:
            self._tracebacks_left -= 1
            report(error)
