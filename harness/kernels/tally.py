"""What a process spent on compiling, and how its kernels ran: a cell's row tells both."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

__all__ = [
    "COMPILED",
    "PLAIN",
    "begin_compiling",
    "compile_seconds",
    "compiling",
    "end_compiling",
    "note_mode",
    "take_compile_seconds",
    "take_modes",
]

COMPILED, PLAIN = "compiled", "plain"


class _Tally:
    def __init__(self) -> None:
        self.seconds = 0.0
        self.modes: set[str] = set()
        self.depth = 0
        self.since = 0.0


_tally = _Tally()


def compile_seconds() -> float:
    """Seconds this process spent importing numba, loading and compiling kernels."""
    return _tally.seconds


def take_compile_seconds() -> float:
    """The seconds since the last call of this function."""
    seconds, _tally.seconds = _tally.seconds, 0.0
    return seconds


def take_modes() -> frozenset[str]:
    """How kernels ran since the last call of this function: ``compiled``, ``plain``, or both."""
    modes, _tally.modes = frozenset(_tally.modes), set()
    return modes


def note_mode(mode: str) -> None:
    """Note that a kernel ran in ``mode``."""
    _tally.modes.add(mode)


@contextmanager
def compiling() -> Iterator[None]:
    """Count the time of the block; a block within a block counts once."""
    begin_compiling()
    try:
        yield
    finally:
        end_compiling()


def begin_compiling() -> None:
    """Start to count, unless that has begun already."""
    if _tally.depth == 0:
        _tally.since = perf_counter()
    _tally.depth += 1


def end_compiling() -> None:
    """Stop to count, if this closes the outermost beginning."""
    _tally.depth -= 1
    if _tally.depth == 0:
        _tally.seconds += perf_counter() - _tally.since
