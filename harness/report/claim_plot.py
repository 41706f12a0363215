"""An estimate against what a claim allows: one row's plot, on a scale of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import NamedTuple

from harness import numbers
from harness.report.markup import Html, join, tag
from harness.report.rowplot import Scale, dot, line_at, plot, tint, whisker

__all__ = ["Allowed", "Placed", "claim_plot"]

_FARTHEST = 50.0  # ratios beyond this many times the threshold become an arrow at the edge


class Allowed(NamedTuple):
    """The part of the axis in which a claim holds; ``None``: no limit on that side.

    Both ends the same is a number that the estimate must agree with.
    """

    low: float | None
    high: float | None


@dataclass(frozen=True, kw_only=True)
class Placed:
    """An estimate and its limits; ``is_ratio``: distances are multiples of the threshold."""

    value: float
    low: float | None
    high: float | None
    allowed: Allowed
    threshold: float
    is_ratio: bool
    is_open: bool  # undecided: drawn hollow


def claim_plot(each: Placed) -> Html | None:
    """The plot; nothing where there is no limit or no finite estimate."""
    allowed = each.allowed
    ends = [end for end in allowed if end is not None]
    if not ends or not isfinite(each.value):
        return None
    scale = _scale(each, ends)
    parts: list[Html | None] = [line_at(scale.percent(end)) for end in dict.fromkeys(ends)]
    if allowed.low != allowed.high:
        if allowed.high is not None:
            parts.insert(0, tint(scale.percent(allowed.high), "100%"))
        if allowed.low is not None:
            parts.insert(0, tint("0%", scale.percent(allowed.low)))
    drawn = plot(*parts, _estimate_mark(each, scale))
    return join([drawn, _far(each, scale, ends)])


def _estimate_mark(each: Placed, scale: Scale) -> Html:
    share = scale.share(each.value)
    if not 0 <= share <= 1:
        points = "M4 -4L-4 0L4 4" if share < 0 else "M-4 -4L4 0L-4 4"
        arrow = tag("path", d=points, class_="arrow")
        at = "3%" if share < 0 else "97%"
        inner = tag("svg", arrow, x=at, y=12, style="overflow:visible")
        return tag("g", inner, class_="est")
    mark = dot(scale.percent(each.value), is_hollow=each.is_open)
    return tag("g", whisker(scale, each.low, each.high), mark, class_="est")


def _scale(each: Placed, ends: Sequence[float]) -> Scale:
    """Log ratio to a threshold of one side for values, else linear; the threshold in the middle."""
    threshold = each.threshold
    is_positive = threshold > 0 and each.value > 0 and (each.low is None or each.low > 0)
    if each.is_ratio and is_positive and len(ends) == 1:
        return Scale(threshold / _FARTHEST, threshold * _FARTHEST, is_log=True)
    middle = sum(ends) / len(ends)
    around = [each.value, each.low, each.high, *ends]
    reach = max(abs(end - middle) for end in around if end is not None and isfinite(end))
    reach = 1.25 * reach or abs(middle) / 2 or 1.0
    return Scale(middle - reach, middle + reach)


def _far(each: Placed, scale: Scale, ends: Sequence[float]) -> Html | None:
    """``29 × below``, beside the dot where there is room."""
    if not scale.is_log or len(ends) != 1:
        return None
    value = each.value
    ratio = value / ends[0]
    if 0.5 < ratio < 2:
        return None
    times = numbers.significant(max(ratio, 1 / ratio))
    words = f"{times} × {'above' if ratio > 1 else 'below'}"
    share = min(max(float(scale.percent(value)[:-1]) / 100, 0.03), 0.97)
    # Away from the threshold in the middle, unless there is no room to the plot's edge.
    side = "right" if 0.2 <= share < 0.5 or share > 0.85 else "left"
    end = each.high if side == "left" else each.low
    if end is not None and 0 <= scale.share(value) <= 1:
        share = min(max(float(scale.percent(end)[:-1]) / 100, 0.03), 0.97)
    return tag(
        "span", words, class_=f"far {side}", style=f"--share:{share:.3g}", aria_hidden="true"
    )
