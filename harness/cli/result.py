"""What stands on the screen when a run is done: headline, first board, claims, next commands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.cli import numbers
from harness.cli.board import Board, amiss_lines, board_lines, boards_of
from harness.cli.text import Line, line
from harness.cli.verdicts import claim_lines
from harness.errors import ExitCode

if TYPE_CHECKING:
    from harness.runner import Run

__all__ = ["result_lines"]

_REASONS = {
    ExitCode.OK: "",
    ExitCode.VERDICT: "exit 1: a verdict other than expected",
    ExitCode.USER: "exit 2",
    ExitCode.CELLS_FAILED: "exit 3: cells failed",
    ExitCode.HARDWARE: "exit 4: hardware unmet",
    ExitCode.STORE: "exit 5: results could not be written",
    ExitCode.INTERRUPTED: "exit 130: interrupted",
}


def result_lines(
    done: Run, width: int, *, seconds: float, code: ExitCode, command: str
) -> list[Line]:
    """The screen of a finished, or interrupted, run."""
    lines = [_headline(done, seconds), line()]
    if code == ExitCode.INTERRUPTED:
        told = "interrupted: what is done is kept, and the same command goes on from there"
        lines += [line((told, "open")), line(f"  {command}"), line()]
    known = boards_of(done.leaderboard_rows(), done.record.level)
    boards = [board for board in known if board.direction != "none"]
    amiss = amiss_lines(known)
    lines += [*amiss, line()] if amiss else []
    if boards:
        lines += [*board_lines(boards[0], width), *_others(done, boards), line()]
    claims = claim_lines(done.claim_rows(), width)
    lines += [*claims, line()] if claims else []
    return [*lines, line((str(done.path), "quiet")), _next(done, code)]


def _headline(done: Run, seconds: float) -> Line:
    counts = done.status_counts()
    total = "1 cell" if done.cell_count == 1 else f"{numbers.count(done.cell_count)} cells"
    parts = [f" · {total} on {done.hardware}, {done.workers_text}"]
    reused = counts.pop("reused", 0)
    measured = counts.pop("ok", 0)
    skipped = counts.pop("skipped", 0)
    failed = sum(counts.values())
    parts.append(f" · {numbers.count(measured)} measured")
    if reused:
        parts.append(f" · {numbers.count(reused)} reused")
    if skipped:
        parts.append(f" · {numbers.count(skipped)} skipped")
    missing = done.planned - done.cell_count
    if missing > 0:
        parts.append(f" · {numbers.count(missing)} not run")
    fail = (f"{numbers.count(failed)} failed", "bad" if failed else "")
    return line((done.suite, "strong"), *parts, " · ", fail, f" · {numbers.duration(seconds)}")


def _others(done: Run, boards: Sequence[Board]) -> list[Line]:
    rest = len(boards) - 1
    if not rest:
        return []
    word = "1 more board" if rest == 1 else f"{rest} more boards"
    return [line((f"  {word}: harness leaderboard {done.suite}{done.where}", "quiet"))]


def _next(done: Run, code: ExitCode) -> Line:
    name = f"{done.suite}{done.where}"
    commands = [f"harness report {name} --open"]
    if done.failed_count:
        commands.append(f"harness results {name} --failed")
    commands.append(f"harness leaderboard {name}")
    if done.record.commit:
        before = "HEAD~1" if done.record.branch == "main" else "main"
        commands.append(f"harness compare {before} HEAD{done.where}")
    reason = _REASONS[code]
    return line(
        ("next  ", "quiet"), "  ·  ".join(commands), (f"      {reason}", "quiet") if reason else ""
    )
