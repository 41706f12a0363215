"""Parameters of methods, tasks and artifacts as plain JSON values, and back.

The plain form is what is hashed, stored and sent to workers: numbers, texts, booleans, None,
lists and mappings. Lists become tuples when an object is built, so that it can be hashed.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import MISSING, fields
from typing import Any, TypeVar

__all__ = [
    "build",
    "canonical",
    "changed",
    "defaults",
    "labelled",
    "plain",
    "with_defaults",
]

T = TypeVar("T")


def plain(value: Any) -> Any:
    """``value`` (a parameter, or a dataclass with its fields) in JSON's terms."""
    if hasattr(type(value), "__dataclass_fields__"):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value) if each.init}
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    return value


def canonical(value: Any) -> str:
    """The one JSON text of a plain value: sorted keys, no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def defaults(cls: type[Any]) -> dict[str, Any]:
    """The plain defaults of a dataclass's fields; fields without one are left out."""
    found: dict[str, Any] = {}
    for each in fields(cls):
        if each.default is not MISSING:
            found[each.name] = plain(each.default)
        elif each.default_factory is not MISSING:
            found[each.name] = plain(each.default_factory())
    return found


def with_defaults(cls: type[Any], params: Mapping[str, Any]) -> dict[str, Any]:
    """``params`` completed by the defaults, in the order of the class's fields."""
    known = defaults(cls) | dict(params)
    return {each.name: known[each.name] for each in fields(cls) if each.name in known}


def changed(cls: type[Any], params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters that differ from their defaults: what an id is made of."""
    known = defaults(cls)
    return {
        name: value
        for name, value in params.items()
        if name not in known or canonical(known[name]) != canonical(value)
    }


def labelled(
    cls: type[Any], params: Mapping[str, Any], always: Collection[str] = ()
) -> dict[str, Any]:
    """What a label is made of: the changed parameters and ``always``, less the unlabelled."""
    names = {*changed(cls, params), *always}.difference(getattr(cls, "unlabelled", ()))
    return {name: value for name, value in params.items() if name in names}


def build(cls: type[T], params: Mapping[str, Any]) -> T:
    """The object of ``cls`` with these plain parameters."""
    return cls(**{name: _frozen(value) for name, value in params.items()})


def _frozen(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return tuple(_frozen(inner) for inner in value)
    return value
