"""Rows of finished cells until they are sent, and what each cell cost."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from sys import modules
from time import monotonic_ns, process_time
from typing import Any, Protocol

from harness.execute.reading import Reading
from harness.execute.wire import Parcel
from harness.store.rows import CELL_FORMAT, BoundRow, CellText, Group, ItemRow, RecordRow, Status

__all__ = ["Cost", "Meter", "Peak", "Recorder"]

# Age of the last send at which the next outcome is sent along with all that wait: whatever
# kills the process, a millisecond of finished work is lost. 1, 5 and 20 ms cost the same, 0
# twice as much.
_SEND_NS = 1_000_000

# Measurements that are sent before that.
_SEND_BYTES = 1 << 20

_pack = struct.Struct(CELL_FORMAT).pack


class Peak(Protocol):
    """The process's high-water mark of memory."""

    def reset(self) -> None:
        """Forget the peak so far."""

    def kib(self) -> int:
        """The peak since the last reset."""


# What one cell cost: shared, started, wall s, cpu s, compile s, compiled; in rows.CELL_FORMAT's
# words. A plain tuple, since making a named one would be a tenth of a null cell's time.
Cost = tuple[int, float, float, float, float, int]

_TALLY = "harness.kernels.tally"


class Meter:
    """Charges time to cells, one lap an outcome.

    Time spent while several cells are in flight goes into a pool of which each takes its
    share when it is yielded: a vectorised job's cells get the same, and nothing is lost.
    """

    def __init__(self) -> None:
        self._compiled = 2
        self._together = 1
        self._wall_s = self._cpu_s = self._compile_s = 0.0
        self._offset_s = time.time() - time.monotonic()
        self._cpu_mark = process_time()
        self.now_ns = self._batch_ns = monotonic_ns()

    def lap(self, in_flight: int) -> Cost:
        """The cost of the cell now done, of ``in_flight`` that are in hand."""
        now, cpu = monotonic_ns(), process_time()
        wall_s, cpu_s = (now - self.now_ns) * 1e-9, cpu - self._cpu_mark
        self.now_ns, self._cpu_mark = now, cpu
        if in_flight <= 1 and self._together == 1 and _TALLY not in modules:
            started = self._offset_s + self._batch_ns * 1e-9
            self._batch_ns = now
            return (1, started, wall_s, cpu_s, 0.0, self._compiled)
        self._wall_s += wall_s
        self._cpu_s += cpu_s
        return self._shared_lap(in_flight)

    def _shared_lap(self, in_flight: int) -> Cost:
        """The cell's share of the pool."""
        kernels = modules.get(_TALLY)
        if kernels is not None:
            self._read_kernels(kernels)
        share = 1.0 if in_flight <= 1 else 1.0 / in_flight
        if in_flight > self._together:
            self._together = in_flight
        wall_s, cpu_s, compile_s = (
            self._wall_s * share,
            self._cpu_s * share,
            self._compile_s * share,
        )
        started = self._offset_s + self._batch_ns * 1e-9
        cost = (self._together, started, wall_s, cpu_s, compile_s, self._compiled)
        if in_flight <= 1:
            self._together = 1
            self._batch_ns = self.now_ns
            self._wall_s = self._cpu_s = self._compile_s = 0.0
        else:
            self._wall_s -= wall_s
            self._cpu_s -= cpu_s
            self._compile_s -= compile_s
        return cost

    def _read_kernels(self, kernels: Any) -> None:
        compile_s = kernels.take_compile_seconds()
        if compile_s:
            self._compile_s += compile_s
            self._wall_s = max(0.0, self._wall_s - compile_s)
            self._cpu_s = max(0.0, self._cpu_s - compile_s)
        modes = kernels.take_modes()
        if modes:
            self._compiled = int(all(mode == "compiled" for mode in modes))


class Recorder:
    """Keeps a job's rows, and sends them once the last sending is old enough.

    Parameters
    ----------
    job, attempt
        Of every row.
    send
        Takes a parcel.
    peak
        The process's high-water mark.
    """

    def __init__(
        self, job: int, attempt: int, send: Callable[[Parcel], None], peak: Peak | None
    ) -> None:
        self._job = job
        self._attempt = attempt
        self._send = send
        self._peak = peak
        self._sent_ns = monotonic_ns()
        self._cells: list[tuple[int, int, Cost]] = []
        self._measurements: list[bytes] = []
        self._waiting_bytes = 0
        self._texts: list[CellText] = []
        self._items: list[ItemRow] = []
        self._records: list[RecordRow] = []
        self._bounds: list[BoundRow] = []
        self._checkpoints: list[str] = []
        if peak is not None:
            peak.reset()

    def add(self, row: int, cost: Cost, measurements: bytes) -> None:
        """A cell that is ok."""
        self._cells.append((row, 0, cost))
        self._measurements.append(measurements)
        self._waiting_bytes += len(measurements)

    def add_rich(self, row: int, cost: Cost, reading: Reading, checkpoint: str | None) -> None:
        """A cell that is ok, with more than numbers."""
        self.add(row, cost, reading.measurements)
        if reading.items or reading.records or reading.bounds:
            self._items += reading.items
            self._records += reading.records
            self._bounds += reading.bounds
        if checkpoint is not None:
            self._checkpoints.append(checkpoint)

    def add_fault(self, row: int, cost: Cost, status: Status, text: CellText) -> None:
        """A cell that is not, and why."""
        self._cells.append((row, int(status), cost))
        self._texts.append(text)

    def is_due(self, now_ns: int) -> bool:
        """Whether what waits should be sent."""
        return now_ns - self._sent_ns >= _SEND_NS or self._waiting_bytes >= _SEND_BYTES

    def send(self, now_ns: int) -> None:
        """Send all that waits."""
        if not self._cells:
            return
        self._send(Parcel(self._job, self._group(), self._checkpoints))
        self._sent_ns = now_ns
        self._waiting_bytes = 0
        self._cells, self._measurements, self._checkpoints = [], [], []
        self._texts, self._items, self._records, self._bounds = [], [], [], []

    def note(self, text: str) -> None:
        """Something that belongs to the job and to none of its cells."""
        self._send(Parcel(self._job, Group(), notes=[text]))

    def _group(self) -> Group:
        peak_kib = self._peak.kib() if self._peak is not None else 0
        cells = [
            _pack(row, status, cost[5], self._attempt, *cost[:5], peak_kib)
            for row, status, cost in self._cells
        ]
        return Group(
            b"".join(cells),
            b"".join(self._measurements),
            self._texts,
            self._items,
            self._records,
            self._bounds,
        )
