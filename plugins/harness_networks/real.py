"""The same programs on real processes: one a node, neighbours joined by loopback links.

Nodes are started from here with the graph, their own rows and the method; they exchange
messages over ``torch.distributed`` (gloo), only along links, and write their answers where the
task reads them. A node adds up what came from its neighbours in ascending order, as the simulated
network does, so both give the same bits; the wall clock stands beside the simulated one.

A node that dies ends the run at once, with its number and how it died; nothing waits for ever.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, ClassVar, NamedTuple

import numpy as np
from annotated_types import Gt

from harness import Cell, Method, Metric, Outcome
from harness.kernels import coerce
from harness_networks.instance import Instance, mean_at
from harness_networks.lad_synthetic import LadSynthetic
from harness_networks.metrics import METRICS
from harness_networks.node_job import LINK_BROKEN, NodeJob, write_job
from harness_networks.objectives import FloatArray, IntArray, Objective, local_of, slopes_oracle
from harness_networks.optimizer import (
    OVERFLOW,
    Facts,
    Network,
    NetworkOptimizer,
    Ran,
    advance,
    spread_of,
)
from harness_networks.real_data import RealData
from harness_networks.task import NetworkTask, Prepared, network_of

__all__ = ["NodeDied", "RealLad", "RealNetworkData", "run_nodes", "simulated_answers"]

MOST_NODES = 16
_NO_TORCH = "torch is not installed: pip install 'algo-harness[networks-real]'"
_POLL_S = 0.05
_GRACE_S = 5.0  # between the terminating signal and the killing one


class NodeDied(RuntimeError):
    """A node's process ended before its work did; the message names it."""


class Measured(NamedTuple):
    """What came back from a real run, after each step that was looked at."""

    steps: IntArray  # (looks,)
    wall_s: FloatArray  # (looks,) when the last node was done with it
    subgradients: IntArray  # (looks,) most of a node
    answers: FloatArray  # (looks, nodes, d)


def run_nodes(jobs: Sequence[NodeJob], folder: Path, timeout_s: float) -> Measured:
    """Start every node, wait for all, read their answers.

    Raises
    ------
    NodeDied
        When a process ends with an error, or does not end in time.
    """
    processes = [_start(job, folder) for job in jobs]
    try:
        _wait(processes, folder, timeout_s)
    finally:
        _end(processes)
    found = [np.load(folder / f"{job.rank}.answer.npz") for job in jobs]
    return Measured(
        steps=found[0]["steps"],
        wall_s=np.max([each["wall_s"] for each in found], axis=0),
        subgradients=np.max([each["calls"] for each in found], axis=0),
        answers=np.stack([each["answers"] for each in found], axis=1),
    )


def _start(job: NodeJob, folder: Path) -> subprocess.Popen[bytes]:
    told = folder / f"{job.rank}.job.npz"
    write_job(job, told)
    with (folder / f"{job.rank}.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "harness_networks.node", str(told)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=_environment(),
        )


def _environment() -> dict[str, str]:
    """The parent's, with what it can import; links stay on the loopback interface."""
    paths = os.pathsep.join(path for path in sys.path if path)
    return {
        **os.environ,
        "PYTHONPATH": paths,
        "OMP_NUM_THREADS": "1",
        # Otherwise gloo listens where the host's name points to.
        "GLOO_SOCKET_IFNAME": "lo0" if sys.platform == "darwin" else "lo",
    }


def _wait(processes: Sequence[subprocess.Popen[bytes]], folder: Path, timeout_s: float) -> None:
    """Until all ended well; the first that did not is named."""
    deadline = time.monotonic() + timeout_s
    while True:
        codes = [process.poll() for process in processes]
        for rank, code in enumerate(codes):
            # A neighbour's death breaks a node's links, and it says so by another code.
            if code not in (None, 0, LINK_BROKEN):
                raise NodeDied(f"node {rank} died ({_how(code)}): {_last_line(folder, rank)}")
        if all(code is not None for code in codes):
            broken = [rank for rank, code in enumerate(codes) if code]
            if broken:
                told = _last_line(folder, broken[0])
                raise NodeDied(f"node {broken[0]} lost its links: {told}")
            return
        if time.monotonic() > deadline:
            late = [str(rank) for rank, code in enumerate(codes) if code is None]
            begun = sum(1 for _ in folder.glob("*.began"))
            told = "" if begun else "; none of them had begun, a start takes seconds a node"
            raise NodeDied(
                f"node {', '.join(late)} did not end within wait_s: {timeout_s:g} seconds{told}"
            )
        time.sleep(_POLL_S)


