"""What a cell that does nothing costs through the local executor.

    python benchmarks/null_cells.py [--cells 100000] [--single 20000] [--workers 2]

Isolated workers, outcomes received and grouped, nothing journalled. CPU time is the firm
figure on a shared machine; wall time is an upper end. What starting the guardian and two
workers costs is measured by a run of a few cells and taken off the CPU time.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from harness.api.cell import Cell
from harness.api.contracts import Method, Task
from harness.api.metric import Metric
from harness.api.outcome import Outcome
from harness.execute import Control, LocalOptions
from harness.execute.local import LocalExecutor
from harness.plan.records import Plan, Spec

WANTED_MS = {"jobs of 100": 0.05, "a job each": 0.5}
SPECS = 10


@dataclass(frozen=True, kw_only=True)
class NullMethod(Method):
    pass


@dataclass(frozen=True, kw_only=True)
class NullTask(Task):
    accepts = NullMethod
    metrics = (Metric(name="loss"),)

    def evaluate(self, method: Method, cells: Sequence[Cell]) -> Iterator[Outcome]:
        for cell in cells:
            yield Outcome(cell=cell, final={"loss": 1.0})


class Counter:
    """A sink that counts bytes of cell rows and keeps nothing."""

    def __init__(self) -> None:
        self.cell_bytes = 0

    def write(self, group) -> None:
        self.cell_bytes += len(group.cells)

    def artifact_done(self, done) -> None:
        pass

    def tick(self, views) -> None:
        pass


class Cost(NamedTuple):
    """In seconds."""

    wall: float
    main_cpu: float
    worker_cpu: float


def null_plan(cells: int) -> Plan:
    here = Path(__file__)
    specs = tuple(
        Spec(
            index=index,
            task="null",
            task_params={},
            task_at=f"{here.stem}:NullTask",
            method="null",
            method_params={},
            method_at=f"{here.stem}:NullMethod",
            label=f"null {index}",
            metrics=NullTask.metrics,
            bounds=(),
            suite_seed=1,
            hardware="any",
            device="cpu",
            cpus=1,
            exclusive=False,
            memory_bytes=None,
            timeout_s=60.0,
            code_id=bytes(16),
            plugins=(str(here.parent),),
        )
        for index in range(SPECS)
    )
    return Plan(
        suite=None,
        specs=specs,
        cell_ids=np.zeros((cells, 16), np.uint8),
        spec=np.sort(np.arange(cells, dtype=np.int32) % SPECS),
        seed=np.arange(cells, dtype=np.int64),
    )


def measure(cells: int, job_cells: int, workers: int) -> Cost:
    """Run ``cells`` null cells; start and end of the processes are left out of the wall time."""
    plan = null_plan(cells)
    executor = LocalExecutor(workers, LocalOptions(job_cells=job_cells))
    executor.prepare()
    time.sleep(1.0)  # the guardian's import of numpy is paid once a run, not a cell
    sink = Counter()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    own, wall = time.process_time(), time.monotonic()
    executor.run(plan, np.arange(cells), sink, Control())
    wall, own = time.monotonic() - wall, time.process_time() - own
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    workers_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert sink.cell_bytes == cells * 52, "a cell is missing"
    return Cost(wall, own, workers_s)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cells", type=int, default=100_000)
    parser.add_argument("--single", type=int, default=20_000)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    print(f"load average {os.getloadavg()[0]:.1f}, {given.workers} workers, µs a cell")
    is_missed = False
    for name, cells, job_cells in (
        ("jobs of 100", given.cells, 100),
        ("a job each", given.single, 1),
    ):
        base, cost = (measure(each, job_cells, given.workers) for each in (SPECS, cells))
        wall = 1e6 * cost.wall / cells
        main_cpu, worker_cpu = (1e6 * (cost[i] - base[i]) / cells for i in (1, 2))
        is_missed |= wall > 1000 * WANTED_MS[name]
        print(
            f"{name:12s} wall {wall:7.2f} (at most {1000 * WANTED_MS[name]:.0f}) · "
            f"cpu main {main_cpu:6.2f} + workers {worker_cpu:6.2f}"
        )
    return int(is_missed)


if __name__ == "__main__":
    sys.exit(main())
