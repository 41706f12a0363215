"""Where compiled kernels are kept, and the lock that lets one process compile each of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path

__all__ = [
    "cache_folder",
    "default_folder",
    "has_numba",
    "are_drivers_compiled",
    "is_jit_enabled",
    "locked",
    "set_cache_folder",
]


class _Chosen:
    folder: Path | None = None


def is_jit_enabled() -> bool:
    """Whether anything may be compiled: numba is installed and ``HARNESS_JIT`` is not 0."""
    return os.environ.get("HARNESS_JIT") != "0" and has_numba()


def are_drivers_compiled() -> bool:
    """Whether drivers may be, too: under ``HARNESS_JIT=rows`` only row kernels are.

    Rows have floating-point flags of their own, so that their plain sources may differ from
    them in the last bits; drivers and methods give the same bits either way.
    """
    return is_jit_enabled() and os.environ.get("HARNESS_JIT") != "rows"


@cache
def has_numba() -> bool:
    """Whether numba is installed; found without importing it."""
    return find_spec("numba") is not None


def set_cache_folder(folder: str | os.PathLike[str] | None) -> None:
    """Keep kernels that are compiled from now on in ``folder``; ``None``: the default again."""
    _Chosen.folder = None if folder is None else Path(folder)


def cache_folder() -> Path:
    """The folder set, else the default one."""
    return default_folder() if _Chosen.folder is None else _Chosen.folder


def default_folder() -> Path:
    """``kernels`` in ``HARNESS_CACHE``, else in the user's cache folder."""
    if named := os.environ.get("HARNESS_CACHE"):
        return Path(named) / "kernels"
    from platformdirs import user_cache_path

    return user_cache_path("harness") / "kernels"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock of ``folder``; waits for the process that compiles in it.

    Without file locks (Windows) two processes that meet both compile, harmlessly.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    with (folder / "lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # closing releases it, a dying process too
        yield
