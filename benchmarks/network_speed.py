"""Rounds of MSPD and time of an edge, per CPU second of one core, and of an exact optimum.

Each figure is the best of several repeats; the sizes that are compared take turns.

python benchmarks/network_speed.py
"""

import tempfile
from pathlib import Path
from time import process_time

import numpy as np

from harness.api.cell import Cell
from harness.kernels import coerce, specialise
from harness.random.stream import Stream
from harness_networks.gossip import gossip_matrix
from harness_networks.lad_synthetic import LadSynthetic
from harness_networks.mspd import MSPD
from harness_networks.optimizer import Network, receive
from harness_networks.optimum import slopes_minimum
from harness_networks.topologies import FAMILIES

REPEATS = 7
NODES = (100, 1_024, 10_000)


class Job:
    """What a cell asks: artifacts, built here."""

    suite_seed, task_name, method_name, device, threads = 1, "task", "method", "cpu", 1
    folder, stream = Path(), Stream("benchmark")

    def artifact(self, artifact):
        with tempfile.TemporaryDirectory() as folder:
            self.folder = Path(folder)
            artifact.build(self)
            return artifact.load(self.folder)

    def report(self, metric, value):
        return


def rounds_a_second(inner, rounds):
    task = LadSynthetic(topology="grid", nodes=100, dimension=100, x=100.0)
    method = MSPD(rounds=rounds, inner=inner)
    cells = [Cell(0, Job()) for _ in range(REPEATS)]
    return max(each.final["rounds_per_second"] for each in task.evaluate(method, cells))


def edges(network, sent, received, times):
    for _ in range(times):
        for node in range(sent.shape[0]):
            receive(network, sent, node, received)


def grid_of(nodes):
    matrix = gossip_matrix(FAMILIES["grid"](nodes, 0), "laplacian")
    network = coerce(
        Network(
            starts=matrix.indptr.astype(np.int64),
            neighbours=matrix.indices.astype(np.int64),
            weights=matrix.data,
            degrees=np.ones(nodes),
            keys=np.zeros(nodes, dtype=np.int64),
            shared_key=0,
            is_mean=False,
            hops=1,
            work=1.0,
            first_is_silent=False,
        )
    )
    return network, (matrix.nnz - nodes) // 2


def nanoseconds_an_edge(dimension):
    """Of each number of nodes: ns a link and coordinate."""
    run, best = specialise(edges), dict.fromkeys(NODES, float("inf"))
    grids = {nodes: grid_of(nodes) for nodes in NODES}
    for repeat in range(REPEATS + 1):
        for nodes, (network, links) in grids.items():
            sent, received = np.ones((nodes, dimension)), np.zeros(dimension)
            times = max(1, int(2e8 / (links * dimension))) if repeat else 1  # the first compiles
            began = process_time()
            run(network, sent, received, times)
            spent = 1e9 * (process_time() - began) / (times * links * dimension)
            best[nodes] = min(best[nodes], spent) if repeat else best[nodes]
    return best


def optimum_seconds():
    generator = np.random.default_rng(0)
    rows = generator.standard_normal((500, 100))
    offsets = rows @ generator.standard_normal(100) + generator.laplace(size=500)
    spent = []
    for _ in range(REPEATS):
        began = process_time()
        slopes_minimum(rows, offsets, -1.0)
        spent.append(process_time() - began)
    return min(spent)


def main():
    for inner, rounds, target in ((1, 40_000, 20_000), (10, 8_000, 5_000)):
        found = rounds_a_second(inner, rounds)
        print(f"MSPD, 10×10 grid, d = 100, M = {inner}: {found:,.0f} rounds/s (target {target:,})")
    for dimension in (20, 100):
        costs = nanoseconds_an_edge(dimension)
        told = ", ".join(f"{cost:.2f} ns at {nodes:,}" for nodes, cost in costs.items())
        ratio = max(costs.values()) / costs[100]
        print(f"edge and coordinate, d = {dimension}: {told} nodes; {ratio:.2f}× (target 2×)")
    print(f"optimum of 100 nodes × 5 rows, d = 100: {optimum_seconds():.2f} s (target 5 s)")


if __name__ == "__main__":
    main()
