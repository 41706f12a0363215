"""The same cells run several ways: their numbers must not tell which way it was."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from harness.analyse.audit import CellAudit, agreement
from harness.api.contracts import Method, Task
from harness.execute import Control, LocalOptions
from harness.execute.inline import InlineExecutor
from harness.execute.local import LocalExecutor
from harness.execute.system import is_supported
from harness.plan.records import Plan
from harness.registry import Registry
from harness.runner.memory import MemorySink
from harness.runner.recompute import Recomputed
from harness.store.rows import CELL_ROW, Group
from harness.testing.facts import Fact, Verdict

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["Tell", "Trial", "silent"]

_TOGETHER = 1 << 20  # cells a job: more than any trial has
_COMPILED = 1  # in a cell's row
_RAN = frozenset({"ok", "skipped"})
_PLAIN_S = 60.0  # for a cell as plain Python, which may be a thousand times slower


Tell: TypeAlias = Callable[[str], None]


def silent(_: str) -> None:
    """Hears, and says nothing."""


@dataclass(frozen=True, eq=False)
class Trial:
    """A plan of few cells.

    Parameters
    ----------
    objects
        Task and method of specs that are not to be imported.
    tell
        Hears what is being run.
    """

    plan: Plan
    registry: Registry
    objects: Mapping[int, tuple[Task, Method]] = field(default_factory=dict)
    tell: Tell = silent

    def facts(self) -> Iterator[Fact]:
        """Whether every cell has numbers, and the same however it is run."""
        rows = np.arange(len(self.plan))
        self._tell("the cells")
        first, groups = self._inline(rows, _TOGETHER)
        ran = {row for row, each in first.items() if each.status == "ok"}
        yield from self._ran(first)
        if not ran:
            return
        self._tell("the cells again, alone and backwards")
        with _other_global_randomness():
            again, _ = self._inline(rows, _TOGETHER)
        yield from self._same(first, again, "repeats, whatever global generators hold")
        alone, _ = self._inline(rows, 1)
        yield from self._same(first, alone, "a cell alone gives what it gives in a job")
        backwards: dict[int, Recomputed] = {}
        for row in rows[::-1]:
            backwards |= self._inline(np.array([row]), _TOGETHER)[0]
        yield from self._same(first, backwards, "the order of cells does not matter")
        yield from self._in_workers(first, groups)

    def _in_workers(
        self, first: Mapping[int, Recomputed], groups: Sequence[Group]
    ) -> Iterator[Fact]:
        there = "a fresh worker process gives the same"
        plain = "plain Python gives what compiled code gives"
        why = "" if is_supported() else "workers need Linux"
        why = why or _why_not_importable(self.objects)
        if why:
            yield from (Fact(subject=each, check=there, verdict="skipped", told=why)
                        for each in self._subjects())  # fmt: skip
            return
        self._tell("the cells in a fresh worker process")
        yield from self._same(first, self._worker(np.arange(len(self.plan))), there)
        rows = np.frombuffer(b"".join(group.cells for group in groups), np.dtype(CELL_ROW))
        compiled = set(self.plan.spec[rows["cell"][rows["compiled"] == _COMPILED]].tolist())
        if not compiled:
            return
        known = {row: each for row, each in first.items() if int(self.plan.spec[row]) in compiled}
        self._tell(f"the cells as plain Python, {_PLAIN_S:g} s each at most")
        with _environment("HARNESS_JIT", "rows"):
            as_python, late = self._within(known, _PLAIN_S)
        for spec in sorted(late):
            told = f"a cell takes more than {_PLAIN_S:g} s: name a suite with smaller sizes"
            subject = self._subjects()[spec]
            yield Fact(subject=subject, check=plain, verdict="skipped", told=told)
        ended = {row: each for row, each in known.items() if self.plan.spec[row] not in late}
        yield from self._same(ended, as_python, plain)

    def _within(
        self, rows: Iterable[int], limit_s: float
    ) -> tuple[dict[int, Recomputed], set[int]]:
        """The cells, a worker's time for each limited, and the specs that take longer.

        Of these only the first cell is tried.
        """
        first = {int(self.plan.spec[row]): row for row in sorted(rows, reverse=True)}
        found = self._worker(np.array(sorted(first.values())), limit_s)
        late = {spec for spec, row in first.items() if found[row].status == "timeout"}
        left = [row for row in rows if row not in found and self.plan.spec[row] not in late]
        return found | (self._worker(np.array(left), limit_s) if left else {}), late

    def _inline(
        self, rows: np.ndarray, job_cells: int
    ) -> tuple[dict[int, Recomputed], list[Group]]:
        sink = MemorySink()
        executor = InlineExecutor(objects=self.objects, job_cells=job_cells)
        executor.run(self.plan, rows, sink, Control())
        return Recomputed.of(self.plan, sink.groups), sink.groups

    def _worker(self, rows: np.ndarray, limit_s: float = inf) -> dict[int, Recomputed]:
        sink = MemorySink()
        data_sets = {name: each.at for name, each in self.registry.things("dataset").items()}
        executor = LocalExecutor(1, LocalOptions(data_sets=data_sets, retries=0))
        executor.run(self._importable(limit_s), rows, sink, Control())
        return Recomputed.of(self.plan, sink.groups)

    def _importable(self, limit_s: float) -> Plan:
        """The plan with the folders that its objects' modules were imported from."""
        specs = []
        for spec in self.plan.specs:
            pair = self.objects.get(spec.index, ())
            folders = tuple(dict.fromkeys(_folder(type(each)) for each in pair))
            timeout_s = min(spec.timeout_s, limit_s)
            specs.append(replace(spec, plugins=(*spec.plugins, *folders), timeout_s=timeout_s))
        return replace(self.plan, specs=tuple(specs))

    def _ran(self, first: Mapping[int, Recomputed]) -> Iterator[Fact]:
        """A fact a spec: its cells have numbers, or a reason to be skipped."""
        check = "every cell has its numbers"
        for index, subject in enumerate(self._subjects()):
            cells = {row: each for row, each in first.items() if self.plan.spec[row] == index}
            bad = [row for row, each in cells.items() if each.status not in _RAN]
            skipped = [each.told for each in cells.values() if each.status == "skipped"]
            if bad:
                told = f"seed {self.plan.seed[bad[0]]} {cells[bad[0]].told}"
                yield Fact(subject=subject, check=check, verdict="failed", told=told)
            elif skipped:
                yield Fact(subject=subject, check=check, verdict="skipped", told=skipped[0])
            else:
                yield Fact(subject=subject, check=check)

    def _same(
        self, first: Mapping[int, Recomputed], other: Mapping[int, Recomputed], check: str
    ) -> Iterator[Fact]:
        """A fact a spec that ran: both ways agree to the metrics' tolerances."""
        for index, subject in enumerate(self._subjects()):
            rows = [
                row
                for row, each in first.items()
                if self.plan.spec[row] == index and each.status == "ok"
            ]
            told = next(filter(None, (self._difference(row, first, other) for row in rows)), "")
            if rows:
                verdict: Verdict = "failed" if told else "passed"
                yield Fact(subject=subject, check=check, verdict=verdict, told=told)

    def _difference(
        self, row: int, first: Mapping[int, Recomputed], other: Mapping[int, Recomputed]
    ) -> str:
        seed = f"seed {self.plan.seed[row]}"
        if row not in other or other[row].status != "ok":
            return f"{seed} {other[row].told if row in other else 'has no outcome'}"
        metrics = {each.name: each for each in self.plan.specs[self.plan.spec[row]].metrics}
        found = agreement(first[row].numbers, other[row].numbers, metrics)
        return "" if found.agreement != "differs" else f"{seed}, {_worst(found)}"

    def _tell(self, what: str) -> None:
        subjects = self._subjects()
        more = f" and {len(subjects) - 1} more" if len(subjects) > 1 else ""
        self.tell(f"{subjects[0]}{more}: {what}")

    def _subjects(self) -> list[str]:
        return [f"{spec.label} on {spec.title or spec.task}" for spec in self.plan.specs]


