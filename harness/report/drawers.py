"""Figures drawn by processes side by side: 0.1 s each, and one converter is one thread.

The library's bundle takes 2 s and only depends on the converter's version: it is kept in the
cache folder.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.metadata import version
from typing import Any

from harness.data.locate import cache_folder
from harness.errors import StoreError, UsageError
from harness.report import render
from harness.store.disk import write_whole

__all__ = ["draw_all", "library"]

_LEAST = 12  # figures from which on a second process pays for its start
_MOST = 4


def draw_all(specs: Sequence[Mapping[str, Any]]) -> list[str]:
    """The SVG of each, in order.

    Raises ``UsageError`` when a drawing process fails, with what it said.
    """
    processes = min(len(specs) // _LEAST + 1, _cores(), _MOST)
    if processes < 2:
        return [render.svg(spec) for spec in specs]
    others = [_Drawer(specs[place::processes]) for place in range(1, processes)]
    parts = [[render.svg(spec) for spec in specs[::processes]]]
    parts += [drawer.answers() for drawer in others]
    return [parts[place % processes][place // processes] for place in range(len(specs))]


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):  # not everywhere: macOS has none
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Drawer:
    """A process that reads specifications and answers their SVG."""

    def __init__(self, specs: Sequence[Mapping[str, Any]]) -> None:
        command = [sys.executable, "-m", "harness.report.render"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert self._process.stdin is not None, "asked for above"
        # All of it is read before anything is answered: neither side waits for the other.
        with suppress(BrokenPipeError):  # it died at once: ``answers`` tells why
            self._process.stdin.write(json.dumps(specs).encode())
            self._process.stdin.close()
        self._process.stdin = None

    def answers(self) -> list[str]:
        out, err = self._process.communicate()
        if self._process.returncode:
            told = err.decode(errors="replace").strip().rpartition("\n")[2]
            raise UsageError(f"figures could not be drawn: {told}")
        found: list[str] = json.loads(out)
        return found


def library() -> str:
    """The plot library as one module, from the cache where it was made before."""
    path = cache_folder() / "plots" / f"vega-{version('vl-convert-python')}.js"
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        made = render.bundle()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, memoryview(made.encode()))
    except (OSError, StoreError):
        return made  # a cache that cannot be written costs time, not the page
    return made
