"""Methods and a task that keep the contract, and some that break one rule of it each."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from harness import Bound, Method, Metric, Outcome, Task, hookimpl


@dataclass(frozen=True, kw_only=True)
class Guess(Method):
    """The kind: guesses a number."""

    def guess(self, cell: Any) -> float:
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class Steady(Guess):
    """Keeps the contract."""

    shift: float = 0.0
    steps: tuple[int, ...] = (1, 2)

    def guess(self, cell):
        return self.shift + float(cell.method_stream.numpy().random())


@dataclass(frozen=True, kw_only=True)
class Global(Guess):
    """Draws from the generator that everybody shares."""

    def guess(self, cell):
        return float(np.random.random())  # noqa: NPY002


@dataclass(frozen=True, kw_only=True)
class Remembering(Guess):
    """Counts its calls where the next cell sees it."""

    calls: ClassVar[list[int]] = []

    def guess(self, cell):
        self.calls.append(1)
        return float(len(self.calls))


@dataclass(frozen=True, kw_only=True)
class Local(Guess):
    """Depends on the process that it runs in."""

    def guess(self, cell):
        return float(os.getpid())


@dataclass(frozen=True, kw_only=True)
class Infinite(Guess):
    """Has no number to give."""

    def guess(self, cell):
        return float("nan")


@dataclass(frozen=True, kw_only=True)
class Lossy(Guess):
    """Comes back from its parameters as something else."""

    scale: float = 1.0
    hidden: float = field(default=0.0, init=False)

    def __post_init__(self):
        object.__setattr__(self, "hidden", float(id(self)))

    def guess(self, cell):
        return self.scale


@dataclass(kw_only=True, unsafe_hash=True)
class Thawed:
    """Is no frozen dataclass."""

    scale: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Silent(Guess):
    def guess(self, cell):
        return 1.0


@dataclass(frozen=True, kw_only=True)
class Odd(Guess):
    """Has a parameter that no file can give."""

    how: type[object] | np.ndarray = np.ndarray

    def guess(self, cell):
        return 1.0


@dataclass(frozen=True, kw_only=True)
class Near(Task):
    """How far a guess is from a drawn number."""

    accepts = Guess
    metrics = (Metric(name="error"), Metric(name="seconds", is_cost=True))

    def evaluate(self, method, cells):
        for cell in cells:
            number = float(cell.task_stream.numpy().random())
            yield Outcome(
                cell=cell,
                final={"error": abs(method.guess(cell) - number), "seconds": np.random.random()},  # noqa: NPY002
                bounds=[Bound(metric="error", role="optimum", value=0.0)],
            )


@dataclass(frozen=True, kw_only=True)
class Crowded(Near):
    """Scores a cell by how many come with it."""

    def evaluate(self, method, cells):
        for cell in cells:
            yield Outcome(cell=cell, final={"error": float(len(cells))})


@dataclass(frozen=True, kw_only=True)
class Doubled(Near):
    """Declares a metric twice."""

    metrics = (Metric(name="error"), Metric(name="error"))


@hookimpl
def harness_methods():
    return {f"odd/{each.__name__.lower()}": f"misbehaving:{each.__name__}" for each in (Steady,)}


@hookimpl
def harness_tasks():
    return {"odd/near": "misbehaving:Near", "odd/gone": "misbehaving:Gone"}
