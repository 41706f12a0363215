"""A comparison's numbers as texts, the same on the terminal, in Markdown and on the page."""

from __future__ import annotations

from harness import numbers
from harness.analyse.comparison import Row

__all__ = ["change_text", "ends_text", "p_text"]


def change_text(row: Row) -> str:
    """The change at the digits that its interval supports, signed; in % where relative."""
    factor, unit = (100, " %") if row.is_relative else (1, "")
    value = row.change * factor
    if row.low is None or row.high is None or row.low == row.high:
        return f"{numbers.significant(value, signed=bool(value))}{unit}"
    return f"{numbers.fixed(value, _decimals(row), signed=True)}{unit}"


def ends_text(row: Row) -> str:
    """Both ends of the change's interval, to the same place; a dash where there is none."""
    if row.low is None or row.high is None:
        return "–"
    factor, unit = (100, " %") if row.is_relative else (1, "")
    ends = [numbers.fixed(factor * end, _decimals(row), signed=True) for end in (row.low, row.high)]
    return f"{ends[0]} … {ends[1]}{unit}"


def p_text(p: float | None) -> str:
    """A p-value: ``<.001``, ``.38``, ``1``; a dash where nothing was tested."""
    if p is None:
        return "–"
    if p < 0.001:
        return "<.001"
    if p > 0.995:
        return "1"
    return (f"{p:.3f}" if p < 0.01 else f"{p:.2f}").removeprefix("0")


def _decimals(row: Row) -> int:
    """Two digits of the interval's half-width, and no more than four of the change."""
    factor = 100 if row.is_relative else 1
    ends = [None if end is None else factor * end for end in (row.low, row.high)]
    four = numbers.decimals_for(None, None, factor * row.change)
    return min(numbers.decimals_for(ends[0], ends[1], factor * row.change), max(four, 2))
