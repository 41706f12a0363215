"""Suite → plan: specs with their bounds and code, artifacts, and every cell in columns."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from harness.api.artifact import Artifact
from harness.api.contracts import Method, Task
from harness.api.metric import Bound
from harness.api.parameters import build, canonical, changed, labelled, plain
from harness.data.locate import resolve
from harness.errors import DataMissing, PluginError
from harness.plan.identity import Identity, artifact_id, cell_ids
from harness.plan.records import ArtifactSpec, Plan, Spec
from harness.registry import Registry, attempt, told
from harness.suite.model import Entry, HardwareClass, MethodUse, Suite

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["PlannedArtifacts", "identity_of", "plan_suite", "spec_title"]


@dataclass(frozen=True, slots=True)
class _Pair:
    """One task with one method, as objects, and the record that says which."""

    spec: Spec
    task: Task
    method: Method
    seeds: tuple[int, ...]


def plan_suite(suite: Suite, registry: Registry) -> Plan:
    """The plan of a suite: nothing is read but code, nothing is written.

    Raises
    ------
    PluginError
        When a task's or method's ``bounds``, ``guarantees`` or ``artifacts`` raises.
    """
    planner = _Planner(suite, registry)
    pairs = list(planner.pairs())
    ids, spec, seed = _columns(pairs)
    return Plan(
        suite=suite,
        specs=tuple(pair.spec for pair in pairs),
        cell_ids=ids,
        spec=spec,
        seed=seed,
        artifacts=planner.artifacts.specs,
    )


def identity_of(registry: Registry) -> Identity:
    """An :class:`Identity` that knows the registry's plugins and data sets."""
    things = [*registry.things("method").values(), *registry.things("task").values()]
    packages = {thing.at.partition(":")[0].partition(".")[0] for thing in things}
    packages |= {path.stem for path in registry.plugin_files}
    return Identity(packages, _Declared(frozenset(registry.things("dataset"))))


@dataclass(frozen=True, slots=True)
class _Declared(Mapping[str, str]):
    """sha256 of each declared data set; a declaration is imported when some code names it."""

    names: frozenset[str]

    def __getitem__(self, name: str) -> str:
        if name not in self.names:
            raise KeyError(name)
        try:
            return resolve(name).sha256
        except DataMissing:
            return "absent"

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


def spec_title(
    name: str, cls: type[Any], params: Mapping[str, Any], always: Collection[str] = ()
) -> str:
    """A name with the parameters that differ from their defaults, and with ``always``."""
    parts = [f"{each}={_short(value)}" for each, value in labelled(cls, params, always).items()]
    return " ".join([name, *parts])


def _short(value: Any) -> str:
    return value if isinstance(value, str) else canonical(value)


class PlannedArtifacts:
    """The artifacts of a plan, each once, its inputs before it.

    Parameters
    ----------
    code_id
        16 bytes of the code of classes, see :meth:`Identity.code_id`.
    suite_seed, plugins
        As in the plan's specs.
    """

    def __init__(
        self, code_id: Callable[..., bytes], suite_seed: int, plugins: tuple[str, ...] = ()
    ) -> None:
        self._code_id = code_id
        self._suite_seed = suite_seed
        self._plugins = plugins
        self._known: dict[str, ArtifactSpec] = {}

    @property
    def specs(self) -> tuple[ArtifactSpec, ...]:
        """All that were asked for."""
        return tuple(self._known.values())

    def of(
        self, task: Task, method: Method, seeds: Sequence[int], hardware: HardwareClass
    ) -> dict[int, tuple[str, ...]]:
        """Artifact ids by seed; empty where the task declares none."""
        if type(task).artifacts is Task.artifacts:
            return {}
        listed = {}
        for seed in seeds:
            wanted = _asked(partial(task.artifacts, method, seed), task, "artifacts", Artifact)
            listed[seed] = tuple(self._planned(each, hardware) for each in wanted)
        return listed

    def _planned(self, artifact: Artifact, hardware: HardwareClass) -> str:
        """The id of an artifact; it and its inputs are planned when they are new."""
        needed = _asked(artifact.inputs, artifact, "inputs", Artifact)
        inputs = tuple(self._planned(each, hardware) for each in needed)
        cls = type(artifact)
        name = cls.name or f"{cls.__module__}.{cls.__qualname__}"
        fields = plain(artifact)
        at = f"{cls.__module__}:{cls.__qualname__}"
        seed = fields.get("seed")
        code = self._code_id(cls, *_asked(artifact.rests_on, artifact, "rests_on", type))
        own = changed(cls, fields)
        device = artifact.device() or hardware.device
        identifier = artifact_id(name, own, self._suite_seed, seed, code, device)
        if identifier not in self._known:
            self._known[identifier] = ArtifactSpec(
                artifact_id=identifier,
                name=name,
                at=at,
                fields=fields,
                key=f"{at} {canonical(fields)}",
                seed=seed,
                suite_seed=self._suite_seed,
                inputs=inputs,
                device=device,
                cpus=hardware.cpus,
                gpus=max(1, hardware.gpus) if device == "cuda" else 0,
                processes=hardware.processes,
                timeout_s=cls.timeout_s,
                memory_bytes=hardware.memory_bytes,
                plugins=self._plugins,
            )
        return identifier


