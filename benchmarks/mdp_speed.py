"""Speed and memory of the episodic tasks, through ``harness.evaluate``.

    python benchmarks/mdp_speed.py [speed|scales|memory]

``speed``: UCB-H on a Garnet MDP (S = 20, A = 4, H = 20, b = 5, c = .01), with exact regret of
every episode and with the sum of gaps. ``scales``: the same at other bonus scales, since exact
evaluation costs most in the middle of learning. ``memory``: growth of the resident set while
UCB-H, and UCBVI's dense counts, are made and played, in a fresh process each.
"""

from __future__ import annotations

import subprocess
import sys
from math import log
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "plugins")]

UCB_H_SIZES = (500, 1000, 2000, 4000)  # A = 10, H = 50
UCBVI_SIZES = (100, 200, 400)  # A = 10, H = 20


def steps_per_second(c: float, **options) -> tuple[float, float]:
    """Median over three seeds of the metric; and steps a CPU second of the whole call."""
    import harness
    from harness_mdp.garnet import Garnet
    from harness_mdp.ucb_h import UCBHoeffding

    task = Garnet(**options)
    harness.evaluate(Garnet(**{**options, "episodes": 1}), [UCBHoeffding(c=c)], seeds=1)
    began = process_time()
    frame = harness.evaluate(task, [UCBHoeffding(c=c)], seeds=3)
    seconds = process_time() - began
    return median(frame["steps_per_second"]), 3 * task.episodes * task.horizon / seconds


def speed() -> None:
    for regret, episodes in (("gaps", 10**6), ("exact", 10**6), ("exact", 10**5)):
        loop, whole = steps_per_second(0.01, regret=regret, episodes=episodes)
        print(
            f"c = .01, regret: {regret}, {episodes:>9,} episodes: {loop / 1e6:5.1f} million"
            f" steps/s in the loop, {whole / 1e6:5.1f} through harness.evaluate"
        )


def scales() -> None:
    for c in (0.01, 0.03, 0.1, 1.0):
        loop, _ = steps_per_second(c, regret="exact", episodes=10**5)
        print(f"c = {c:<4}, regret: exact, 100,000 episodes: {loop / 1e6:5.1f} million steps/s")


def resident() -> int:
    """Bytes of the resident set now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


def grown(name: str, states: int) -> None:
    """In a fresh process: print bytes by which the resident set grew, and the state's size."""
    import numpy as np

    from harness.random.stream import Stream
    from harness_mdp import evaluation
    from harness_mdp.driver import Curves
    from harness_mdp.episodic import _bytes_of, _game, _Instance
    from harness_mdp.garnet import Garnet
    from harness_mdp.model import optimum_of
    from harness_mdp.ucb_h import UCBHoeffding
    from harness_mdp.ucbvi import UCBVIHoeffding

    agent = UCBHoeffding() if name == "ucb-h" else UCBVIHoeffding()
    task = Garnet(
        states=states,
        actions=10,
        horizon=50 if name == "ucb-h" else 20,
        episodes=1,
        regret="gaps",
    )
    game = _game(task, agent, task.facts())
    model = task.instance(Stream("memory"))
    known = _Instance(model, optimum_of(model))
    game.warm_up(known)
    before = resident()
    state = game.new_state(1)
    for array in state:
        array += 0  # zero pages are not resident until they are written to
    ledger = evaluation.open_ledger(task.facts(), model, is_mixture=False, audit=0)
    curves = Curves(np.ones(1, np.int64), np.zeros(1), np.zeros(1))
    game.play(state, known, ledger, 3, 4, curves)
    print(resident() - before, _bytes_of(state))


def memory() -> None:
    for name, sizes in (("ucb-h", UCB_H_SIZES), ("ucbvi", UCBVI_SIZES)):
        found = []
        for states in sizes:
            command = [sys.executable, __file__, "grown", name, str(states)]
            text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            found.append([int(each) for each in text.split()])
            print(
                f"{name}, S = {states:>5,}: grew by {found[-1][0] / 2**20:7.1f} MiB,"
                f" arrays {found[-1][1] / 2**20:7.1f} MiB"
            )
        slope = log(found[-1][0] / found[0][0]) / log(sizes[-1] / sizes[0])
        print(f"{name}: exponent in S {slope:.2f}")


if __name__ == "__main__":
    chosen = sys.argv[1] if len(sys.argv) > 1 else "all"
    if chosen == "grown":
        grown(sys.argv[2], int(sys.argv[3]))
        sys.exit()
    start = perf_counter()
    for name, part in (("speed", speed), ("scales", scales), ("memory", memory)):
        if chosen in (name, "all"):
            part()
    print(f"{perf_counter() - start:.0f} s")
