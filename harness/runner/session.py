"""Plan → execute → analyse: one run of a suite, from a prepared plan to its tables."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from harness.analyse.decided import BOARD_LEVEL, Look, Looks, Open, open_at
from harness.api.parameters import canonical
from harness.errors import PluginError, UsageError, nearest
from harness.execute import Control, Executor, LocalOptions
from harness.execute.inline import InlineExecutor
from harness.execute.local import LocalExecutor
from harness.plan.records import Plan
from harness.registry import Registry, attempt, told
from harness.runner.analysis import analyse, results_of
from harness.runner.environments import ASIDE
from harness.runner.pending import code_ids, settled_in_journal
from harness.runner.prepare import Prepared, narrowed, prepare, refuse_unmet
from harness.runner.provenance import Commit, commit_of, suite_hash, versions
from harness.runner.results import Run
from harness.runner.settings import Quiet, Settings, Started, Watcher
from harness.runner.waves import Ended, Waves, extended
from harness.store.folder import RunFolder, choose_run, list_runs
from harness.store.ids import id_rows, match
from harness.store.journal import Journal
from harness.store.record import RunRecord, RunState, read_run_json, write_run_json
from harness.store.recover import read_journal
from harness.store.results import join_tables, write_results
from harness.store.reuse import Limits, Reusable, find_reusable
from harness.store.rows import skipped

if TYPE_CHECKING:
    from harness.execute import ArtifactDone, WorkerView
    from harness.store.rows import Group
    from harness.suite.loader import Cuts

__all__ = ["plan_pending", "run", "run_prepared"]

IntArray = npt.NDArray[np.int64]

_MAX_NOTES = 12


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
    early: LocalExecutor | None = None,
) -> Run:
    """Run a prepared plan; raises as :func:`run`.

    ``early`` is an executor whose guardian was started while the plan was made.
    """
    watcher, control = watcher or Quiet(), control or Control()
    prepared, looks = extended(prepared)
    if settings.cell:
        prepared, looks = narrowed(prepared, settings.cell), Looks(())
    may_refuse = prepared.unmet and not settings.skip_unmet
    if may_refuse and plan_pending(prepared, settings).unserved.size:
        refuse_unmet(prepared)
    named = _named(settings.executor, prepared.registry) if settings.executor else None
    commit = commit_of(Path(prepared.plan.suite.path).resolve().parent)
    folder = choose_run(
        settings.results,
        prepared.plan.suite.name,
        suite_hash(prepared.plan.suite),
        commit=commit.short,
    )
    session = _Session(prepared, looks, settings, folder, commit, watcher, control, early, named)
    given = {each.name: getattr(settings, each.name) for each in fields(settings)}
    session.notify("harness_configure", settings=given)
    return session.run()


def _named(name: str, registry: Registry) -> Executor:
    """A plugin's executor, made; ``UsageError`` where there is none of the name."""
    known = sorted(registry.things("executor"))
    if name not in known:
        near = nearest(name, known)
        there = f"there are: {', '.join(known)}" if known else "no plugin brings one"
        hint = f"nearest: {near}" if near else there
        raise UsageError(f'there is no executor "{name}"; {hint}')
    made, error = attempt(registry.executor(name))
    if error is not None or made is None:
        raise PluginError(f'executor "{name}" cannot be made: {told(error)}')
    executor: Executor = made
    return executor


class Planned(NamedTuple):
    """Rows of a plan that would run, and that would if this machine could serve them."""

    rows: IntArray
    unserved: IntArray
    reused: int


def plan_pending(prepared: Prepared, settings: Settings) -> Planned:
    """What would be done; nothing is written."""
    wanted = np.ones(len(prepared.plan), np.bool_)
    if not settings.fresh:
        wanted = _reusable(prepared.plan, settings).run < 0
    served = _served(prepared)
    return Planned(
        rows=np.flatnonzero(wanted & served),
        unserved=np.flatnonzero(wanted & ~served),
        reused=int((~wanted).sum()),
    )


def _served(prepared: Prepared) -> npt.NDArray[np.bool_]:
    """Cells that this machine can serve."""
    if not prepared.unmet:
        return np.ones(len(prepared.plan), np.bool_)
    served: npt.NDArray[np.bool_] = prepared.unmet.reasons(prepared.plan) == ""
    return served


