"""Cells that the tests of laws, volumes and the regression share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness import Cell


@dataclass
class Job:
    """What a cell asks of its executor."""

    suite_seed: int = 7
    task_name: str = "sampling/test"
    method_name: str = "sampling/test-method"
    device: str = "cpu"
    threads: int = 1

    def data(self, name) -> Path:
        raise KeyError(name)

    def progress(self, seed, fraction) -> None:
        assert 0 <= fraction <= 1


def cells(count, **job):
    shared = Job(**job)
    return [Cell(seed, shared) for seed in range(count)]


def finals(task, method, count=1, **job):
    return [outcome.final for outcome in task.evaluate(method, cells(count, **job))]
