"""``harness leaderboard``: the boards of a run, as tables for people or for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from harness.cli.board import board_lines, boards_of
from harness.cli.options import results_option, run_argument
from harness.cli.text import line, say, say_json, say_notes, width
from harness.errors import UsageError, nearest

__all__ = ["leaderboard"]


@click.command()
@run_argument
@click.option("--task", help="Only boards of this task.")
@click.option("--metric", help="Only boards of this metric; all, without costs, unless given.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "md", "csv", "json"]),
    default="table",
    show_default=True,
)
@results_option
def leaderboard(
    run: str | None, task: str | None, metric: str | None, form: str, results: str
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
    if form == "json":
        say_json(rows)
    elif form == "csv":
        click.echo(found.leaderboard().to_csv(index=False), nl=False)
    elif form == "md":
        click.echo("\n".join(_markdown(rows)))
    else:
        for board in boards_of(rows):
            if metric or board.direction != "none":
                say([*board_lines(board, width()), line()])


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


def _markdown(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = []
    for board in boards_of(rows):
        texts = [
            "".join(span.text for span in spans).strip() for spans in board_lines(board, 100)[:2]
        ]
        lines += [
            f"### {texts[0]}",
            "",
            texts[1],
            "",
            "| rank | method | mean | 95 % interval | n |",
        ]
        lines.append("| --- | --- | ---: | --- | ---: |")
        lines += [_markdown_row(row) for row in board.rows]
        lines.append("")
    return lines


def _markdown_row(row: Mapping[str, Any]) -> str:
    from harness.cli.board import interval_text, mean_text, rank_text

    label = str(row["label"]).replace("|", "\\|")
    return f"| {rank_text(row)} | {label} | {mean_text(row)} | {interval_text(row)} | {row['n']} |"
