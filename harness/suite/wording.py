"""Types and values in the words of somebody who edits a suite, not of a type checker."""

from __future__ import annotations

import math
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import GroupedMetadata

__all__ = ["choices", "describe", "joined", "range_words", "tell", "told_number"]

_NOUNS: Mapping[Any, tuple[str, str]] = {
    int: ("a whole number", "whole numbers"),
    float: ("a number", "numbers"),
    bool: ("true or false", "truth values"),
    str: ("text", "texts"),
    None: ("null", "nulls"),
    type(None): ("null", "nulls"),
    Any: ("a value", "values"),
    object: ("a value", "values"),
}


def tell(value: Any) -> str:
    """A value as given, with its kind where that is what may be wrong with it."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return told_number(value)
    if isinstance(value, str):
        return f'text "{value if len(value) <= 60 else value[:57] + "…"}"'
    if isinstance(value, Mapping):
        return "a mapping"
    return "an empty list" if not value else f"a list of {len(value)}"


def told_number(value: float) -> str:
    """A number as one would write it: 10000, not 10000.0."""
    if isinstance(value, float) and math.isfinite(value) and value == int(value):
        return str(int(value)) if abs(value) < 1e15 else f"{value:g}"
    return str(value).replace("inf", ".inf")


def joined(words: Sequence[str], last: str = "or") -> str:
    """``a, b or c``."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def bare(annotation: Any) -> tuple[Any, list[Any]]:
    """The type without ``Annotated``, and what was annotated, groups taken apart."""
    if get_origin(annotation) is not Annotated:
        return annotation, []
    inner, *notes = get_args(annotation)
    return inner, [part for note in notes for part in _parts(note)]


def _parts(note: Any) -> Iterator[Any]:
    if isinstance(note, GroupedMetadata):
        yield from note
    elif isinstance(getattr(note, "metadata", None), list):  # pydantic's Field
        yield from note.metadata
    else:
        yield note


def is_union(annotation: Any) -> bool:
    """Whether the type is ``A | B`` with more than ``None`` to choose."""
    return get_origin(annotation) in (Union, types.UnionType)


def range_words(annotation: Any) -> str:
    """``at least 1``, ``from 0 to 1``, ``above 0 and below 1``; empty without a range."""
    _, notes = bare(annotation)
    limits = {
        name: told_number(getattr(note, name))
        for note in notes
        for name in ("ge", "gt", "le", "lt")
        if isinstance(getattr(note, name, None), (int, float))
    }
    if "ge" in limits and "le" in limits:
        return f"from {limits['ge']} to {limits['le']}"
    words = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
    return " and ".join(f"{words[name]} {limits[name]}" for name in words if name in limits)


def choices(annotation: Any) -> tuple[Any, ...]:
    """The values of a ``Literal`` or an enumeration, also inside ``Annotated`` or a union."""
    inner, _ = bare(annotation)
    if get_origin(inner) is Literal:
        return get_args(inner)
    if isinstance(inner, type) and issubclass(inner, Enum):
        return tuple(member.value for member in inner)
    if is_union(inner):
        return tuple(each for part in get_args(inner) for each in choices(part))
    return ()


def describe(annotation: Any) -> str:
    """What a parameter must be: ``a number from 0 to 1``, ``uniform or task``."""
    inner, _ = bare(annotation)
    noun = _noun(inner)
    limits = range_words(annotation)
    if not limits:
        return noun
    return f"{noun} of {limits}" if limits.startswith("at ") else f"{noun} {limits}"


def _noun(inner: Any) -> str:
    if inner in _NOUNS:
        return _NOUNS[inner][0]
    if not is_union(inner) and (named := choices(inner)):
        return joined([_choice(each) for each in named])
    origin, arguments = get_origin(inner), get_args(inner)
    if is_union(inner):
        return joined([describe(part) for part in arguments])
    if origin is tuple and arguments and arguments[-1] is not Ellipsis:
        return f"a list of {len(arguments)}: {joined([describe(a) for a in arguments], 'and')}"
    container = origin or inner
    if isinstance(container, type):
        if issubclass(container, Mapping):
            return "a mapping"
        if hasattr(container, "_fields"):
            return f"a list of {len(container._fields)}: {joined(container._fields, 'and')}"
        if issubclass(container, (Sequence, set, frozenset)):
            return f"a list of {_plural(arguments[0])}" if arguments else "a list"
        if is_dataclass(container):
            return f"a mapping with {joined([each.name for each in fields(container)], 'and')}"
    return f"a {getattr(inner, '__name__', str(inner))}"


def _choice(value: Any) -> str:
    return value if isinstance(value, str) and value else tell(value)


def _plural(annotation: Any) -> str:
    inner, _ = bare(annotation)
    limits = range_words(annotation)
    if inner in _NOUNS:
        return " ".join(filter(None, [_NOUNS[inner][1], limits]))
    return f"values that are each {describe(annotation)}"
