"""Speed and memory of projected Langevin on a box, through ``harness.evaluate``.

    python benchmarks/sampling_speed.py [speed|memory]

A chain-step is one step of one chain in all coordinates: at d = 100 that is 100 normals and 100
clipped updates. ``speed``: steps a CPU second of the loop (the task's own metric), and of the
whole call, planning and exact laws included, compilation left out. ``memory``: growth of the
resident set with the number of steps, in fresh processes.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from statistics import median
from time import process_time

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "plugins")]

STEPS = 300_000
DIMENSION, CHAINS, ETA = 100, 64, 0.01
SEEDS = 3


def task(steps: int, dimension: int = DIMENSION, chains: int = CHAINS):
    from harness_sampling.body_tasks import BoxTask

    return BoxTask(dimension=dimension, chains=chains, steps=steps, burn=0, draws=200)


def methods():
    from harness_sampling.hit_and_run import CoordinateHitAndRun, HitAndRun
    from harness_sampling.projected_langevin import ProjectedLangevin

    return {
        "projected Langevin": ProjectedLangevin(eta=ETA),
        "hit-and-run": HitAndRun(),
        "cyclic coordinates": CoordinateHitAndRun(),
    }


def speed() -> None:
    import harness

    for name, method in methods().items():
        for dimension, chains in ((DIMENSION, CHAINS), (10, CHAINS)):
            steps = STEPS if name == "projected Langevin" else STEPS // 20
            harness.evaluate(task(200, dimension, chains), [method], seeds=1)
            began = process_time()
            frame = harness.evaluate(task(steps, dimension, chains), [method], seeds=SEEDS)
            seconds = process_time() - began
            loop = median(frame["chain_steps_per_second"])
            whole = SEEDS * steps * chains / seconds
            print(
                f"{name:<20} d = {dimension:>3}, {chains} chains: {loop / 1e6:6.2f} million"
                f" chain-steps/s in the loop, {whole / 1e6:6.2f} through harness.evaluate"
            )


def peak() -> int:
    """Bytes of the largest resident set so far."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def memory() -> None:
    for steps in (1_000, 10_000, 100_000):
        command = [sys.executable, __file__, "peak", str(steps)]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        print(f"{steps:>8,} steps: peak resident {int(text) / 2**20:6.1f} MiB")


def run_once(steps: int) -> None:
    import harness

    harness.evaluate(task(steps), [methods()["projected Langevin"]], seeds=1)
    print(peak())


if __name__ == "__main__":
    chosen = sys.argv[1] if len(sys.argv) > 1 else "all"
    if chosen == "peak":
        run_once(int(sys.argv[2]))
        sys.exit()
    for name, part in (("speed", speed), ("memory", memory)):
        if chosen in (name, "all"):
            part()
