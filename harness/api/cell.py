"""The context of one cell: its seed, its streams, and what it may ask of the harness."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from harness.random.stream import Stream

if TYPE_CHECKING:
    from harness.api.artifact import Artifact

__all__ = ["Cell", "JobContext"]


class JobContext(Protocol):
    """What the cells of one job share; made by the executor, never by a plugin."""

    suite_seed: int
    task_name: str
    method_name: str
    device: str
    threads: int

    def artifact(self, artifact: Artifact) -> Any:
        """The loaded artifact, kept in the worker; ``.metrics`` of the second call's result."""

    def artifact_metrics(self, artifact: Artifact) -> dict[str, float]:
        """What the artifact reported while it was built."""

    def data(self, name: str) -> Path:
        """Where a data set lies, verified; raises ``DataMissing``."""

    def report(self, seed: int, metric: str, value: float, at: float) -> None:
        """A point of a curve while the cell is still running."""

    def progress(self, seed: int, fraction: float) -> None:
        """How far the cell is, 0 to 1, for the display only."""

    def checkpoint_dir(self, seed: int) -> Path:
        """A folder kept across retries of the cell."""


class Cell:
    """One seed of one (task, method): what :meth:`harness.Task.evaluate` gets.

    Cheap to make; keys are hashed on first use.
    """

    __slots__ = ("_job", "_method_stream", "_task_stream", "seed")

    def __init__(self, seed: int, job: JobContext) -> None:
        self.seed = seed
        self._job = job
        self._task_stream: Stream | None = None
        self._method_stream: Stream | None = None

    @property
    def task_stream(self) -> Stream:
        """Randomness of the instance: from (suite seed, task name, seed).

        Parameters and the method are left out on purpose: every method and every point of a
        grid meets the same instances and the same noise, so cells pair by seed.
        """
        if self._task_stream is None:
            job = self._job
            self._task_stream = Stream("task", job.suite_seed, job.task_name, self.seed)
        return self._task_stream

    @property
    def method_stream(self) -> Stream:
        """Randomness of the method: from the task's parts and the method's name."""
        if self._method_stream is None:
            job = self._job
            self._method_stream = Stream(
                "method", job.suite_seed, job.task_name, self.seed, job.method_name
            )
        return self._method_stream

    @property
    def device(self) -> str:
        """``cpu`` or ``cuda``."""
        return self._job.device

    @property
    def threads(self) -> int:
        """How many threads the cell may use."""
        return self._job.threads

    def artifact(self, artifact: Artifact) -> Any:
        """A declared artifact, loaded (once a worker; the latest few are kept)."""
        return self._job.artifact(artifact)

    def artifact_metrics(self, artifact: Artifact) -> dict[str, float]:
        """What a declared artifact reported while it was built."""
        return self._job.artifact_metrics(artifact)

    def data(self, name: str) -> Path:
        """Where data set ``name`` lies, verified; ``DataMissing`` makes the cell skipped."""
        return self._job.data(name)

    def report(self, metric: str, value: float, *, at: float) -> None:
        """Stream one point of a curve; such a metric is not in ``Outcome.curves`` too."""
        self._job.report(self.seed, metric, value, at)

    def progress(self, fraction: float) -> None:
        """Tell the display how far the cell is (0 to 1)."""
        self._job.progress(self.seed, fraction)

    @property
    def checkpoint_dir(self) -> Path:
        """A folder of the cell's own, kept when the cell is tried again."""
        return self._job.checkpoint_dir(self.seed)