class _Planner:
    """Walks a suite's entries; keeps what they share (classes, code ids, artifacts)."""

    def __init__(self, suite: Suite, registry: Registry) -> None:
        self._suite = suite
        self._registry = registry
        self._identity = identity_of(registry)
        self._paths = tuple(map(str, registry.paths))
        self._varied = _varied(suite.entries)
        self.artifacts = PlannedArtifacts(self._identity.code_id, suite.seed, self._paths)

    def pairs(self) -> Iterator[_Pair]:
        """Every (task, method) of the suite, in the order of the file."""
        index = 0
        for entry in self._suite.entries:
            task_class = self._registry.task(entry.task)
            task = build(task_class, entry.params)
            for use in entry.methods:
                yield self._pair(index, entry, task, use)
                index += 1

    def _pair(self, index: int, entry: Entry, task: Task, use: MethodUse) -> _Pair:
        method_class = self._registry.method(use.name)
        method: Method = build(method_class, use.params)
        hardware = self._suite.hardware[use.hardware]
        things = self._registry.things
        spec = Spec(
            index=index,
            task=entry.task,
            task_params=entry.params,
            task_at=things("task")[entry.task].at,
            method=use.name,
            method_params=use.params,
            method_at=things("method")[use.name].at,
            label=use.label,
            metrics=type(task).metrics,
            bounds=_bounds(task, method, use.label),
            suite_seed=self._suite.seed,
            hardware=hardware.name,
            device=hardware.device,
            cpus=hardware.cpus,
            gpus=hardware.gpus,
            processes=hardware.processes,
            exclusive=hardware.exclusive,
            memory_bytes=hardware.memory_bytes,
            timeout_s=use.timeout_s,
            code_id=self._identity.code_id(type(task), method_class),
            title=spec_title(entry.task, type(task), entry.params, self._varied[entry.task]),
            plugins=self._paths,
            artifacts=self.artifacts.of(task, method, use.seeds.values, hardware),
        )
        return _Pair(spec, task, method, use.seeds.values)


def _varied(entries: Iterable[Entry]) -> dict[str, set[str]]:
    """By task, the parameters in which a suite's settings of it differ.

    A title tells them whatever they are: beside ``rule=fixed`` a board that says nothing of
    the rule is no name for the other.
    """
    values: dict[str, dict[str, set[str]]] = {}
    for entry in entries:
        of_task = values.setdefault(entry.task, {})
        for name, value in entry.params.items():
            of_task.setdefault(name, set()).add(canonical(value))
    return {
        task: {name for name, found in of_task.items() if len(found) > 1}
        for task, of_task in values.items()
    }


def _bounds(task: Task, method: Method, label: str) -> tuple[Bound, ...]:
    """The task's bounds and the method's guarantees, as planning knows them.

    A method serves every task of its kind, so a guarantee on a metric that this task does
    not measure is left out; a task's own bound on such a metric is a fault.
    """
    declared = {metric.name for metric in type(task).metrics}
    of_task = _asked(task.bounds, task, "bounds", Bound)
    for bound in of_task:
        if bound.metric not in declared:
            raise PluginError(
                f'{type(task).__name__} with "{label}": a bound names the metric '
                f'"{bound.metric}", which the task does not declare'
            )
    of_method = _asked(partial(method.guarantees, task), method, "guarantees", Bound)
    return (*of_task, *(bound for bound in of_method if bound.metric in declared))


def _asked(
    call: Callable[[], Sequence[Any]], whom: object, what: str, kind: type[Any]
) -> tuple[Any, ...]:
    """The answer of a plugin's planning function; what it raises names plugin and function."""
    answer, error = attempt(lambda: tuple(call()))
    who = f"{type(whom).__module__}:{type(whom).__qualname__}.{what}()"
    if error is not None or answer is None:
        raise PluginError(f"{who} raised {told(error)}") from error
    for each in answer:
        if not isinstance(each, kind):
            raise PluginError(f"{who} gave {each!r}, which is no {kind.__name__}")
    return answer


def _columns(
    pairs: Sequence[_Pair],
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    import numpy as np

    ids = [
        cell_ids(
            pair.spec.suite_seed,
            (pair.spec.task, changed(type(pair.task), pair.spec.task_params)),
            (pair.spec.method, changed(type(pair.method), pair.spec.method_params)),
            pair.spec.device,
            pair.seeds,
        )
        for pair in pairs
    ]
    counts = [len(pair.seeds) for pair in pairs]
    return (
        np.concatenate(ids) if ids else np.empty((0, 16), np.uint8),
        np.repeat(np.arange(len(pairs), dtype=np.int32), counts),
        np.fromiter((seed for pair in pairs for seed in pair.seeds), np.int64, sum(counts)),
    )
