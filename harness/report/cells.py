"""Where a number comes from: the cells of each label, and the commands that make them again."""

from __future__ import annotations

import json

from harness import numbers
from harness.report.commands import (
    at_commit,
    cell_command,
    cell_id,
    label_command,
    task_command,
)
from harness.report.markup import Html, tag
from harness.report.records import CellGroup, Row, RunPage, TaskPage

__all__ = ["again", "cells_of_task"]


def again(page: RunPage, task: TaskPage) -> Html:
    """The commands that make the task's boards again, folded."""
    lines = [at_commit(page), task_command(page.record, task)]
    return tag(
        "details",
        tag("summary", "How to get these numbers again"),
        tag("pre", "\n".join(lines)),
        tag("p", f"Made by run {page.record.run_id}, in {page.path}", class_="note"),
        class_="again",
    )


def cells_of_task(page: RunPage, task: TaskPage, ident: str) -> Html | None:
    """Each label's cells, folded; ``ident`` and the label's place name its anchor."""
    if not task.groups:
        return None
    return tag(
        "div",
        tag("h4", "Cells"),
        *(
            _group(page, task, group, f"{ident}-m{place}")
            for place, group in enumerate(task.groups)
        ),
        class_="cells",
    )


def _group(page: RunPage, task: TaskPage, group: CellGroup, ident: str) -> Html:
    statuses = ", ".join(f"{numbers.count(n)} {name}" for name, n in group.statuses.items())
    summary = tag("summary", tag("b", group.label), tag("span", f" {statuses}", class_="quiet"))
    facts = [
        ("Method", f"{group.method} {_parameters(group.method_params)}"),
        ("Task", f"{task.key.task} {_parameters(task.key.params)}"),
        ("Hardware", f"{group.hardware}; machine {', '.join(group.machines)}"),
    ]
    told = [part for name, value in facts for part in (tag("dt", name), tag("dd", value))]
    rows = [_cell(row) for row in group.first]
    rest = group.cells - len(group.first)
    named = {
        "Cell": None,
        "Seed": "num",
        "Status": None,
        "Time": "num",
        "Memory": "num",
        "Log": None,
    }
    head = tag("tr", *(tag("th", name, scope="col", class_=c) for name, c in named.items()))
    return tag(
        "details",
        summary,
        tag("dl", *told),
        tag(
            "div",
            tag(
                "table",
                tag("caption", f"Cells of {group.label}", class_="spoken"),
                tag("thead", head),
                tag("tbody", *rows),
            ),
            class_="scroll",
        ),
        tag("p", f"and {numbers.count(rest)} more in cells.parquet", class_="note")
        if rest
        else None,
        tag("p", "All of these again, or the first one alone:", class_="note"),
        tag("pre", _commands(page, task, group)),
        id=ident,
    )


def _commands(page: RunPage, task: TaskPage, group: CellGroup) -> str:
    lines = [label_command(page.record, task, group.label)]
    return "\n".join([*lines, *(cell_command(page.record, row) for row in group.first[:1])])


def _parameters(text: str) -> str:
    """Canonical JSON as a person writes parameters."""
    values = json.loads(text) if text else {}
    return " ".join(
        f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in values.items()
    )


def _cell(row: Row) -> Html:
    origin = f" from {row['reused_from']}" if row["reused_from"] else ""
    cells = (
        tag("td", tag("code", cell_id(row))),
        tag("td", row["seed"], class_="num"),
        tag("td", f"{row['status']}{origin}"),
        tag("td", numbers.duration(row["wall_s"]), class_="num"),
        tag("td", numbers.memory(row["peak_memory"]), class_="num"),
        tag("td", row["log"] or "–"),
    )
    return tag("tr", *cells)
