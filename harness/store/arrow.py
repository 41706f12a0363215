"""Keeps pyarrow from importing pandas for nothing.

The first ``pa.array`` of a list asks whether pandas is there by importing it: 0.4 s and 60 MB
that a command which prints a board does without. Told once that there is none, pyarrow looks
again only when ``to_pandas`` is called, and then finds it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from types import ModuleType

import pyarrow as pa

__all__ = ["spare_pandas"]


class _NoPandas(MetaPathFinder):
    """An import hook that finds no pandas."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError(fullname)


def spare_pandas() -> None:
    """Let pyarrow ask for pandas now, and not find it; nothing where it is imported already."""
    if "pandas" in sys.modules:
        return
    hook = _NoPandas()
    sys.meta_path.insert(0, hook)
    try:
        pa.array([0])
    finally:
        sys.meta_path.remove(hook)