def _reusable(plan: Plan, settings: Settings, *, without: str = "") -> Reusable:
    limits = None if settings.retries_failed else Limits.of(plan)
    return find_reusable(
        settings.results, plan.cell_ids, code_ids(plan), without={without}, limits=limits
    )


class _Pending(NamedTuple):
    """What is left to do, and what need not be done.

    ``rows`` are the cells that run, ``unserved`` those that would if this machine could;
    ``settled`` counts cells of the journal, ``reused`` those that earlier runs give.
    """

    rows: IntArray
    unserved: IntArray
    settled: int
    reused: int
    reusable: Reusable | None


@dataclass(slots=True)
class _Session:
    """One execution: from the run's folder, whose lock is held, to its tables."""

    prepared: Prepared
    looks: Looks
    settings: Settings
    folder: RunFolder
    commit: Commit
    watcher: Watcher
    control: Control
    early: LocalExecutor | None
    named: Executor | None

    def run(self) -> Run:
        """Execute what is pending and write the tables, whatever stops the execution."""
        plan, path = self.prepared.plan, self.folder.path
        record = self._record()
        write_run_json(path, record)
        with Journal.open(path, lock=self.folder.lock) as journal:
            pending = self._pending(journal)
            executor, workers = self._executor()
            self.notify("harness_run_started", plan=plan, folder=path)
            self._tell_start(journal, pending, workers)
            self._skip_unmet(journal, pending)
            try:
                ended = self._execute(executor, journal, pending)
            finally:
                self.watcher.finished()
            journal.sync()
            # Each once, in their order.
            notes = tuple(Counter(filter(None, (*ended.execution.notes, ended.note))))
            self._tell(notes)
            state: RunState = "interrupted" if ended.execution.was_stopped else "finished"
            self.prepared = replace(self.prepared, plan=ended.plan)
            record = replace(
                record,
                state=state,
                workers=workers,
                notes=notes,
                cells=len(ended.plan),
                is_cut_short=ended.is_cut_short,
                level=ended.look.board_level if ended.look else BOARD_LEVEL,
            )
            return self._finish(record, pending.reusable, ended.look)

    def _execute(self, executor: Executor, journal: Journal, pending: _Pending) -> Ended:
        """Run what is pending: at once, or in waves until it is decided or time is used up."""
        plan, prepared = self.prepared.plan, self.prepared
        sink = _Sink(plan, journal, self)
        reused = None if pending.reusable is None else pending.reusable.tables
        claims = () if plan.suite.cuts else plan.suite.claims

        def still_open(part: Plan, look: Look) -> Open:
            tables = join_tables(
                part,
                self.folder.run_id,
                read_journal(self.folder.path),
                reused,
                machine=prepared.machine.fingerprint,
            )
            return open_at(look, claims, results_of(part, tables), prepared.registry.claim)

        waves = Waves(plan, self.looks, pending.rows, self.settings.budget_s)
        return waves.run(
            lambda rows: executor.run(plan, rows, sink, self.control),
            still_open,
            self.watcher.notice,
        )

    def notify(self, hook: str, **what: object) -> bool:
        """Call a hook of every plugin; whether all were well. Those that fail are told."""
        failed = self.prepared.registry.notify(hook, **what)
        self._tell(failed)
        return not failed

    def _tell(self, notes: Sequence[str]) -> None:
        for note in notes[:_MAX_NOTES]:
            self.watcher.notice(note)
        if len(notes) > _MAX_NOTES:
            self.watcher.notice(f"and {len(notes) - _MAX_NOTES} more; run.json has all of them")

    def _finish(self, record: RunRecord, reusable: Reusable | None, look: Look | None) -> Run:
        """Write the tables, still under the run's lock: nobody goes on with a run half written."""
        plan, path = self.prepared.plan, self.folder.path
        tables = write_results(
            path,
            plan,
            self.folder.run_id,
            read_journal(path),
            None if reusable is None else reusable.tables,
            machine=self.prepared.machine.fingerprint,
        )
        missing = len(plan) - len(tables.cells)
        judged = analyse(
            path, self.prepared, tables, commit=self.commit.short, missing=missing, look=look
        )
        asked = {claim.name: claim.level for claim in plan.suite.claims}
        record = replace(
            record,
            claim_levels={
                each.claim.name: each.claim.level
                for each in judged
                if each.claim.level != asked[each.claim.name]
            },
            finished=datetime.now(UTC),
            exit_code=int(Run(path).exit_code(record.state)),
        )
        write_run_json(path, record)
        self.notify("harness_run_finished", folder=path, state=record.state)
        return Run(path)

    def _pending(self, journal: Journal) -> _Pending:
        plan, retry = self.prepared.plan, self.settings.retries_failed
        settled = settled_in_journal(plan, journal.recovered, retry_failed=retry)
        open_cells = ~settled
        reusable = None
        if not self.settings.fresh:
            reusable = _reusable(plan, self.settings, without=self.folder.run_id)
            # A row of the journal counts before one of an earlier run, so a cell that has
            # one, of other code or of a crash, must run for a newer one.
            in_journal = match(plan.cell_ids, id_rows(journal.recovered.cells["cell_id"])) >= 0
            open_cells &= (reusable.run < 0) | in_journal
        served = _served(self.prepared)
        return _Pending(
            rows=np.flatnonzero(open_cells & served),
            unserved=np.flatnonzero(open_cells & ~served),
            settled=int(settled.sum()),
            reused=int((~open_cells & ~settled).sum()),
            reusable=reusable,
        )

    def _skip_unmet(self, journal: Journal, pending: _Pending) -> None:
        """A row for every cell that this machine cannot serve, with the reason."""
        plan, rows = self.prepared.plan, pending.unserved
        if rows.size:
            reasons = self.prepared.unmet.reasons(plan)[rows]
            journal.append(plan, skipped(rows.tolist(), [f"hardware: {why}" for why in reasons]))

    def _executor(self) -> tuple[Executor, int]:
        if self.named is not None:
            return self.named, self.settings.workers or 1
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
        executor = self.early or LocalExecutor(workers)
        executor.configure(options)
        return executor, workers

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
            is_aside=bool(os.environ.get(ASIDE)),
            published=tuple(asdict(each) for each in suite.published if each.plugin),
            cells=len(self.prepared.plan),
            classes=tuple(sorted({spec.hardware for spec in self.prepared.plan.specs})),
            metrics={
                spec.task: [asdict(each) for each in spec.metrics]
                for spec in self.prepared.plan.specs
            },
            exclusive=tuple(
                sorted({spec.hardware for spec in self.prepared.plan.specs if spec.exclusive})
            ),
        )

    def _tell_start(self, journal: Journal, pending: _Pending, workers: int) -> None:
        reusable = pending.reusable
        notes = [*journal.notes, *(reusable.notes if reusable is not None else ())]
        if reusable is not None and reusable.bad:
            cells = "1 cell" if reusable.bad == 1 else f"{reusable.bad:,} cells"
            notes.append(
                f"{cells} failed before and are not tried again; --retry-failed tries them"
            )
        notes += [
            f"{other.run_id} of the same suite is running too: this is a run of its own"
            for other, _ in list_runs(self.settings.results, self.prepared.plan.suite.name)
            if other.run_id != self.folder.run_id and other.is_being_written
        ]
        notes += [f"skipping {what}" for what in self.prepared.unmet.told()]
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
                pending=int(pending.rows.size),
                reused=pending.reused,
                recovered=pending.settled,
                notes=notes,
            )
        )


class _Sink:
    """Outcomes into the journal first; then whoever watches."""

    def __init__(self, plan: Plan, journal: Journal, session: _Session) -> None:
        self._plan = plan
        self._journal = journal
        self._watcher = session.watcher
        self._notify = session.notify
        hook = session.prepared.registry.hook.harness_cell_finished
        self._is_heard = bool(hook.get_hookimpls())
        self._fields = {each.artifact_id: canonical(each.fields) for each in plan.artifacts}

    def write(self, group: Group) -> None:
        """Journal a group of outcomes."""
        self._journal.append(self._plan, group)
        self._watcher.wrote(self._plan, group)
        if self._is_heard:  # until it fails: told once, not once a group
            self._is_heard = self._notify("harness_cell_finished", plan=self._plan, group=group)

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
            self._watcher.notice(f'artifact "{done.name}" {done.status}: {done.message}')

    def tick(self, views: Sequence[WorkerView]) -> None:
        """Hand on what the workers do."""
        self._watcher.tick(views)


def _data_sets(registry: Registry) -> dict[str, str]:
    return {name: thing.at for name, thing in registry.things("dataset").items()}
