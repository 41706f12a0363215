"""Start-up: ``harness --help`` and ``harness list`` against ``python -c "import click"``.

    python benchmarks/startup.py

Each pair is timed alternately in one run, and the ratio is of the medians: this is what stays
on a busy machine. A one-cell suite is held against importing what it cannot do without.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

ROUNDS = 15
PYTHON = sys.executable
HARNESS = str(Path(PYTHON).with_name("harness"))
ONE_CELL = """\
suite: one-cell
description: One cell of one task.
seed: 1
plugins: {plugins}
entries:
  - task: {task}
    methods: [{method}]
defaults: {{seeds: 1}}
"""
NULL_TASK = Path(__file__).with_name("null_task.py")


def seconds(command: list[str], cwd: str) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, cwd=cwd)
    return time.perf_counter() - began


def ratio(name: str, command: list[str], base: list[str], goal: float, cwd: str) -> None:
    seconds(command, cwd), seconds(base, cwd)  # both warm
    pairs = [(seconds(command, cwd), seconds(base, cwd)) for _ in range(ROUNDS)]
    own, other = median(pair[0] for pair in pairs), median(pair[1] for pair in pairs)
    verdict = "reached" if own / other <= goal else "MISSED"
    print(
        f"{name:<28} {own * 1e3:7.0f} ms / {other * 1e3:5.0f} ms = {own / other:4.2f} "
        f"(goal {goal:g}: {verdict})"
    )


def main() -> None:
    click = [PYTHON, "-c", "import click"]
    needed = [PYTHON, "-c", "import numpy, pyarrow.parquet, pydantic"]
    with tempfile.TemporaryDirectory() as folder:
        ratio("harness --help", [HARNESS, "--help"], click, 2.5, folder)
        ratio("harness list", [HARNESS, "list"], click, 4.0, folder)
        for name, task, method, plugins in (
            ("one cell, plain Python", "null/zero", "null/nothing", f"[{NULL_TASK}]"),
            ("one cell, a compiled policy", "bandits/bernoulli", "bandits/uniform", "[]"),
        ):
            suite = Path(folder) / "one.yaml"
            suite.write_text(ONE_CELL.format(plugins=plugins, task=task, method=method))
            run = [HARNESS, "run", str(suite), "--fresh", "--quiet"]
            ratio(name, run, needed, 5.0, folder)


if __name__ == "__main__":
    main()
