"""A task and a method that do nothing: what is left is the harness."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness import Cell, Method, Metric, Outcome, Task, hookimpl


@hookimpl
def harness_methods() -> Mapping[str, str]:
    return {"null/nothing": "null_task:Nothing"}


@hookimpl
def harness_tasks() -> Mapping[str, str]:
    return {"null/zero": "null_task:Zero"}


class Nothing(Method):
    """Does nothing."""


@dataclass(frozen=True, kw_only=True)
class Zero(Task):
    """Reports a zero."""

    accepts = Method
    metrics = (Metric(name="zero", direction="none"),)

    number: int = 0

    def evaluate(self, method: Method, cells: Sequence[Cell]) -> Iterator[Outcome]:
        for cell in cells:
            yield Outcome(cell=cell, final={"zero": 0.0})
