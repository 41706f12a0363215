"""``harness results``: the runs that there are, and the cells that did not end well."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from harness.cli import numbers
from harness.cli.options import results_option, run_argument
from harness.cli.text import Line, line, say, say_json, say_notes, width
from harness.runner.failures import spans
from harness.store.folder import RunInfo, find_run, list_runs
from harness.store.record import RunRecord

__all__ = ["results"]


@click.command()
@run_argument
@click.option("--failed", is_flag=True, help="Which cells failed, why, and how to rerun each.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@results_option
def results(run: str | None, failed: bool, as_json: bool, results: str) -> None:
    """List runs; with --failed, the cells of a run that did not end well."""
    if failed:
        _failed(run, results, as_json=as_json)
        return
    root = Path(results)
    notes: list[str] = []
    runs = list_runs(root, notes=notes)
    if run is not None:
        named = [info for info in runs if run in (info.folder.suite, info.folder.run_id)]
        path = None if named else find_run(root, run).path
        runs = named or [info for info in runs if info.folder.path == path]
    if as_json:
        say_json([_plain(info) for info in runs])
        return
    if not runs:
        say([line(f"no runs in {results}; harness run suites/quickstart.yaml makes one")])
    widths = [max((len(name) for name in names), default=0) for names in _names(runs)]
    say([_listed(info, *widths) for info in runs])
    say_notes(notes)


def _names(runs: Sequence[RunInfo]) -> tuple[list[str], list[str]]:
    return [info.folder.suite for info in runs], [info.folder.run_id for info in runs]


def _plain(info: RunInfo) -> dict[str, str]:
    folder = info.folder
    state = info.record.state
    told = {"suite": folder.suite, "run": folder.run_id, "state": state, "path": str(folder.path)}
    return told | {"remarks": _remarks(info.record)}


def _remarks(record: RunRecord) -> str:
    """Why a suite's name does not mean this run, where it does not."""
    aside = "for a comparison, at another commit" if record.is_aside else ""
    part = "" if record.is_whole else ", ".join(record.cuts) or "its budget ended it"
    return " · ".join(filter(None, (aside, part)))


def _listed(info: RunInfo, suite: int, run: int) -> Line:
    folder, record = info.folder, info.record
    state: str = record.state
    if state == "running" and not folder.is_being_written:
        state = "killed"  # the same command goes on with it
    remarks = _remarks(record)
    cells = "1 cell " if record.cells == 1 else f"{numbers.count(record.cells)} cells"
    return line(
        f"{folder.suite:<{suite}}  ",
        (f"{folder.run_id:<{run}}", "place"),
        f"  {state:<12} {cells:>15}  ",
        (str(folder.path), "quiet"),
        (f"  {remarks}" if remarks else "", "quiet"),
    )


def _failed(run: str | None, results: str, *, as_json: bool) -> None:
    from harness.runner import load

    notes: list[str] = []
    found = load(run, results=results, notes=notes)
    say_notes(notes)
    causes = found.failures()
    if as_json:
        say_json(causes)
        return
    total = sum(len(cause["seeds"]) for cause in causes)
    where = f" of {numbers.count(found.cell_count)} · {found.suite} · run {found.run_id}"
    if not causes:
        say([line(("0 cells failed", "strong"), where)])
        return
    failed = "1 cell failed" if total == 1 else f"{numbers.count(total)} cells failed"
    say([line((failed, "bad strong"), where)])
    for cause in causes:
        say([line(), *_cause(cause)])
    say([line(), *_costs(found.costs(), width())])


def _costs(costs: Mapping[str, Sequence[str]], width: int) -> list[Line]:
    """What the failures cost: nothing else of the run lacks anything."""
    words = {
        "no_value": "no value and no rank",
        "fewer_seeds": "fewer seeds",
        "claims": "claims touched",
    }
    lines = []
    for key, word in words.items():
        told = f"{word}: {', '.join(costs[key]) or 'none'}"
        lines += [line("  ", (text, "quiet")) for text in textwrap.wrap(told, max(width - 4, 40))]
    return lines


def _cause(cause: Mapping[str, Any]) -> list[Line]:
    seeds, tried = _seeds(cause["seeds"]), cause["attempts"]
    indent = f"{'':<12}"
    lines = [
        line(
            "  ",
            (f"{cause['status']:<10}", "bad"),
            (cause["label"], "strong"),
            f" on {cause['title']}, {seeds}",
            (f", tried {tried} times" if tried > 1 else "", "quiet"),
        )
    ]
    lines += [line(indent, text) for text in str(cause["message"]).splitlines()[:12]]
    if cause["log"]:
        lines.append(line(indent, ("log    ", "quiet"), cause["log"]))
    lines.append(line(indent, ("rerun  ", "quiet"), cause["rerun"]))
    lines.append(line(indent, ("debug  ", "quiet"), cause["debug"]))
    return lines


def _seeds(seeds: Sequence[int]) -> str:
    """Numbers as spans: seeds 0–11, 14."""
    found = [f"{low}" if low == high else f"{low}–{high}" for low, high in spans(seeds)]
    word = "seed" if len(seeds) == 1 else "seeds"
    return f"{word} {', '.join([*found[:8], *(['…'] if len(found) > 8 else [])])}"
