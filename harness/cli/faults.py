"""Errors as text: what is wrong, where, the line with a caret, what is there instead."""

from __future__ import annotations

from collections.abc import Sequence

from harness.cli.text import Line, line, mark
from harness.errors import Fault, HarnessError, SuiteError

__all__ = ["error_lines"]


def error_lines(error: HarnessError) -> list[Line]:
    """What to print for an error that a user can act on."""
    if isinstance(error, SuiteError):
        return [*_suite_lines(error.path, error.faults), line(), _exit(error)]
    first, *rest = str(error).splitlines() or [type(error).__name__]
    body = [line("  ", text) for text in rest]
    return [line((f"{mark('bad')} ", "bad"), (first, "strong")), *body, _exit(error)]


def _exit(error: HarnessError) -> Line:
    return line((f"exit {int(error.exit_code)}", "quiet"))


def _suite_lines(path: str, faults: Sequence[Fault]) -> list[Line]:
    number = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
    lines = [line((number, "bad strong"), f" in {path}, nothing was run")]
    for fault in faults:
        lines += [line(), *_fault_lines(fault)]
    return lines


def _fault_lines(fault: Fault) -> list[Line]:
    lines = [line((f"{mark('bad')} ", "bad"), (fault.message, "strong"))]
    if not fault.line:
        return [*lines, *([line("  ", fault.hint)] if fault.hint else [])]
    lines.append(line("  ", (f"{fault.path}:{fault.line}:{fault.column}", "place")))
    if not fault.source:
        return [*lines, *([line("  ", fault.hint)] if fault.hint else [])]
    gutter = f"{fault.line:>6} │ "
    caret = "^" * max(fault.length, 1)
    blank = " " * (len(gutter) - 2) + "│ "
    return [
        *lines,
        line((gutter, "quiet"), fault.source.rstrip()),
        line((blank, "quiet"), " " * (fault.column - 1), (caret, "bad"), f" {fault.hint}"),
    ]
