"""A claim's result in one line, made by template from its numbers: nothing is praised."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor, isfinite, log10

from harness.analyse.evidence import Allowed, GroupVerdict

__all__ = ["number", "requirement", "statement"]

_MINUS = "−"  # U+2212, as on every screen
_SAME = 1e-9  # of the estimate: an interval that is only rounding
SAME = "every seed the same"
_DIGITS = 3  # significant, of a value without an interval


def statement(groups: Sequence[GroupVerdict], shown: GroupVerdict, noun: str) -> str:
    """``regret ÷ guarantee at most 1: largest 0.034 of 16 tasks``.

    ``shown`` is the group nearest to failing, ``noun`` what the groups are ("tasks").
    """
    if not shown.quantity or shown.estimate is None:
        return ""  # the note says why
    cells = " in every cell" if shown.is_every else ""
    head = f"{shown.quantity} {requirement(shown.allowed)}{cells}"
    value, interval = _estimate(shown)
    if len(groups) == 1:
        return f"{head}: {value}{f', {interval}' if interval else ''}"
    among = f"{_which(groups, shown)} {value} of {len(groups)} {noun}"
    return f"{head}: {among}{f' ({interval})' if interval else ''}"


def requirement(allowed: Allowed) -> str:
    """What is allowed, in words: ``at most 1``, ``below 0``, ``within 0.45 … 0.55``."""
    low, high = allowed.low, allowed.high
    if allowed.resolution is not None and low is not None:
        return f"agrees with {number(low)}, resolution {number(allowed.resolution)}"
    if low is not None and high is not None:
        return f"within {number(low)} … {number(high)}"
    if high is not None:
        return f"{'below' if allowed.is_strict else 'at most'} {number(high)}"
    if low is not None:
        return f"{'above' if allowed.is_strict else 'at least'} {number(low)}"
    return "judged"


def number(value: float) -> str:
    """A number that a person wrote, as short as it is: ``0.45``, ``6,119.6``, ``1e-09``."""
    if not isfinite(value):
        return str(value)
    text = f"{value:,.0f}" if float(value).is_integer() and abs(value) < 1e15 else _short(value)
    return text.replace("-", _MINUS)


def _short(value: float) -> str:
    return f"{value:,.6g}" if 1e-4 <= abs(value) < 1e6 else f"{value:.4g}"


def _which(groups: Sequence[GroupVerdict], shown: GroupVerdict) -> str:
    """``largest`` or ``smallest`` where the shown estimate is that, else ``nearest``."""
    estimates = [group.estimate for group in groups if group.estimate is not None]
    if shown.allowed.low is None and shown.estimate == max(estimates):
        return "largest"
    if shown.allowed.high is None and shown.estimate == min(estimates):
        return "smallest"
    return "nearest"


def _estimate(group: GroupVerdict) -> tuple[str, str]:
    """Estimate and interval at one place: two significant digits of the half-width."""
    assert group.estimate is not None, "asked only where there is an estimate"
    low, high, signed = group.ci_low, group.ci_high, group.is_change
    if low is None or high is None or not isfinite(high - low):
        return _fixed(group.estimate, _places(group.estimate, _DIGITS), signed), ""
    half = (high - low) / 2
    if half <= _SAME * abs(group.estimate):
        return _fixed(group.estimate, _places(group.estimate, _DIGITS), signed), SAME
    places = _places(half, 2)
    ends = [_fixed(end, places, signed) for end in (low, high)]
    return _fixed(group.estimate, places, signed), " … ".join(ends)


def _places(size: float, digits: int) -> int:
    """Decimals at which ``size`` has this many significant digits; negative left of the point."""
    if not size or not isfinite(size):
        return 0
    return digits - 1 - floor(log10(abs(size)))


def _fixed(value: float, places: int, signed: bool) -> str:
    rounded = round(value, places) or 0.0  # never −0
    sign = "+" if signed and rounded > 0 else ""
    return f"{sign}{rounded:,.{max(places, 0)}f}".replace("-", _MINUS)
