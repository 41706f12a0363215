"""What the cells of one job may ask of the harness."""

from __future__ import annotations

import os
import shutil
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from harness.api.artifact import Artifact
from harness.data.locate import cache_folder, locate
from harness.execute.artifacts import LoadedArtifacts, artifact_metrics, declared_id
from harness.execute.objects import SpecMessage
from harness.execute.reading import OutcomeReader, Points
from harness.execute.slot import FRACTION, Marks
from harness.execute.wire import JobMessage

__all__ = ["Context", "remove_checkpoints"]

_POINT = struct.Struct("<Hdd")  # metric, at, value
_POINTS_FILE = "points"
_STATE_FOLDER = "state"


class Context:
    """A job's :class:`harness.api.cell.JobContext`.

    Points that a cell reports are kept with its checkpoint, once it has asked for one: a
    training that goes on in its third epoch reports the first two only once.
    """

    __slots__ = (
        "_folders",
        "_job",
        "_loaded",
        "_marks",
        "_points",
        "_reader",
        "_spec",
        "device",
        "is_touched",
        "method_name",
        "suite_seed",
        "task_name",
        "threads",
    )

    def __init__(
        self, spec: SpecMessage, job: JobMessage, loaded: LoadedArtifacts, marks: Marks
    ) -> None:
        self.suite_seed = spec.suite_seed
        self.task_name = spec.task
        self.method_name = spec.method
        self.device = spec.device
        self.threads = spec.cpus
        self._spec = spec
        self._job = job
        self._loaded = loaded
        self._marks = marks
        self._reader: OutcomeReader | None = None
        self.is_touched = False  # whether a cell has reported, kept or told anything yet
        self._points: dict[int, Points] = {}
        self._folders: dict[int, Path] = {}

    def use(self, reader: OutcomeReader) -> None:
        """Check reported points with ``reader``."""
        self._reader = reader

    def artifact(self, artifact: Artifact) -> Any:
        """The artifact, loaded; ``InvalidOutcome`` if the task does not declare it."""
        return self._loaded.get(artifact, self._artifact_id(artifact))

    def artifact_metrics(self, artifact: Artifact) -> dict[str, float]:
        """What the artifact reported while it was built."""
        return artifact_metrics(self._artifact_id(artifact))

    def _artifact_id(self, artifact: Artifact) -> str:
        return declared_id(self._job.artifacts, artifact, "the task's artifacts()")

    def data(self, name: str) -> Path:
        """Where a data set lies; raises ``DataMissing``."""
        return locate(name)

    def report(self, seed: int, metric: str, value: float, at: float) -> None:
        """A point of a curve; one told again replaces the first."""
        assert self._reader is not None, "cells report while they are evaluated"
        self.is_touched = True
        index, where, number = self._reader.point(metric, value, at)
        self._points.setdefault(seed, {})[index, where] = number
        if seed in self._folders:
            self._keep_points(seed, [(index, where, number)])

    def progress(self, seed: int, fraction: float) -> None:
        """How far the cell is, for the display."""
        self.is_touched = True
        self._marks[FRACTION] = 1 + round(1000 * min(1.0, max(0.0, fraction)))

    def checkpoint_dir(self, seed: int) -> Path:
        """The cell's folder, kept until its outcome is written."""
        if seed not in self._folders:
            self.is_touched = True
            cell = self._job.cell_id(self._job.seeds.index(seed)).hex()
            # Named by the code too: what other code wrote must not be taken up.
            folder = cache_folder() / "checkpoints" / f"{cell}-{self._spec.code_id}"
            (folder / _STATE_FOLDER).mkdir(parents=True, exist_ok=True)
            told = self._points.get(seed, {})
            self._points[seed] = _read_points(folder / _POINTS_FILE) | told
            self._folders[seed] = folder
            self._keep_points(seed, ((*key, value) for key, value in told.items()))
        return self._folders[seed] / _STATE_FOLDER

    def take_points(self, seed: int) -> Points | None:
        """The points that a cell reported, and forget them."""
        return self._points.pop(seed, None) if self._points else None

    def take_checkpoint(self, seed: int) -> str | None:
        """The folder of a finished cell's checkpoint, to be removed once it is written."""
        folder = self._folders.pop(seed, None) if self._folders else None
        return None if folder is None else str(folder)

    def _keep_points(self, seed: int, points: Iterable[tuple[int, float, float]]) -> None:
        with (self._folders[seed] / _POINTS_FILE).open("ab") as file:
            file.write(b"".join(_POINT.pack(*point) for point in points))


def _read_points(path: Path) -> Points:
    """Points of earlier tries; the last of equals counts, a torn one is left out."""
    if not path.exists():
        return {}
    kept = path.read_bytes()
    whole = len(kept) - len(kept) % _POINT.size
    if whole < len(kept):
        os.truncate(path, whole)  # what is appended next must not follow half a point
    return {(metric, at): value for metric, at, value in _POINT.iter_unpack(kept[:whole])}


def remove_checkpoints(folders: Iterable[str]) -> None:
    """Remove checkpoints of cells whose outcomes are written."""
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
