"""Hit-and-run here against hopsy's: one polytope of 200 facets in d = 50, in one run.

    python benchmarks/hit_and_run_against_hopsy.py [--peer-python PATH] [--repeats 3]

The facets' normals are uniform on the sphere and all at distance 1. Effective draws are ArviZ's
(mean over the coordinates, of x and of x²), divided by CPU seconds of sampling alone: compilation,
burn-in and the making of the polytope are left out on both sides. The two alternate.

The peer is installed into a virtual environment of its own (removed afterwards), or is the one of
``--peer-python``.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "plugins")]

PEER = "hopsy==1.7.0"
FACETS, DIMENSION, SEED = 200, 50, 7
CHAINS = 64

PEER_PROGRAM = """
import sys, time
import numpy as np
import hopsy

data, out, proposal, seed = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
tables = np.load(data)
problem = hopsy.Problem(tables["normals"], tables["offsets"])
size = tables["normals"].shape[1]
kind = getattr(hopsy, proposal)
chains = [hopsy.MarkovChain(problem, proposal=kind, starting_point=np.zeros(size))
          for _ in range(4)]
streams = [hopsy.RandomNumberGenerator(seed, stream) for stream in range(4)]
hopsy.sample(chains, streams, n_samples=200, thinning=50, n_threads=1)
start = time.process_time()
_, draws = hopsy.sample(chains, streams, n_samples=2500, thinning=50, n_threads=1)
seconds = time.process_time() - start
np.savez(out, draws=draws, seconds=seconds)
"""


class Rate(NamedTuple):
    """Effective draws a CPU second, and steps."""

    of_x: float
    of_squares: float
    steps: float


def polytope():
    """Normals on the sphere, offsets 1."""
    import numpy as np

    normals = np.random.default_rng(SEED).standard_normal((FACETS, DIMENSION))
    return normals / np.linalg.norm(normals, axis=1, keepdims=True), np.ones(FACETS)


def rate(draws, steps: int, seconds: float) -> Rate:
    """Of (chains, draws, d) and CPU seconds."""
    from arviz_stats.base import array_stats

    def effective(values) -> float:
        found = [
            float(array_stats.ess(values[..., j], chain_axis=0, draw_axis=1))
            for j in range(values.shape[2])
        ]
        return sum(found) / len(found)

    return Rate(effective(draws) / seconds, effective(draws**2) / seconds, steps / seconds)


def ours(method, every: int, draws: int, seed: int) -> Rate:
    """``draws`` of each of 64 chains, ``every`` steps apart."""
    import numpy as np

    from harness_sampling.chains import Chains
    from harness_sampling.polytope import Polytope
    from harness_sampling.uniform import Uniform

    body = Polytope(*polytope())
    chains = Chains(method, body, Uniform(), chains=CHAINS, key=seed, start=np.zeros(DIMENSION))
    chains.run(20 * every)
    before = chains.seconds
    kept = np.empty((CHAINS, draws, DIMENSION))
    for place in range(draws):
        chains.run(every)
        kept[:, place] = chains.x
    seconds = chains.seconds - before
    slack = body.b - kept @ body.a.T
    if slack.min() < 0:
        sys.exit(f"a draw left the polytope: slack {slack.min()}")
    return rate(kept, CHAINS * draws * every, seconds)


def peer(python: str, tables: Path, out: Path, proposal: str, seed: int) -> Rate:
    import numpy as np

    command = [python, "-c", PEER_PROGRAM, str(tables), str(out), proposal, str(seed)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"the peer failed:\n{done.stderr[-2000:]}")
    found = np.load(out)
    return rate(found["draws"], 4 * 2500 * 50, float(found["seconds"]))


def install(folder: Path) -> str:
    subprocess.run([sys.executable, "-m", "venv", str(folder / "peer")], check=True)
    python = str(folder / "peer" / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "-q", PEER], check=True)
    return python


def shown(name: str, rates: list[Rate]) -> float:
    of_x = median(each.of_x for each in rates)
    squares = median(each.of_squares for each in rates)
    steps = median(each.steps for each in rates)
    print(
        f"{name:<44} {steps / 1e6:6.2f} M steps/s  ESS/s of x {of_x:8,.0f}, of x² {squares:8,.0f}"
    )
    return of_x


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer-python", help="an interpreter that has hopsy")
    parser.add_argument("--repeats", type=int, default=3)
    chosen = parser.parse_args()
    import numpy as np

    from harness_sampling.hit_and_run import CoordinateHitAndRun, HitAndRun

    pairs = {
        "random direction": ("UniformHitAndRunProposal", HitAndRun(), 50, 200),
        "coordinate": (
            "UniformCoordinateHitAndRunProposal",
            CoordinateHitAndRun(order="cyclic"),
            500,
            200,
        ),
    }
    normals, offsets = polytope()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.savez(folder / "tables.npz", normals=normals, offsets=offsets)
        python = chosen.peer_python or install(folder)
        for title, (proposal, method, every, draws) in pairs.items():
            theirs, here = [], []
            for seed in range(chosen.repeats):
                out = folder / "draws.npz"
                theirs.append(peer(python, folder / "tables.npz", out, proposal, seed + 1))
                here.append(ours(method, every, draws, seed + 1))
            of_peer = shown(f"{PEER}, {title}", theirs)
            of_ours = shown(f"here, {title}, {CHAINS} chains", here)
            print(f"  {of_ours / of_peer:.2f} times the peer's ESS/s of x")


if __name__ == "__main__":
    main()
