"""Failures by cause, the largest first: what happened, the log's end, how to look into it."""

from __future__ import annotations

from pathlib import Path

from harness import numbers
from harness.report.markup import Html, tag
from harness.report.records import Row, RunPage

__all__ = ["failures_section"]

_LOG_BYTES = 4_000
_LOG_LINES = 12
_SEEDS_NAMED = 12


def failures_section(page: RunPage) -> Html | None:
    """Nothing where nothing failed."""
    if not page.failures:
        return None
    causes = "one cause" if len(page.failures) == 1 else f"{len(page.failures)} causes"
    told = (
        f"{numbers.count(page.failed)} of {numbers.count(page.cells)} cells, {causes}. They have "
        "no value on the board; nothing was left out elsewhere."
    )
    blocks = [_cause(page, cause, is_open=not place) for place, cause in enumerate(page.failures)]
    return tag(
        "section",
        tag("h2", "Failures"),
        tag("p", told, class_="note"),
        *blocks,
        id="failures",
    )


def _cause(page: RunPage, cause: Row, *, is_open: bool) -> Html:
    seeds = cause["seeds"]
    cells = "cell" if len(seeds) == 1 else "cells"
    title = f"{cause['label']}: {cause['status']} in {numbers.count(len(seeds))} {cells}"
    message = str(cause["message"])
    first, _, rest = message.partition("\n")
    named = ", ".join(map(str, seeds[:_SEEDS_NAMED])) + (" …" if len(seeds) > _SEEDS_NAMED else "")
    log = _log_end(page.path, cause["log"])
    return tag(
        "div",
        tag("h3", title),
        tag("p", f"{first or 'no message'} — on {cause['title']}, seeds {named}."),
        tag(
            "details",
            tag("summary", "Last lines of the log, and how to look into it"),
            tag("pre", rest) if rest else None,
            tag("pre", log) if log else None,
            tag("p", f"Log: {cause['log']}", class_="note") if cause["log"] else None,
            tag("pre", f"{cause['rerun']}\n{cause['debug']}"),
            open=is_open,
        ),
        class_="cause",
    )


def _log_end(folder: Path, log: str) -> str:
    """The last lines of a log that lies in the run's folder; empty where it is not there."""
    if not log:
        return ""
    path = (folder / log).resolve()
    # A run may be a stranger's: its log must not name a file outside of it.
    if not path.is_relative_to(folder.resolve()) or not path.is_file():
        return ""
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - _LOG_BYTES, 0))
        text = file.read().decode(errors="replace")
    return "\n".join(text.splitlines()[-_LOG_LINES:])
