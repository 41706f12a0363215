"""Time and memory of what a user waits for: starting, planning, cells, the board."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

PLANNED = """\
suite: asv-plan
seed: 1
hardware: {any: {cpus: 1}}
defaults: {hardware: any, seeds: 1000}
entries:
  - task: bandits/bernoulli
    grid: {arms: [2, 10], horizon: [100, 1000]}
    methods: [bandits/thompson, bandits/ucb1, bandits/moss]
"""


class Start:
    """A fresh process, as at a prompt."""

    repeat = 5

    def time_help(self) -> None:
        """``harness --help``."""
        program = "import sys; from harness.cli.main import main; sys.argv[1:] = ['--help']; main()"
        subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)


class Policies:
    """One policy's cells, compiled before they are timed."""

    params = ("Thompson", "UCB1")
    param_names = ("policy",)
    timeout = 300

    def setup(self, policy: str) -> None:
        """Make task and method, and compile."""
        from harness_bandits.bernoulli import Bernoulli
        from harness_bandits.thompson import Thompson
        from harness_bandits.ucb1 import UCB1

        self.method = {"Thompson": Thompson, "UCB1": UCB1}[policy]()
        self.task = Bernoulli(arms=10, horizon=10_000)
        self.time_cells(policy)

    def time_cells(self, policy: str) -> None:
        """8 cells of 10,000 rounds in this process."""
        from harness import evaluate

        evaluate(self.task, [self.method], seeds=8)


class Planning:
    """From a file to 12,000 planned cells."""

    def setup(self) -> None:
        """Write the suite."""
        self.folder = tempfile.TemporaryDirectory()
        self.suite = Path(self.folder.name) / "plan.yaml"
        self.suite.write_text(PLANNED, encoding="utf-8")

    def teardown(self) -> None:
        """Remove it."""
        self.folder.cleanup()

    def time_prepare(self) -> None:
        """Read, validate and plan."""
        from harness.runner.prepare import prepare

        prepare(self.suite)


class Ranks:
    """The part of a board that grows fastest: paired tests of all pairs."""

    def setup(self) -> None:
        """50 methods at 200 seeds."""
        self.values = np.random.default_rng(1).standard_normal((50, 200))

    def time_rank_intervals(self) -> None:
        """1,225 pairs."""
        from harness.stats import rank_intervals

        rank_intervals(self.values, "lower")

    def peakmem_rank_intervals(self) -> None:
        """The same, its memory."""
        self.time_rank_intervals()
