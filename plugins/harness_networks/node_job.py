"""What one node's process is told, and the file that tells it: numbers, names and arrays.

The file is one ``.npz`` without pickled objects: a JSON text beside the node's own arrays. Classes
go by their module and name, so a node runs only what its Python finds installed.
"""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from harness_networks.objectives import FloatArray, IntArray, Local
from harness_networks.optimizer import Known, NetworkOptimizer

__all__ = ["LINK_BROKEN", "NodeJob", "read_job", "write_job"]

LINK_BROKEN = 75  # a node's exit code when an exchange fails


class NodeJob(NamedTuple):
    """All that one node's process is told."""

    rank: int
    nodes: int
    port: int
    wait_s: float  # how long an exchange may take
    method: type[NetworkOptimizer]
    parameters: Any
    known: Known
    local: Local
    neighbours: IntArray  # of its row of the matrix, itself included, ascending
    weights: FloatArray
    degree: float
    key: int
    shared_key: int
    is_mean: bool
    first_is_silent: bool
    dies_at: int = 0  # step at which it ends itself, for tests


_NUMBERS = (
    "rank", "nodes", "port", "wait_s", "degree", "key", "shared_key", "is_mean", "first_is_silent",
    "dies_at",
)  # fmt: skip


def write_job(job: NodeJob, path: Path) -> None:
    """Keep ``job`` in ``path``, which ends in ``.npz``.

    Raises
    ------
    ValueError
        For parameters of a method that are no numbers or texts: the program cannot be sent.
    """
    told = {name: getattr(job, name) for name in _NUMBERS}
    told["method"] = _place(job.method)
    told["parameters"] = [_place(type(job.parameters)), *job.parameters]
    told["known"] = list(job.known)
    told["law"], told["low"] = job.local.law, job.local.low
    try:
        text = json.dumps(told)
    except TypeError as error:
        raise ValueError(
            f"the parameters of {job.method.__name__} cannot be sent to a node: {error}"
        ) from error
    np.savez(
        path,
        told=text,
        rows=job.local.rows,
        offsets=job.local.offsets,
        chain=job.local.chain,
        neighbours=job.neighbours,
        weights=job.weights,
    )


def read_job(path: Path) -> NodeJob:
    """The job that :func:`write_job` kept; nothing was counted yet."""
    with np.load(path, allow_pickle=False) as kept:
        told = json.loads(str(kept["told"]))
        parameters, *values = told["parameters"]
        return NodeJob(
            method=_found(told["method"]),
            parameters=_found(parameters)(*values),
            known=Known(*told["known"]),
            local=Local(
                law=told["law"],
                low=told["low"],
                rows=kept["rows"],
                offsets=kept["offsets"],
                chain=kept["chain"],
                calls=np.zeros(1, dtype=np.int64),
            ),
            neighbours=kept["neighbours"],
            weights=kept["weights"],
            **{name: told[name] for name in _NUMBERS},
        )


def _place(cls: type[Any]) -> str:
    return f"{cls.__module__}:{cls.__qualname__}"


def _found(place: str) -> Any:
    module, _, name = place.partition(":")
    found: Any = import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return found
