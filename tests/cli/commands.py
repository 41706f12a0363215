"""Runs ``harness`` as a user does: in a process of its own, in a folder with a suite."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

TROUBLE = Path(__file__).with_name("trouble.py")
HEAD = "suite: toy\nseed: 5\nplugins: [trouble.py]\n"

# As the installed command, but from this interpreter and whatever `harness` it has.
COMMAND = (sys.executable, "-c", "from harness.cli.main import main; main()")


@dataclass
class Folder:
    """A working folder: suites in it, results below it, a cache of its own."""

    path: Path
    env: dict[str, str] = field(default_factory=dict)

    @classmethod
    def at(cls, path: Path, suite: str = "", *, plugin: Path = TROUBLE) -> Folder:
        path.mkdir(parents=True, exist_ok=True)
        shutil.copy(plugin, path / plugin.name)
        folder = cls(path)
        if suite:
            folder.write("toy.yaml", suite)
        return folder

    def write(self, name: str, text: str) -> Path:
        target = self.path / name
        target.write_text(text)
        return target

    @property
    def _options(self) -> dict[str, object]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        known = {
            "PYTHONPATH": os.pathsep.join(map(os.path.abspath, filter(None, sys.path))),
            "HARNESS_CACHE": str(self.path / "cache"),
            "HARNESS_JIT": "0",
            "COLUMNS": "120",
            "PYTHONIOENCODING": "utf-8",
        }
        return {"cwd": self.path, "env": {**kept, **known, **self.env}}

    def run(self, *arguments: str, **options) -> subprocess.CompletedProcess[str]:
        """The command to its end; ``code``, ``stdout``, ``stderr``."""
        known = {"capture_output": True, "text": True, "timeout": 60, **self._options}
        return subprocess.run([*COMMAND, *arguments], **{**known, **options}, check=False)

    def start(self, *arguments: str, **options) -> subprocess.Popen:
        """The command, running."""
        known = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen([*COMMAND, *arguments], **{**known, **self._options, **options})

    def json(self, *arguments: str) -> object:
        """What the command prints, which must be JSON as the standard has it."""
        done = self.run(*arguments)

        def refuse(name):
            raise AssertionError(f"{name} is not JSON")

        return json.loads(done.stdout, parse_constant=refuse)

    def runs(self, suite: str = "toy") -> list[Path]:
        """Folders of runs, the oldest first."""
        found = (self.path / "results" / suite).glob("*/run.json")
        return [path.parent for path in sorted(found, key=lambda each: each.stat().st_ctime_ns)]

    def record(self, run: int = -1) -> dict[str, object]:
        return json.loads((self.runs()[run] / "run.json").read_text())

    def cells(self, run: int = -1) -> pd.DataFrame:
        cells = pd.read_parquet(self.runs()[run] / "cells.parquet")
        texts = cells.select_dtypes("category").columns
        return cells.astype(dict.fromkeys(texts, object))


def settled(done: subprocess.CompletedProcess[str], code: int) -> str:
    """All that was printed, after checking the exit code and that no traceback is in it."""
    printed = done.stdout + done.stderr
    assert done.returncode == code, printed
    assert "Traceback" not in printed, printed
    return printed


def descendants(pid: int) -> set[int]:
    """Every process below ``pid`` that is there now."""
    found: set[int] = set()
    for child in children(pid):
        found |= {child} | descendants(child)
    return found


def children(pid: int) -> list[int]:
    """Processes that ``pid`` has started and that are there now."""
    found = []
    try:
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            found += map(int, task.read_text().split())
    except OSError:  # it, or a thread of it, ended this moment
        pass
    return found


def alive(pids: set[int]) -> set[int]:
    """Those of the processes that run; a zombie does not."""
    return {pid for pid in pids if _state(pid) not in ("", "Z", "X")}


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def wait_until(is_so, *, within: float = 10.0):
    """The first true answer; an assertion when there is none in time."""
    until = time.monotonic() + within
    while not (answer := is_so()):
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.01)
    return answer
