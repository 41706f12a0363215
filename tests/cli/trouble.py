"""A plugin that a suite names by its path, and that goes wrong where it is told to."""

import ctypes
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from harness import Artifact, Method, Metric, Outcome, Task, hookimpl

METRICS = (Metric(name="loss"), Metric(name="curve", axis="round"))


@hookimpl
def harness_methods():
    return {"trouble/plain": "trouble:Plain", "trouble/other": "trouble:Other"}


@hookimpl
def harness_tasks():
    return {
        "trouble/one": "trouble:One",
        "trouble/trained": "trouble:Trained",
        "trouble/slow": "trouble:Slow",
    }


@dataclass(frozen=True, kw_only=True)
class Plain(Method):
    """A method with one parameter."""

    shift: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Other(Method):
    """A method beside it."""

    shift: float = 1.0


def _raise(cell):
    raise ArithmeticError("the second is wrong")


def _loop(cell):
    while True:
        pass


def _power(cell):
    """One instruction of C that holds the interpreter's lock for hours."""
    pow(3, 10**9)


def _regex(cell):
    re.match(r"(a+)+$", "a" * 60 + "b")


def _blocked(cell):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    while True:
        pass


def _segfault(cell):
    ctypes.string_at(0)


def _exit(cell):
    os._exit(0)


def _eat(cell):
    held = []
    while True:
        held.append(bytearray(b"x" * (32 << 20)))
        time.sleep(0.002)


def _print(cell):
    until = time.monotonic() + 0.3
    while time.monotonic() < until:
        print("noise " * 2000)


def _children(cell):
    subprocess.Popen(["sleep", "612.5"], start_new_session=True)
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(612.5)"])


FAULTS = {
    "raise": _raise,
    "loop": _loop,
    "power": _power,
    "regex": _regex,
    "blocked": _blocked,
    "segfault": _segfault,
    "exit": _exit,
    "eat": _eat,
    "print": _print,
    "children": _children,
}
ANSWERS = {
    "nan": lambda cell: Outcome(cell=cell, final={"loss": float("nan")}),
    "undeclared": lambda cell: Outcome(cell=cell, final={"lost": 1.0}),
    "nothing": lambda cell: None,
}


def drawn(method, cell):
    """What an undisturbed cell gives."""
    value = method.shift + cell.task_stream.numpy().random()
    return Outcome(cell=cell, final={"loss": value}, curves={"curve": ([1, 2], [value, value / 2])})


@dataclass(frozen=True, kw_only=True)
class One(Task):
    """One fault in the cell of seed 2."""

    accepts = Method
    metrics = METRICS

    fault: str = "none"

    def evaluate(self, method, cells):
        for cell in cells:
            if cell.seed == 2 and self.fault == "few":
                return
            if cell.seed == 2 and self.fault in FAULTS:
                FAULTS[self.fault](cell)
            if cell.seed == 2 and self.fault in ANSWERS:
                yield ANSWERS[self.fault](cell)
            else:
                yield drawn(method, cell)
        if self.fault == "many":
            yield drawn(method, cell)


@dataclass(frozen=True, kw_only=True)
class Slow(Task):
    """Cells that take their time; every thirteenth raises. What starts is told in a file."""

    accepts = Method
    metrics = METRICS

    cell_s: float = 0.002
    told: str = ""

    def evaluate(self, method, cells):
        for cell in cells:
            if self.told:
                with Path(self.told).open("a") as file:
                    file.write(f"{cell.seed}\n")
            time.sleep(self.cell_s)
            if cell.seed % 13 == 12:
                raise ValueError(f"unlucky {cell.seed}")
            yield drawn(method, cell)


@dataclass(frozen=True, kw_only=True)
class Model(Artifact):
    """An artifact whose build may fail."""

    name = "model"

    seed: int | None = None
    broken: bool = False

    def build(self, context):
        if self.broken:
            raise ValueError("does not converge")
        (context.folder / "weights").write_text("1")

    def load(self, folder):
        return float((folder / "weights").read_text())


@dataclass(frozen=True, kw_only=True)
class Trained(Task):
    """Evaluates an artifact."""

    accepts = Method
    metrics = METRICS

    broken: bool = False

    def artifacts(self, method, seed):
        return (Model(broken=self.broken),)

    def evaluate(self, method, cells):
        for cell in cells:
            model = cell.artifact(Model(broken=self.broken))
            yield Outcome(cell=cell, final={"loss": model + method.shift + cell.seed})
