"""Plans of the faulty plugin, made by hand, and a sink that remembers."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path

import numpy as np

from harness.api.parameters import canonical, plain, with_defaults
from harness.execute import ArtifactDone, Control, LocalOptions
from harness.execute.local import LocalExecutor
from harness.plan.records import ArtifactSpec, Plan, Spec
from harness.store.rows import CELL_ROW, MEASUREMENT_ROW, Group, Status

HERE = str(Path(__file__).parent)


def spec_of(task, method, index=0, seeds=(), **changes) -> Spec:
    """A spec of live objects; ``changes`` are fields of the record."""
    task_at = f"{type(task).__module__}:{type(task).__qualname__}"
    method_at = f"{type(method).__module__}:{type(method).__qualname__}"
    known = {
        "index": index,
        "task": type(task).__name__,
        "task_params": plain(task),
        "task_at": task_at,
        "method": type(method).__name__,
        "method_params": plain(method),
        "method_at": method_at,
        "label": type(method).__name__,
        "metrics": type(task).metrics,
        "bounds": (),
        "suite_seed": 5,
        "hardware": "any",
        "device": "cpu",
        "cpus": 1,
        "gpus": 0,
        "processes": None,
        "exclusive": False,
        "memory_bytes": None,
        "timeout_s": 60.0,
        "code_id": bytes(16),
        "plugins": (HERE,),
    }
    return Spec(**{**known, **changes})


def plan_of(*entries, artifacts=()) -> Plan:
    """A plan of (spec, number of cells or seeds) pairs."""
    specs, spec, seed = [], [], []
    for index, (each, seeds) in enumerate(entries):
        chosen = list(range(seeds)) if isinstance(seeds, int) else list(seeds)
        specs.append(_at(each, index))
        spec += [index] * len(chosen)
        seed += chosen
    ids = np.zeros((len(seed), 16), np.uint8)
    ids[:, :4] = np.arange(len(seed), dtype="<u4").view(np.uint8).reshape(-1, 4)
    return Plan(
        suite=None,
        specs=tuple(specs),
        cell_ids=ids,
        spec=np.array(spec, np.int32),
        seed=np.array(seed, np.int64),
        artifacts=tuple(artifacts),
    )


def _at(spec: Spec, index: int) -> Spec:
    return Spec(**{each.name: getattr(spec, each.name) for each in fields(Spec)} | {"index": index})


def artifact_plan(task, method, seeds: int, **changes) -> Plan:
    """A plan of one task with what it declares, as the planner would make it."""
    found: dict[str, ArtifactSpec] = {}

    def add(artifact) -> str:
        inputs = tuple(add(each) for each in artifact.inputs())
        at = f"{type(artifact).__module__}:{type(artifact).__qualname__}"
        content = plain(artifact)
        key = f"{at} {canonical(content)}"
        name = f"id{abs(hash(key)):x}"
        known = ArtifactSpec(
            artifact_id=name,
            name=type(artifact).name,
            at=at,
            fields=content,
            key=key,
            seed=content["seed"],
            suite_seed=5,
            inputs=inputs,
            device="cpu",
            gpus=0,
            processes=None,
            cpus=1,
            timeout_s=60.0,
            memory_bytes=None,
            plugins=(HERE,),
        )
        found.setdefault(name, known)
        return name

    needs = {
        seed: tuple(add(each) for each in task.artifacts(method, seed)) for seed in range(seeds)
    }
    spec = spec_of(task, method, artifacts=needs, **changes)
    return plan_of((spec, seeds), artifacts=found.values())


@dataclass
class Memory:
    """A sink that keeps all it is given."""

    groups: list[Group] = field(default_factory=list)
    artifacts: list[ArtifactDone] = field(default_factory=list)
    views: list = field(default_factory=list)
    on_write: object = None

    def write(self, group: Group) -> None:
        self.groups.append(group)
        if self.on_write is not None:
            self.on_write()

    def artifact_done(self, done: ArtifactDone) -> None:
        self.artifacts.append(done)

    def tick(self, views) -> None:
        self.views.append(list(views))

    @property
    def cells(self) -> np.ndarray:
        joined = np.frombuffer(b"".join(each.cells for each in self.groups), CELL_ROW)
        return joined[np.argsort(joined["cell"], kind="stable")]

    @property
    def measurements(self) -> np.ndarray:
        joined = b"".join(each.measurements for each in self.groups)
        rows = np.frombuffer(joined, MEASUREMENT_ROW)
        return rows[np.lexsort((rows["at"], rows["metric"], rows["cell"]))]

    @property
    def texts(self) -> dict[int, object]:
        return {text.cell: text for each in self.groups for text in each.texts}

    def statuses(self) -> list[str]:
        """Of every cell in the order of the plan; a cell with two rows shows twice."""
        return [Status(each).name for each in self.cells["status"].tolist()]

    def content(self) -> tuple:
        """What must not depend on who died when."""
        cells = self.cells
        assert len(set(cells["cell"].tolist())) == len(cells), "a cell has two rows"
        return cells[["cell", "status"]].tolist(), self.measurements.tolist()


def run_local(plan: Plan, workers: int = 2, control: Control | None = None, sink=None, **options):
    """Run a whole plan with workers; (sink, execution)."""
    sink = sink or Memory()
    executor = LocalExecutor(workers, LocalOptions(**{"is_pinned": False, **options}))
    execution = executor.run(plan, np.arange(len(plan)), sink, control or Control())
    return sink, execution


__all__ = ["Memory", "artifact_plan", "plan_of", "run_local", "spec_of", "with_defaults"]
