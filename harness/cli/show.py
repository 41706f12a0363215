"""``harness show NAME``: what one method or task takes, measures, and what theory says of it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields
from functools import partial
from typing import Any, get_type_hints

import click

from harness.api.metric import Bound, Metric
from harness.cli import numbers
from harness.cli.text import Line, line, say, say_json
from harness.errors import UsageError, nearest
from harness.registry import Registry, attempt

__all__ = ["show"]

_AT_DEFAULTS = "  at the default parameters"


@click.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
def show(name: str, as_json: bool) -> None:
    """Show parameters, metrics, bounds and source of a method, task, claim or kind.

    NAME is as in suites; "hooks" shows what a plugin can tell and hear.
    """
    if name == "hooks":
        say(_hooks())
        return
    registry = Registry()
    kind, cls = _find(registry, name)
    if as_json:
        say_json(_plain(name, kind, cls))
        return
    thing = registry.things(kind)[name]
    lines = [
        line((name, "strong"), f"  {kind} of plugin {thing.plugin}", ("  " + thing.at, "quiet"))
    ]
    lines += [line("  ", text) for text in (inspect.getdoc(cls) or "").splitlines()]
    lines += [line(), *_parameters(cls)]
    if kind == "task":
        lines += [line(), *_metrics(cls), *_task_bounds(cls), *_accepted(registry, cls)]
    if kind == "method":
        lines += _guarantees(registry, cls)
    say(lines)


def _hooks() -> list[Line]:
    """Every hook specification with its example."""
    from harness.api import hooks

    lines: list[Line] = []
    for name, hook in vars(hooks).items():
        if name.startswith("harness_"):
            lines += [line((f"{name}{inspect.signature(hook)}", "strong"))]
            lines += [line("  ", text) for text in (inspect.getdoc(hook) or "").splitlines()]
            lines += [line()]
    return lines


def _find(registry: Registry, name: str) -> tuple[Any, type[Any]]:
    for kind in ("method", "task", "claim", "kind"):
        if name in registry.things(kind):
            return kind, registry._load(kind, name)
    known = [*registry.method_names(), *registry.task_names(), *registry.claim_names()]
    near, install = nearest(name, known), registry.missing(name)
    hint = f"; nearest: {near}" if near else "; all: harness list"
    hint += f"; its plugin is not installed: {install}" if install else ""
    raise UsageError(f'nothing is called "{name}"{hint}')


def _plain(name: str, kind: str, cls: type[Any]) -> dict[str, Any]:
    return {
        "name": name,
        "kind": kind,
        "about": inspect.getdoc(cls),
        "parameters": [
            {"name": each.name, "type": told, "default": default}
            for each, told, default in _fields(cls)
        ],
        "metrics": [
            {"name": each.name, "unit": each.unit, "direction": each.direction, "type": each.type}
            for each in getattr(cls, "metrics", ())
        ],
    }


def _fields(cls: type[Any]) -> Iterator[tuple[Field[Any], str, Any]]:
    hints = get_type_hints(cls, include_extras=True)
    for each in fields(cls):
        default = None if each.default is MISSING else each.default
        if each.default_factory is not MISSING:
            default = each.default_factory()
        yield each, _type_text(hints.get(each.name, each.type)), default


def _type_text(hint: Any) -> str:
    """A type as a person writes it, with its range: ``int, at least 1``."""
    extras = getattr(hint, "__metadata__", ())
    base = getattr(hint, "__origin__", hint) if extras else hint
    text = getattr(base, "__name__", None) if isinstance(base, type) else None
    text = text or str(base).replace("typing.", "")
    limits = [_limit(extra) for extra in extras]
    return ", ".join([text, *(limit for limit in limits if limit)])


_LIMITS = (("ge", "at least"), ("gt", "above"), ("le", "at most"), ("lt", "below"))


def _limit(extra: Any) -> str:
    found = [
        f"{word} {numbers.trimmed(getattr(extra, name))}"
        for name, word in _LIMITS
        if getattr(extra, name, None) is not None
    ]
    return ", ".join(found)


def _parameters(cls: type[Any]) -> list[Line]:
    rows = list(_fields(cls))
    if not rows:
        return [line(("Parameters", "strong"), "  none")]
    size = max(len(each.name) for each, _, _ in rows)
    lines = [line(("Parameters", "strong"))]
    for each, told, default in rows:
        needed = each.default is MISSING and each.default_factory is MISSING
        value = "required" if needed else f"default {default!r}"
        lines.append(line(f"  {each.name:<{size}}  {told}  ", (value, "quiet")))
    return lines


def _metrics(cls: type[Any]) -> list[Line]:
    lines = [line(("Metrics", "strong"))]
    metrics: tuple[Metric, ...] = cls.metrics
    size = max((len(each.name) for each in metrics), default=0)
    for each in metrics:
        told = [each.unit, f"{each.direction} is better" if each.direction != "none" else ""]
        told += [
            f"curve over {each.axis}" if each.axis else "",
            each.type if each.type != "real" else "",
        ]
        text = ", ".join(part for part in told if part)
        lines.append(line(f"  {each.name:<{size}}  {each.description}  ", (text, "quiet")))
    return lines


def _task_bounds(cls: type[Any]) -> list[Line]:
    """Bounds at the default parameters, where the task has defaults for all of them."""
    if any(each.default is MISSING and each.default_factory is MISSING for each in fields(cls)):
        return []
    bounds, _ = attempt(lambda: list[Bound](cls().bounds()))
    if not bounds:
        return []
    head = line(("Bounds", "strong"), (_AT_DEFAULTS, "quiet"))
    return [head, *map(_bound_line, bounds)]


def _guarantees(registry: Registry, cls: type[Any]) -> list[Line]:
    """What theory promises of a method at its defaults, on each task at its defaults."""
    lines: list[Line] = []
    for name in registry.task_names():
        task = registry.task(name)
        if not issubclass(cls, task.accepts):
            continue
        bounds, _ = attempt(partial(_promised, cls, task))  # None where one has no defaults
        lines += [_bound_line(each, f" on {name}") for each in bounds or ()]
    return (
        [line(), line(("Guarantees", "strong"), (_AT_DEFAULTS, "quiet")), *lines] if lines else []
    )


def _promised(method: type[Any], task: type[Any]) -> list[Bound]:
    return list(method().guarantees(task()))


def _bound_line(bound: Bound, where: str = "") -> Line:
    name = f" ({bound.name})" if bound.name else ""
    role = bound.role.replace("_", " ")
    told = f"{role} of {bound.metric}{where}{name}: {numbers.significant(bound.value, 4)}"
    return line(f"  {told}  ", (f"{bound.holds.replace('_', ' ')}; {bound.source}", "quiet"))


def _accepted(registry: Registry, cls: type[Any]) -> list[Line]:
    kinds = [name for name in registry.things("kind") if registry.kind(name) is cls.accepts]
    name = kinds[0] if kinds else f"{cls.accepts.__module__}:{cls.accepts.__qualname__}"
    return [line(("Accepts", "strong"), f"  methods of kind {name}")]
