"""Check a run's folder, one's own or a stranger's: its sums, its journal, a sample recomputed.

Nothing of the folder is believed or executed. Names and parameters are looked up in the
registry of this machine and planned anew, so a cell whose id does not follow from them is
found as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from harness.analyse.audit import CellAudit, agreement, altered_at_most, drawn
from harness.api.metric import Metric
from harness.execute import Control, LocalOptions
from harness.execute.inline import InlineExecutor
from harness.execute.local import LocalExecutor
from harness.hardware import observe
from harness.registry import Registry
from harness.runner.folder_checks import folder_checks, known_metrics
from harness.runner.journal_checks import Finding
from harness.runner.memory import MemorySink
from harness.runner.recompute import PlannedAgain, Recomputed, plan_again, stored_numbers
from harness.runner.settings import Quiet, Watcher
from harness.store.ids import id_rows
from harness.store.record import RunRecord, read_run_json
from harness.store.results import ResultTables, read_results

if TYPE_CHECKING:
    from harness.execute import ArtifactDone, WorkerView

__all__ = ["Audit", "AuditedCell", "Checked", "audit"]

IntArray = npt.NDArray[np.int64]

CONFIDENCE = 0.95
_ENDED_WELL = pa.array(["ok", "reused"])


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditedCell:
    """One cell of the sample, named as a person would, and how its numbers compare."""

    cell: str  # id, hexadecimal
    title: str
    label: str
    seed: int
    is_same_code: bool
    found: CellAudit
    is_suspect: bool = False  # looked at because of a finding, not drawn


@dataclass(frozen=True, kw_only=True, slots=True)
class Audit:
    """What an audit found.

    Parameters
    ----------
    run
        Id of the run.
    findings
        What is wrong with the files themselves, told without recomputing.
    notes
        What could not be checked, and is no disagreement.
    total
        Cells that ended well: what the sample was drawn from.
    cells
        The sample, and beside it cells that a finding puts in doubt.
    seed
        Of the draw.
    """

    run: str
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    total: int
    cells: tuple[AuditedCell, ...]
    seed: int

    def count(self, agreement: str) -> int:
        """How many cells of the sample compare like that."""
        return sum(each.found.agreement == agreement for each in self.cells)

    @property
    def compared(self) -> int:
        """Cells that could be recomputed."""
        return len(self.cells) - self.count("not recomputed")

    @property
    def altered_at_most(self) -> float:
        """The share of cells that may be altered, with confidence :data:`CONFIDENCE`.

        Of what was drawn alone: cells in doubt are no random sample.
        """
        drawn = [each.found.agreement for each in self.cells if not each.is_suspect]
        compared = len(drawn) - drawn.count("not recomputed")
        return altered_at_most(compared, self.total, drawn.count("differs"), CONFIDENCE)

    @property
    def agrees(self) -> bool:
        """Whether nothing was found that speaks against the run, and something was compared."""
        return not self.findings and not self.count("differs") and self.compared > 0


@dataclass(frozen=True, kw_only=True)
class Checked:
    """How an audit is made.

    Parameters
    ----------
    sample
        Cells to recompute.
    seed
        Of the draw of the sample.
    inline
        Recompute in this process.
    workers
        Worker processes; one a core unless given.
    """

    sample: int = 20
    seed: int = 0
    inline: bool = False
    workers: int | None = None


def audit(
    folder: Path,
    *,
    how: Checked | None = None,
    registry: Registry | None = None,
    watcher: Watcher | None = None,
    control: Control | None = None,
) -> Audit:
    """Check a run's folder and recompute a sample of its cells with the code at hand.

    Raises
    ------
    StoreError
        When a file of the folder cannot be read at all.
    """
    how, registry, watcher = how or Checked(), registry or Registry(), watcher or Quiet()
    record = read_run_json(folder)
    tables = read_results(folder)
    metrics = known_metrics(tables.cells, registry)
    held = folder_checks(folder, record, tables, registry)
    notes = list(held.notes)
    well = tables.cells.filter(pc.is_in(tables.cells["status"].cast(pa.string()), _ENDED_WELL))
    chosen = drawn(_groups(well), how.sample, how.seed)
    doubtful = _doubtful(well, held.suspects, chosen, how.sample)
    rows = np.concatenate([chosen, doubtful])
    work = _Work(well.take(pa.array(rows)), tables, record, registry, metrics, len(chosen))
    cells = work.compare(_execute(work, how, watcher, control or Control()))
    if len(well) < len(tables.cells):
        notes.append(f"{len(tables.cells) - len(well)} cells without a value were not looked at")
    return Audit(
        run=record.run_id,
        findings=tuple(held.findings),
        notes=tuple(notes),
        total=len(well),
        cells=tuple(cells),
        seed=how.seed,
    )


def _doubtful(cells: pa.Table, suspects: frozenset[bytes], chosen: IntArray, most: int) -> IntArray:
    """Rows of cells in doubt that were not drawn anyway, ``most`` of them."""
    if not suspects:
        return np.empty(0, np.int64)
    is_suspect = [bytes(each) in suspects for each in id_rows(cells["cell_id"])]
    return np.setdiff1d(np.flatnonzero(is_suspect), chosen)[:most]


def _groups(cells: pa.Table) -> IntArray:
    """(cells,) the number of each cell's group: task, parameters, label."""
    names = ("task", "task_params", "label")
    columns = [cells[name].cast(pa.string()).to_pylist() for name in names]
    numbers: dict[tuple[str, ...], int] = {}
    found = [numbers.setdefault(key, len(numbers)) for key in zip(*columns, strict=True)]
    return np.array(found, np.int64)


