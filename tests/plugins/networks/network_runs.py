"""Cells of network tasks without a run, artifacts built in a folder and streams as in a suite;
and what a gossip matrix must be.
"""

import inspect
import tempfile
from pathlib import Path
from unittest import mock

import networkx as nx
import numpy as np

from harness.api.cell import Cell
from harness.kernels import specialise
from harness.random.stream import Stream


class BuildContext:
    """What an artifact's build works with."""

    def __init__(self, folder, stream):
        self.folder, self.stream, self.checkpoint_dir = folder, stream, folder
        self.device, self.threads = "cpu", 1
        self.metrics = {}

    def report(self, metric, value):
        self.metrics[metric] = value


class Job:
    """What the cells of one job share."""

    suite_seed, task_name, method_name, device, threads = 1, "task", "method", "cpu", 1

    def __init__(self):
        self.kept = {}

    def artifact(self, artifact):
        key = repr(artifact)
        if key not in self.kept:
            with tempfile.TemporaryDirectory() as folder:
                seed = getattr(artifact, "seed", None)
                stream = Stream("artifact", self.suite_seed, artifact.name, seed or 0)
                artifact.build(BuildContext(Path(folder), stream))
                self.kept[key] = artifact.load(Path(folder))
        return self.kept[key]


def cell_of(seed=0, job=None):
    return Cell(seed, job or Job())


def outcomes(task, method, seeds=(0,)):
    task.check(method)
    job = Job()
    return list(task.evaluate(method, [Cell(seed, job) for seed in seeds]))


def final(task, method, seed=0):
    return outcomes(task, method, (seed,))[0].final


def plain_final(task, method, seed=0, job=None):
    """As ``final``, the driver in plain Python: to compile one takes seconds."""

    def plain(driver, **functions):
        return specialise(driver, **functions).plain

    module = inspect.getmodule(type(task).evaluate)
    with mock.patch.object(module, "specialise", plain):
        return next(task.evaluate(method, [cell_of(seed, job)])).final


def check_gossip(matrix, graph):
    """``ValueError`` with the property by which a dense matrix is no gossip matrix of a graph."""
    if not np.isfinite(matrix).all():
        raise ValueError("entries that are not finite")
    if not np.allclose(matrix, matrix.T, rtol=0.0, atol=1e-9 * np.abs(matrix).max()):
        raise ValueError("not symmetric")
    values = np.linalg.eigvalsh(matrix)
    slack = 1e-9 * max(values[-1], 1e-300)
    if values[0] < -slack:
        raise ValueError(f"the negative eigenvalue {values[0]:g}")
    if np.abs(matrix.sum(axis=1)).max() > slack * len(matrix):
        raise ValueError("the constants are not in the kernel")
    if values[1] <= slack:
        raise ValueError("a larger kernel than the constants")
    linked = nx.to_numpy_array(graph, weight=None) + np.eye(len(graph)) > 0
    if np.abs(matrix[~linked]).max(initial=0.0) > 0.0:
        raise ValueError("links between nodes that are no neighbours")
