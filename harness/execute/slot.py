"""Where a worker is: 64 bytes of shared memory, eight numbers, written by it alone.

The slot replaces heartbeats and "started" messages, works while C code holds the interpreter's
lock, and stays readable after the worker's death. A store costs less than 0.1 µs.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import MutableSequence
from enum import IntEnum
from typing import NamedTuple

__all__ = [
    "FRACTION",
    "HANDED",
    "JOB",
    "SINCE",
    "SLOT_BYTES",
    "STAGE",
    "YIELDED",
    "Mark",
    "Marks",
    "Slots",
    "Stage",
    "fresh_marks",
]

SLOT_BYTES = 64

# Which of the eight numbers is what.
JOB = 0  # number of the job, 0 between jobs; kept until the job's generator is closed
STAGE = 1
YIELDED = 2  # outcomes so far: the cell at this place is the first without one
HANDED = 3  # cells that evaluate has been handed so far
SINCE = 4  # CLOCK_MONOTONIC in ns of the last yield; one clock for all processes
FRACTION = 5  # 1 + progress of the cell in thousandths, 0: not told

# The eight numbers: shared memory in a worker, a list inline.
Marks = MutableSequence[int] | memoryview


class Stage(IntEnum):
    """What a worker does with its job."""

    LOADING = 1  # importing, constructing
    EVALUATING = 2


class Mark(NamedTuple):
    """A slot as read at one moment."""

    job: int
    stage: int
    yielded: int
    handed: int
    since_ns: int
    fraction: int

    @property
    def place(self) -> tuple[int, int, int]:
        """Equal at two moments if no outcome came between them."""
        return (self.job, self.stage, self.yielded)

    @property
    def in_flight(self) -> int:
        """Cells that evaluate has in its hands: handed out, not yielded."""
        return max(0, self.handed - self.yielded)


def fresh_marks() -> list[int]:
    """A slot's eight numbers for use within one process."""
    return [0] * 8


class Slots:
    """All workers' slots; the file goes to the guardian by its descriptor."""

    def __init__(self, count: int, fd: int | None = None) -> None:
        self.count = count
        self.fd = os.memfd_create("harness-slots") if fd is None else fd
        if fd is None:
            os.ftruncate(self.fd, count * SLOT_BYTES)
        self._memory = mmap.mmap(self.fd, count * SLOT_BYTES)
        self._numbers = memoryview(self._memory).cast("q")

    def marks(self, index: int) -> memoryview:
        """The eight numbers of one worker, to be written."""
        return self._numbers[index * 8 : index * 8 + 8]

    def read(self, index: int) -> Mark:
        """One worker's slot now."""
        return Mark(*self._numbers[index * 8 : index * 8 + 6])

    def clear(self, index: int) -> None:
        """Forget a dead worker's slot before its successor starts."""
        self._numbers[index * 8 : index * 8 + 8] = memoryview(bytes(SLOT_BYTES)).cast("q")

    def close(self) -> None:
        """Give the memory and the descriptor back."""
        self._numbers.release()
        self._memory.close()
        os.close(self.fd)
