"""A plugin that goes wrong in every way that the executor must contain.

``Faulty`` adds numbers up, and at the cell with seed ``at`` does what ``fault`` says. ``once``
names a folder: the fault then happens at the first try only.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness.api.artifact import Artifact
from harness.api.cell import Cell
from harness.api.contracts import Method, Task
from harness.api.metric import Bound, Metric
from harness.api.outcome import Outcome, Skip
from harness.errors import DataMissing

METRICS = (
    Metric(name="loss"),
    Metric(name="curve", axis="round"),
    Metric(name="score", has_items=True, type="share"),
)


def pause(seconds: float) -> None:
    """Sleep in C with the interpreter's lock held."""
    ctypes.PyDLL(None).usleep(int(seconds * 1e6))


@dataclass(frozen=True, kw_only=True)
class Plain(Method):
    """A method without parameters."""

    def guarantees(self, task, facts=None):
        if facts is None:
            return ()
        return (Bound(metric="loss", role="guarantee", value=facts, source="facts"),)


@dataclass(frozen=True, kw_only=True)
class Picky(Method):
    """Raises, hangs, dawdles or crashes in its constructor."""

    how: str = "raise"

    def __post_init__(self):
        if self.how == "raise":
            raise ValueError("never satisfied")
        if self.how == "slow":
            time.sleep(0.8)
            return
        if self.how == "hang":
            time.sleep(600)
        os.kill(os.getpid(), signal.SIGSEGV)


@dataclass(frozen=True, kw_only=True)
class Null(Task):
    """Does nothing: what a cell costs is the harness's."""

    accepts = Method
    metrics = METRICS

    def evaluate(self, method: Method, cells: Sequence[Cell]) -> Iterator[Outcome]:
        for cell in cells:
            yield Outcome(cell=cell, final={"loss": 1.0})


@dataclass(frozen=True, kw_only=True)
class Faulty(Task):
    """One fault in one cell."""

    accepts = Method
    metrics = METRICS

    fault: str = "none"
    at: int = -1
    cell_s: float = 0.0
    folder: str = ""

    def evaluate(self, method: Method, cells: Sequence[Cell]) -> Iterator[Outcome]:
        for cell in cells:
            if self.cell_s:
                time.sleep(self.cell_s)
            if cell.seed == self.at:
                yield from FAULTS[self.fault](self, cell)
            else:
                yield good(cell)
        if self.fault == "crash after the last":
            os.kill(os.getpid(), signal.SIGSEGV)
        if self.fault == "raise after the last":
            raise RuntimeError("too late")
        if self.fault == "hang after the last":
            time.sleep(600)
        if self.fault == "too many":
            yield good(cell)


_gpu: list[str] = []  # of this process


class OutOfMemoryError(RuntimeError):
    """As torch calls a full card."""


def good(cell: Cell) -> Outcome:
    """What an undisturbed cell gives: a function of its seed."""
    if _gpu:
        raise RuntimeError("CUDA error: device-side assert triggered")
    loss = float(cell.task_stream.key % 1000)
    return Outcome(cell=cell, final={"loss": loss}, curves={"curve": ([1, 2], [loss, loss / 2])})


def _none(task, cell):
    yield good(cell)


def _segfault(task, cell):
    ctypes.string_at(0)
    yield good(cell)


def _exit(task, cell):
    os._exit(0)
    yield good(cell)


def _sys_exit(task, cell):
    sys.exit("enough")
    yield good(cell)


def _raise(task, cell):
    raise ArithmeticError("the seventh is wrong")
    yield good(cell)


def _skip(task, cell):
    raise Skip("not today")
    yield good(cell)


def _yield_skip(task, cell):
    yield Outcome.skip(cell, "not today")


def _data(task, cell):
    raise DataMissing("harness data fetch digits")
    yield good(cell)


def _nan(task, cell):
    yield Outcome(cell=cell, final={"loss": float("nan")})


def _infinite(task, cell):
    yield Outcome(cell=cell, final={"loss": float("-inf")})


def _infinite_curve(task, cell):
    yield Outcome(cell=cell, curves={"curve": ([1, 5, 9], [1.0, float("inf"), 2.0])})


def _nan_curve(task, cell):
    yield Outcome(cell=cell, curves={"curve": ([1, 5, 9], [1.0, float("nan"), 2.0])})


def _undeclared(task, cell):
    yield Outcome(cell=cell, final={"losss": 1.0})


def _text(task, cell):
    yield Outcome(cell=cell, final={"loss": "3"})


def _no_outcome(task, cell):
    yield None


def _wrong_cell(task, cell):
    yield Outcome(cell=Cell(cell.seed + 100, cell._job), final={"loss": 1.0})


def _too_few(task, cell):
    return
    yield good(cell)


def _loop(task, cell):
    while True:
        pass
    yield good(cell)


