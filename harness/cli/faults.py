"""Errors as text: what is wrong, where, the line with a caret, what is there instead."""

from __future__ import annotations

from collections.abc import Sequence

from harness.cli.text import Line, line, mark
from harness.errors import Fault, HarnessError, SuiteError

__all__ = ["error_lines"]

_LINE_MOST = 120  # characters of a line that are shown


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
    blank = " " * (len(gutter) - 2) + "│ "
    source, before, length = _around(fault)
    return [
        *lines,
        line((gutter, "quiet"), source),
        line((blank, "quiet"), " " * before, ("^" * length, "bad"), f" {fault.hint}"),
    ]


def _around(fault: Fault) -> tuple[str, int, int]:
    """The line, or what of a long one is about the place; columns before it, and its length."""
    source, before, length = fault.source.rstrip(), fault.column - 1, max(fault.length, 1)
    if len(source) <= _LINE_MOST:
        return source, before, length
    start = max(before - _LINE_MOST // 4, 0)
    cut = source[start : start + _LINE_MOST]
    head, tail = "…" if start else "", "…" if start + _LINE_MOST < len(source) else ""
    return f"{head}{cut}{tail}", before - start + len(head), min(length, _LINE_MOST)
