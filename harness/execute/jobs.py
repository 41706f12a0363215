"""What a job is, and how many cells one should have.

A job is cells that differ in their seed only. It should take about a second: long enough that
its overhead is nothing, short enough that workers end together. The size is learned a spec,
from one cell upwards.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from harness.plan.records import ArtifactSpec, Plan, Spec

    IntArray = npt.NDArray[np.int64]

__all__ = [
    "BUILD",
    "Job",
    "Lane",
    "Need",
    "Paces",
    "WorkerKind",
    "build_need",
    "lanes_of",
    "name_of",
]

_TARGET_S = 1.0
_MOST_CELLS = 1000

# A size may grow by this from one job to the next: the first cells of a spec say little.
_GROWTH = 8

# The spec of a job that builds an artifact.
BUILD = -1


class WorkerKind(NamedTuple):
    """What a worker is set up for: libraries read thread counts and GPUs once, at import."""

    cpus: int
    gpus: int = 0

    def within(self, most: WorkerKind) -> WorkerKind:
        """As much of it as there is: what wants more than that gets all."""
        return WorkerKind(min(self.cpus, most.cpus), min(self.gpus, most.gpus))


class Need(NamedTuple):
    """What a job takes while it runs."""

    kind: WorkerKind
    memory_bytes: int
    is_exclusive: bool
    processes: int = 0  # that it may have started at one time; 0: any number


@dataclass(slots=True, eq=False)
class Lane:
    """Rows of one spec that need the same artifacts; jobs are cut from its front."""

    spec: int
    rows: IntArray
    needs: tuple[str, ...]
    need: Need
    taken: int = 0

    @property
    def left(self) -> int:
        """Cells that no job has."""
        return len(self.rows) - self.taken

    def cut(self, cells: int) -> IntArray:
        """The next rows, at most ``cells``."""
        chosen = self.rows[self.taken : self.taken + cells]
        self.taken += len(chosen)
        return chosen


@dataclass(slots=True, eq=False)
class Job:
    """What one worker is given: rows of a spec, or an artifact to build."""

    number: int
    spec: int
    rows: IntArray
    needs: tuple[str, ...]
    need: Need
    attempt: int = 1
    artifact: ArtifactSpec | None = None
    received: int = 0  # outcomes that came in

    @property
    def cells(self) -> int:
        """How many outcomes end it."""
        return len(self.rows) if self.artifact is None else 1

    @property
    def is_over(self) -> bool:
        """Whether all outcomes came in."""
        return self.received >= self.cells


def name_of(job: Job, plan: Plan) -> str:
    """What a job is of, for a person."""
    if job.artifact is not None:
        return f"artifact {job.artifact.name}"
    spec = plan.specs[job.spec]
    return f"{spec.title or spec.task} with {spec.label}"


def lanes_of(plan: Plan, rows: IntArray, most: WorkerKind) -> Iterator[Lane]:
    """The rows by spec and by the artifacts that they need, in the order of the plan."""
    rows = rows[np.argsort(plan.spec[rows], kind="stable")]
    of_spec = plan.spec[rows]
    starts = np.flatnonzero(np.diff(of_spec, prepend=-1)).tolist()
    for first, stop in zip(starts, [*starts[1:], len(rows)], strict=True):
        spec = plan.specs[of_spec[first]]
        kind = WorkerKind(spec.cpus, spec.gpus).within(most)
        need = Need(kind, spec.memory_bytes or 0, spec.exclusive, spec.processes or 0)
        for needs, chosen in _by_artifacts(plan, spec, rows[first:stop]):
            yield Lane(spec.index, chosen, needs, need)


def _by_artifacts(
    plan: Plan, spec: Spec, rows: IntArray
) -> Iterator[tuple[tuple[str, ...], IntArray]]:
    if not spec.artifacts:
        yield (), rows
        return
    chosen: dict[tuple[str, ...], list[int]] = {}
    for row in rows.tolist():
        needs = tuple(spec.artifacts.get(int(plan.seed[row]), ()))
        chosen.setdefault(needs, []).append(row)
    for needs, of_needs in chosen.items():
        yield needs, np.array(of_needs, np.int64)


def build_need(artifact: ArtifactSpec, most: WorkerKind) -> Need:
    """What building an artifact takes."""
    kind = WorkerKind(artifact.cpus, artifact.gpus).within(most)
    return Need(kind, artifact.memory_bytes or 0, False, artifact.processes or 0)


class Paces:
    """How long a cell of each spec takes, learned from its jobs.

    Parameters
    ----------
    job_cells
        Cells a job whatever is learned; ``None`` follows what is learned.
    workers
        How many share what is left: towards the end jobs become smaller, so that none of
        them waits for the last one's long job.
    """

    def __init__(self, job_cells: int | None, workers: int) -> None:
        self._job_cells = job_cells
        self._workers = workers
        self._cell_s: dict[int, float] = {}
        self._last_cells: dict[int, int] = {}

    def learn(self, spec: int, cells: int, seconds: float) -> None:
        """A job of ``cells`` took so long."""
        self._cell_s[spec] = seconds / cells
        self._last_cells[spec] = cells

    def expected_s(self, spec: int, cells: int) -> float | None:
        """How long so many cells will take; ``None`` if nothing is known."""
        cell_s = self._cell_s.get(spec)
        return None if cell_s is None else cell_s * cells

    def size(self, spec: int, cells_left: int) -> int:
        """Cells of the next job, where ``cells_left`` are left of all specs."""
        if self._job_cells is not None:
            return self._job_cells
        cell_s = self._cell_s.get(spec)
        if cell_s is None:
            return 1
        wished = int(min(_TARGET_S / max(cell_s, 1e-9), _MOST_CELLS))
        share = -(-cells_left // (2 * self._workers))
        return max(1, min(wished, self._last_cells[spec] * _GROWTH, share))