def _stubborn(task, cell):
    """C code that holds the interpreter's lock, with SIGTERM blocked and ignored."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    pause(600)
    yield good(cell)


def _eat(task, cell):
    held = []
    while True:
        held.append(np.ones(1 << 20))  # 8 MiB, touched
        time.sleep(0.002)
    yield good(cell)


def _eat_child(task, cell):
    code = "import time\nheld = []\nwhile True: held.append(b'x' * (8 << 20)); time.sleep(.002)"
    subprocess.run([sys.executable, "-c", code], check=False)
    yield good(cell)


KEPT = []


def _keep(task, cell):
    """300 MiB that the process keeps."""
    KEPT.append(np.ones(300 << 17))
    yield good(cell)


def _freeze_later(task, cell):
    """Its worker stands still a moment after its outcome."""
    subprocess.Popen(["sh", "-c", f"sleep 0.2; kill -STOP {os.getpid()}"])
    yield good(cell)


def _crowd(task, cell):
    """Seven children, four of which have ended and are not waited for."""
    ended = [subprocess.Popen(["true"]) for _ in range(4)]
    for child in ended:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    running = [subprocess.Popen(["sleep", "0.3"]) for _ in range(3)]
    for child in running:
        child.wait()
    yield good(cell)


def _print(task, cell):
    until = time.monotonic() + 0.4
    while time.monotonic() < until:
        print("x" * 1000)
    yield good(cell)


def _sleepers(task, cell):
    """Children that must not outlive the run: plain, own session, double fork."""
    command = ["sleep", "600.25"]
    plain = subprocess.Popen(command)
    own = subprocess.Popen(command, start_new_session=True)
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        os.setsid()
        grandchild = os.fork()
        if grandchild == 0:
            os.execvp("sleep", command)
        os.write(writes, str(grandchild).encode())
        os._exit(0)
    os.waitpid(child, 0)
    daemon = int(os.read(reads, 20))
    pids = [plain.pid, own.pid, daemon]
    Path(task.folder, f"pids-{cell.seed}-{os.getpid()}").write_text(" ".join(map(str, pids)))


def _children(task, cell):
    _sleepers(task, cell)
    yield good(cell)


def _children_crash(task, cell):
    _sleepers(task, cell)
    os.kill(os.getpid(), signal.SIGSEGV)
    yield good(cell)


def _holder(task, cell):
    """A forked child that holds the worker's pipes open while the worker dies."""
    if os.fork() == 0:
        os.setsid()
        time.sleep(600)
    os.kill(os.getpid(), signal.SIGKILL)
    yield good(cell)


def _stop(task, cell):
    os.kill(os.getpid(), signal.SIGSTOP)
    yield good(cell)


def _crash_once(task, cell):
    marker = Path(task.folder, f"tried-{cell.seed}")
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGSEGV)
    yield good(cell)


def _lost_gpu(task, cell):
    """A card that answers the first wrong call, and every call after it, with one error."""
    _gpu.append("lost")
    raise RuntimeError("CUDA error: device-side assert triggered")
    yield good(cell)


def _full_gpu(task, cell):
    raise OutOfMemoryError("CUDA out of memory. Tried to allocate 80 GiB.")
    yield good(cell)


def _memory_error(task, cell):
    raise MemoryError("cannot allocate")
    yield good(cell)


FAULTS = {
    "none": _none,
    "segfault": _segfault,
    "exit": _exit,
    "sys.exit": _sys_exit,
    "raise": _raise,
    "skip": _skip,
    "yield skip": _yield_skip,
    "data": _data,
    "nan": _nan,
    "infinite": _infinite,
    "infinite in a curve": _infinite_curve,
    "nan in a curve": _nan_curve,
    "undeclared": _undeclared,
    "text": _text,
    "no outcome": _no_outcome,
    "wrong cell": _wrong_cell,
    "too few": _too_few,
    "loop": _loop,
    "stubborn": _stubborn,
    "eat": _eat,
    "eat in a child": _eat_child,
    "keep": _keep,
    "freeze later": _freeze_later,
    "crowd": _crowd,
    "print": _print,
    "children": _children,
    "children, then crash": _children_crash,
    "holder": _holder,
    "stop": _stop,
    "crash once": _crash_once,
    "lost gpu": _lost_gpu,
    "full gpu": _full_gpu,
    "memory error": _memory_error,
}


@dataclass(frozen=True, kw_only=True)
class Batch(Task):
    """Takes up ``width`` cells at once; one seed kills all that are in hand, or raises."""

    accepts = Method
    metrics = METRICS

    width: int = 32
    at: int = -1
    fault: str = "segfault"
    seconds: float = 0.0

    def evaluate(self, method: Method, cells: Sequence[Cell]) -> Iterator[Outcome]:
        for first in range(0, len(cells), self.width):
            batch = cells[first : first + self.width]
            if any(cell.seed == self.at for cell in batch):
                list(FAULTS[self.fault](self, batch[0]))
            time.sleep(self.seconds * len(batch))
            for cell in batch:
                yield good(cell)


