"""What can be said of a method's or a task's class and object without running it."""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import is_dataclass
from typing import Any

from harness.api.contracts import Method, Task
from harness.api.parameters import build, canonical, plain
from harness.registry import attempt
from harness.suite.parameters import ParameterTable
from harness.testing.facts import Fact

__all__ = ["class_facts", "object_facts"]


def class_facts(name: str, cls: type[Any]) -> Iterator[Fact]:
    """The class of a method or a task."""
    yield _fact(name, "says in a docstring what it is", lambda: _documented(cls))
    yield _fact(name, "is a frozen dataclass whose fields a suite can give", lambda: _fields(cls))
    if issubclass(cls, Task):
        yield _fact(name, "declares the kind that it accepts and its metrics", lambda: _said(cls))


def object_facts(name: str, made: Method | Task) -> Iterator[Fact]:
    """A method or a task with its parameters."""
    yield _fact(name, "comes back from its parameters as it was", lambda: _round_trip(made))
    yield _fact(name, "is the same object after pickling", lambda: _pickled(made))


def _fact(subject: str, check: str, ask: Callable[[], str]) -> Fact:
    """The fact that ``ask`` finds nothing wrong."""
    told, error = attempt(ask)
    if error is not None:
        told = f"{type(error).__name__}: {error}".partition("\n")[0]
    assert told is not None, "a check says what is wrong, or nothing"
    return Fact(subject=subject, check=check, verdict="failed" if told else "passed", told=told)


def _documented(cls: type[Any]) -> str:
    text = cls.__dict__.get("__doc__") or ""
    # A dataclass without a docstring is given its signature for one.
    return "it has none" if not text or text.startswith(f"{cls.__name__}(") else ""


def _fields(cls: type[Any]) -> str:
    if not is_dataclass(cls) or "__dataclass_params__" not in cls.__dict__:
        inherited = getattr(cls, "__annotations__", {})
        return "its fields are no parameters: decorate it with @dataclass" if inherited else ""
    if not cls.__dataclass_params__.frozen:  # type: ignore[attr-defined]
        return "it is not frozen"
    table = ParameterTable(cls, cls.__name__)
    for each in table.names:
        table.checker(each)
    return ""


def _said(cls: type[Task]) -> str:
    kind = getattr(cls, "accepts", None)
    if not (isinstance(kind, type) and issubclass(kind, Method)):
        return f"accepts is {kind!r}, not a kind of method"
    names = Counter(metric.name for metric in cls.metrics)
    twice = [name for name, count in names.items() if count > 1]
    if twice:
        return f'metric "{twice[0]}" is declared twice'
    return "" if names else "it has no metrics"


def _round_trip(made: Method | Task) -> str:
    params = plain(made)
    canonical(params)  # as JSON: what a suite, an id and a worker have of it
    table = ParameterTable(type(made), type(made).__name__)
    for name, value in params.items():
        problems = table.checker(name)(value).problems
        if problems:
            return f"{name} {problems[0].message}"
    return "" if build(type(made), params) == made else f"from {canonical(params)} it is another"


def _pickled(made: Method | Task) -> str:
    if "<locals>" in type(made).__qualname__:
        return ""  # no worker could import it either, which the trial tells
    return "" if pickle.loads(pickle.dumps(made)) == made else "it is another"
