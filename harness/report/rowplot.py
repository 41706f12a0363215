"""Dots and whiskers in table rows: inline SVG with percent positions.

A plot stretches with its cell, sorts with its row, and needs no script. Dots and no bars,
since a bar must start at zero and a logarithmic axis has none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import floor, isfinite, log10

from harness.report import digits
from harness.report.markup import Html, join, tag

__all__ = [
    "Scale",
    "axis_head",
    "diamond",
    "dot",
    "dot_row",
    "grid",
    "line_at",
    "plot",
    "tint",
    "whisker",
]

_HEIGHT = 24
_MIDDLE = _HEIGHT // 2
_MARGIN = 0.06  # of the width, on both sides: a dot at the end is drawn whole


@dataclass(frozen=True, slots=True)
class Scale:
    """Where a value stands, in per cent of the plot's width."""

    low: float
    high: float
    is_log: bool = False

    @classmethod
    def over(cls, values: Iterable[float]) -> Scale:
        """Logarithmic when all are positive and the largest is over ten times the smallest."""
        known = [value for value in values if isfinite(value)]
        if not known:
            return cls(0.0, 1.0)
        low, high = min(known), max(known)
        if low > 0 and high / low > 10:
            return cls(low, high, is_log=True)
        if high > low:
            return cls(low, high)
        reach = abs(low) / 2 or 0.5
        return cls(low - reach, low + reach)

    def share(self, value: float) -> float:
        """The position of a value: 0 to 1 on the axis, outside beyond its ends."""
        low, high, at = self.low, self.high, value
        if self.is_log:
            if value <= 0:
                return -1.0
            low, high, at = log10(low), log10(high), log10(value)
        return (at - low) / (high - low)

    def percent(self, value: float) -> str:
        """The position as an SVG length, kept inside the plot."""
        share = _MARGIN + (1 - 2 * _MARGIN) * self.share(value)
        return f"{100 * min(max(share, 0.0), 1.0):.4g}%"

    def ticks(self, most: int = 5) -> list[float]:
        """Round numbers on the axis: 1–3–10 when logarithmic, else steps of 1, 2 or 5."""
        if self.is_log:
            powers = range(floor(log10(self.low)), floor(log10(self.high)) + 2)
            for digits in ((1, 3), (1,)):
                found = [digit * 10.0**power for power in powers for digit in digits]
                kept = [value for value in found if self.low <= value <= self.high]
                if len(kept) <= most:
                    return kept
            return kept[:: -(-len(kept) // most)]
        step = _step((self.high - self.low) / most)
        first = -floor(-self.low / step)
        return [number * step for number in range(first, floor(self.high / step + 1e-9) + 1)]


def _step(least: float) -> float:
    """The smallest of 1, 2, 5 times a power of ten that is at least ``least``."""
    power = 10.0 ** floor(log10(least))
    return next(digit * power for digit in (1, 2, 5, 10) if digit * power >= least * (1 - 1e-9))


def axis_head(scale: Scale) -> Html:
    """The numbers of an axis, for the head of the column."""
    ticks = scale.ticks()
    texts = [
        tag("span", digits.tick(value), style=f"left:{scale.percent(value)}") for value in ticks
    ]
    return tag("div", *texts, class_="axis", aria_hidden="true")


def plot(*parts: object) -> Html:
    """The plot of a row. Hidden from screen readers: its numbers stand beside it."""
    return tag("svg", *parts, class_="plot", aria_hidden="true", height=_HEIGHT)


def grid(scale: Scale) -> Html:
    """Thin lines at the ticks of the head."""
    return join(
        tag("line", x1=at, x2=at, y1=0, y2="100%", class_="grid")
        for at in map(scale.percent, scale.ticks())
    )


def line_at(at: str) -> Html:
    """A dashed line of reference."""
    return tag("line", x1=at, x2=at, y1=0, y2="100%", class_="ref")


def tint(start: str, end: str) -> Html:
    """The part of the axis in which a claim would fail."""
    width = f"{float(end[:-1]) - float(start[:-1]):.4g}%"
    return tag("rect", x=start, width=width, y=1, height=_HEIGHT - 2, class_="forbidden")


def whisker(scale: Scale, low: float | None, high: float | None) -> Html | None:
    """The interval, without end caps."""
    if low is None or high is None or not high > low:
        return None
    return tag("line", x1=scale.percent(low), x2=scale.percent(high), y1=_MIDDLE, y2=_MIDDLE)


def dot(at: str, *, is_hollow: bool = False) -> Html:
    """The estimate."""
    return tag("circle", cx=at, cy=_MIDDLE, r=4, class_="hollow" if is_hollow else None)


def diamond(at: str) -> Html:
    """A published figure: hollow, so that nobody takes it for a measured one."""
    # A nested svg moves by per cent; a path has no such positions.
    path = tag("path", d="M0 -5L5 0L0 5L-5 0Z", class_="hollow")
    return tag("svg", path, x=at, y=_MIDDLE, style="overflow:visible")


def dot_row(
    scale: Scale, mean: float | None, ends: Sequence[float | None], *, is_published: bool
) -> Html:
    """A board's row: grid, whisker, dot."""
    if mean is None:
        return plot(grid(scale))
    at = scale.percent(mean)
    mark = diamond(at) if is_published else dot(at)
    return plot(grid(scale), whisker(scale, ends[0], ends[1]), mark)
