"""Which functions a kernel rests on, and a digest of all that decides its machine code.

numba's own cache looks at the entry's file only: an edited helper would be missed. So the name
of the entry's folder is a digest of the byte code and constants of every function reached. Names
are walked sorted: a set's order changes from process to process and with it the digest.
"""

from __future__ import annotations

import dataclasses
import dis
import sys
from collections.abc import Callable, Iterable
from functools import cache
from hashlib import blake2b
from types import CodeType, FunctionType, ModuleType
from typing import Any, NamedTuple

from harness.kernels.rows import Row

__all__ = ["Reach", "Registered", "is_importable", "reach_of"]

# Their functions are numba's to know, not ours to register.
_LIBRARIES = sys.stdlib_module_names | {"numpy", "scipy", "numba", "llvmlite"}


class Registered(NamedTuple):
    """A function that compiled code calls, and the source that stands for it there."""

    public: Callable[..., Any]
    source: FunctionType
    is_inlined: bool


class Reach(NamedTuple):
    """What a kernel rests on."""

    functions: tuple[Registered, ...]  # sorted by name
    rows: tuple[Row, ...]
    digest: str  # 32 hexadecimal digits


def reach_of(roots: Iterable[Any]) -> Reach:
    """All that ``roots``, functions or rows, reach through globals, modules and closures."""
    walk = _Walk()
    for root in roots:
        walk.visit(root)
    functions = sorted(walk.functions.values(), key=lambda each: _label(each.source))
    return Reach(tuple(functions), tuple(walk.rows), walk.digest.hexdigest())


def is_importable(value: Any) -> bool:
    """Whether a later process finds the function under its name, so that a cache can serve it."""
    module = sys.modules.get(value.__module__)
    if module is None or value.__module__ == "__main__":
        return False
    found: Any = module
    for part in value.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is value or (isinstance(found, Row) and found.source is value)


class _Walk:
    def __init__(self) -> None:
        self.functions: dict[int, Registered] = {}
        self.rows: list[Row] = []
        self.digest = blake2b(digest_size=16)
        self._codes: set[int] = set()
        self._modules: set[str] = set()

    def visit(self, value: Any) -> None:
        """Add ``value`` to the digest, and to the functions or rows if it is one."""
        if isinstance(value, Row):
            self._visit_row(value)
        elif isinstance(value, FunctionType):
            self._visit_function(value)
        elif isinstance(getattr(value, "py_func", None), FunctionType):
            # Compiled by its author: numba takes it as it is, but its source decides too.
            self._visit_code(value.py_func)
            self._note("options", _constant(value.targetoptions))
        elif isinstance(value, type):
            self._note(*_class_facts(value))
        elif isinstance(value, (tuple, list)):
            for each in value:
                self.visit(each)
        else:
            self._note(_constant(value))

    def _visit_row(self, row: Row) -> None:
        self._note("row", row.flags)
        if row not in self.rows:
            self.rows.append(row)
            self._visit_code(row.source)

    def _visit_function(self, function: FunctionType) -> None:
        if _top(function) in _LIBRARIES:
            self._note(_label(function))
            return
        source, is_inlined = _source(function)
        if id(function) not in self.functions:
            self.functions[id(function)] = Registered(function, source, is_inlined)
            self._visit_code(source)

    def _visit_code(self, function: FunctionType) -> None:
        self._note(_label(function))
        if id(function) in self._codes:
            return
        self._codes.add(id(function))
        self._note(*_code_facts(function.__code__))
        self._note(_constant(function.__defaults__), _constant(function.__kwdefaults__))
        names = sorted(_names(function.__code__))
        for name in names:
            if name in function.__globals__:
                self._note(name)
                self._visit_global(function.__globals__[name], names)
        for cell in function.__closure__ or ():
            self.visit(cell.cell_contents)
        self._visit_classes(function.__module__)

    def _visit_global(self, value: Any, names: list[str]) -> None:
        """A global, or the attributes of a module that the code may take."""
        if not isinstance(value, ModuleType):
            self.visit(value)
        elif value.__name__.partition(".")[0] not in _LIBRARIES:
            for name in names:
                if (attribute := getattr(value, name, None)) is not None:
                    self._note(name)
                    self._visit_global(attribute, [each for each in names if each != name])

    def _visit_classes(self, module: str) -> None:
        """Records of the module: the fields of data that come in are read by position."""
        if module in self._modules:
            return
        self._modules.add(module)
        for name, value in sorted(vars(sys.modules.get(module, object)).items()):
            if isinstance(value, type) and _is_record(value):
                self._note(name, *_class_facts(value))

    def _note(self, *facts: object) -> None:
        for fact in facts:
            self.digest.update(repr(fact).encode() + b"\0")


def _source(function: FunctionType) -> tuple[FunctionType, bool]:
    """What stands for ``function`` in compiled code, and whether it is inlined by force."""
    sources, loops = _random_sources()
    source = sources.get(function, function)
    return source, source not in loops


@cache
def _random_sources() -> tuple[dict[Any, Any], frozenset[Any]]:
    from harness.random import arrays, loops, scalar

    return {**scalar.SOURCES, **arrays.SOURCES}, loops.LOOPS


def _label(function: Any) -> str:
    return f"{function.__module__}:{function.__qualname__}"


def _top(function: FunctionType) -> str:
    return (function.__module__ or "").partition(".")[0]


def _names(code: CodeType) -> set[str]:
    """Names that the code and the functions defined in it look up."""
    inner = [each for each in code.co_consts if isinstance(each, CodeType)]
    return set(code.co_names).union(*map(_names, inner))


def _code_facts(code: CodeType) -> tuple[object, ...]:
    """All of the code that can change what it computes: no line numbers, no docstring.

    Instructions with their arguments looked up, since a docstring shifts the constants' places.
    """
    steps = [
        (each.opname, _code_facts(each.argval))
        if isinstance(each.argval, CodeType)
        else (each.opname, _constant(each.argval))
        for each in dis.get_instructions(code)
    ]
    return (steps, code.co_varnames, code.co_freevars, code.co_flags, code.co_exceptiontable)


def _constant(value: Any) -> object:
    """A constant as something whose ``repr`` is the same in every process."""
    if isinstance(value, (tuple, list)):
        return [_constant(each) for each in value]
    if isinstance(value, (frozenset, set)):
        return sorted(repr(_constant(each)) for each in value)
    if isinstance(value, dict):
        return sorted((repr(key), repr(_constant(each))) for key, each in value.items())
    if value is None or isinstance(value, (bool, int, float, complex, str, bytes)):
        return value
    if hasattr(value, "dtype") and hasattr(value, "tobytes"):
        return (str(value.dtype), value.shape, value.tobytes())
    return f"{type(value).__module__}.{type(value).__qualname__}"


def _is_record(value: type) -> bool:
    return hasattr(value, "_fields") or dataclasses.is_dataclass(value)


def _class_facts(value: type) -> tuple[object, ...]:
    label = f"{value.__module__}:{value.__qualname__}"
    if hasattr(value, "_fields"):
        return (label, value._fields, _constant(getattr(value, "_field_defaults", {})))
    if dataclasses.is_dataclass(value):
        return (label, [each.name for each in dataclasses.fields(value)])
    members = getattr(value, "__members__", None)
    if members is not None:
        return (label, [(name, repr(member.value)) for name, member in members.items()])
    return (label,)
