"""A comparison as a pull-request comment: the rows that matter, equivalent ones folded."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from harness.analyse.row_text import change_text, ends_text, p_text
from harness.cli import comparison as told
from harness.cli import numbers

if TYPE_CHECKING:
    from harness.analyse.comparison import Comparison, Row

__all__ = ["markdown"]

_MARKS = {"worse": "✗", "undecided": "?", "better": "✓", "equivalent": "≈"}


def markdown(comparison: Comparison) -> str:
    """The comment's text. What users named is escaped: it can neither end a cell nor a tag."""
    others = ", ".join(told.side_text(side) for side in comparison.others)
    counts = " · ".join(
        f"{_MARKS[verdict]} {text}" for verdict, text in told.counts_text(comparison)
    )
    lines = [
        f"### {_safe(told.side_text(comparison.base))} → {_safe(others)}",
        "",
        f"**{counts or 'nothing in common to compare'}** · {_safe(told.subject(comparison))}",
        "",
        told.rules_text(comparison),
        "",
    ]
    lines += [f"> {_safe(note)}\n" for note in (comparison.too_few, *comparison.notes) if note]
    open_rows = [row for row in comparison.rows if row.verdict != "equivalent"]
    equivalent = [row for row in comparison.rows if row.verdict == "equivalent"]
    lines += _table(open_rows)
    if equivalent:
        lines += [
            f"<details><summary>{numbers.count(len(equivalent))} equivalent</summary>",
            "",
            *_table(equivalent),
            "</details>",
            "",
        ]
    for name, texts in zip(
        ("On one side only", "Not compared"), told.left_out(comparison), strict=True
    ):
        if texts:
            lines += [f"**{name}**", "", *(f"- {_safe(text)}" for text in texts), ""]
    return "\n".join(lines)


def _table(rows: Sequence[Row]) -> list[str]:
    if not rows:
        return []
    heads = ["", "metric", "method", "task", "against", "change", "95 % interval", "p", "n", ""]
    lines = [
        "| " + " | ".join(heads) + " |",
        "|" + " --- |" * 5 + " ---: | --- |" + " ---: |" * 2 + " --- |",
    ]
    lines += ["| " + " | ".join(_cells(row)) + " |" for row in rows]
    return [*lines, ""]


def _cells(row: Row) -> list[str]:
    return [
        f"{_MARKS[row.verdict]} {row.verdict}",
        _safe(row.metric),
        _safe(row.label),
        _safe(row.title),
        _safe(row.against),
        change_text(row).replace("−", "-"),
        ends_text(row).replace("−", "-"),
        p_text(row.p_holm),
        numbers.count(row.n),
        _safe(told.remark(row)),
    ]


def _safe(text: str) -> str:
    return escape(text, quote=False).replace("|", "\\|").replace("\n", " ").replace("`", "\\`")
