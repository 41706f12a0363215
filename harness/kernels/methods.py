"""What a kind's base class needs: functions of a class body made static, fields as a tuple."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from types import FunctionType
from typing import Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

__all__ = ["parameters_tuple", "static_functions"]

_ATTRIBUTE = "_Parameters"


def static_functions(cls: type, *names: str | Iterable[str]) -> None:
    """Make the plain functions ``names`` of the body of ``cls`` static methods.

    For a kind's ``__init_subclass__``, so that an author writes ``def select(parameters,
    state, key, t)`` without a decorator. Names may come one by one or as one sequence.
    """
    for name in names:
        if not isinstance(name, str):
            static_functions(cls, *name)
        elif isinstance(function := vars(cls).get(name), FunctionType):
            setattr(cls, name, staticmethod(function))


def parameters_tuple(cls: type[Any]) -> type[Any]:
    """The NamedTuple class of the fields of the dataclass ``cls``, made once.

    ``parameters_tuple(cls)(**values)`` is what compiled functions get as ``parameters``. It is
    an attribute of ``cls``, since numba's cache finds it by name in a later process.
    """
    # A subclass without fields of its own shares the class of its parent, whose functions and
    # thus kernel it may share too: another class would be another compilation.
    owner = [each for each in cls.__mro__ if _signature(each) == _signature(cls)][-1]
    made: Any = vars(owner).get(_ATTRIBUTE)
    if made is None:
        made = _named_tuple(owner)
        setattr(owner, _ATTRIBUTE, made)
    return made  # type: ignore[no-any-return]  # a class made at run time


def _signature(cls: type[Any]) -> object:
    return [(each.name, each.type) for each in fields(cls)] if is_dataclass(cls) else None


def _named_tuple(cls: type[Any]) -> Any:
    hints = get_type_hints(cls)
    named = [(each.name, _plain_type(hints.get(each.name, object))) for each in fields(cls)]
    functional: Any = NamedTuple  # mypy follows its calls with literal fields only
    made = functional("Parameters", named)
    made.__module__ = cls.__module__
    made.__qualname__ = f"{cls.__qualname__}.{_ATTRIBUTE}"
    made.__doc__ = f"The fields of {cls.__qualname__}."
    return made


def _plain_type(hint: Any) -> Any:
    """``str`` for a literal of texts, so that coerce casts what a suite writes."""
    if get_origin(hint) is Literal:
        kinds = {type(value) for value in get_args(hint)}
        return kinds.pop() if len(kinds) == 1 else object
    return hint
