"""Where a number comes from: the cells of each label, and the commands that make them again.

Every cell is in the page, packed (:func:`packed_cells`); the script turns the pages of a
label's table. Without a script the first few stand there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from harness import numbers
from harness.report import digits
from harness.report.commands import Commands, cell_id
from harness.report.markup import Html, join, tag
from harness.report.records import CellGroup, Row, RunPage, TaskPage

__all__ = ["again", "cells_of_task", "packed_cells"]

_STATIC = 2  # rows that need no script
_ERROR_CHARS = 300


def again(page: RunPage, task: TaskPage, commands: Commands) -> Html:
    """The commands that make the task's boards again, folded."""
    return tag(
        "details",
        tag("summary", "How to get these numbers again"),
        tag("pre", "\n".join([*commands.setup, commands.task(task)])),
        tag("p", f"Made by run {page.record.run_id}, in {page.path}", class_="note"),
        class_="again",
    )


def cells_of_task(task: TaskPage, ident: str, commands: Commands) -> Html | None:
    """Each label's cells, folded; ``ident`` and the label's place name its anchor."""
    if not task.groups:
        return None
    return tag(
        "div",
        tag("h4", "Cells"),
        *(
            _group(task, group, f"{ident}-m{place}", commands)
            for place, group in enumerate(task.groups)
        ),
        class_="cells",
        data_cells=f"{ident}-cells",
    )


def packed_cells(task: TaskPage, commands: Commands) -> dict[str, Any]:
    """All cells of a task for the page's script, column by column, what is constant once."""
    return {
        "setup": list(commands.setup),
        "command": commands.cell(),
        "groups": [_packed(group) for group in task.groups],
    }


def _packed(group: CellGroup) -> dict[str, Any]:
    table = group.table
    rows = table.select(["wall_s", "peak_memory", "error_type", "error_message"]).to_pylist()
    seeds = table["seed"].to_pylist()
    is_span = seeds == list(range(seeds[0], seeds[0] + len(seeds)))
    texts = {
        "status": table["status"].to_pylist(),
        "time": [numbers.duration(row["wall_s"]) for row in rows],
        "memory": [numbers.memory(row["peak_memory"]) for row in rows],
        "origin": table["reused_from"].to_pylist(),
        "machine": table["machine"].to_pylist(),
        "device": table["device"].to_pylist(),
        "error": [_error(row) for row in rows],
        "log": table["log"].to_pylist(),
    }
    coded = {name: _coded(words) for name, words in texts.items()}
    return {
        "label": group.label,
        "ids": "".join(cell_id(each) for each in table["cell_id"].to_pylist()),
        "seeds": seeds[0] if is_span else seeds,
        "texts": {name: words for name, words in coded.items() if words != ""},
        "values": {
            name: [float(each) if np.isfinite(each) else None for each in found]
            for name, found in group.values.items()
        },
    }


def _coded(texts: Sequence[str | None]) -> Any:
    """A constant column as its text, others as words and their places."""
    words = list(dict.fromkeys(text or "" for text in texts))
    if len(words) == 1:
        return words[0]
    place = {word: number for number, word in enumerate(words)}
    return [words, [place[text or ""] for text in texts]]


def _error(row: Row) -> str:
    told = ": ".join(part for part in (row["error_type"], row["error_message"]) if part)
    return told if len(told) <= _ERROR_CHARS else f"{told[:_ERROR_CHARS]} …"


def _group(task: TaskPage, group: CellGroup, ident: str, commands: Commands) -> Html:
    statuses = ", ".join(f"{numbers.count(n)} {name}" for name, n in group.statuses.items())
    facts = [
        ("Method", join([group.method, " ", _parameters(group.method_params)])),
        ("Task", join([task.key.task, " ", _parameters(task.key.params)])),
        ("Hardware", f"{group.hardware}; machine {', '.join(group.machines)}"),
    ]
    told = [part for name, value in facts for part in (tag("dt", name), tag("dd", value))]
    rest = group.cells - _STATIC
    return tag(
        "details",
        tag(
            "summary",
            tag("b", digits.named(group.label)),
            tag("span", f" {statuses}", class_="quiet"),
        ),
        tag("dl", *told),
        _table(group),
        tag(
            "p", f"and {numbers.count(rest)} more, which need the page's script", class_="note rest"
        )
        if rest > 0
        else None,
        tag("p", "All of these, once the code and the suite are there as above:", class_="note"),
        tag("pre", commands.label(task, group.label)),
        id=ident,
    )


def _table(group: CellGroup) -> Html:
    heads = [("Cell", ""), ("Seed", "num"), ("Status", "")]
    # On a phone there is room for the first.
    heads += [(name.replace("_", " "), _classes(place)) for place, name in enumerate(group.values)]
    heads += [("Time", "num"), ("Memory", "num mem")]
    head = tag("tr", *(tag("th", name, scope="col", class_=c or None) for name, c in heads))
    rows = group.table.slice(0, _STATIC).to_pylist()
    return tag(
        "div",
        tag(
            "table",
            tag("caption", f"Cells of {group.label}", class_="spoken"),
            tag("thead", head),
            tag("tbody", *(_cell(row, group.values, place) for place, row in enumerate(rows))),
        ),
        class_="scroll",
    )


def _cell(row: Row, values: Mapping[str, np.ndarray[Any, Any]], place: int) -> Html:
    origin = f" from {row['reused_from']}" if row["reused_from"] else None
    found = [float(each[place]) for each in values.values()]
    cells = (
        tag("td", tag("code", cell_id(row["cell_id"]))),
        tag("td", row["seed"], class_="num"),
        tag("td", row["status"], tag("span", origin, class_="mem") if origin else None),
        *(_value(v, _classes(number)) for number, v in enumerate(found)),
        tag("td", numbers.duration(row["wall_s"]), class_="num"),
        tag("td", numbers.memory(row["peak_memory"]), class_="num mem"),
    )
    return tag("tr", *cells)


def _classes(place: int) -> str:
    return "num mem" if place else "num"


def _value(value: float, class_: str) -> Html:
    shown = digits.value(value) if np.isfinite(value) else "–"
    return tag("td", shown, class_=class_, title=repr(value))


def _parameters(text: str) -> Html:
    """Canonical JSON as a person writes parameters; long numbers brief, whole in the title."""
    values = json.loads(text) if text else {}
    words: list[object] = []
    for key, value in values.items():
        words += [" ", digits.named(f"{key}={json.dumps(value, ensure_ascii=False)}")]
    return join(words[1:])
