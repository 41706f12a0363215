"""The few calls that touch the disk, so that a test can fail or kill at each of them.

Every write, sync, truncation, rename and removal of the store goes through one
:class:`Disk`. A subclass in the tests fails, tears or stops at call k, for every k.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from harness.errors import StoreError

__all__ = ["Disk", "explain", "storing", "write_all", "write_whole"]

# Where there is no fdatasync (macOS), fsync does more than is needed.
_sync = getattr(os, "fdatasync", os.fsync)

_ADVICE = {
    errno.ENOSPC: "free the disk, then give the same command again: finished cells are kept",
    errno.EDQUOT: "your quota is used up: free space, then give the same command again",
    errno.EACCES: "allow writing there, or choose another folder for results",
    errno.EPERM: "allow writing there, or choose another folder for results",
    errno.EROFS: "the file system is read-only: choose another folder for results",
}


class Disk:
    """Plain calls of the operating system; each raises ``OSError`` when it fails."""

    def open_append(self, path: Path) -> int:
        """Open for appending, made where absent; children do not inherit it."""
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)

    def create(self, path: Path) -> int:
        """Open for writing from the start, emptied where it exists."""
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)

    def write(self, fd: int, data: memoryview) -> int:
        """Write some of ``data``; how many bytes."""
        return os.write(fd, data)

    def sync(self, fd: int) -> None:
        """Wait until what was written is on the medium."""
        _sync(fd)

    def sync_folder(self, path: Path) -> None:
        """Wait until the names in a folder are on the medium."""
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def truncate(self, fd: int, size: int) -> None:
        """Cut a file to ``size`` bytes."""
        os.ftruncate(fd, size)

    def rename(self, source: Path, target: Path) -> None:
        """Give ``source`` the name of ``target``, in one step."""
        os.replace(source, target)

    def remove(self, path: Path) -> None:
        """Remove a file."""
        path.unlink()


def write_all(disk: Disk, fd: int, data: memoryview) -> None:
    """Write all of ``data``, however short each write is."""
    while data:
        written = disk.write(fd, data)
        if written <= 0:
            raise OSError(errno.ENOSPC, "nothing could be written")
        data = data[written:]


def write_whole(path: Path, data: memoryview, disk: Disk | None = None) -> None:
    """Replace ``path`` by ``data``: all of it or, whatever happens, the old file.

    Written under a name that no glob for the real one matches, synced, renamed, and the
    folder synced.
    """
    disk = disk or Disk()
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with storing(path):
        try:
            fd = disk.create(temporary)
            try:
                write_all(disk, fd, data)
                disk.sync(fd)
            finally:
                os.close(fd)
            disk.rename(temporary, path)
        except OSError:
            with suppress(OSError):  # the first error is the one to tell
                disk.remove(temporary)
            raise
        disk.sync_folder(path.parent)


def explain(path: Path, error: OSError, *, doing: str = "write") -> StoreError:
    """The error of the disk in a user's words: what, where, and what to do."""
    advice = _ADVICE.get(error.errno or 0)
    hint = f" ({advice})" if advice else ""
    return StoreError(f"cannot {doing} {path}: {error.strerror or error}{hint}")


@contextmanager
def storing(path: Path, *, doing: str = "write") -> Iterator[None]:
    """Turn any ``OSError`` of the block into a ``StoreError`` that names ``path``."""
    try:
        yield
    except OSError as error:
        raise explain(path, error, doing=doing) from error
