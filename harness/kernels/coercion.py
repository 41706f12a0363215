"""Data as the compiler wants it, so that ``c: 1`` and ``c: 1.0`` are one compiled kernel.

Another type of one field is another signature and a compilation of seconds: ``int`` where
``float`` is declared, numpy scalars, read-only or strided arrays. :func:`coerce` casts them away.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import numpy as np

__all__ = ["coerce"]

T = TypeVar("T")
Caster = Callable[[Any], Any]


def coerce(value: T) -> T:
    """``value`` with the fields of its NamedTuples cast to their declared types, recursively.

    Numbers become Python's ``float``, ``int``, ``bool``; arrays contiguous and writable, and of
    the declared dtype where the annotation names one (``NDArray[np.float64]``). What already
    fits is handed on as it is; an array that does not is copied.

    Raises
    ------
    TypeError
        For a number that its declared type cannot hold, with the field's name.
    """
    return _loose(value)  # type: ignore[no-any-return]


def _loose(value: Any) -> Any:
    """Cast by the value's own type: where nothing is declared."""
    if isinstance(value, np.ndarray):
        return _contiguous(value, None)
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, tuple):
        if hasattr(value, "_fields"):
            return _named(value)
        return tuple(_loose(each) for each in value)
    return value


def _named(value: Any) -> Any:
    cls: Any = type(value)
    if tuple(map(type, value)) == _numbers(cls):  # nothing to cast: 0.5 µs
        return value
    casters: tuple[Caster, ...] = _casters(cls)
    cast = [caster(each) for each, caster in zip(value, casters, strict=True)]
    if all(new is old for new, old in zip(cast, value, strict=True)):
        return value
    return cls(*cast)


@cache
def _numbers(cls: type[Any]) -> tuple[type, ...]:
    """The declared types of the fields if all are numbers or texts, else nothing."""
    declared = _declared(cls)
    return declared if all(each in (float, int, bool, str) for each in declared) else ()


@cache
def _casters(cls: type[Any]) -> tuple[Caster, ...]:
    names: tuple[str, ...] = cls._fields
    named = zip(names, _declared(cls), strict=True)
    return tuple(_caster(f"{cls.__name__}.{name}", hint) for name, hint in named)


def _declared(cls: type[Any]) -> tuple[Any, ...]:
    try:
        hints = get_type_hints(cls)
    except NameError:  # an annotation whose import only type checkers do
        hints = {}
    return tuple(hints.get(name) for name in cls._fields)


def _caster(where: str, hint: Any) -> Caster:
    if hint is float:
        return lambda value: value if type(value) is float else _float(where, value)
    if hint is int:
        return lambda value: value if type(value) is int else _int(where, value)
    if hint is bool:
        return lambda value: value if type(value) is bool else _bool(where, value)
    if get_origin(hint) is np.ndarray:
        dtype = _declared_dtype(hint)
        return lambda value: _contiguous(value, dtype)
    return _loose


def _float(where: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{where} is declared float, got {value!r}") from error


def _int(where: str, value: Any) -> int:
    try:
        whole = int(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise TypeError(f"{where} is declared int, got {value!r}") from error
    if whole != value:
        raise TypeError(f"{where} is declared int, got {value!r}")
    return whole


def _bool(where: str, value: Any) -> bool:
    if value not in (0, 1):
        raise TypeError(f"{where} is declared bool, got {value!r}")
    return bool(value)


def _contiguous(value: Any, dtype: Any) -> Any:
    if not isinstance(value, np.ndarray):
        value = np.asarray(value, dtype)
    flags = value.flags
    if flags.c_contiguous and flags.writeable and flags.aligned and dtype in (None, value.dtype):
        return value
    return np.require(value, dtype, ["C", "W", "A"])


def _declared_dtype(hint: Any) -> Any:
    """The dtype of ``NDArray[scalar]``, or ``None`` where it names no single one."""
    for argument in get_args(hint):
        if get_origin(argument) is np.dtype:
            scalar = get_args(argument)[0]
            return np.dtype(scalar) if isinstance(scalar, type) else None
    return None