@dataclass
class _Work:
    """The sample: what is stored of it, and the plan that computes it again."""

    sample: pa.Table
    tables: ResultTables
    record: RunRecord
    registry: Registry
    metrics: Mapping[str, Mapping[str, Metric]]
    drawn: int  # the first rows of the sample; the rest are in doubt
    again: PlannedAgain = field(init=False)

    def __post_init__(self) -> None:
        self.again = plan_again(self.sample, self.record, self.registry)

    def compare(self, recomputed: Mapping[int, Recomputed]) -> list[AuditedCell]:
        """Every cell of the sample with its agreement."""
        stored = stored_numbers(self.sample, self.tables)
        plan = self.again.plan
        planned = {
            int(row): (bytes(plan.cell_ids[at]), plan.specs[int(plan.spec[at])].code_id)
            for at, row in enumerate(self.again.rows)
        }
        codes = id_rows(self.sample["code_id"])
        ids = id_rows(self.sample["cell_id"])
        found = []
        for row, told in enumerate(self.sample.select(_NAMED).to_pylist()):
            cell, code = planned.get(row, (b"", b""))
            found.append(
                AuditedCell(
                    cell=bytes(ids[row]).hex(),
                    title=told["title"] or told["task"],
                    label=told["label"],
                    seed=told["seed"],
                    is_same_code=bytes(codes[row]) == code,
                    found=self._one(row, told["task"], stored[row], recomputed)
                    if row in self.again.refused or cell == bytes(ids[row])
                    else CellAudit(agreement="differs", reason=_OTHER_ID),
                    is_suspect=row >= self.drawn,
                )
            )
        return found

    def _one(
        self, row: int, task: str, stored: Mapping[Any, float], recomputed: Mapping[int, Recomputed]
    ) -> CellAudit:
        if row in self.again.refused:
            return CellAudit(agreement="not recomputed", reason=self.again.refused[row])
        answer = recomputed.get(row)
        if answer is None:
            return CellAudit(agreement="not recomputed", reason="stopped before it ran")
        if answer.status in _NO_ANSWER:
            return CellAudit(agreement="not recomputed", reason=answer.told)
        if answer.status != "ok":
            return CellAudit(agreement="differs", reason=f"now {answer.told}")
        return agreement(stored, answer.numbers, self.metrics.get(task, {}))


_NAMED = ["task", "title", "label", "seed"]
_OTHER_ID = "its id does not follow from its parameters and seed with the code that is here"
_NO_ANSWER = ("skipped", "timeout", "crashed", "oom")  # of this machine, not of the number


def _execute(
    work: _Work, how: Checked, watcher: Watcher, control: Control
) -> dict[int, Recomputed]:
    """The recomputed cells by their row of the sample."""
    plan, rows = work.again.plan, work.again.rows
    sink = _Sink(watcher)
    if not len(plan):
        return {}
    _executor(how, work.registry).run(plan, np.arange(len(plan)), sink, control)
    answers = Recomputed.of(plan, sink.groups)
    return {int(rows[cell]): answer for cell, answer in answers.items()}


def _executor(how: Checked, registry: Registry) -> InlineExecutor | LocalExecutor:
    if how.inline:
        return InlineExecutor()
    data_sets = {name: thing.at for name, thing in registry.things("dataset").items()}
    return LocalExecutor(how.workers or observe().cpus, LocalOptions(data_sets=data_sets))


class _Sink(MemorySink):
    """Tells a watcher; what fails to build is told by its cells too."""

    def __init__(self, watcher: Watcher) -> None:
        super().__init__()
        self._watcher = watcher

    def artifact_done(self, done: ArtifactDone) -> None:
        if done.message:
            self._watcher.notice(f'artifact "{done.name}" {done.status}: {done.message}')

    def tick(self, views: Sequence[WorkerView]) -> None:
        self._watcher.tick(views)