@dataclass(frozen=True, kw_only=True)
class Big(Task):
    """Curves of ``points`` points."""

    accepts = Method
    metrics = METRICS

    points: int = 1000

    def evaluate(self, method: Method, cells: Sequence[Cell]) -> Iterator[Outcome]:
        at = np.arange(self.points)
        for cell in cells:
            yield Outcome(cell=cell, curves={"curve": (at, at + float(cell.seed))})


@dataclass(frozen=True, kw_only=True)
class Rich(Task):
    """Everything that an outcome can hold."""

    accepts = Method
    metrics = METRICS

    def evaluate(self, method: Method, cells: Sequence[Cell]) -> Iterator[Outcome]:
        for cell in cells:
            cell.progress(0.5)
            cell.report("curve", 3.0, at=2)
            cell.report("curve", 4.0, at=1)
            cell.report("curve", 5.0, at=2)
            yield Outcome(
                cell=cell,
                final={"loss": np.float32(0.5)},
                items={"score": (["a", "b", "c", "d"], [1, 0, 1, 1])},
                records={"a": "prompt\nanswer"},
                bounds=[Bound(metric="loss", role="exact", value=0.5, at=1.0)],
                facts=7.0,
                censored=frozenset({"loss"}),
            )


@dataclass(frozen=True, kw_only=True)
class Model(Artifact):
    """An artifact: a file with a number; how it is built is told by its fields."""

    name = "model"

    seed: int | None = None
    fault: str = "none"
    folder: str = ""
    parent: bool = False

    def inputs(self):
        return (Model(seed=self.seed, fault=self.fault, folder=self.folder),) if self.parent else ()

    def build(self, context) -> None:
        with Path(self.folder, "builds").open("a") as file:
            file.write(f"{self.seed} {self.parent}\n")
        if self.fault == "visible":
            told = f"{os.environ['CUDA_VISIBLE_DEVICES']} {context.device}"
            Path(self.folder, "visible").write_text(told)
        if self.fault == "raise":
            raise ValueError("does not converge")
        if self.fault == "data":
            raise DataMissing("harness data fetch digits")
        if self.fault == "segfault":
            os.kill(os.getpid(), signal.SIGSEGV)
        start = 0.0
        for parent in self.inputs():
            start = context.artifact(parent)
        state = context.checkpoint_dir / "epoch"
        first = int(state.read_text()) + 1 if state.exists() else 0
        for epoch in range(first, 5):
            with Path(self.folder, "epochs").open("a") as file:
                file.write(f"{epoch}\n")
            state.write_text(str(epoch))
            if epoch == 2 and first == 0 and self.fault == "crash once":
                os.kill(os.getpid(), signal.SIGSEGV)
        context.report("final_loss", 0.25)
        value = start + context.stream.key % 100
        (context.folder / "weights").write_text(repr(float(value)))

    def load(self, folder: Path) -> float:
        return float((folder / "weights").read_text())


@dataclass(frozen=True, kw_only=True)
class Trained(Task):
    """Evaluates an artifact."""

    accepts = Method
    metrics = METRICS

    fault: str = "none"
    folder: str = ""
    by_seed: bool = False
    parent: bool = False

    def artifacts(self, method: Method, seed: int) -> Sequence[Artifact]:
        chosen = seed if self.by_seed else None
        return (Model(seed=chosen, fault=self.fault, folder=self.folder, parent=self.parent),)

    def evaluate(self, method: Method, cells: Sequence[Cell]) -> Iterator[Outcome]:
        for cell in cells:
            (model,) = self.artifacts(method, cell.seed)
            value = cell.artifact(model)
            final = {"loss": value + cell.artifact_metrics(model)["final_loss"]}
            yield Outcome(cell=cell, final=final)


@dataclass(frozen=True, kw_only=True)
class Training(Task):
    """A training of five epochs that keeps checkpoints and dies in its third, once."""

    accepts = Method
    metrics = METRICS

    folder: str = ""

    def evaluate(self, method: Method, cells: Sequence[Cell]) -> Iterator[Outcome]:
        for cell in cells:
            state = cell.checkpoint_dir / "epoch"
            first = int(state.read_text()) + 1 if state.exists() else 0
            for epoch in range(first, 5):
                cell.report("curve", 1.0 / (1 + epoch), at=epoch)
                state.write_text(str(epoch))
                if epoch == 2 and first == 0:
                    os.kill(os.getpid(), signal.SIGSEGV)
            Path(self.folder, f"first-{cell.seed}").write_text(str(first))
            yield Outcome(cell=cell, final={"loss": 0.5})
