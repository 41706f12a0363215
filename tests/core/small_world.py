"""A plugin of one file: a task whose truth is known, for runs of a few milliseconds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.api.cell import Cell
from harness.api.contracts import Method, Task
from harness.api.hooks import hookimpl
from harness.api.metric import Metric
from harness.api.outcome import Outcome


@dataclass(frozen=True, kw_only=True)
class Constant(Method):
    """Loses the same at every seed, but for the task's noise."""

    loss: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Noisy(Task):
    """A method's loss with normal noise: of its own, and shared by the seed."""

    accepts = Constant
    metrics = (
        Metric(name="loss"),
        Metric(name="path", direction="none", axis="step", tolerance=1e-6),
        Metric(name="pause", unit="s", is_cost=True),
    )

    noise: float = 1.0

    def evaluate(self, method: Method, cells: Sequence[Cell]) -> Iterator[Outcome]:
        assert isinstance(method, Constant)
        for cell in cells:
            shared = float(cell.task_stream.numpy().standard_normal())
            own = cell.method_stream.sub(str(method.loss)).numpy().standard_normal()
            loss = method.loss + shared + self.noise * float(own)
            path = ([1.0, 2.0], [loss / 2, loss])
            yield Outcome(cell=cell, final={"loss": loss, "pause": 0.1}, curves={"path": path})


@hookimpl
def harness_methods() -> dict[str, str]:
    return {"small/constant": "small_world:Constant"}


@hookimpl
def harness_tasks() -> dict[str, str]:
    return {"small/noisy": "small_world:Noisy"}
