"""Everything that a plugin registers, checked; with a suite, on the tasks and sizes it names."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from harness.api.contracts import Method, Task
from harness.api.parameters import build
from harness.errors import HarnessError, PluginError, UsageError, nearest
from harness.plan.records import Plan
from harness.registry import Registry, Thing, attempt
from harness.runner.notebook import plan_objects
from harness.runner.prepare import prepare
from harness.suite.loader import Cuts
from harness.suite.parameters import ParameterTable
from harness.testing.classes import class_facts, object_facts
from harness.testing.facts import Fact
from harness.testing.trial import Tell, Trial, silent

__all__ = ["pair_facts", "plugin_facts", "suite_facts"]

_HEAVY = ("numba", "pandas", "ray", "scipy", "sklearn", "torch")
_LISTED = """
import json, sys
from importlib.metadata import EntryPoint
from harness.registry import Registry
registry = Registry([EntryPoint({name!r}, {module!r}, "harness")])
for kind in ("method", "task", "kind", "claim", "dataset", "executor"):
    registry.things(kind)
print(json.dumps(sorted(set({heavy}) & set(sys.modules))))
"""
_TIMEOUT_S = 600.0


class _Pair(NamedTuple):
    """A method with a task that serves it, or why there is none."""

    method: Method | None
    task: Task | None
    why: str = ""


def pair_facts(
    task: Task,
    methods: Sequence[Method] | Mapping[str, Method],
    seeds: int,
    registry: Registry | None = None,
    *,
    tell: Tell = silent,
) -> Iterator[Fact]:
    """Methods run on a task, every way that cells can be run; ``tell`` hears what is run.

    Raises
    ------
    UsageError
        When the task refuses a method.
    """
    registry = registry or Registry()
    plan, objects = plan_objects(task, methods, range(seeds), 0, registry)
    yield from Trial(_limited(plan), registry, objects, tell).facts()


def plugin_facts(
    name: str, seeds: int, registry: Registry | None = None, *, tell: Tell = silent
) -> Iterator[Fact]:
    """A plugin, a method or a task by name, or a module by path; run where defaults serve.

    Raises
    ------
    UsageError
        When there is no such plugin.
    """
    registry = registry or Registry()
    path = Path(name)
    if name not in {each.name for each in registry.plugins} and path.exists():
        registry.add_paths([path])
        name = path.stem
    things = _things(registry, name)
    yield from _cheap_to_list(registry, name)
    classes: dict[str, type[Any]] = {}
    for thing in things:
        check = "can be imported from where it is registered"
        try:
            load = registry.method if thing.kind == "method" else registry.task
            classes[thing.name] = load(thing.name)
        except PluginError as error:
            yield Fact(subject=thing.name, check=check, verdict="failed", told=str(error))
            continue
        yield Fact(subject=thing.name, check=check)
        yield from class_facts(thing.name, classes[thing.name])
    met: set[_Pair] = set()
    for thing in things:
        if thing.name in classes:
            yield from _run(registry, thing, classes[thing.name], seeds, met, tell)


def suite_facts(
    path: Path, seeds: int, registry: Registry | None = None, *, tell: Tell = silent
) -> Iterator[Fact]:
    """Every method and task of a suite, on its first seeds.

    Raises
    ------
    HarnessError
        As :func:`harness.runner.prepare.prepare`.
    """
    registry = registry or Registry()
    prepared = prepare(path, registry=registry, cuts=Cuts(seeds=str(seeds)))
    plan = _limited(prepared.plan)
    classes = {
        **{spec.task: registry.task(spec.task) for spec in plan.specs},
        **{spec.method: registry.method(spec.method) for spec in plan.specs},
    }
    yield from chain.from_iterable(class_facts(name, cls) for name, cls in classes.items())
    for spec in plan.specs:
        task = build(classes[spec.task], spec.task_params)
        method = build(classes[spec.method], spec.method_params)
        yield from object_facts(spec.title or spec.task, task)
        yield from object_facts(spec.label, method)
    yield from Trial(plan, registry, tell=tell).facts()


def _limited(plan: Plan) -> Plan:
    """A plan whose cells end: what hangs is told, not waited for."""
    specs = [
        replace(spec, timeout_s=float(np.minimum(spec.timeout_s, _TIMEOUT_S)))
        for spec in plan.specs
    ]
    return replace(plan, specs=tuple(specs))


def _things(registry: Registry, name: str) -> list[Thing]:
    """Methods and tasks of a plugin, or the one of that name."""
    both = (*registry.things("method").values(), *registry.things("task").values())
    known = {each.plugin for each in both} | {each.name for each in both}
    for plugin in registry.plugins:
        if plugin.name == name and plugin.fault:
            raise PluginError(f'plugin "{name}" is unavailable: {plugin.fault}')
    found = [each for each in both if name in (each.plugin, each.name)]
    if not found:
        near = nearest(name, sorted(known))
        hint = f"nearest: {near}" if near else "harness list plugins names them"
        raise UsageError(f'no plugin is called "{name}", nor is it a path ({hint})')
    return found


def _cheap_to_list(registry: Registry, name: str) -> Iterator[Fact]:
    """``harness list`` asks every plugin for its names: that must import nothing heavy."""
    module = registry.module_of(name)
    if module is None:
        return
    program = _LISTED.format(name=name, module=module, heavy=_HEAVY)
    folders = [str(each) for each in registry.paths]
    answer = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {folders}\n{program}"],
        capture_output=True,
        text=True,
        check=False,
    )
    check = f"is listed without importing {', '.join(_HEAVY)}"
    told = ""
    if answer.returncode:
        told = answer.stderr.strip().splitlines()[-1]
    elif found := json.loads(answer.stdout.splitlines()[-1]):
        told = f"it imports {', '.join(found)}: put these imports into the modules of methods"
    yield Fact(
        subject=f"plugin {name}", check=check, verdict="failed" if told else "passed", told=told
    )


def _run(
    registry: Registry,
    thing: Thing,
    cls: type[Any],
    seeds: int,
    met: set[_Pair],
    tell: Tell,
) -> Iterator[Fact]:
    """A thing at its defaults, with the first partner that serves it; no pair twice."""
    pair = _paired(registry, thing, cls)
    if pair.method is None or pair.task is None:
        check = "runs the same every way"
        yield Fact(subject=thing.name, check=check, verdict="skipped", told=pair.why)
        return
    yield from object_facts(thing.name, pair.method if thing.kind == "method" else pair.task)
    if pair not in met:
        met.add(pair)
        yield from pair_facts(pair.task, [pair.method], seeds, registry, tell=tell)


def _paired(registry: Registry, thing: Thing, cls: type[Any]) -> _Pair:
    needed = ParameterTable(cls, thing.name).required
    if needed:
        return _Pair(None, None, f"it needs {', '.join(needed)}: name a suite that gives them")
    made = cls()
    wanted = "task" if thing.kind == "method" else "method"
    others = registry.things("task" if thing.kind == "method" else "method").values()
    # Partners of the plugin itself first, since they were written for it.
    for other in sorted(others, key=lambda each: each.plugin != thing.plugin):
        partner = _default(registry, other)
        if partner is None:
            continue
        task, method = (partner, made) if thing.kind == "method" else (made, partner)
        if _serves(task, method):
            return _Pair(method, task)
    return _Pair(None, None, f"no {wanted} at its defaults serves it: name a suite that has one")


def _default(registry: Registry, thing: Thing) -> Any:
    try:
        cls = registry.method(thing.name) if thing.kind == "method" else registry.task(thing.name)
    except PluginError:
        return None
    if ParameterTable(cls, thing.name).required:
        return None
    made, _ = attempt(cls)  # what lacks a library of another extra is no partner
    return made


def _serves(task: Task, method: Method) -> bool:
    if not isinstance(method, type(task).accepts):
        return False
    try:
        task.check(method)
    except (HarnessError, ValueError):
        return False
    return True
