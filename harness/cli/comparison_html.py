"""A comparison as one page that needs nothing else: no script, no request, light and dark."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from harness.analyse.row_text import change_text, ends_text, p_text
from harness.cli import comparison as told
from harness.cli import numbers

if TYPE_CHECKING:
    from harness.analyse.comparison import Comparison, Row

__all__ = ["page"]

_MARKS = {"worse": "×", "undecided": "?", "better": "✓", "equivalent": "≈"}
_STYLE = """
:root{--page:#fff;--ink:#191c20;--ink2:#565d66;--rule:#dcdfe4;--band:#e4e8ee;
--worse:#a3161a;--undecided:#6f4f00;--better:#0a6b5e;--equivalent:#565d66}
@media(prefers-color-scheme:dark){:root{--page:#13161a;--ink:#e9ebee;--ink2:#a5adb8;
--rule:#363c44;--band:#2a3038;--worse:#ff8f80;--undecided:#e9c25c;--better:#63d2b8;
--equivalent:#a5adb8}}
body{background:var(--page);color:var(--ink);font:15px/1.5 system-ui,sans-serif;
max-width:1128px;margin:24px auto;padding:0 24px;font-variant-numeric:tabular-nums}
h1{font-size:21px;font-weight:650}table{border-collapse:collapse;width:100%;font-size:14px}
th,td{text-align:left;padding:7px 8px;border-bottom:1px solid var(--rule);font-weight:400}
thead th{color:var(--ink2)}td.n{text-align:right;white-space:nowrap}
td.plot{min-width:160px;width:25%}td.plot svg{width:100%;height:16px;display:block}
.q{color:var(--ink2)}.worse{color:var(--worse)}.undecided{color:var(--undecided)}
.better{color:var(--better)}.equivalent{color:var(--equivalent)}
.wide{overflow-x:auto}
th.worse,th.better{font-weight:650}h2{font-size:15px;font-weight:650;margin-top:30px}
"""
_HEADS = ("verdict", "method", "task", "change", "", "interval", "p", "n", "")


def page(comparison: Comparison) -> str:
    """The whole HTML document. Whatever a user named is escaped."""
    others = ", ".join(told.side_text(side) for side in comparison.others)
    title = escape(f"{told.side_text(comparison.base)} → {others}")
    counts = " · ".join(
        f'<span class="{verdict}">{_MARKS[verdict]} {escape(text)}</span>'
        for verdict, text in told.counts_text(comparison)
    )
    notes = [note for note in (comparison.too_few, *comparison.notes) if note]
    body = [
        f"<h1>{title}</h1>",
        f'<p class="q">{escape(told.subject(comparison))}</p>',
        f"<p>{counts or 'Nothing in common to compare.'}</p>",
        f'<p class="q">{escape(told.rules_text(comparison))}</p>',
        *(f"<p>{escape(note)}</p>" for note in notes),
        *(_block(block, len(comparison.others) > 1) for block in told.blocks_of(comparison.rows)),
        *_left_out(comparison),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{title}</title><style>{_STYLE}</style></head>\n<body>\n"
        + "\n".join(body)
        + "\n</body></html>\n"
    )


def _block(block: told.Block, several: bool) -> str:
    against = f" against {block.against}" if several else ""
    unit = f" in {block.unit}" if block.unit else ""
    better, worse = told.arrows(block.direction)
    open_rows = [row for row in block.rows if row.verdict != "equivalent"]
    equivalent = [row for row in block.rows if row.verdict == "equivalent"]
    reach = _reach(block.rows)
    parts = [
        f"<h2>{escape(block.metric + against)}</h2>",
        f'<p class="q">{escape(unit)} {better} · {worse}</p>',
    ]
    if open_rows:
        parts.append(_table(block, open_rows, reach))
    if equivalent:
        count = numbers.count(len(equivalent))
        parts.append(
            f"<details><summary>{count} equivalent</summary>"
            f"{_table(block, equivalent, reach)}</details>"
        )
    return "\n".join(parts)


def _table(block: told.Block, rows: Sequence[Row], reach: float) -> str:
    heads = "".join(f'<th scope="col">{escape(head)}</th>' for head in _HEADS)
    label = escape(f"{block.metric}: {rows[0].verdict} first", quote=True)
    lines = "\n".join(_row(row, reach) for row in rows)
    return (
        f'<div class="wide"><table aria-label="{label}"><thead><tr>{heads}</tr></thead>'
        f"<tbody>\n{lines}\n</tbody></table></div>"
    )


def _row(row: Row, reach: float) -> str:
    verdict = f'<span aria-hidden="true">{_MARKS[row.verdict]}</span> {row.verdict}'
    cells = [
        f'<th scope="row" class="{row.verdict}">{verdict}</th>',
        f"<td>{escape(row.label)}</td>",
        f'<td class="q">{escape(row.title)}</td>',
        f'<td class="n">{escape(change_text(row))}</td>',
        f'<td class="plot {row.verdict}">{_plot(row, reach)}</td>',
        f'<td class="n q">{escape(ends_text(row))}</td>',
        f'<td class="n">{escape(p_text(row.p_holm))}</td>',
        f'<td class="n">{numbers.count(row.n)}</td>',
        f'<td class="q">{escape(told.remark(row))}</td>',
    ]
    return f"<tr>{''.join(cells)}</tr>"


def _reach(rows: Sequence[Row]) -> float:
    """Half the axis: every interval of the relative rows, or of all where none is relative."""
    relative = [row for row in rows if row.is_relative] or rows
    ends = [abs(end) for row in relative for end in (row.change, row.low, row.high) if end]
    finite = [end for end in ends if end < float("inf")]
    return max([*finite, *(2 * row.threshold for row in relative)], default=0.0) or 1.0


def _plot(row: Row, reach: float) -> str:
    """Dot and whisker in percent positions, over the band and zero; its numbers stand beside."""

    def at(value: float) -> float:
        return round(50 + 48 * min(max(value / reach, -1.0), 1.0), 2)

    band = at(row.threshold) - at(-row.threshold)
    low, high = (row.change if end is None else end for end in (row.low, row.high))
    fill = "var(--page)" if row.verdict == "undecided" else "currentColor"
    return (
        '<svg aria-hidden="true">'
        f'<rect x="{at(-row.threshold)}%" y="0" width="{band:.2f}%" height="16" '
        'fill="var(--band)"/>'
        '<line x1="50%" x2="50%" y1="0" y2="16" stroke="var(--ink2)" stroke-dasharray="3 2"/>'
        f'<line x1="{at(low)}%" x2="{at(high)}%" y1="8" y2="8" stroke="currentColor" '
        'stroke-width="2"/>'
        f'<circle cx="{at(row.change)}%" cy="8" r="4" fill="{fill}" stroke="currentColor" '
        'stroke-width="2"/></svg>'
    )


def _left_out(comparison: Comparison) -> list[str]:
    parts = []
    names = ("On one side only", "Not compared")
    for name, texts in zip(names, told.left_out(comparison), strict=True):
        if texts:
            listed = "".join(f"<li>{escape(text)}</li>" for text in texts)
            parts.append(f"<h2>{name}</h2><ul>{listed}</ul>")
    return parts
