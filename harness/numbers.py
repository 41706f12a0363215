"""How numbers are written for people: as many digits as the interval supports, no more."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor, isfinite, log10

__all__ = [
    "aligned",
    "count",
    "decimals_for",
    "duration",
    "fixed",
    "memory",
    "ratio",
    "significant",
    "trimmed",
]

_MINUS = "−"


def decimals_for(low: float | None, high: float | None, value: float) -> int:
    """Decimals at which the interval's half-width has two significant digits.

    Without an interval, those that give ``value`` four digits. Negative for tens, hundreds.
    """
    if low is not None and high is not None and high > low:
        return 1 - floor(log10((high - low) / 2))
    return 3 - floor(log10(abs(value))) if value and isfinite(value) else 0


def fixed(value: float, decimals: int, *, signed: bool = False) -> str:
    """``value`` at a number of decimals, with thousands separated and a true minus."""
    rounded = round(value, decimals)
    if rounded == 0:
        rounded = 0.0  # never "−0"
    text = f"{rounded:+,.{max(decimals, 0)}f}" if signed else f"{rounded:,.{max(decimals, 0)}f}"
    return text.replace("-", _MINUS)


def significant(value: float, digits: int = 2, *, signed: bool = False) -> str:
    """``value`` to a number of significant digits."""
    if not value or not isfinite(value):
        return fixed(value, 0, signed=signed) if isfinite(value) else str(value)
    rounded = round(value, digits - 1 - floor(log10(abs(value))))  # 0.996 is 1.0, not 1.00
    return fixed(rounded, digits - 1 - floor(log10(abs(rounded))), signed=signed)


def trimmed(value: float) -> str:
    """A number that a person wrote, as short as it can be: 0.5, 1,000, 1e-09."""
    if value == int(value) and abs(value) < 1e15:
        return fixed(value, 0)
    return f"{value:.6g}".replace("-", _MINUS)


def count(number: int) -> str:
    """A whole number with thousands separated."""
    return f"{number:,}"


def ratio(value: float | None) -> str:
    """A ratio to a bound: in per cent below 2, otherwise as a multiple."""
    if value is None:
        return "–"
    if abs(value) < 2:
        return f"{significant(100 * value)} %"
    return f"{significant(value)} ×"


def duration(seconds: float | None) -> str:
    """A time in the unit that fits: 0.42 ms, 3.1 s, 9 min 12 s, 2 h 5 min."""
    if seconds is None:
        return "–"
    # Limits from which on two digits would round to the next unit: never 1,000 µs.
    if seconds < 0.995e-3:
        return f"{significant(seconds * 1e6)} µs"
    if seconds < 0.995:
        return f"{significant(seconds * 1e3)} ms"
    if seconds < 59.5:
        return f"{significant(seconds)} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def memory(size: float | None) -> str:
    """An amount of memory: 84 MB, 1.2 GB."""
    if size is None or size <= 0:
        return "–"
    if size < 1e9:
        return f"{significant(size / 1e6) if size < 1e8 else round(size / 1e6):} MB"
    return f"{significant(size / 1e9)} GB"


def aligned(texts: Sequence[str]) -> list[str]:
    """Texts of one column, padded to stand on their decimal points."""
    heads = [text.partition(".")[0] for text in texts]
    tails = [text[len(head) :] for text, head in zip(texts, heads, strict=True)]
    left, right = max(map(len, heads), default=0), max(map(len, tails), default=0)
    return [head.rjust(left) + tail.ljust(right) for head, tail in zip(heads, tails, strict=True)]
