"""From what a spec says to the task and the method that it means."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any, NamedTuple

from harness.api.contracts import Method, Task
from harness.api.metric import Metric
from harness.api.parameters import build
from harness.execute.reading import OutcomeReader

__all__ = ["Bench", "SpecMessage", "add_paths", "load_bench", "load_class", "prepare_kernels"]


class SpecMessage(NamedTuple):
    """What a worker is told of a spec, once."""

    spec: int
    task: str
    task_params: Mapping[str, Any]
    task_at: str
    method: str
    method_params: Mapping[str, Any]
    method_at: str
    suite_seed: int
    device: str
    cpus: int
    code_id: str
    plugins: tuple[str, ...]
    kernel_cache: str


class Bench(NamedTuple):
    """A spec's task and method as objects, and the reader of their outcomes."""

    task: Task
    method: Method
    metrics: tuple[Metric, ...]
    reader: OutcomeReader

    @classmethod
    def of(cls, task: Task, method: Method) -> Bench:
        """Of objects that are there already."""
        metrics = type(task).metrics
        return cls(task, method, metrics, OutcomeReader(metrics, task, method))


def add_paths(paths: Iterable[str]) -> None:
    """Put folders of plugins that are not installed on the import path."""
    for path in paths:
        if path not in sys.path:
            sys.path.insert(0, path)


def load_class(at: str) -> Any:
    """The class at ``module:Class``."""
    module, _, name = at.partition(":")
    found: Any = import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return found


def load_bench(spec: SpecMessage) -> Bench:
    """Import and construct; what plugin code raises comes through."""
    add_paths(spec.plugins)
    task = build(load_class(spec.task_at), spec.task_params)
    return Bench.of(task, build(load_class(spec.method_at), spec.method_params))


def prepare_kernels(folder: str) -> None:
    """Tell :mod:`harness.kernels` its cache, if a plugin has imported it."""
    kernels = sys.modules.get("harness.kernels")
    if kernels is not None and folder:
        kernels.set_cache_folder(folder)
