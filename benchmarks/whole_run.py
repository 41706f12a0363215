"""What a cell costs when it does nothing: isolated, journalled, through the whole harness.

    python benchmarks/whole_run.py

Prints wall time a cell between the first dispatch and the last journalled row (2 workers),
for jobs of 100 cells and of one; the time of a re-run of 10,000 finished cells; of planning
100,000 cells; and the main process's peak memory for 100,000 cells. Each in a process of its
own, so that one does not warm the next.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
SUITE = """\
suite: nothing
description: Cells that do nothing.
seed: 1
plugins: [{plugin}]
defaults: {{seeds: {seeds}}}
entries:
  - task: null/zero
    grid: {{number: {numbers}}}
    methods: [null/nothing]
"""


class Clock:
    """A watcher that only looks at the time."""

    def __init__(self) -> None:
        self.began = self.ended = 0.0

    def started(self, started: object) -> None:
        self.began = time.perf_counter()

    def finished(self) -> None:
        self.ended = time.perf_counter()

    def wrote(self, plan: object, group: object) -> None: ...

    def tick(self, views: object) -> None: ...

    def notice(self, text: str) -> None: ...


def child(mode: str, path: str, results: str, job_cells: str) -> None:
    began = time.perf_counter()
    from harness.runner import Settings, run_prepared
    from harness.runner.prepare import prepare

    imported = time.perf_counter()
    prepared = prepare(Path(path))
    planned = time.perf_counter()
    told = {"plan_s": planned - imported, "cells": len(prepared.plan)}
    if mode == "run":
        clock = Clock()
        settings = Settings(
            results=Path(results), workers=2, job_cells=int(job_cells) if job_cells else None
        )
        run_prepared(prepared, settings, watcher=clock)
        told["execute_s"] = clock.ended - clock.began
        told["all_s"] = time.perf_counter() - began
        told["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(told))


def measure(mode: str, suite: Path, results: Path, job_cells: str = "") -> dict[str, float]:
    command = [sys.executable, __file__, mode, str(suite), str(results), job_cells]
    began = time.perf_counter()
    answer = subprocess.run(command, check=True, capture_output=True, text=True)
    told: dict[str, float] = json.loads(answer.stdout)
    told["process_s"] = time.perf_counter() - began
    return told


def write(folder: Path, seeds: int, numbers: int) -> Path:
    path = folder / f"null-{seeds}-{numbers}.yaml"
    plugin = HERE / "null_task.py"
    path.write_text(SUITE.format(plugin=plugin, seeds=seeds, numbers=list(range(numbers))))
    return path


def show(name: str, value: float, unit: str, goal: float) -> None:
    verdict = "reached" if value <= goal else "MISSED"
    print(f"{name:<48} {value:9.4g} {unit:<4} goal {goal:g}: {verdict}")


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        many = write(folder, 1000, 100)
        some = write(folder, 1000, 10)
        large = measure("run", many, folder / "a", "100")
        show("null cell, jobs of 100", 1e3 * large["execute_s"] / large["cells"], "ms", 0.05)
        show("main process at 100,000 cells", large["peak_mib"], "MiB", 300)
        single = measure("run", some, folder / "b", "1")
        alone = 1e3 * single["execute_s"] / single["cells"]
        show("null cell, each a job of its own", alone, "ms", 0.5)
        again = measure("run", some, folder / "b")
        show("re-run of 10,000 finished cells", again["process_s"], "s", 2.0)
        plan = measure("plan", many, folder / "c")
        show("planning 100,000 cells", plan["plan_s"], "s", 3.0)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        child(*sys.argv[1:])
    else:
        main()