def _how(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def _last_line(folder: Path, rank: int) -> str:
    lines = (folder / f"{rank}.log").read_text(errors="replace").strip().splitlines()
    return lines[-1][:300] if lines else "it said nothing"


def _end(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        if process.poll() is None:
            process.terminate()
    until = time.monotonic() + _GRACE_S
    for process in processes:
        try:
            process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def simulated_answers(job: NodeJob, network: Network, objective: Objective) -> FloatArray:
    """What every node answers on the simulated network, by the same program: (nodes, d)."""
    method, parameters, known = job.method, job.parameters, job.known
    state = np.zeros((known.nodes, method.vectors, known.dimension))
    work = np.zeros((method.workspace, known.dimension))
    messages = np.zeros((2, known.nodes, method.width * known.dimension))
    answers = np.zeros((known.nodes, known.dimension))
    calls = np.zeros(known.nodes, dtype=np.int64)
    for own, first in zip(state, messages[0], strict=True):
        method.init(parameters, known, own, first)
    for t in range(1, parameters.steps + 1):
        advance(
            method.step, slopes_oracle, parameters, known, network, objective,
            t, state, work, messages, calls,
        )  # fmt: skip
    for own, answer in zip(state, answers, strict=True):
        method.answer(parameters, parameters.steps, own, answer)
    return answers


def free_port() -> int:
    """A loopback port that nobody listens on at present."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


_FINAL = tuple(replace(each, axis=None) for each in METRICS if not each.is_cost)

REAL_METRICS = (
    *_FINAL,
    Metric(
        name="off_simulation",
        type="exact",
        description="largest difference of a coordinate of a node's answer from the answer "
        "of that node on the simulated network",
    ),
    Metric(
        name="wall",
        unit="s",
        is_cost=True,
        description="the real clock, from the first exchange to the last step",
    ),
    Metric(
        name="wall_to_epsilon",
        unit="s",
        is_cost=True,
        description="the real clock until the gap stays at most ε",
    ),
)


@dataclass(frozen=True, kw_only=True)
class OnProcesses(NetworkTask):
    """A network of real processes over gloo in place of the simulated one; needs torch."""

    metrics: ClassVar[tuple[Metric, ...]] = REAL_METRICS

    wait_s: Annotated[float, Gt(0)] = 120.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.node_count() > MOST_NODES:
            raise ValueError(
                f"at most {MOST_NODES} processes, one a node: {self.topology} has "
                f"{self.node_count()} nodes"
            )
        if self.oracles().subgradient is not slopes_oracle:
            raise ValueError("opposed terms are for the simulated network")

    def check(self, method: Method) -> None:
        """Refuse what does not run on real nodes."""
        super().check(method)
        if isinstance(method, NetworkOptimizer) and method.channel == "centre":
            raise ValueError(f"{type(method).__name__} runs on one machine: there is no network")

    def evaluate(self, method: Method, cells: Sequence[Cell]) -> Iterator[Outcome]:
        """One set of processes a cell."""
        assert isinstance(method, NetworkOptimizer), "check() refuses others"
        for cell in cells:
            if find_spec("torch") is None:
                yield Outcome.skip(cell, _NO_TORCH)
                continue
            prepared = self.prepare(cell)
            parameters = self.parameters_of(method, prepared)
            if reason := self.too_long(parameters, prepared):
                yield Outcome.skip(cell, reason)
                continue
            jobs = self.jobs(method, parameters, prepared, cell)
            with tempfile.TemporaryDirectory(prefix="harness-nodes-") as folder:
                measured = run_nodes(jobs, Path(folder), self.wait_s)
            network = network_of(prepared.graph, method, self.matrix, jobs[0].known, cell)
            simulated = simulated_answers(jobs[0], network, coerce(prepared.instance.objective))
            ran, looks = self._ran(measured, prepared, network)
            final, censored = self.final(method, ran, prepared, parameters)
            final["off_simulation"] = float(np.abs(measured.answers[-1] - simulated).max())
            final["wall"] = float(measured.wall_s[-1])
            final["wall_to_epsilon"] = float(measured.wall_s[looks])
            yield Outcome(
                cell=cell,
                final=final,
                facts=Facts(prepared.known, prepared.start_gap),
                censored=censored | {"wall_to_epsilon"} if censored else censored,
            )

    def jobs(
        self, method: NetworkOptimizer, parameters: Any, prepared: Prepared, cell: Cell
    ) -> list[NodeJob]:
        """What each node's process is told."""
        known, port = coerce(prepared.known), free_port()
        network = network_of(prepared.graph, method, self.matrix, known, cell)
        calls = np.zeros(known.nodes, dtype=np.int64)
        objective = coerce(prepared.instance.objective)
        jobs = []
        for rank in range(known.nodes):
            row = slice(network.starts[rank], network.starts[rank + 1])
            job = NodeJob(
                rank=rank,
                nodes=known.nodes,
                port=port,
                wait_s=float(self.wait_s),
                method=type(method),
                parameters=parameters,
                known=known,
                local=local_of(objective, rank, calls),
                neighbours=network.neighbours[row],
                weights=network.weights[row],
                degree=float(network.degrees[rank]),
                key=int(network.keys[rank]),
                shared_key=network.shared_key,
                is_mean=network.is_mean,
                first_is_silent=network.first_is_silent,
            )
            jobs.append(job)
        return jobs

    def _ran(self, measured: Measured, prepared: Prepared, network: Network) -> tuple[Ran, int]:
        """The run in the simulated network's terms, and at which look ε was reached for good."""
        known, instance = prepared.known, prepared.instance
        means = np.zeros((len(measured.steps), known.dimension))
        for node in range(known.nodes):  # in the order of the simulated network
            means += measured.answers[:, node]
        means /= known.nodes
        gaps = np.array([self._gap(instance, mean) for mean in means])
        hops = (measured.steps - int(network.first_is_silent)) * network.hops
        clocks = measured.subgradients + hops * known.tau
        late = np.flatnonzero(gaps > known.eps)
        reached = int(late[-1]) + 1 if late.size else 0
        is_reached = reached < len(gaps)
        look = reached if is_reached else len(gaps) - 1
        ran = Ran(
            steps=int(measured.steps[-1]),
            clock=float(clocks[-1]),
            subgradients=int(measured.subgradients[-1]),
            communications=int(hops[-1]),
            gap=float(gaps[-1]),
            worst_gap=max(self._gap(instance, answer) for answer in measured.answers[-1]),
            consensus=min(spread_of(np.vstack([measured.answers[-1], means[-1]])), OVERFLOW),
            reached_step=int(measured.steps[look]) if is_reached else 0,
            reached_clock=float(clocks[look]),
            reached_subgradients=int(measured.subgradients[look]),
            reached_communications=int(hops[look]),
            has_diverged=not gaps[-1] < OVERFLOW,
        )
        return ran, look

    def _gap(self, instance: Instance, point: FloatArray) -> float:
        gap = mean_at(instance.objective, point, self.oracles().value) - instance.minimum
        return gap if gap <= OVERFLOW else OVERFLOW


@dataclass(frozen=True, kw_only=True)
class RealLad(OnProcesses, LadSynthetic):
    """``networks/lad-synthetic`` on real processes over gloo, at most 16; needs torch.

    Declare ``processes: 16`` of the hardware class, and memory for a Python with torch each.

    Parameters
    ----------
    wait_s
        How long a run may take before its nodes are ended.
    """


@dataclass(frozen=True, kw_only=True)
class RealNetworkData(OnProcesses, RealData):
    """``networks/data`` on real processes, as ``networks/lad-real``: real rows on a real network.

    Parameters
    ----------
    wait_s
        How long a run may take before its nodes are ended.
    """
