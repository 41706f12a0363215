"""What certification costs beside its network, and what the sequential test saves.

    python benchmarks/certification_speed.py [throughput|precision|saving]

``throughput``: noisy copies a second of the whole loop against the network's own forward pass,
20 batches of each in turn, in one process on one thread; ratios of CPU time by minima, lower
deciles and medians. Networks and batches are those of the tasks, and smaller and larger batches
of the smallest network. ``precision``: noisy copies a second of the whole loop in each arithmetic
and layout, on a GPU where there is one, by minima of wall time. ``saving``:
SmoothAdv on digits (one model, trained here in seconds), certified by both rules on the same
draws with n = 100,000; some six minutes of one core. Its controls are smaller n for everybody.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from time import perf_counter, process_time

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "plugins")]

# Backbone, shape of an image, batch; the second, fifth and sixth are tasks at their defaults.
CASES = (
    ("small-cnn", (1, 8, 8), 500),
    ("small-cnn", (1, 8, 8), 1_000),
    ("small-cnn", (1, 8, 8), 200),
    ("small-cnn", (1, 8, 8), 2_000),
    ("small-cnn", (1, 28, 28), 500),
    ("strided-cnn", (3, 32, 32), 500),
)
AT_ONCE, SECONDS = 20, 15.0
DEEP = ("resnet20", "resnet110")
ARITHMETICS = (("float32", False), ("float32", True), ("bfloat16", False), ("bfloat16", True))
DRAWS, GRID = 100_000, (0.0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75)  # to 3 σ at σ = .25
SMALLER = (25_000, 10_000, 1_000)


def throughput() -> None:
    """One line a network and batch."""
    import torch

    from harness_vision.allocator import keep_freed_memory
    from harness_vision.backbones import build

    keep_freed_memory()
    torch.set_num_threads(1)
    for name, shape, batch in CASES:
        network = build(name, shape, 10, seed=0).eval()
        forward, loop = timed(network, shape, batch)
        each = 1e6 / (AT_ONCE * batch)
        ratios = [np.quantile(forward, q) / np.quantile(loop, q) for q in (0.0, 0.1, 0.5)]
        print(
            f"{name} {shape[1]}x{shape[2]}, batch {batch:>5}: forward "
            f"{np.quantile(forward, 0.1) * each:6.2f} µs an image, whole loop "
            f"{np.quantile(loop, 0.1) * each:6.2f}; ratio of rates {ratios[0]:.3f} by minima, "
            f"{ratios[1]:.3f} by deciles, {ratios[2]:.3f} by medians of {len(forward)}"
        )


def timed(network, shape, batch):
    """CPU seconds of forward passes and of the whole loop, in turn."""
    import torch

    from harness.random import Stream
    from harness_vision.certification.noise import Noise
    from harness_vision.certification.voting import Booth

    booth = Booth(network, 0.25, batch=batch)
    sources = Noise(Stream("benchmark")).sources([0], "estimate")
    image, target, images = torch.rand(1, *shape), np.array([0]), torch.rand(batch, *shape)
    booth.hits(image, sources, target, [(0, batch)])  # compiles
    forward, loop, end = [], [], process_time() + SECONDS
    while process_time() < end:
        began = process_time()
        with torch.inference_mode():
            for _ in range(AT_ONCE):
                network(images)
        between = process_time()
        booth.hits(image, sources, target, [(0, AT_ONCE * batch)])
        forward.append(between - began)
        loop.append(process_time() - between)
    return forward, loop


def precision() -> None:
    """One line a network, arithmetic and layout."""
    import torch

    from harness.random import Stream
    from harness_vision.allocator import keep_freed_memory
    from harness_vision.arithmetic import exact_kernels
    from harness_vision.backbones import build
    from harness_vision.certification.noise import Noise
    from harness_vision.smoothed import SmoothedClassifier

    keep_freed_memory()
    torch.set_num_threads(1)
    device, batch, batches = ("cuda", 4_000, 20) if torch.cuda.is_available() else ("cpu", 100, 2)
    for name in DEEP:
        network = build(name, (3, 32, 32), 10, seed=0).eval().to(device)
        noise, plain_s = Noise(Stream("benchmark"), device), 0.0
        for kind, channels_last in ARITHMETICS:
            smoothed = SmoothedClassifier(
                network, 0.25, noise, batch=batch, precision=kind, channels_last=channels_last
            )
            with exact_kernels():
                best_s = whole_loop(smoothed._booth, noise, batch, batches)
            plain_s = plain_s or best_s
            layout = "channels last" if channels_last else "contiguous"
            print(
                f"{name}, {device}, batch {batch}, {kind}, {layout}: "
                f"{1e6 * best_s / (batch * batches):8.2f} µs an image, {plain_s / best_s:.2f} ×"
            )


def whole_loop(booth, noise, batch, batches):
    """Seconds that ``batches`` batches of one image take, the least of five tries."""
    import torch

    image, target = torch.rand(1, 3, 32, 32), np.array([0])
    tries = []
    for _ in range(6):
        (source,) = noise.sources([0], "estimate")
        began = perf_counter()
        booth.hits(image, [source], target, [(0, batch * batches)])  # ends with the counts here
        tries.append(perf_counter() - began)
    return min(tries[1:])  # the first one compiles


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
    for name in sys.argv[1:] or ["throughput", "precision", "saving"]:
        {"throughput": throughput, "precision": precision, "saving": saving}[name]()
