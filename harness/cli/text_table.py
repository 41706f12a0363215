"""A table as texts, and how it is written in Markdown, LaTeX, HTML and CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from io import StringIO
from typing import NamedTuple

__all__ = ["TextTable", "as_csv", "as_html", "as_latex", "as_markdown"]

_LEFT = ("rank", "method", "interval", "than", "better")
_TEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "–": "--",
    "−": "$-$",
    "…": r"\ldots{}",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "×": r"$\times$",
    "·": r"$\cdot$",
    "√": r"$\surd$",
    "ε": r"$\varepsilon$",
}
_STYLE = """
:root{--page:#fff;--ink:#191c20;--ink2:#565d66;--rule:#dcdfe4}
@media(prefers-color-scheme:dark){:root{--page:#13161a;--ink:#e9ebee;--ink2:#a5adb8;--rule:#363c44}}
body{background:var(--page);color:var(--ink);font:15px/1.5 system-ui,sans-serif;
max-width:1128px;margin:24px auto;padding:0 24px;font-variant-numeric:tabular-nums}
h2{font-size:21px;font-weight:650;margin-top:56px}table{border-collapse:collapse;font-size:14px}
th,td{text-align:left;padding:7px 8px;border-bottom:1px solid var(--rule);font-weight:400}
.wide{overflow-x:auto}
thead th,.q{color:var(--ink2)}td.n,th.n{text-align:right}
"""


class TextTable(NamedTuple):
    """A titled table; ``told`` says what is measured how, ``columns`` are texts by their head."""

    title: str
    told: str
    columns: Mapping[str, Sequence[str]]

    def rows(self) -> Iterator[tuple[str, ...]]:
        """The cells, row by row."""
        return zip(*self.columns.values(), strict=True)


def as_markdown(tables: Sequence[TextTable]) -> str:
    """A heading and a table each; what users named can end neither cell nor tag."""
    lines: list[str] = []
    for table in tables:
        rules = ["---" if head in _LEFT else "---:" for head in table.columns]
        lines += [f"### {_md(table.title)}", "", _md(table.told), ""]
        lines += [f"| {' | '.join(map(_md, table.columns))} |", f"| {' | '.join(rules)} |"]
        lines += [f"| {' | '.join(map(_md, row))} |" for row in table.rows()]
        lines.append("")
    return "\n".join(lines)


def as_latex(tables: Sequence[TextTable]) -> str:
    """A ``tabular`` each, for a document that loads booktabs."""
    lines = ["% needs \\usepackage{booktabs}"]
    for table in tables:
        layout = "".join("l" if head in _LEFT else "r" for head in table.columns)
        lines += [
            "\\begin{table}",
            f"\\caption{{{_tex(table.title)}: {_tex(table.told)}}}",
            f"\\begin{{tabular}}{{{layout}}}",
            "\\toprule",
            " & ".join(map(_tex, table.columns)) + " \\\\",
            "\\midrule",
            *(" & ".join(map(_tex, row)) + " \\\\" for row in table.rows()),
            "\\bottomrule",
            "\\end{tabular}",
            "\\end{table}",
            "",
        ]
    return "\n".join(lines)


def as_html(tables: Sequence[TextTable], title: str) -> str:
    """One page that needs nothing else; everything that a user named is escaped."""
    name = escape(title)
    body = "\n".join(map(_html, tables))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{name}</title><style>{_STYLE}</style></head>\n<body>\n"
        f"<h1>{name}</h1>\n{body}\n</body></html>\n"
    )


def as_csv(tables: Sequence[TextTable]) -> str:
    """The tables under each other with their titles in the first column; heads as of the first."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if tables:
        writer.writerow(["table", *tables[0].columns])
    for table in tables:
        writer.writerows((table.title, *row) for row in table.rows())
    return text.getvalue()


def _html(table: TextTable) -> str:
    kinds = ["" if head in _LEFT else ' class="n"' for head in table.columns]
    heads = "".join(
        f'<th scope="col"{kind}>{escape(head)}</th>'
        for head, kind in zip(table.columns, kinds, strict=True)
    )
    lines = []
    for row in table.rows():
        cells = [
            f'<th scope="row">{escape(text)}</th>'
            if head == "method"
            else f"<td{kind}>{escape(text)}</td>"
            for head, kind, text in zip(table.columns, kinds, row, strict=True)
        ]
        lines.append(f"<tr>{''.join(cells)}</tr>")
    body = "\n".join(lines)
    return (
        f'<h2>{escape(table.title)}</h2><p class="q">{escape(table.told)}</p>\n'
        f'<div class="wide"><table><thead><tr>{heads}</tr></thead>'
        f"<tbody>\n{body}\n</tbody></table></div>"
    )


def _md(text: str) -> str:
    text = text.replace("−", "-")  # the minus that a program reading the table expects
    return escape(text, quote=False).replace("|", "\\|").replace("\n", " ").replace("`", "\\`")


def _tex(text: str) -> str:
    return "".join(_TEX.get(character, character) for character in text)
