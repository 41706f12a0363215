"""Outcomes on their way to the sink: joined into groups, with the rows that main writes."""

from __future__ import annotations

import struct
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from harness.execute.artifacts import Built
from harness.execute.context import remove_checkpoints
from harness.execute.queue import JobQueue
from harness.execute.records import ArtifactDone, Sink
from harness.execute.wire import Parcel
from harness.store.rows import CELL_FORMAT, CellText, Group, Status

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from harness.plan.records import ArtifactSpec

__all__ = ["Outgoing", "Settled", "artifact_done"]

_cell = struct.Struct(CELL_FORMAT)


class Settled(NamedTuple):
    """What the main process knows of a cell that it gives a status."""

    status: Status
    error_type: str
    message: str
    attempts: int = 1
    wall_s: float = 0.0
    peak_kib: int = 0
    log: str = ""


class Outgoing:
    """Gathers outcomes until the first is ``flush_s`` old: a group costs the same at any size."""

    cell_bytes = _cell.size

    def __init__(self, sink: Sink, flush_s: float) -> None:
        self._sink = sink
        self._flush_s = flush_s
        self._clear()

    def _clear(self) -> None:
        self._cells: list[bytes] = []
        self._measurements: list[bytes] = []
        self._group = Group()
        self._checkpoints: list[str] = []
        self.due = float("inf")

    def take(self, parcel: Parcel, log: str) -> None:
        """A worker's outcomes."""
        group = parcel.group
        self._add(group.cells, group.measurements)
        if group.texts:
            self._group.texts += [text._replace(log=log) for text in group.texts]
        self._group.items += group.items
        self._group.records += group.records
        self._group.bounds += group.bounds
        self._checkpoints += parcel.checkpoints

    def settle(self, rows: npt.NDArray[np.int64] | Sequence[int], settled: Settled) -> None:
        """Cells that get a status from here, since no worker lived to give it."""
        started = time.time() - settled.wall_s
        for row in map(int, rows):
            packed = _cell.pack(
                row,
                settled.status,
                2,
                settled.attempts,
                1,
                started,
                settled.wall_s,
                0.0,
                0.0,
                settled.peak_kib,
            )
            self._add(packed, b"")
            text = CellText(row, settled.error_type, settled.message, settled.log)
            self._group.texts.append(text)

    def end_build(self, queue: JobQueue, artifact: ArtifactSpec, built: Built) -> None:
        """Tell the sink of a build, and give what can never run now its status."""
        self._sink.artifact_done(artifact_done(artifact, built))
        lost, doomed = queue.end_build(artifact.artifact_id, built.status, built.message)
        for other in lost:
            missing = queue.builds.missing((other.artifact_id,))
            assert missing is not None, "it was lost because an input is missing"
            told = Built(missing.status, 0.0, {}, str(missing))
            self._sink.artifact_done(artifact_done(other, told))
        for rows, missing in doomed:
            self.settle(rows, Settled(missing.status, "ArtifactMissing", str(missing)))

    def _add(self, cells: bytes, measurements: bytes) -> None:
        if not self._cells:
            self.due = time.monotonic() + self._flush_s
        self._cells.append(cells)
        self._measurements.append(measurements)

    def flush(self) -> None:
        """Give all that waits to the sink; checkpoints of these cells may then go."""
        if not self._cells:
            return
        group, checkpoints = self._group, self._checkpoints
        group.cells = b"".join(self._cells)
        group.measurements = b"".join(self._measurements)
        self._sink.write(group)
        self._clear()
        remove_checkpoints(checkpoints)


def artifact_done(artifact: ArtifactSpec, built: Built) -> ArtifactDone:
    """How the build is told to a sink."""
    return ArtifactDone(
        artifact.artifact_id,
        artifact.name,
        built.status.name.lower(),
        built.wall_s,
        built.metrics,
        built.message,
    )
