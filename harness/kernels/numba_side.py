"""The only importer of numba: registering functions, and compiling for types."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numba
from llvmlite import binding
from numba.core import event
from numba.core.errors import NumbaError, NumbaWarning, TypingError
from numba.extending import overload

from harness.kernels.reach import Reach, Registered
from harness.kernels.rows import Row
from harness.kernels.tally import begin_compiling, end_compiling

__all__ = ["REFUSALS", "compile_for", "machine", "namespace", "register", "types_of"]

# What numba raises for code that it does not compile.
REFUSALS: tuple[type[Exception], ...] = (NumbaError,)

_registered: set[object] = set()


class _Watch(event.Listener):
    """Counts compilations that nobody asked :mod:`harness.kernels` for: other types, plugins."""

    def on_start(self, event: Any) -> None:
        begin_compiling()

    def on_end(self, event: Any) -> None:
        end_compiling()


event.register("numba:compile", _Watch())  # type: ignore[no-untyped-call]  # numba


def machine() -> str:
    """What besides the source decides machine code: numba, LLVM and the processor."""
    return f"{numba.__version__} {binding.llvm_version_info} {binding.get_host_cpu_name()}"


def namespace() -> dict[str, Any]:
    """The globals that a generated entry starts with."""
    return {"njit": numba.njit}


def types_of(data: tuple[Any, ...]) -> tuple[Any, ...]:
    """The numba types of arguments; raises one of ``REFUSALS`` where there is none."""
    typeof: Any = numba.typeof
    try:
        return tuple(map(typeof, data))
    except ValueError as error:  # records of objects that numba has no type for
        raise TypingError(str(error)) from error


def compile_for(dispatcher: Any, types: Any) -> None:
    """Compile, or load from the disk, the version for ``types``."""
    with warnings.catch_warnings():
        # Advice to the author of numba code, not to the user of a method.
        warnings.simplefilter("ignore", NumbaWarning)
        dispatcher.compile(types)


def register(reach: Reach, row_entry: Callable[[Row], Callable[..., Any]]) -> None:
    """Let compiled code call the plain functions and rows of ``reach``.

    ``row_entry`` gives the plain wrapper through which compiled code enters a row.
    """
    for function in reach.functions:
        _register_function(function)
    for row in reach.rows:
        if row not in _registered:
            _registered.add(row)
            _stand_in(row, row_entry(row), is_inlined=True)


def _register_function(function: Registered) -> None:
    if function.public in _registered:
        return
    _registered.add(function.public)
    _stand_in(function.public, function.source, is_inlined=function.is_inlined)


def _stand_in(public: Any, source: Any, *, is_inlined: bool) -> None:
    """Replace calls of ``public`` by ``source``.

    ``forceinline`` is LLVM's: without it each call passes the state's arrays by value and
    counts references (a quarter slower). Never numba's ``inline="always"``, which made
    silently wrong programs of correct sources (UCB-H: 302,919 for 78,563).
    """
    options: Any = {"forceinline": True} if is_inlined else {}

    @overload(public, jit_options=options, strict=False)
    def choose(*arguments: Any, **named: Any) -> Any:
        return source
