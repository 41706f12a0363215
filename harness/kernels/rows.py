"""Row kernels: inner loops over flat arrays that may name floating-point flags of their own.

``@row("contract", "reassoc")`` notes the flags and compiles nothing, so a plugin's module can
use it at import. Compiled drivers and plain callers run the same compiled object; a row calls no
shared helper, because numba hands its flags on to every plain function that it calls.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from types import FunctionType
from typing import Any

from harness.kernels import cache

__all__ = ["FLAGS", "Row", "row"]

# LLVM's fast-math flags. "nnan" and "ninf" are left out: they would delete NaN checks.
FLAGS = frozenset({"reassoc", "contract", "nsz", "arcp", "afn"})


class Row:
    """A function with its flags; called like the function."""

    def __init__(self, source: FunctionType, flags: tuple[str, ...]) -> None:
        self.source = source
        self.flags = flags
        self.__doc__ = source.__doc__
        self.__name__ = source.__name__
        self.__qualname__ = source.__qualname__
        self.__module__ = source.__module__
        self._run: Callable[..., Any] = self._first
        self._compiled: Callable[..., Any] | None = None

    def __call__(self, *arguments: Any) -> Any:
        """Run the row, compiled where numba is there."""
        return self._run(*arguments)

    def __repr__(self) -> str:
        return f"<row {self.__module__}.{self.__qualname__} {', '.join(self.flags)}>"

    def compiled(self, data: tuple[Any, ...] | None = None) -> Callable[..., Any]:
        """The one compiled object, for compiled and plain callers; needs numba.

        Without data it compiles when it is called; with data at once, or raises ``Refused``.
        """
        if self._compiled is None:
            from harness.kernels.entry import compiled_row

            self._compiled = compiled_row(self, data)
        return self._compiled

    def _first(self, *arguments: Any) -> Any:
        self._run = self.source
        if cache.is_jit_enabled():
            from harness.kernels.entry import Refused

            with suppress(Refused):
                self._run = self.compiled(arguments)
        return self._run(*arguments)


def row(*flags: str) -> Callable[[Callable[..., Any]], Row]:
    """Decorate a loop over flat arrays that is compiled with LLVM's ``flags``.

    Raises
    ------
    ValueError
        For a flag that is none, or one that would hide NaN.
    """
    unknown = sorted(set(flags) - FLAGS)
    if unknown:
        raise ValueError(f"row: no flag {', '.join(unknown)}; there are {', '.join(sorted(FLAGS))}")

    def mark(function: Callable[..., Any]) -> Row:
        if not isinstance(function, FunctionType):
            raise TypeError(f"row decorates a plain function, got {function!r}")
        return Row(function, tuple(sorted(set(flags))))

    return mark
