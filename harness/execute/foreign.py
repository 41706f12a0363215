"""What foreign code raised: the status that it gives a cell, and how it is told."""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from typing import NoReturn

from harness.api.outcome import Skip
from harness.errors import DataMissing, HarnessError
from harness.execute.reading import InvalidOutcome, clean
from harness.store.rows import Status

__all__ = ["LOST_GPU", "end_without_gpu", "explain", "has_lost_gpu", "report", "status_of"]

LOST_GPU = 86  # exit status of a worker that ends because its GPU answers no more

_MESSAGE_CHARS = 2000
# By name: the core imports no torch.
_GPU_FAULT, _GPU_FULL = "AcceleratorError", "OutOfMemoryError"


def status_of(error: BaseException) -> Status:
    """What a cell becomes whose evaluation raised ``error``."""
    if isinstance(error, (Skip, DataMissing)):
        return Status.SKIPPED
    is_full = isinstance(error, MemoryError) or type(error).__name__ == _GPU_FULL
    return Status.OOM if is_full else Status.FAILED


def has_lost_gpu(error: BaseException) -> bool:
    """Whether the process can use its GPU no more: CUDA repeats such an error to every call."""
    return type(error).__name__ == _GPU_FAULT or str(error).startswith("CUDA error")


def end_without_gpu() -> NoReturn:
    """End this worker: what it would do next fails for no fault of its own."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(LOST_GPU)


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
