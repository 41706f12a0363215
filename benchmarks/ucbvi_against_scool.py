"""UCBVI here against rlberry-scool's UCBVIAgent: the same MDP, episodes and bonus, in one run.

    python benchmarks/ucbvi_against_scool.py [--peer-python PATH]

The peer is installed into a virtual environment of its own (removed afterwards), or is the one of
``--peer-python``. Both count over all steps and use the peer's bonus √(1/n) + (H − h)/n; ours
plans densely and evaluates the exact regret of each episode besides.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "plugins")]

PEER = "rlberry-scool==0.7.3"
EPISODES = 100
HORIZON = 20
REPEATS = 3

PEER_PROGRAM = """
import sys, time, warnings
warnings.simplefilter("ignore")
import numpy as np
from rlberry.envs.finite_mdp import FiniteMDP
from rlberry_scool.agents.ucbvi import UCBVIAgent

class Garnet(FiniteMDP):
    def _check(self):
        "Rows sum to one within 1e-12; the base class asks for 1e-15."
        assert np.abs(self.P.sum(axis=2) - 1).max() < 1e-12

data, episodes, horizon, repeats = sys.argv[1], *map(int, sys.argv[2:])
tables = np.load(data)
best = 0.0
for _ in range(repeats):
    env = Garnet(tables["reward"], tables["probability"], 0)
    env.reward_range = (0, 1)
    agent = UCBVIAgent(env, gamma=1.0, horizon=horizon, bonus_scale_factor=1.0)
    agent.fit(budget=2)  # its inner loops are compiled by numba: not counted
    agent.reset()
    start = time.process_time()
    agent.fit(budget=episodes)
    best = max(best, episodes * horizon / (time.process_time() - start))
print(best)
"""


def garnet():
    from harness_mdp.garnet import Garnet

    return Garnet(stationary=True, episodes=EPISODES, horizon=HORIZON)


def ours(agent) -> float:
    """Steps a second, best of the seeds: each is a run of as many episodes as the peer's."""
    import harness

    return float(harness.evaluate(garnet(), [agent], seeds=REPEATS)["steps_per_second"].max())


def save_tables(path: Path) -> None:
    """The MDP of seed 0 of ``harness.evaluate``, dense, as the peer wants it."""
    import numpy as np

    from harness.random.stream import Stream

    model = garnet().instance(Stream("task", 0, "mdp/garnet", 0).sub("instance"))
    _, states, actions, width = model.successor.shape
    dense = np.zeros((states, actions, states))
    for x, a, j in np.ndindex(states, actions, width):
        dense[x, a, model.successor[0, x, a, j]] += model.probability[0, x, a, j]
    np.savez(path, probability=dense, reward=model.reward[0])


def peer(python: str, tables: Path) -> float:
    command = [python, "-c", PEER_PROGRAM, str(tables), *map(str, (EPISODES, HORIZON, REPEATS))]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"the peer failed:\n{done.stderr[-2000:]}")
    return float(done.stdout.split()[-1])


def install(folder: Path) -> str:
    subprocess.run([sys.executable, "-m", "venv", str(folder / "peer")], check=True)
    python = str(folder / "peer" / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "-q", PEER], check=True)
    return python


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer-python", help="an interpreter that has rlberry-scool")
    chosen = parser.parse_args()
    from harness_mdp.ucbvi import UCBVIBernstein, UCBVIHoeffding

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save_tables(folder / "tables.npz")
        theirs = peer(chosen.peer_python or install(folder), folder / "tables.npz")
    print(f"{PEER} UCBVIAgent: {theirs:12,.0f} steps/s")
    for label, agent in (
        ("UCBVI, the peer's bonus", UCBVIHoeffding(bonus="rlberry")),
        ("UCBVI-CH", UCBVIHoeffding()),
        ("UCBVI-BF", UCBVIBernstein()),
    ):
        found = ours(agent)
        print(f"{label:<32} {found:12,.0f} steps/s, {found / theirs:,.0f} times")


if __name__ == "__main__":
    main()
