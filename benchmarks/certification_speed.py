"""What certification costs beside its network, and what the sequential test saves.

    python benchmarks/certification_speed.py [throughput|saving]

``throughput``: noisy copies a second of the whole loop against the network's own forward pass,
alternated call by call in one process, on one thread; minima and medians of CPU time. ``saving``:
SmoothAdv on digits (one model, trained here in seconds), certified by both rules on the same
draws with n = 100,000; some six minutes of one core. Its controls are smaller n for everybody.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import process_time

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "plugins")]

BATCHES = (200, 500, 1_000, 2_000)
REPEATS, AT_ONCE = 150, 4
DRAWS, GRID = 100_000, (0.0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75)  # to 3 σ at σ = .25
SMALLER = (25_000, 10_000, 1_000)


def throughput() -> None:
    """One line a batch size."""
    import torch

    from harness.random import Stream
    from harness_vision.allocator import keep_freed_memory
    from harness_vision.backbones import build
    from harness_vision.certification.noise import Noise
    from harness_vision.certification.voting import Booth

    keep_freed_memory()
    torch.set_num_threads(1)
    network = build("small-cnn", (1, 8, 8), 10, seed=0).eval()
    image, target = torch.rand(1, 1, 8, 8), np.array([0])
    for batch in BATCHES:
        booth, noise = Booth(network, 0.25, batch=batch), Noise(Stream("benchmark"))
        sources = noise.sources([0], "estimate")
        images = torch.rand(batch, 1, 8, 8)
        booth.hits(image, sources, target, [(0, batch)])  # compiles
        forward, loop = [], []
        for _ in range(REPEATS):
            began = process_time()
            with torch.inference_mode():
                for _ in range(AT_ONCE):
                    network(images)
            between = process_time()
            booth.hits(image, sources, target, [(0, AT_ONCE * batch)])
            forward.append(between - began)
            loop.append(process_time() - between)
        least, middle = min(forward) / min(loop), median(forward) / median(loop)
        each = 1e6 / (AT_ONCE * batch)
        print(
            f"batch {batch:>5}: forward {min(forward) * each:5.2f} µs an image, "
            f"whole loop {min(loop) * each:5.2f}; ratio of rates {least:.3f} by minima, "
            f"{middle:.3f} by medians"
        )


SUITE = """
suite: certification-saving
seed: 2019
hardware: {one: {cpus: 1, memory: 2GiB}}
defaults: {hardware: one, seeds: 1, timeout: 2h}
entries:
  - task: vision/digits
    params: {radii: GRID, n: DRAWS, rule: sequential}
    methods: &model
      - vision/smoothadv-pgd:
          {epochs: 40, batch: 64, last_batch: drop, lr: 0.05, decay_every: 13,
           epsilon: 0.5, draws: 2}
        as: adv
  - task: vision/digits
    params: {radii: GRID, rule: fixed}
    grid: {n: [DRAWS, SMALLER]}
    methods: *model
"""


def saving() -> None:
    """Both rules on the same draws, and the largest gap on the grid."""
    import harness
    from harness.runner.settings import Settings

    text = SUITE.replace("GRID", str(list(GRID))).replace("DRAWS", str(DRAWS))
    text = text.replace("SMALLER", ", ".join(map(str, SMALLER)))
    with tempfile.TemporaryDirectory() as folder:
        suite = Path(folder) / "certification-saving.yaml"
        suite.write_text(text)
        settings = Settings(results=Path(folder) / "results", workers=1)
        run = harness.run(suite, settings=settings)
        frame = run.cells().merge(run.measurements(), on="cell_id")
    found = {}
    for params, cell in frame.groupby("task_params"):
        set_ = json.loads(params)
        curve = cell[cell["metric"] == "certified_accuracy"].sort_values("at")["value"].to_numpy()
        final = cell.set_index("metric")["value"]
        found[f"{set_['rule']}, n = {set_['n']:,}"] = curve
        print(
            f"{set_['rule']:>10}, n = {set_['n']:>7,}: {final['draws']:>9,.0f} draws an image, "
            f"{final['certification_s']:6.1f} s, certified accuracy {np.round(curve, 3)}"
        )
    full = found[f"fixed, n = {DRAWS:,}"]
    for name, curve in found.items():
        print(f"{name}: largest gap {abs(curve - full).max():.3f}")


if __name__ == "__main__":
    for name in sys.argv[1:] or ["throughput", "saving"]:
        {"throughput": throughput, "saving": saving}[name]()
