"""``harness query``: SQL over the tables of all runs, by DuckDB."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from typing import Any

import click

from harness.cli.options import results_option
from harness.cli.text import line, say, say_error, say_json

__all__ = ["query"]


_HELP = """Ask all results in SQL.

Tables are cells, measurements, items, records, bounds, artifacts, leaderboard and claims of
every run, with the columns `run` and `suite_folder`; `measured` joins final values with their
cells and leaves out what a later run copied from an earlier one.

\b
harness query "select label, avg(value) from measured where metric = 'regret' group by 1"
"""


@click.command(help=_HELP)
@click.argument("sql")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "md", "csv", "json"]),
    default="table",
    show_default=True,
)
@results_option
def query(sql: str, form: str, results: str) -> None:
    """Ask all results in SQL."""
    from pathlib import Path

    from harness.runner.database import ask

    answer = ask(Path(results), sql)
    say_error([line((f"! {note}", "open")) for note in answer.notes])
    rows = [[_plain(value) for value in row] for row in answer.rows]
    if form == "json":
        listed = [dict(zip(answer.columns, row, strict=True)) for row in rows]
        say_json(listed)
    elif form == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerows([answer.columns, *rows])
    elif form == "md":
        click.echo("\n".join(_markdown(answer.columns, rows)))
    else:
        say([line((text, style)) for text, style in _table(answer.columns, rows)])


def _plain(value: object) -> Any:
    """Ids as hexadecimal digits; the rest as it is."""
    return value.hex() if isinstance(value, bytes) else value


def _text(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[tuple[str, str]]:
    texts = [list(columns), *([_text(value) for value in row] for row in rows)]
    sizes = [max(len(row[place]) for row in texts) for place in range(len(columns))]
    is_number = [
        all(isinstance(row[place], int | float) or row[place] is None for row in rows)
        for place in range(len(columns))
    ]
    padded = [
        "  ".join(
            text.rjust(size) if number else text.ljust(size)
            for text, size, number in zip(row, sizes, is_number, strict=True)
        )
        for row in texts
    ]
    word = "1 row" if len(rows) == 1 else f"{len(rows):,} rows"
    return [(padded[0], "quiet"), *((text, "") for text in padded[1:]), (word, "quiet")]


def _markdown(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    def cells(values: Sequence[Any]) -> str:
        texts = (_text(value).replace("|", "\\|").replace("\n", " ") for value in values)
        return f"| {' | '.join(texts)} |"

    return [cells(columns), f"|{' --- |' * len(columns)}", *(cells(row) for row in rows)]
