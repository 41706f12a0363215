"""``harness.evaluate``: objects made in a notebook, no suite, no registration, no results.

Artifacts are built, or taken from the cache that runs share.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np

from harness.api.contracts import Method, Task
from harness.api.parameters import changed, plain
from harness.data import describe
from harness.errors import UsageError
from harness.execute import ArtifactDone, Control
from harness.execute.inline import InlineExecutor
from harness.plan.identity import cell_ids
from harness.plan.planner import PlannedArtifacts, identity_of, spec_title
from harness.plan.records import ArtifactSpec, Plan, Spec
from harness.registry import Registry
from harness.runner.memory import MemorySink
from harness.store.rows import CELL_ROW, MEASUREMENT_ROW, Status
from harness.suite.model import HardwareClass, Suite

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["evaluate", "plan_objects"]

_HERE = HardwareClass(name="here")


def evaluate(
    task: Task,
    methods: Sequence[Method] | Mapping[str, Method],
    *,
    seeds: int | Sequence[int] = 8,
    suite_seed: int = 0,
) -> pd.DataFrame:
    """Evaluate methods on a task, here and now.

    Parameters
    ----------
    task, methods
        Objects; a mapping gives the methods labels of your own.
    seeds
        How many, or which.
    suite_seed
        As ``seed:`` of a suite: with the same one, a suite draws the same numbers.

    Returns
    -------
    DataFrame
        One row a (label, seed): ``label``, ``seed``, ``status``, ``error``, and a column a
        metric with its final value (NaN where a cell has none).

    Raises
    ------
    UsageError
        When the task refuses a method, two methods have one label, or an artifact fails.
    """
    planned = [*range(seeds)] if isinstance(seeds, int) else list(seeds)
    plan, objects = plan_objects(task, methods, planned, suite_seed, Registry())
    sink = _Sink()
    InlineExecutor(objects=objects).run(plan, np.arange(len(plan)), sink, Control())
    return _frame(plan, sink)


def plan_objects(
    task: Task,
    methods: Sequence[Method] | Mapping[str, Method],
    seeds: Sequence[int],
    suite_seed: int,
    registry: Registry,
) -> tuple[Plan, dict[int, tuple[Task, Method]]]:
    """The plan of :func:`evaluate`, and its objects by the number of their spec.

    Raises
    ------
    UsageError
        As :func:`evaluate`.
    """
    planned = list(seeds)
    describe({name: thing.at for name, thing in registry.things("dataset").items()})
    named = _labelled(methods, registry)
    for label, method in named.items():
        _check(task, method, label)
    artifacts = PlannedArtifacts(_code_at_hand(registry), suite_seed)
    specs = [
        replace(
            _spec(index, registry, task, method, label, suite_seed),
            artifacts=artifacts.of(task, method, planned, _HERE),
        )
        for index, (label, method) in enumerate(named.items())
    ]
    plan = _plan(specs, list(named.values()), task, planned, artifacts.specs)
    return plan, {index: (task, method) for index, method in enumerate(named.values())}


def _labelled(
    methods: Sequence[Method] | Mapping[str, Method], registry: Registry
) -> dict[str, Method]:
    if isinstance(methods, Mapping):
        return dict(methods)
    named: dict[str, Method] = {}
    for method in methods:
        label = spec_title(registry.name_of(type(method)), type(method), plain(method))
        if label in named:
            raise UsageError(f'two methods are called "{label}"; give a mapping label → method')
        named[label] = method
    return named


def _check(task: Task, method: Method, label: str) -> None:
    if not isinstance(method, type(task).accepts):
        kind = type(task).accepts.__name__
        raise UsageError(f'"{label}" is no {kind}, which {type(task).__name__} evaluates')
    try:
        task.check(method)
    except ValueError as error:
        raise UsageError(f'{type(task).__name__} refuses "{label}": {error}') from error


def _spec(
    index: int, registry: Registry, task: Task, method: Method, label: str, suite_seed: int
) -> Spec:
    return Spec(
        index=index,
        task=registry.name_of(type(task)),
        task_params=plain(task),
        task_at=f"{type(task).__module__}:{type(task).__qualname__}",
        method=registry.name_of(type(method)),
        method_params=plain(method),
        method_at=f"{type(method).__module__}:{type(method).__qualname__}",
        label=label,
        metrics=type(task).metrics,
        bounds=(),
        suite_seed=suite_seed,
        hardware=_HERE.name,
        device=_HERE.device,
        cpus=_HERE.cpus,
        gpus=_HERE.gpus,
        processes=_HERE.processes,
        exclusive=_HERE.exclusive,
        memory_bytes=_HERE.memory_bytes,
        timeout_s=float("inf"),
        code_id=bytes(16),
    )


def _plan(
    specs: Sequence[Spec],
    methods: Sequence[Method],
    task: Task,
    seeds: list[int],
    artifacts: tuple[ArtifactSpec, ...],
) -> Plan:
    suite = Suite(
        name="notebook",
        description="",
        seed=specs[0].suite_seed if specs else 0,
        path="",
        text="",
        hardware={_HERE.name: _HERE},
        entries=(),
    )
    ids = [
        cell_ids(
            spec.suite_seed,
            (spec.task, changed(type(task), spec.task_params)),
            (spec.method, changed(type(method), spec.method_params)),
            spec.device,
            seeds,
        )
        for spec, method in zip(specs, methods, strict=True)
    ]
    return Plan(
        suite=suite,
        specs=tuple(specs),
        cell_ids=np.concatenate(ids) if ids else np.empty((0, 16), np.uint8),
        spec=np.repeat(np.arange(len(specs), dtype=np.int32), len(seeds)),
        seed=np.tile(np.array(seeds, np.int64), len(specs)),
        artifacts=artifacts,
    )


def _code_at_hand(registry: Registry) -> Callable[..., bytes]:
    """Code ids of classes; those typed in, without a file, are new code each time."""
    of_files, of_typed = identity_of(registry), uuid4().bytes

    def code_id(*classes: type[Any]) -> bytes:
        modules = {base.__module__ for cls in classes for base in cls.__mro__} - {"builtins"}
        has_files = all(getattr(sys.modules[each], "__file__", None) for each in modules)
        return of_files.code_id(*classes) if has_files else of_typed

    return code_id


class _Sink(MemorySink):
    def artifact_done(self, done: ArtifactDone) -> None:
        if done.message:
            raise UsageError(f'artifact "{done.name}" failed: {done.message}')


def _frame(plan: Plan, sink: MemorySink) -> pd.DataFrame:
    import pandas as pd

    cells = np.frombuffer(b"".join(group.cells for group in sink.groups), np.dtype(CELL_ROW))
    texts = {text.cell: text.error_message for group in sink.groups for text in group.texts}
    measured = np.frombuffer(
        b"".join(group.measurements for group in sink.groups), np.dtype(MEASUREMENT_ROW)
    )
    rows: dict[int, dict[str, Any]] = {}
    for cell, status in zip(cells["cell"].tolist(), cells["status"].tolist(), strict=True):
        spec = plan.specs[int(plan.spec[cell])]
        rows[cell] = {
            "label": spec.label,
            "seed": int(plan.seed[cell]),
            "status": Status(status).name.lower(),
            "error": texts.get(cell, ""),
        }
    for row in measured[(measured["flags"] & 1) == 0]:
        spec = plan.specs[int(plan.spec[row["cell"]])]
        rows[int(row["cell"])][spec.metrics[row["metric"]].name] = float(row["value"])
    ordered = [rows[cell] for cell in sorted(rows)]
    return pd.DataFrame(ordered)
