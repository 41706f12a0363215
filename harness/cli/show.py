"""``harness show NAME``: what one method or task takes, measures, and what theory says of it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from collections.abc import Sequence as AbstractSequence
from dataclasses import MISSING, Field, fields
from functools import partial
from pathlib import Path
from textwrap import wrap
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import click

from harness.api.metric import Bound, Metric
from harness.cli import numbers
from harness.cli.docstring import read_docstring
from harness.cli.text import Line, line, say, say_json, width
from harness.errors import UsageError, nearest
from harness.registry import Registry, attempt, source_path

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
    about = read_docstring(inspect.getdoc(cls) or "").text
    lines += [line("  ", text) for text in about.splitlines()]
    lines += [line(), *_parameters(cls, _about_parameters(cls))]
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
    text = text or _words(base)
    limits = [_limit(extra) for extra in extras]
    return ", ".join([text, *(limit for limit in limits if limit)])


def _words(hint: Any) -> str:
    """``sequential or fixed``, ``list of float``, ``float or null``: as a suite writes them."""
    parts = get_args(hint)
    if get_origin(hint) is Literal:
        return " or ".join(_yaml(each) for each in parts)
    if isinstance(hint, UnionType) or get_origin(hint) is Union:
        return " or ".join("null" if each is NoneType else _type_text(each) for each in parts)
    if get_origin(hint) in (tuple, list, AbstractSequence):
        return f"list of {_type_text(parts[0])}"
    return str(hint).replace("typing.", "")


def _yaml(value: Any) -> str:
    """A value as a suite's file writes it."""
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_yaml, value))}]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return f"{value:g}" if isinstance(value, float) else str(value) or '""'


_LIMITS = (("ge", "at least"), ("gt", "above"), ("le", "at most"), ("lt", "below"))


def _limit(extra: Any) -> str:
    found = [
        f"{word} {numbers.trimmed(getattr(extra, name))}"
        for name, word in _LIMITS
        if getattr(extra, name, None) is not None
    ]
    return ", ".join(found)


def _about_parameters(cls: type[Any]) -> dict[str, str]:
    """What a class and those that it derives from say of their parameters."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        found |= read_docstring(inspect.cleandoc(base.__doc__ or "")).parameters
    return found


def _parameters(cls: type[Any], about: Mapping[str, str]) -> list[Line]:
    rows = list(_fields(cls))
    if not rows:
        return [line(("Parameters", "strong"), "  none")]
    size = max(len(each.name) for each, _, _ in rows)
    lines = [line(("Parameters", "strong"))]
    room = max(width() - size - 4, 40)
    for place, (each, told, default) in enumerate(rows):
        needed = each.default is MISSING and each.default_factory is MISSING
        value = "required" if needed else f"default {_yaml(default)}"
        lines.append(line(f"  {each.name:<{size}}  {told}  ", (value, "quiet")))
        following = rows[place + 1][0].name if place + 1 < len(rows) else ""
        is_shared = about.get(each.name) == about.get(following)  # told once, after the last
        told_of = [] if is_shared else wrap(about.get(each.name, ""), room)
        lines += [line(f"  {'':<{size}}  ", (text, "quiet")) for text in told_of]
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
    for name, thing in sorted(registry.things("task").items()):
        if not _may_know(thing.at, cls):
            continue
        task, _ = attempt(partial(registry.task, name))  # another plugin's fault is not this one's
        if task is None or not issubclass(cls, task.accepts):
            continue
        bounds, _ = attempt(partial(_promised, cls, task))  # None where one has no defaults
        lines += [_bound_line(each, f" on {name}") for each in bounds or ()]
    return (
        [line(), line(("Guarantees", "strong"), (_AT_DEFAULTS, "quiet")), *lines] if lines else []
    )


def _may_know(at: str, method: type[Any]) -> bool:
    """Whether a task's package names one that the method is made of.

    A task that accepts a method has its kind from somewhere; to import every task for an
    answer would load every library that any plugin needs.
    """
    known = {base.__module__.partition(".")[0] for base in method.__mro__} - {"builtins", "harness"}
    own = at.partition(":")[0].partition(".")[0]
    path = source_path(own)
    if own in known or path is None:
        return True
    folder = Path(path).parent
    sources = folder.rglob("*.py") if Path(path).name == "__init__.py" else [Path(path)]
    texts = (source.read_text(encoding="utf-8", errors="replace") for source in sources)
    return any(name in text for text in texts for name in known)


def _promised(method: type[Any], task: type[Any]) -> list[Bound]:
    return list(method().guarantees(task()))


def _bound_line(bound: Bound, where: str = "") -> Line:
    name = f" ({bound.name})" if bound.name else ""
    role = bound.role.replace("_", " ")
    told = f"{role} of {bound.metric}{where}{name}: {numbers.significant(bound.value, 4)}"
    return line(f"  {told}  ", (f"{bound.holds.replace('_', ' ')}; {bound.source}", "quiet"))


def _accepted(registry: Registry, cls: type[Any]) -> list[Line]:
    known = {name: attempt(partial(registry.kind, name))[0] for name in registry.things("kind")}
    kinds = [name for name, kind in known.items() if kind is cls.accepts]
    name = kinds[0] if kinds else f"{cls.accepts.__module__}:{cls.accepts.__qualname__}"
    return [line(("Accepts", "strong"), f"  methods of kind {name}")]
