"""Errors that a user can act on. The message is enough: no traceback without ``--debug``.

HarnessError                                                           exit 1
├── SuiteError        edit the suite file                              exit 2
├── UsageError        give another argument, revision or run           exit 2
├── PluginError       mend or remove the plugin that the suite names   exit 2
├── DataMissing       run the command named; the cell is skipped       exit 3
├── DataDamaged       replace the file named; the cell fails           exit 3
├── HardwareUnmet     another machine, or --skip-unmet                 exit 4
└── StoreError        free the disk, the lock, the permission          exit 5
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

__all__ = [
    "DataDamaged",
    "DataMissing",
    "ExitCode",
    "Fault",
    "HardwareUnmet",
    "HarnessError",
    "PluginError",
    "StoreError",
    "SuiteError",
    "UsageError",
    "nearest",
]


class ExitCode(IntEnum):
    """What the command's exit status means; of several, the first in ``PRECEDENCE``."""

    OK = 0
    VERDICT = 1
    USER = 2
    CELLS_FAILED = 3
    HARDWARE = 4
    STORE = 5
    INTERRUPTED = 130


PRECEDENCE = (
    ExitCode.INTERRUPTED,
    ExitCode.STORE,
    ExitCode.USER,
    ExitCode.HARDWARE,
    ExitCode.CELLS_FAILED,
    ExitCode.VERDICT,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """One thing wrong with a file: what, where, and what to do.

    ``line`` and ``column`` count from 1, 0 where the fault has no place; ``length`` is the
    width of the token in characters, ``source`` the line's text as written.
    """

    message: str
    path: str = ""
    line: int = 0
    column: int = 0
    length: int = 1
    source: str = ""
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}:{self.column}: " if self.line else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{place}{self.message}{hint}"


class HarnessError(Exception):
    """The root of what a user can act on; ``exit_code`` is what the command ends with."""

    exit_code: ExitCode = ExitCode.VERDICT


class SuiteError(HarnessError):
    """A suite file has faults: all of them, in the order of the file."""

    exit_code = ExitCode.USER

    def __init__(self, path: str, faults: Sequence[Fault]) -> None:
        self.path = path
        self.faults = tuple(faults)
        count = f"{len(self.faults)} fault{'s' if len(self.faults) != 1 else ''}"
        listed = "\n".join(str(fault) for fault in self.faults)
        super().__init__(f"{listed}\n{count} in {path}, nothing was run")


class UsageError(HarnessError):
    """An argument that names nothing: a run, a method, a revision, an option's value."""

    exit_code = ExitCode.USER


class PluginError(HarnessError):
    """A plugin that the suite names cannot be imported, registered or constructed."""

    exit_code = ExitCode.USER


class DataMissing(HarnessError):
    """A data set is not on this machine; the message names the command that fetches it."""

    exit_code = ExitCode.CELLS_FAILED


class DataDamaged(HarnessError):
    """Another file lies where a data set should: the message names it and both hashes."""

    exit_code = ExitCode.CELLS_FAILED


class HardwareUnmet(HarnessError):
    """A declared hardware class asks for what this machine cannot give."""

    exit_code = ExitCode.HARDWARE


class StoreError(HarnessError):
    """Results could not be written or read: disk full, no permission, locked, damaged."""

    exit_code = ExitCode.STORE


def nearest(name: str, known: Sequence[str]) -> str:
    """The known name closest to ``name``, or an empty string where none is close."""
    from difflib import get_close_matches

    found = get_close_matches(name, known, n=1, cutoff=0.55)
    return found[0] if found else ""
