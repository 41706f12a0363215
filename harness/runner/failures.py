"""Cells that did not end well: by cause, what each costs, and the commands that try them again."""

from __future__ import annotations

import glob
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

    from harness.runner.results import Run

__all__ = ["costs_of", "failures_of", "spans"]

_LOST = re.compile(r"\bcells? failed\b|\bevery cell failed\b")


def failures_of(run: Run, bad: pa.Table) -> list[dict[str, Any]]:
    """The rows ``bad`` of a run's cells by cause, the cause of most cells first."""
    found: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in bad.to_pylist():
        first = (row["error_message"] or "").partition("\n")[0]
        key = (row["status"], row["title"], row["label"], first)
        found.setdefault(key, []).append(row)
    causes = [_cause(run, rows) for rows in found.values()]
    return sorted(causes, key=lambda cause: -len(cause["seeds"]))


def _cause(run: Run, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    first = rows[0]
    seeds = sorted(row["seed"] for row in rows)
    start = _start(run)
    only = [_only(first["title"]), glob.escape(first["label"])]
    cut = f"--only {shlex.quote(only[0])} --method {shlex.quote(only[1])} --seeds {_cut(seeds)}"
    cell = first["cell_id"].hex()[:8]
    return {
        "status": first["status"],
        "title": first["title"],
        "label": first["label"],
        "message": first["error_message"] or first["error_type"] or "",
        "attempts": max(row["attempts"] for row in rows),
        "seeds": seeds,
        "log": _log(run, first),
        "rerun": f"{start} --retry-failed {cut}{run.where}",
        "debug": f"{start} --cell {cell} --inline --debug{run.where}",
    }


def _start(run: Run) -> str:
    """The command that runs the suite as this run did."""
    given = [part for each in run.record.overrides for part in ("-o", each)]
    return shlex.join(["harness", "run", run.record.suite_path, *given])


def _only(title: str) -> str:
    """What ``--only`` takes: of the title the words that it can tell apart."""
    task, *words = title.split(" ")
    told = [word for word in words if "=" in word and not set(word) & set('[]{}",')]
    is_whole = all("=" in word for word in words)  # else a value has a space in it
    return " ".join([task, *told]) if is_whole else task


def _cut(seeds: Sequence[int]) -> str:
    """What ``--seeds`` takes: a number alone would mean those below it."""
    written = ",".join(f"{low}-{high}" if high > low else f"{low}" for low, high in spans(seeds))
    return written if {"-", ","} & set(written) else f"{written}-{written}"


def spans(seeds: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Ascending numbers as runs without a gap: (first, last) of each."""
    first = last = None
    for seed in seeds:
        if last is not None and seed > last + 1:
            assert first is not None
            yield first, last
            first = None
        first, last = seed if first is None else first, seed
    if first is not None and last is not None:
        yield first, last


def _log(run: Run, row: Mapping[str, Any]) -> str:
    """Where the worker's log of a cell is; of a row that was carried over, in its own run."""
    if not row["log"]:
        return ""
    folder = run.path
    if row["reused_from"]:
        origins = run.path.parent.parent.glob(f"*/{glob.escape(row['reused_from'])}")
        folder = next(origins, Path())
    return str(folder / row["log"])


def costs_of(run: Run) -> dict[str, list[str]]:
    """What the failed cells cost the run, from its own tables.

    ``no_value`` and ``fewer_seeds`` are boards' rows as "label on task", ``claims`` the names
    of claims that say so.
    """
    lost: dict[str, list[str]] = {"no_value": [], "fewer_seeds": []}
    for row in run.leaderboard_rows():
        told = f"{row['label']} on {row['title']}"
        key = "no_value" if row["mean"] is None else "fewer_seeds"
        if row["failures"] and told not in lost[key]:
            lost[key].append(told)
    lost["fewer_seeds"] = [told for told in lost["fewer_seeds"] if told not in lost["no_value"]]
    claims = [row["name"] for row in run.claim_rows() if _LOST.search(row["note"] or "")]
    return {**lost, "claims": claims}
