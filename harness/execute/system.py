"""The few system calls that Python does not wrap, and what ``/proc`` tells of a process.

All of it is Linux's; :func:`is_supported` says whether this system has it.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import sys
from collections.abc import Iterator
from contextlib import suppress

__all__ = [
    "PeakMemory",
    "anonymous_bytes",
    "become_subreaper",
    "children",
    "descendants",
    "is_running",
    "die_with_parent",
    "is_supported",
    "spare_others_from_oom",
]

# Numbers of prctl(2).
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36

# The kernel's own out-of-memory choice is then a worker, never the main process.
_OOM_SCORE = 1000

_PAGE = mmap.PAGESIZE


def is_supported() -> bool:
    """Whether this system has what the local executor rests on."""
    return sys.platform == "linux" and os.path.exists("/proc/self/statm")


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def become_subreaper() -> None:
    """Orphans among this process's descendants become its children, not init's."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent(signal_number: int) -> None:
    """Send this process a signal when the thread that forked it ends."""
    _prctl(_PR_SET_PDEATHSIG, signal_number)


def spare_others_from_oom() -> None:
    """Offer this process first when the machine is out of memory."""
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write(str(_OOM_SCORE))
    except OSError:
        pass  # a container may forbid it; the watch over memory does not depend on it


def children(pid: int) -> list[int]:
    """Children of a process, whichever of its threads started them; none once it is gone."""
    found: list[int] = []
    with suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children", "rb") as file:
                found += map(int, file.read().split())
    return found


def descendants(pid: int) -> Iterator[int]:
    """A process's children, their children, and so on."""
    for child in children(pid):
        yield child
        yield from descendants(child)


def is_running(pid: int) -> bool:
    """Whether the process exists and has not ended."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b") ")[2][:1] not in b"ZX"
    except OSError:
        return False


def anonymous_bytes(pid: int) -> int:
    """Resident memory of a process that is not shared with files; 0 once it is gone.

    After a fork this counts pages that are still the parent's too (they are anonymous), so a
    worker is measured above its value right after its fork.
    """
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            fields = file.read().split()
    except OSError:
        return 0
    return (int(fields[1]) - int(fields[2])) * _PAGE


class PeakMemory:
    """The high-water mark of this process, which can be set back (7 µs to read, 1 to reset)."""

    def __init__(self) -> None:
        self._status = os.open("/proc/self/status", os.O_RDONLY | os.O_CLOEXEC)

    def reset(self) -> None:
        """Forget the peak so far."""
        try:
            with open("/proc/self/clear_refs", "wb", buffering=0) as file:
                file.write(b"5")
        except OSError:
            pass  # where it is forbidden the peak is the process's, an upper end

    def kib(self) -> int:
        """The peak since the last reset."""
        text = os.pread(self._status, 4096, 0)
        start = text.find(b"VmHWM:") + 6
        return int(text[start : text.find(b"k", start)])
