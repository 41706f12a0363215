"""Who may write: a lock that goes with its process, ``kill -9`` included.

``flock`` on a file that says which process holds it. The descriptor is close-on-exec: a child
that inherits it would keep the lock after its parent's death.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.errors import StoreError
from harness.store.disk import Disk, storing, write_all

__all__ = ["FolderLock", "is_locked", "waited_for"]

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class FolderLock:
    """A held lock; :meth:`release` gives it back, and so does the end of the process."""

    def __init__(self, path: Path, fd: int) -> None:
        self.path = path
        self._fd = fd

    @classmethod
    def take(cls, path: Path, disk: Disk | None = None) -> FolderLock:
        """Take the lock at ``path`` at once.

        Raises
        ------
        StoreError
            If another process holds it (the message names that process), or the file
            cannot be written.
        """
        disk = disk or Disk()
        with storing(path, doing="lock"):
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                if not _flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB):
                    raise StoreError(_held_by(path))
                disk.truncate(fd, 0)
                write_all(disk, fd, memoryview(_this_process()))
            except (OSError, StoreError):
                os.close(fd)
                raise
        return cls(path, fd)

    def release(self) -> None:
        """Give the lock back; a second call does nothing."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def is_locked(path: Path) -> bool:
    """Whether a living process holds the lock at ``path``."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not _flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    finally:
        os.close(fd)


@contextmanager
def waited_for(path: Path) -> Iterator[None]:
    """Hold the lock at ``path`` for the block, after waiting for whoever has it."""
    with storing(path, doing="lock"):
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        with storing(path, doing="lock"):
            fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _flock(fd: int, operation: int) -> bool:
    try:
        fcntl.flock(fd, operation)
    except BlockingIOError:
        return False
    return True


def _this_process() -> bytes:
    boot = _BOOT_ID.read_text().strip() if _BOOT_ID.exists() else ""
    holder = {"pid": os.getpid(), "host": socket.gethostname(), "boot": boot}
    return json.dumps(holder).encode()


def _held_by(path: Path) -> str:
    try:
        holder = json.loads(path.read_bytes())
        who = f"process {holder['pid']} on {holder['host']}"
    except (OSError, ValueError, KeyError, TypeError):
        who = "another process"  # it took the lock this moment and has not written its name
    return f"{path.parent} is being written by {who} (wait for it, or end it)"
