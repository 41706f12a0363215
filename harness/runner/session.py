"""Plan → execute → analyse: one run of a suite, from a prepared plan to its tables."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from harness.api.parameters import canonical
from harness.errors import UsageError
from harness.execute import Control, LocalOptions
from harness.execute.inline import InlineExecutor
from harness.execute.local import LocalExecutor
from harness.plan.records import Plan
from harness.registry import Registry
from harness.runner.analysis import analyse
from harness.runner.pending import code_ids, settled_in_journal
from harness.runner.prepare import Prepared, prepare, refuse_unmet
from harness.runner.provenance import Commit, commit_of, suite_hash, versions
from harness.runner.results import Run
from harness.runner.settings import Quiet, Settings, Started, Watcher
from harness.store.folder import RunFolder, choose_run
from harness.store.journal import Journal
from harness.store.record import RunRecord, RunState, read_run_json, write_run_json
from harness.store.recover import read_journal
from harness.store.results import write_results
from harness.store.reuse import Reusable, find_reusable
from harness.store.rows import skipped

if TYPE_CHECKING:
    from harness.execute import ArtifactDone, WorkerView
    from harness.store.rows import Group
    from harness.suite.loader import Cuts

__all__ = ["plan_pending", "run", "run_prepared"]

IntArray = npt.NDArray[np.int64]


def run(
    suite: str | Path,
    *,
    overrides: Sequence[str] = (),
    cuts: Cuts | None = None,
    settings: Settings | None = None,
    watcher: Watcher | None = None,
) -> Run:
    """Run a suite and return what came of it.

    Parameters
    ----------
    suite
        Path of the YAML file.
    overrides
        As after ``-o``: ``"seed=3"``, ``"defaults.seeds=8"``.
    cuts
        What to leave out; a suite that was cut has no verdicts.
    settings
        Where results go, how many workers, what is reused.
    watcher
        Told how the run goes on.

    Raises
    ------
    SuiteError
        With all faults of the file; nothing was run.
    HardwareUnmet
        When this machine cannot give what the suite declares.
    StoreError
        When results cannot be written; what was journalled is kept.
    """
    prepared = prepare(Path(suite), overrides=overrides, cuts=cuts)
    return run_prepared(prepared, settings or Settings(), watcher=watcher)


def run_prepared(
    prepared: Prepared,
    settings: Settings,
    *,
    watcher: Watcher | None = None,
    control: Control | None = None,
) -> Run:
    """Run a prepared plan; raises as :func:`run`."""
    watcher, control = watcher or Quiet(), control or Control()
    if not settings.skip_unmet:
        refuse_unmet(prepared)
    commit = commit_of(Path(prepared.plan.suite.path).resolve().parent)
    folder = choose_run(
        settings.results,
        prepared.plan.suite.name,
        suite_hash(prepared.plan.suite),
        commit=commit.short,
    )
    session = _Session(prepared, settings, folder, commit, watcher, control)
    return session.run()


def plan_pending(prepared: Prepared, settings: Settings) -> tuple[IntArray, Reusable | None]:
    """Rows of the plan that would run, and what would be reused; nothing is written."""
    plan = prepared.plan
    wanted = _wanted(prepared, settings)
    reusable = None if settings.fresh else _reusable(plan, settings)
    if reusable is not None:
        wanted &= reusable.run < 0
    return np.flatnonzero(wanted), reusable


def _wanted(prepared: Prepared, settings: Settings) -> npt.NDArray[np.bool_]:
    """Cells that the settings ask for and this machine can serve."""
    plan = prepared.plan
    served = np.array([spec.hardware not in prepared.unmet for spec in plan.specs], np.bool_)
    wanted: npt.NDArray[np.bool_] = served[plan.spec]
    if settings.cell:
        prefix = settings.cell.lower()
        named = [bytes(each).hex().startswith(prefix) for each in plan.cell_ids]
        wanted = wanted & np.array(named, np.bool_)
        if not wanted.any():
            raise UsageError(
                f'no cell has an id that starts with "{settings.cell}"; '
                "harness results --failed lists the ids of failed cells"
            )
    return wanted


def _reusable(plan: Plan, settings: Settings, *, without: str = "") -> Reusable:
    return find_reusable(settings.results, plan.cell_ids, code_ids(plan), without={without})


@dataclass(slots=True)
class _Session:
    """One execution: from the run's folder, whose lock is held, to its tables."""

    prepared: Prepared
    settings: Settings
    folder: RunFolder
    commit: Commit
    watcher: Watcher
    control: Control

    def run(self) -> Run:
        """Execute what is pending and write the tables, whatever stops the execution."""
        plan, path = self.prepared.plan, self.folder.path
        record = self._record()
        write_run_json(path, record)
        with Journal.open(path, lock=self.folder.lock) as journal:
            rows, reusable = self._pending(journal)
            executor, workers = self._executor()
            self.prepared.registry.hook.harness_run_started(plan=plan, folder=path)
            self._tell_start(journal, rows, reusable, workers)
            self._skip_unmet(journal)
            try:
                executor.run(plan, rows, _Sink(plan, journal, self), self.control)
            finally:
                self.watcher.finished()
            journal.sync()
            return self._finish(record, reusable, workers)

    def _finish(self, record: RunRecord, reusable: Reusable | None, workers: int) -> Run:
        """Write the tables, still under the run's lock: nobody goes on with a run half written."""
        plan, path = self.prepared.plan, self.folder.path
        state: RunState = "interrupted" if self.control.stop else "finished"
        tables = write_results(
            path,
            plan,
            self.folder.run_id,
            read_journal(path),
            None if reusable is None else reusable.tables,
            machine=self.prepared.machine.fingerprint,
        )
        missing = len(plan) - len(tables.cells)
        analyse(path, self.prepared, tables, commit=self.commit.short, missing=missing)
        write_run_json(
            path, replace(record, state=state, finished=datetime.now(UTC), workers=workers)
        )
        self.prepared.registry.hook.harness_run_finished(folder=path, state=state)
        return Run(path)

    def _pending(self, journal: Journal) -> tuple[IntArray, Reusable | None]:
        plan = self.prepared.plan
        wanted = _wanted(self.prepared, self.settings)
        wanted &= ~settled_in_journal(
            plan, journal.recovered, retry_failed=self.settings.retry_failed
        )
        if self.settings.fresh:
            return np.flatnonzero(wanted), None
        reusable = _reusable(plan, self.settings, without=self.folder.run_id)
        return np.flatnonzero(wanted & (reusable.run < 0)), reusable

    def _skip_unmet(self, journal: Journal) -> None:
        """A row for every cell that this machine cannot serve, with the reason."""
        plan, unmet = self.prepared.plan, self.prepared.unmet
        lacking = [spec.hardware in unmet for spec in plan.specs]
        rows = np.flatnonzero(np.array(lacking, np.bool_)[plan.spec])
        if rows.size:
            reasons = [
                f"hardware: {', '.join(unmet.get(spec.hardware, ()))}" for spec in plan.specs
            ]
            journal.append(plan, skipped(rows.tolist(), [reasons[at] for at in plan.spec[rows]]))

    def _executor(self) -> tuple[InlineExecutor | LocalExecutor, int]:
        if self.settings.inline:
            return InlineExecutor(
                is_debugged=self.settings.debug, job_cells=self.settings.job_cells
            ), 0
        workers = self.settings.workers or self.prepared.machine.cpus
        options = LocalOptions(
            job_cells=self.settings.job_cells,
            retries=self.settings.retries,
            log_folder=self.folder.path / "logs",
            data_sets=_data_sets(self.prepared.registry),
        )
        return LocalExecutor(workers, options), workers

    def _record(self) -> RunRecord:
        """What is known before the first cell; of a run that goes on, its first start."""
        suite, machine = self.prepared.plan.suite, self.prepared.machine
        before = read_run_json(self.folder.path)
        return replace(
            before,
            state="running",
            suite_text=suite.text,
            suite_path=suite.path,
            command=tuple(sys.argv),
            branch=self.commit.branch,
            commit=self.commit.hash,
            diff_hash=self.commit.dirty,
            versions=versions(),
            plugins={each.name: each.origin for each in self.prepared.registry.plugins},
            hardware=machine.as_dict(),
            machine=machine.fingerprint,
            overrides=suite.overrides,
            cuts=suite.cuts,
            cells=len(self.prepared.plan),
            classes=tuple(sorted({spec.hardware for spec in self.prepared.plan.specs})),
        )

    def _tell_start(
        self, journal: Journal, rows: IntArray, reusable: Reusable | None, workers: int
    ) -> None:
        copied = len(reusable.tables.cells) if reusable is not None else 0
        notes = [*journal.notes, *(reusable.notes if reusable is not None else ())]
        notes += [
            f"skipping {name}: {', '.join(what)}" for name, what in self.prepared.unmet.items()
        ]
        notes += [
            f'plugin "{each.name}" is unavailable: {each.fault}'
            for each in self.prepared.registry.plugins
            if each.fault
        ]
        self.watcher.started(
            Started(
                plan=self.prepared.plan,
                folder=self.folder.path,
                commit=self.commit.short,
                branch=self.commit.branch,
                workers=workers,
                pending=int(rows.size),
                reused=copied,
                recovered=len(journal.recovered.cells),
                notes=notes,
            )
        )


