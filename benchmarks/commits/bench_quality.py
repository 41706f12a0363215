"""Quality beside speed: means of a small suite's leaderboard, the same draws at every commit."""

from __future__ import annotations

import tempfile
from pathlib import Path

SUITE = """\
suite: asv-quality
description: Regret of five policies on drawn Bernoulli instances.
seed: 2013
hardware: {any: {cpus: 1}}
defaults: {hardware: any, seeds: 32}
entries:
  - task: bandits/bernoulli
    params: {arms: 10, horizon: 2000}
    methods:
      - bandits/thompson
      - bandits/kl-ucb
      - bandits/moss
      - bandits/ucb1
      - bandits/uniform
"""
LABELS = (
    "bandits/thompson",
    "bandits/kl-ucb",
    "bandits/moss",
    "bandits/ucb1",
    "bandits/uniform",
)


class Quality:
    """``track_regret``: lower is better, as asv takes it."""

    params = LABELS
    param_names = ("label",)
    timeout = 300

    def setup_cache(self) -> dict[str, float]:
        """Run the suite once a commit; the mean regret of each label's board row."""
        from harness.runner import Settings, run

        with tempfile.TemporaryDirectory() as folder:
            suite = Path(folder) / "quality.yaml"
            suite.write_text(SUITE, encoding="utf-8")
            done = run(suite, settings=Settings(results=Path(folder) / "results", inline=True))
            rows = done.leaderboard_rows()
        return {row["label"]: row["mean"] for row in rows if row["metric"] == "regret"}

    def track_regret(self, means: dict[str, float], label: str) -> float:
        """Mean regret of a policy after 2,000 rounds."""
        return means[label]

    track_regret.unit = "reward"
