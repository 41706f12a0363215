"""What foreign code raised: the status that it gives a cell, and how it is told."""

from __future__ import annotations

import traceback
from pathlib import Path

from harness.api.outcome import Skip
from harness.errors import DataMissing, HarnessError
from harness.execute.reading import InvalidOutcome, clean
from harness.store.rows import Status

__all__ = ["explain", "report", "status_of"]

_MESSAGE_CHARS = 2000


def status_of(error: BaseException) -> Status:
    """What a cell becomes whose evaluation raised ``error``."""
    if isinstance(error, (Skip, DataMissing)):
        return Status.SKIPPED
    return Status.OOM if isinstance(error, MemoryError) else Status.FAILED


def report(error: BaseException) -> None:
    """Print a traceback, for the worker's log."""
    traceback.print_exception(error)


def explain(error: BaseException) -> str:
    """What an exception says, and the line of foreign code that raised it."""
    text = "".join(traceback.format_exception_only(error)).strip()
    message = text.partition(": ")[2] or text
    if not isinstance(error, (InvalidOutcome, Skip, HarnessError)):
        message = message[:_MESSAGE_CHARS] + _raised_at(error)
    return clean(message[:_MESSAGE_CHARS])


def _raised_at(error: BaseException) -> str:
    """The innermost line that is not the harness's own."""
    own = str(Path(__file__).parent.parent)
    frames = traceback.extract_tb(error.__traceback__)
    foreign = [each for each in frames if not each.filename.startswith((own, "<frozen"))]
    if not foreign:
        return ""
    return f" (at {Path(foreign[-1].filename).name}:{foreign[-1].lineno} in {foreign[-1].name})"
