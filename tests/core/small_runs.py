"""Suites of the small world, written and run in this process."""

from __future__ import annotations

import json
from pathlib import Path

from harness.runner import Run, Settings, run
from harness.store.record import read_run_json, write_run_json

PLUGIN = Path(__file__).with_name("small_world.py")
HEAD = """suite: small
seed: {seed}
plugins: [{plugin}]
hardware: {{any: {{cpus: 1}}}}
defaults: {{hardware: any, seeds: {seeds}}}
entries:
  - task: small/noisy
    params: {{noise: {noise}}}
    methods:
"""


def suite_text(
    losses: dict[str, float],
    *,
    seeds: object = 8,
    seed: int = 5,
    noise: float = 1.0,
    tail: str = "",
) -> str:
    """A suite of one task, and one label for each loss."""
    head = HEAD.format(plugin=PLUGIN, seeds=json.dumps(seeds), seed=seed, noise=noise)
    uses = "".join(
        f"      - small/constant: {{loss: {loss}}}\n        as: {label}\n"
        for label, loss in losses.items()
    )
    return head + uses + tail


def small_run(folder: Path, losses: dict[str, float], **how: object) -> Run:
    """The suite, run inline with its results below ``folder``."""
    settings = how.pop("settings", None) or Settings(results=folder / "results", inline=True)
    folder.mkdir(exist_ok=True)
    path = folder / "small.yaml"
    path.write_text(suite_text(losses, **how))
    return run(path, settings=settings)


def sum_again(folder: Path) -> None:
    """Make run.json fit the folder again, as a forger would."""
    write_run_json(folder, read_run_json(folder))