class _Sink:
    """Outcomes into the journal first; then whoever watches."""

    def __init__(self, plan: Plan, journal: Journal, session: _Session) -> None:
        self._plan = plan
        self._journal = journal
        self._watcher = session.watcher
        hook = session.prepared.registry.hook.harness_cell_finished
        self._hook = hook if hook.get_hookimpls() else None
        self._fields = {each.artifact_id: canonical(each.fields) for each in plan.artifacts}

    def write(self, group: Group) -> None:
        """Journal a group of outcomes."""
        self._journal.append(self._plan, group)
        self._watcher.wrote(self._plan, group)
        if self._hook is not None:
            self._hook(plan=self._plan, group=group)

    def artifact_done(self, done: ArtifactDone) -> None:
        """Journal how the build of an artifact ended."""
        self._journal.append_artifact(
            done.artifact_id,
            done.name,
            self._fields[done.artifact_id],
            done.status,
            done.wall_s,
            done.metrics,
            done.message,
        )
        if done.message:
            self._watcher.notice(f'artifact "{done.name}" failed: {done.message}')

    def tick(self, views: Sequence[WorkerView]) -> None:
        """Hand on what the workers do."""
        self._watcher.tick(views)


def _data_sets(registry: Registry) -> dict[str, str]:
    return {name: thing.at for name, thing in registry.things("dataset").items()}
