"""``harness claims``: the claims of a run and their verdicts."""

from __future__ import annotations

import click

from harness.cli.options import results_option, run_argument
from harness.cli.text import line, say, say_json, say_notes, width
from harness.cli.verdicts import claim_lines

__all__ = ["claims"]


@click.command()
@run_argument
@click.option("--all", "show_all", is_flag=True, help="Unfold controls that failed as they must.")
@click.option("--strict", is_flag=True, help="Exit with 1 when a claim is undecided, too.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@results_option
def claims(run: str | None, show_all: bool, strict: bool, as_json: bool, results: str) -> int:
    """Print a run's claims; exits with 1 when one is not as expected.

    RUN is a run's id, a suite's name (its latest run) or a folder; the latest run of all
    unless given.
    """
    from harness.runner import load

    notes: list[str] = []
    found = load(run, results=results, notes=notes)
    say_notes(notes)
    rows = found.claim_rows()
    if as_json:
        say_json(rows)
    elif rows:
        say(claim_lines(rows, width(), show_all=show_all))
    else:
        say([line(f"{found.suite} makes no claims")])
    return found.verdict_code(strict=strict)
