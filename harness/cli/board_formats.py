"""Boards for other programs and for papers: CSV, Markdown, LaTeX, HTML."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from html import escape
from io import StringIO
from typing import Any

from harness.cli.board import Board, board_lines, boards_of, interval_text, mean_text, rank_text

__all__ = ["as_csv", "as_html", "as_latex", "as_markdown"]

Rows = Sequence[Mapping[str, Any]]

_HEADS = ("rank", "method", "mean", "95 % interval", "n")
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
thead th,.q{color:var(--ink2)}td.n{text-align:right}
"""


def as_csv(rows: Rows) -> str:
    """Every column of the rows as it is; an empty field where there is no value."""
    text = StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def as_markdown(rows: Rows) -> str:
    """A heading and a table a board; what users named can end neither cell nor tag."""
    lines: list[str] = []
    for board in boards_of(rows):
        title, told = _heads(board)
        lines += [f"### {_md(title)}", "", _md(told), "", f"| {' | '.join(_HEADS)} |"]
        lines.append("| --- | --- | ---: | --- | ---: |")
        lines += [f"| {' | '.join(map(_md, _cells(row)))} |" for row in board.rows]
        lines.append("")
    return "\n".join(lines)


def as_latex(rows: Rows) -> str:
    """A ``tabular`` a board, for a document that loads booktabs."""
    lines = ["% needs \\usepackage{booktabs}"]
    for board in boards_of(rows):
        title, told = _heads(board)
        lines += [
            "\\begin{table}",
            f"\\caption{{{_tex(title)}: {_tex(told)}}}",
            "\\begin{tabular}{llrlr}",
            "\\toprule",
            " & ".join(map(_tex, _HEADS)) + " \\\\",
            "\\midrule",
            *(" & ".join(map(_tex, _cells(row))) + " \\\\" for row in board.rows),
            "\\bottomrule",
            "\\end{tabular}",
            "\\end{table}",
            "",
        ]
    return "\n".join(lines)


def as_html(rows: Rows, title: str) -> str:
    """One page that needs nothing else; everything that a user named is escaped."""
    name = escape(title)
    boards = "\n".join(_html(board) for board in boards_of(rows))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{name}</title><style>{_STYLE}</style></head>\n<body>\n"
        f"<h1>{name}</h1>\n{boards}\n</body></html>\n"
    )


def _html(board: Board) -> str:
    title, told = _heads(board)
    heads = "".join(f'<th scope="col">{head}</th>' for head in _HEADS)
    lines = []
    for row in board.rows:
        rank, label, mean, interval, n = (escape(text) for text in _cells(row))
        lines.append(
            f'<tr><td>{rank}</td><th scope="row">{label}</th><td class="n">{mean}</td>'
            f'<td class="q">{interval}</td><td class="n">{n}</td></tr>'
        )
    body = "\n".join(lines)
    return (
        f'<h2>{escape(title)}</h2><p class="q">{escape(told)}</p>\n'
        f"<table><thead><tr>{heads}</tr></thead><tbody>\n{body}\n</tbody></table>"
    )


def _heads(board: Board) -> tuple[str, str]:
    """The board's title, and what is measured how."""
    title, told = (
        "".join(span.text for span in each).strip() for each in board_lines(board, 60)[:2]
    )
    return title, told


def _cells(row: Mapping[str, Any]) -> list[str]:
    label = f"{row['label']} (published)" if row["origin"] == "published" else str(row["label"])
    return [rank_text(row), label, mean_text(row), interval_text(row), str(row["n"])]


def _md(text: str) -> str:
    text = text.replace("−", "-")  # the minus that a program reading the table expects
    return escape(text, quote=False).replace("|", "\\|").replace("\n", " ").replace("`", "\\`")


def _tex(text: str) -> str:
    return "".join(_TEX.get(character, character) for character in text)
