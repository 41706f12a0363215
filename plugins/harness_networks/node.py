"""The process of one node: ``python -m harness_networks.node FILE``; the only user of torch."""

from __future__ import annotations

import os
import sys
import time
from datetime import timedelta
from pathlib import Path

import numpy as np

from harness_networks.node_job import LINK_BROKEN, NodeJob, read_job
from harness_networks.objectives import FloatArray, slopes_oracle
from harness_networks.optimizer import Node, next_look

__all__ = ["main"]


class LinkBroken(RuntimeError):
    """A neighbour is gone; what the program itself raises is something else."""


def main(path: Path) -> int:
    """Run the node whose job lies at ``path``; its answer is written beside it."""
    import torch.distributed as links

    job = read_job(path)
    links.init_process_group(
        "gloo",
        init_method=f"tcp://127.0.0.1:{job.port}",
        rank=job.rank,
        world_size=job.nodes,
        timeout=timedelta(seconds=job.wait_s),
    )
    _warm_up(job)
    links.barrier()
    path.with_name(f"{job.rank}.began").touch()
    try:
        seen = _run(job)
    except LinkBroken as broken:
        print(broken, flush=True)
        # No tidying up: it would wait for those that are gone.
        os._exit(LINK_BROKEN)
    steps, wall_s, calls, answers = (np.array(each) for each in zip(*seen, strict=True))
    draft = path.with_name(f"{job.rank}.draft.npz")
    np.savez(draft, steps=steps, wall_s=wall_s, calls=calls, answers=answers)
    draft.rename(path.with_name(f"{job.rank}.answer.npz"))
    links.barrier()
    links.destroy_process_group()
    return 0


def _warm_up(job: NodeJob) -> None:
    """One step thrown away: what it imports and compiles is no part of the run's wall clock."""
    method, known = job.method, job.known
    own = np.zeros((method.vectors, known.dimension))
    work = np.zeros((method.workspace, known.dimension))
    message = np.zeros(method.width * known.dimension)
    node = Node(job.degree, job.key, job.shared_key)
    uncounted = job.local._replace(calls=np.zeros(1, dtype=np.int64))
    method.init(job.parameters, known, own, message)
    received = np.zeros_like(message)
    method.step(
        job.parameters, known, node, 1, own, work, received, message, slopes_oracle, uncounted
    )


def _run(job: NodeJob) -> list[tuple[int, float, int, FloatArray]]:
    """All steps. Of those that are measured: step, seconds, sub-gradients so far, answer."""
    method, known, steps = job.method, job.known, job.parameters.steps
    own = np.zeros((method.vectors, known.dimension))
    work = np.zeros((method.workspace, known.dimension))
    message = np.zeros(method.width * known.dimension)
    node = Node(job.degree, job.key, job.shared_key)
    seen: list[tuple[int, float, int, FloatArray]] = []
    due, began = 1, time.perf_counter()
    method.init(job.parameters, known, own, message)
    for t in range(1, steps + 1):
        if t == 1 and job.first_is_silent:
            received = np.zeros_like(message)
        else:
            received = _received(job, message)
        if t == job.dies_at:
            os._exit(3)
        method.step(
            job.parameters, known, node, t, own, work, received, message, slopes_oracle, job.local
        )
        if t in (due, steps):
            wall_s, answer = time.perf_counter() - began, np.zeros(known.dimension)
            method.answer(job.parameters, t, own, answer)
            seen.append((t, wall_s, int(job.local.calls[0]), answer))
            due = next_look(t)
    return seen


def _received(job: NodeJob, message: FloatArray) -> FloatArray:
    """One communication."""
    try:
        return _gather_mean(job, message) if job.is_mean else _exchange(job, message)
    except RuntimeError as error:  # what gloo raises when a neighbour is gone
        raise LinkBroken(str(error)) from error


def _exchange(job: NodeJob, message: FloatArray) -> FloatArray:
    """The node's row of the matrix times what its neighbours sent, in ascending order."""
    import torch
    import torch.distributed as links

    sent = torch.from_numpy(message.copy())
    others = [int(j) for j in job.neighbours if j != job.rank]
    arrived = {j: torch.empty_like(sent) for j in others}
    waiting = [links.isend(sent, j) for j in others]
    waiting += [links.irecv(arrived[j], j) for j in others]
    for each in waiting:
        each.wait()
    received = np.zeros_like(message)
    for place, (j, weight) in enumerate(zip(job.neighbours, job.weights, strict=True)):
        term = weight * (message if j == job.rank else arrived[int(j)].numpy())
        received = term if place == 0 else received + term
    return received


def _gather_mean(job: NodeJob, message: FloatArray) -> FloatArray:
    """The mean over all nodes, added up in ascending order."""
    import torch
    import torch.distributed as links

    sent = torch.from_numpy(message.copy())
    arrived = [torch.empty_like(sent) for _ in range(job.nodes)]
    links.all_gather(arrived, sent)
    total = arrived[0].numpy().copy()
    for each in arrived[1:]:
        total += each.numpy()
    return total / job.nodes


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
