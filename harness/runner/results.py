"""A run as a caller sees it: what was measured, ranked and judged, and how it ended."""

from __future__ import annotations

import os
import shlex
from collections import Counter
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import ExitCode, StoreError, UsageError
from harness.runner.failures import costs_of, failures_of
from harness.store.folder import find_run, latest_first, list_runs
from harness.store.parquet import read_table
from harness.store.record import RunRecord, read_run_json

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = ["Run", "load"]

_CUT = "not judged (cut)"
_ENDED_WELL = frozenset({"ok", "reused", "skipped"})


def load(
    run: str | Path | None = None,
    *,
    results: str | Path = "results",
    notes: list[str] | None = None,
) -> Run:
    """A run that is on disk.

    Parameters
    ----------
    run
        A run's id or a unique start of it, a suite's name (its latest run), or a folder;
        the latest run of all when ``None``. The latest is not one that ``--at`` or
        ``bisect`` made at another commit, while there are others.
    results
        The folder in which runs are kept.
    notes
        Filled with a line about each run that cannot be read and was passed over.

    Raises
    ------
    UsageError
        When there is no such run.
    StoreError
        When its files are damaged or of a newer schema.
    """
    root = Path(results)
    if run is not None:
        folder = find_run(root, str(run), notes=notes).path
        read_run_json(folder)  # refuses a later schema, where a path was given
        return Run(folder)
    runs = list_runs(root, notes=notes)
    if not runs:
        raise UsageError(f"no runs in {root}; harness run suites/quickstart.yaml makes one")
    return Run(latest_first(runs, of_parts=True)[0].path)


class Run:
    """One execution of a suite, read lazily from its folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"

    @cached_property
    def record(self) -> RunRecord:
        """``run.json``: suite, commit, versions, machine, times, exit state."""
        return read_run_json(self.path)

    @property
    def run_id(self) -> str:
        """The run's id, the name of its folder."""
        return self.path.name

    @property
    def where(self) -> str:
        """`` --results FOLDER``, for commands that would look for the run elsewhere."""
        root = self.path.parent.parent
        usual = Path(os.environ.get("HARNESS_RESULTS", "results"))
        is_usual = root.resolve() == usual.resolve()
        return "" if is_usual else f" --results {shlex.quote(str(root))}"

    @property
    def suite(self) -> str:
        """The suite's name."""
        return self.record.suite

    @property
    def state(self) -> str:
        """``finished``, ``interrupted`` or ``running``."""
        return self.record.state

    @property
    def planned(self) -> int:
        """How many cells the suite has."""
        return self.record.cells

    @property
    def hardware(self) -> str:
        """The declared classes that cells ran on."""
        return ", ".join(self.record.classes)

    @property
    def workers_text(self) -> str:
        """``2 workers``, or ``inline``."""
        workers = self.record.workers
        return "inline" if not workers else f"{workers} worker{'s' if workers != 1 else ''}"

    def table(self, name: str) -> pa.Table:
        """One of the run's tables (``cells``, ``measurements``, ``leaderboard`` …)."""
        path = self.path / f"{name}.parquet"
        if not path.exists():
            raise StoreError(f"{path} is not there: the run is {self.state}")
        return read_table(path)

    def _frame(self, name: str) -> pd.DataFrame:
        frame: pd.DataFrame = self.table(name).to_pandas(use_threads=False)
        return frame

    def cells(self) -> pd.DataFrame:
        """One row a cell: parameters, seed, status, times, memory, errors."""
        return self._frame("cells")

    def measurements(self) -> pd.DataFrame:
        """One row a cell × metric × point; ``at`` is null for final values."""
        return self._frame("measurements")

    def leaderboard(self) -> pd.DataFrame:
        """One row a task × metric × label, with intervals and rank spans."""
        return self._frame("leaderboard")

    def claims(self) -> pd.DataFrame:
        """One row a claim, with its verdict."""
        return self._frame("claims")

    def leaderboard_rows(self) -> list[dict[str, Any]]:
        """The leaderboard as plain rows."""
        rows: list[dict[str, Any]] = self.table("leaderboard").to_pylist()
        return rows

    def claim_rows(self) -> list[dict[str, Any]]:
        """The claims as plain rows."""
        rows: list[dict[str, Any]] = self.table("claims").to_pylist()
        return rows

    @cached_property
    def _statuses(self) -> Counter[str]:
        return Counter(self.table("cells").column("status").to_pylist())

    def status_counts(self) -> dict[str, int]:
        """How many cells ended in which way."""
        return dict(self._statuses)

    @property
    def cell_count(self) -> int:
        """How many cells have a row."""
        return sum(self._statuses.values())

    @property
    def failed_count(self) -> int:
        """How many cells did not end well; skipped ones did."""
        return sum(count for name, count in self._statuses.items() if name not in _ENDED_WELL)

    def failures(self) -> list[dict[str, Any]]:
        """Cells that did not end well, by cause, the largest first."""
        import pyarrow.compute as pc

        cells = self.table("cells")
        bad = cells.filter(pc.invert(pc.is_in(cells["status"].cast("string"), _as_set())))
        return failures_of(self, bad)

    def costs(self) -> dict[str, list[str]]:
        """What the failed cells cost: rows of boards, and claims."""
        return costs_of(self)

    def verdict_code(self, *, strict: bool = False) -> ExitCode:
        """``VERDICT`` when a claim is not as expected, or undecided and ``strict``."""
        for row in self.claim_rows():
            verdict = row["verdict"]
            if verdict in (row["expect"], _CUT):
                continue
            if verdict != "undecided" or strict:
                return ExitCode.VERDICT
        return ExitCode.OK

    def exit_code(self, state: str | None = None, *, strict: bool = False) -> ExitCode:
        """What ``harness run`` ends with; of several codes the gravest.

        ``state`` is the run's, where ``run.json`` does not yet say it.
        """
        if (state or self.state) == "interrupted":
            return ExitCode.INTERRUPTED
        if self.failed_count:
            return ExitCode.CELLS_FAILED
        return self.verdict_code(strict=strict)

    def summary(self, code: int) -> dict[str, Any]:
        """The run for programs: counts, boards, claims, where it lies."""
        return {
            "suite": self.suite,
            "run": self.run_id,
            "path": str(self.path),
            "state": self.state,
            "exit_code": int(code),
            "planned": self.planned,
            "notes": list(self.record.notes),
            "cells": self.status_counts(),
            "claims": self.claim_rows(),
            "leaderboard": self.leaderboard_rows(),
        }


def _as_set() -> pa.Array:
    import pyarrow as pa

    return pa.array(sorted(_ENDED_WELL))
