"""``harness leaderboard``: the boards of a run, as tables for people, programs and papers."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from io import StringIO
from math import isclose
from typing import TYPE_CHECKING, Any

import click

from harness.cli import text_table
from harness.cli.board import amiss_lines, board_lines, board_table, boards_of
from harness.cli.options import results_option, run_argument
from harness.cli.text import line, say, say_json, say_notes, width
from harness.errors import PluginError, UsageError, nearest

if TYPE_CHECKING:
    from harness.analyse.aggregate import Aggregates
    from harness.cli.text_table import TextTable
    from harness.runner import Run

__all__ = ["leaderboard"]


@click.command()
@run_argument
@click.option("--task", help="Only boards of this task.")
@click.option(
    "--metric", help="Only boards of this metric; all that have a direction unless given."
)
@click.option("--aggregate", is_flag=True, help="Methods over all tasks, on common cells only.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "md", "csv", "latex", "html", "json"]),
    default="table",
    show_default=True,
)
@results_option
def leaderboard(
    run: str | None, task: str | None, metric: str | None, aggregate: bool, form: str, results: str
) -> None:
    """Print the leaderboards of a run.

    RUN is a run's id, a suite's name (its latest run) or a folder; the latest run of all
    unless given.
    """
    from harness.runner import load

    notes: list[str] = []
    found = load(run, results=results, notes=notes)
    say_notes(notes)
    rows = _chosen(found.leaderboard_rows(), "task", task)
    rows = _chosen(rows, "metric", metric)
    if aggregate:
        _aggregates(found, rows, form)
        return
    more = {} if form in ("json", "csv") else _further_columns(rows)
    if form == "json":
        say_json(rows)
    elif form == "table":
        boards = boards_of(rows, found.record.level)
        amiss = amiss_lines(boards)
        say([*amiss, line()] if amiss else [])
        for board in boards:
            if metric or board.direction != "none":
                say([*board_lines(board, width(), more), line()])
    else:
        if form == "csv":
            click.echo(_raw_csv(rows), nl=False)
            return
        tables = [board_table(board, more) for board in boards_of(rows, found.record.level)]
        click.echo(_written(tables, form, found.suite), nl=False)


def _further_columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Columns that plugins want to see, by their heads."""
    from harness.registry import Registry

    found: dict[str, str] = {}
    known = list(rows[0]) if rows else []
    for plugin, given in Registry().answers("harness_leaderboard_columns"):
        for head, column in dict(given or {}).items():
            if rows and column not in known:
                near = nearest(str(column), known)
                raise PluginError(
                    f'plugin "{plugin}": leaderboard.parquet has no column "{column}"'
                    + (f"; nearest: {near}" if near else "")
                )
            found[str(head)] = column
    return found


def _raw_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Every column of the rows as it is; an empty field where there is no value."""
    text = StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _written(tables: Sequence[TextTable], form: str, title: str) -> str:
    if form == "html":
        return text_table.as_html(tables, title)
    made = {
        "csv": text_table.as_csv,
        "md": text_table.as_markdown,
        "latex": text_table.as_latex,
    }
    return made[form](tables).rstrip("\n") + "\n"


def _aggregates(found: Run, rows: Sequence[Mapping[str, Any]], form: str) -> None:
    """Aggregates of every metric with a direction among ``rows``."""
    from harness.analyse.aggregate import aggregates_of
    from harness.cli.aggregates import (
        aggregate_lines,
        aggregate_tables,
        aggregates_csv,
        aggregates_json,
    )
    from harness.runner.sides import load_side

    results = load_side(found.path).results
    if results is None:
        raise UsageError(f"{found.path} has no measurements that can be read to aggregate over")
    # A cost that boards do not rank (cells did not run alone) is aggregated when asked for only.
    ranked = [row for row in rows if row["rank_low"] is not None] or rows
    metrics = dict.fromkeys(row["metric"] for row in ranked if row["direction"] != "none")
    tasks = {row["task"] for row in rows}
    made: list[Aggregates] = []
    for metric in metrics:
        found_of = aggregates_of(results, metric, tasks=tasks)
        # Regret and its share of a bound are the same shares of the average method.
        if not any(_is_same_share(found_of, each) for each in made):
            made.append(found_of)
    if form == "json":
        say_json([aggregates_json(each) for each in made])
        return
    if form == "csv":
        click.echo(aggregates_csv(made), nl=False)
        return
    if form != "table":
        tables = [table for each in made for table in aggregate_tables(each)]
        click.echo(_written(tables, form, found.suite), nl=False)
        return
    for each in made:
        say([*aggregate_lines(each), line()])


def _is_same_share(one: Aggregates, other: Aggregates) -> bool:
    mine, theirs = ({each.label: each.iqm for each in side.methods} for side in (one, other))
    return mine.keys() == theirs.keys() and all(
        isclose(value, theirs[label], rel_tol=1e-9) for label, value in mine.items()
    )


def _chosen(
    rows: Sequence[Mapping[str, Any]], column: str, value: str | None
) -> list[Mapping[str, Any]]:
    if value is None:
        return list(rows)
    kept = [row for row in rows if row[column] == value]
    if not kept:
        known = sorted({str(row[column]) for row in rows})
        near = nearest(value, known)
        hint = f"nearest: {near}" if near else f"there are: {', '.join(known)}"
        raise UsageError(f'no board has the {column} "{value}"; {hint}')
    return kept
