"""``harness results``: the runs that there are, and the cells that did not end well."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from harness.cli import numbers
from harness.cli.options import results_option, run_argument
from harness.cli.text import Line, line, mark, say, say_error
from harness.store.folder import RunInfo, list_runs

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
    runs = [info for info in runs if run in (None, info.folder.suite, info.folder.run_id)]
    if as_json:
        click.echo(json.dumps([_plain(info) for info in runs], indent=2))
        return
    if not runs:
        say([line(f"no runs in {results}; harness run suites/quickstart.yaml makes one")])
    size = max((len(info.folder.suite) for info in runs), default=0)
    say([_listed(info, size) for info in runs])
    say_error([line((f"{mark('open')} ", "open"), note) for note in notes])


def _plain(info: RunInfo) -> dict[str, str]:
    folder = info.folder
    state = info.record.state
    return {"suite": folder.suite, "run": folder.run_id, "state": state, "path": str(folder.path)}


def _listed(info: RunInfo, size: int) -> Line:
    folder, record = info.folder, info.record
    state: str = record.state
    if state == "running" and not folder.is_being_written:
        state = "killed"  # the same command goes on with it
    told = f"  {state:<12} {numbers.count(record.cells):>9} cells  "
    return line(
        f"{folder.suite:<{size}}  ", (folder.run_id, "place"), told, (str(folder.path), "quiet")
    )


def _failed(run: str | None, results: str, *, as_json: bool) -> None:
    from harness.runner import load

    found = load(run, results=results)
    causes = found.failures()
    if as_json:
        click.echo(json.dumps(causes, indent=2, ensure_ascii=False))
        return
    total = sum(len(cause["seeds"]) for cause in causes)
    where = f" of {numbers.count(found.cell_count)} · {found.suite} · run {found.run_id}"
    if not causes:
        say([line(("0 cells failed", "strong"), where)])
        return
    say([line((f"{numbers.count(total)} cells failed", "bad strong"), where)])
    for cause in causes:
        say([line(), *_cause(cause)])
    say(
        [
            line(),
            line(
                (
                    "They have no value on the board and no rank; nothing was left out elsewhere.",
                    "quiet",
                )
            ),
        ]
    )


def _cause(cause: Mapping[str, Any]) -> list[Line]:
    seeds = _spans(cause["seeds"])
    indent = f"{'':<12}"
    lines = [
        line(
            "  ",
            (f"{cause['status']:<10}", "bad"),
            (cause["label"], "strong"),
            f" on {cause['title']}, seeds {seeds}",
        )
    ]
    lines += [line(indent, text) for text in str(cause["message"]).splitlines()[:12]]
    if cause["log"]:
        lines.append(line(indent, ("log    ", "quiet"), cause["log"]))
    lines.append(line(indent, ("rerun  ", "quiet"), cause["rerun"]))
    lines.append(line(indent, ("debug  ", "quiet"), cause["debug"]))
    return lines


def _spans(seeds: Sequence[int]) -> str:
    """Numbers as spans: 0–11, 14."""
    spans: list[list[int]] = []
    for seed in sorted(seeds):
        if spans and seed == spans[-1][1] + 1:
            spans[-1][1] = seed
        else:
            spans.append([seed, seed])
    shown = [f"{low}" if low == high else f"{low}–{high}" for low, high in spans[:8]]
    return ", ".join([*shown, "…"] if len(spans) > 8 else shown)