def _worst(found: CellAudit) -> str:
    assert found.worst is not None, "numbers that differ have a worst one"
    key, before, after = found.worst
    return f"{key}: {before!r} and {after!r}"


@contextmanager
def _other_global_randomness() -> Iterator[None]:
    """Global generators in another state than they were, and back afterwards."""
    torch: ModuleType | None = sys.modules.get("torch")
    states = random.getstate(), np.random.get_state(), torch.get_rng_state() if torch else None  # noqa: NPY002
    random.seed(20260101)
    np.random.seed(20260101)  # noqa: NPY002
    if torch:
        torch.manual_seed(20260101)
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
        if torch and states[2] is not None:
            torch.set_rng_state(states[2])


@contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def _why_not_importable(objects: Mapping[int, tuple[Task, Method]]) -> str:
    for each in {type(part) for pair in objects.values() for part in pair}:
        if "<locals>" in each.__qualname__ or each.__module__ == "__main__":
            return f"{each.__name__} cannot be imported from {each.__module__}"
    return ""


def _folder(cls: type) -> str:
    """The folder on the import path from which a class was imported."""
    top = sys.modules[cls.__module__.partition(".")[0]]
    file = Path(top.__file__ or ".").resolve()
    return str(file.parent.parent if file.name == "__init__.py" else file.parent)
