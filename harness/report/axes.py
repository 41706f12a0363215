"""An axis of a figure: linear or logarithmic, its ends, its ticks, and where a value falls."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10
from typing import Any

__all__ = ["Axis", "pushed_apart"]

_SPAN = 10.0  # largest over smallest from which a positive axis is logarithmic


@dataclass(frozen=True, slots=True)
class Axis:
    """A quantitative axis of a figure.

    ``floor`` is where values at or below zero are drawn on a logarithmic axis, which has no
    place for them (an automatic domain with a zero in it gives an empty chart, in silence).
    """

    low: float
    high: float
    is_log: bool
    floor: float | None = None

    @classmethod
    def over(cls, values: Iterable[float], *, log: bool | None = None) -> Axis:
        """The axis of these values; ``log`` decides where they allow both."""
        known = [value for value in values if isfinite(value)]
        positive = [value for value in known if value > 0]
        if not known:
            return cls(0.0, 1.0, is_log=False)
        has_zero = min(known) <= 0
        if positive and min(known) >= 0 and _wants_log(positive, has_zero=has_zero, log=log):
            low, high = min(positive), max(positive)
            if has_zero:
                bottom = 10.0 ** (floor(log10(low)) - 1)
                return cls(bottom, _above(high), is_log=True, floor=bottom)
            return cls(_below(low), _above(high), is_log=True)
        low, high = min(known), max(known)
        if low == high:
            reach = abs(low) / 2 or 0.5
            return cls(low - reach, high + reach, is_log=False)
        # Zero belongs to an axis that comes near it: the eye compares lengths.
        low = 0.0 if 0 < low < (high - low) / 2 else low
        return cls(low, high, is_log=False)

    def clipped(self, value: float) -> float:
        """The value as drawn: inside the axis, to four digits."""
        kept = min(max(value, self.low), self.high)
        return float(f"{kept:.4g}") if self.low < kept < self.high else kept

    def share(self, value: float) -> float:
        """0 at the low end, 1 at the high end."""
        if self.is_log:
            return log10(self.clipped(value) / self.low) / log10(self.high / self.low)
        return (self.clipped(value) - self.low) / (self.high - self.low)

    def value(self, share: float) -> float:
        """The value that falls on a share of the axis."""
        if self.is_log:
            return float(self.low * (self.high / self.low) ** share)
        return self.low + share * (self.high - self.low)

    def scale(self) -> dict[str, Any]:
        """As Vega-Lite's scale."""
        ends = {"domain": [self.low, self.high], "nice": False}
        return {"type": "log", **ends} if self.is_log else {"type": "linear", "zero": False, **ends}

    def ticks(self) -> dict[str, Any]:
        """As Vega-Lite's axis: decades when logarithmic (its own labels are 1, 2, 10, 20)."""
        if not self.is_log:
            return {"tickCount": 5}
        powers = range(ceil(log10(self.low) - 1e-9), floor(log10(self.high) + 1e-9) + 1)
        if len(powers) > 7:
            powers = range(powers[0], powers[-1] + 1, ceil(len(powers) / 7))
        values = [10.0**power for power in powers]
        if len(values) < 3:
            around = range(floor(log10(self.low)), ceil(log10(self.high)) + 1)
            threes = [digit * 10.0**power for power in around for digit in (1, 3)]
            values = [value for value in threes if self.low <= value <= self.high]
        told: dict[str, Any] = {"values": values}
        if self.floor is not None:
            told["labelExpr"] = f"datum.value <= {self.floor * 1.001!r} ? '0' : datum.label"
        return told


def _wants_log(positive: list[float], *, has_zero: bool, log: bool | None) -> bool:
    spans = max(positive) / min(positive) > _SPAN
    if log is None:
        return spans
    # A zero gets a strip of its own, which is worth its place only on a long axis.
    return log and (spans or not has_zero)


def _above(value: float) -> float:
    return _rounded(value, ceil)


def _below(value: float) -> float:
    return _rounded(value, floor)


def _rounded(value: float, to: Any) -> float:
    """To the next value with one significant digit."""
    power = 10.0 ** floor(log10(value))
    digit = to(round(value / power, 9))
    return float(f"{digit * power:.12g}")


def pushed_apart(places: list[float], least: float, most: float) -> list[float]:
    """The places, moved as little as needed to be ``least`` apart, within 0 and ``most``.

    In the order given; ties keep it.
    """
    order = sorted(range(len(places)), key=lambda index: places[index])
    blocks: list[tuple[float, int]] = []  # start, members: a block's members touch
    for index in order:
        blocks.append((places[index], 1))
        while len(blocks) > 1 and blocks[-2][0] + blocks[-2][1] * least > blocks[-1][0]:
            (start, count), (later, more) = blocks[-2], blocks[-1]
            middle = (start * count + (later - count * least) * more) / (count + more)
            blocks[-2:] = [(middle, count + more)]
    moved = [start + place * least for start, count in blocks for place in range(count)]
    for step in range(len(moved)):
        moved[step] = max(moved[step], step * least)
    for step in range(len(moved)):
        back = len(moved) - 1 - step
        moved[back] = min(moved[back], most - step * least)
    found = [0.0] * len(places)
    for index, place in zip(order, moved, strict=True):
        found[index] = place
    return found
