"""From a sample and a threshold to a verdict, and from many verdicts to one.

Every comparison is held where the interval says so, failed where the interval contradicts it
and undecided otherwise; its two p-values invert the same interval, so that several groups can
be corrected for their number without another test.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from harness.stats.corrections import holm
from harness.stats.sample import Interval, Sample

__all__ = [
    "AGREEMENT_LEVEL",
    "Decision",
    "Verdict",
    "agrees_with",
    "at_least",
    "at_most",
    "between",
    "combine",
    "equals",
    "nearest_to_failing",
]

Verdict = Literal["held", "failed", "undecided"]

# A consistency check that is run on hundreds of groups must not fail one in twenty of them.
AGREEMENT_LEVEL = 0.9999
# An exact value may differ from a threshold by rounding: 0.74 - 0.735 is above 0.005.
_SLACK = 1e-9


class Decision(NamedTuple):
    """A verdict on one group.

    Parameters
    ----------
    verdict
        At ``level``, of this group alone.
    p_against
        Two-sided p-value at which the sample contradicts the statement; below ``1 - level``
        exactly where the verdict is failed.
    distance
        From the value to the threshold that matters, in the metric's unit; ``None`` where
        nothing can be said.
    half_width
        From the value to the end of the interval that faces that threshold: with
        ``distance`` it gives :func:`harness.stats.seeds_to_decide`.
    p_for
        Two-sided p-value at which the sample contradicts the statement's opposite.
    level
        The level at which the verdict was made.
    """

    verdict: Verdict
    p_against: float
    distance: float | None
    half_width: float | None
    p_for: float = 1.0
    level: float = 0.95


def at_most(sample: Sample, threshold: float, level: float = 0.95) -> Decision:
    """Whether the true value is at most ``threshold``."""
    interval = sample.interval(level)
    if interval is None:
        return _nothing(level)
    limit = threshold + _slack(sample, threshold)
    confidence = sample.confidence
    verdict = _verdict(interval.high <= limit, interval.low > limit)
    return Decision(
        verdict,
        _two_sided(confidence.above(limit)),
        abs(sample.value - threshold),
        _facing(interval, sample.value, threshold),
        _two_sided(confidence.below(limit)),
        level,
    )


def at_least(sample: Sample, threshold: float, level: float = 0.95) -> Decision:
    """Whether the true value is at least ``threshold``."""
    interval = sample.interval(level)
    if interval is None:
        return _nothing(level)
    limit = threshold - _slack(sample, threshold)
    confidence = sample.confidence
    verdict = _verdict(interval.low >= limit, interval.high < limit)
    return Decision(
        verdict,
        _two_sided(confidence.below(limit)),
        abs(sample.value - threshold),
        _facing(interval, sample.value, threshold),
        _two_sided(confidence.above(limit)),
        level,
    )


def between(sample: Sample, low: float, high: float, level: float = 0.95) -> Decision:
    """Whether the true value lies in ``[low, high]``: both ends must hold.

    Raises
    ------
    ValueError
        If ``low`` is above ``high``.
    """
    if low > high:
        raise ValueError(f"a band from {low} to {high} is empty")
    sides = (at_least(sample, low, level), at_most(sample, high, level))
    if sample.method == "undecided":
        return sides[0]
    failing = min(sides, key=lambda side: side.p_against)
    # Outside, the end that was passed matters; inside, the one that the interval reaches
    # furthest over.
    outside = not low <= sample.value <= high
    nearer = failing if outside else max(sides, key=_reach)
    held, failed = (
        all(side.verdict == "held" for side in sides),
        any(side.verdict == "failed" for side in sides),
    )
    return Decision(
        _verdict(held, failed),
        failing.p_against,
        nearer.distance,
        nearer.half_width,
        max(side.p_for for side in sides),
        level,
    )


def equals(sample: Sample, reference: float, tolerance: float, level: float = 0.95) -> Decision:
    """Equivalence: the whole interval lies within ``tolerance`` (absolute) of ``reference``."""
    if tolerance < 0:
        raise ValueError(f"a tolerance cannot be negative, got {tolerance}")
    return between(sample, reference - tolerance, reference + tolerance, level)


def agrees_with(
    sample: Sample, reference: float, resolution: float, level: float = 0.95
) -> Decision:
    """Consistency: nothing speaks against ``reference``, and enough was looked at to tell.

    Failed if ``reference`` is outside the 99.99 % interval; held if it is inside and the
    half-width of the interval at ``level`` is at most ``resolution``; else undecided, so that
    fewer seeds never help. The decision's own level is 99.99 %, at which :func:`combine`
    corrects. There is no p-value for agreement: ``p_for`` is 0 where held, else 1.

    Raises
    ------
    ValueError
        If the resolution is not positive.
    """
    if not resolution > 0:
        raise ValueError(f"a resolution must be positive, got {resolution}")
    interval, wide = sample.interval(level), sample.interval(AGREEMENT_LEVEL)
    if interval is None or wide is None:
        return _nothing(AGREEMENT_LEVEL)
    slack = max(_slack(sample, reference), 0.0)
    outside = not wide.low - slack <= reference <= wide.high + slack
    half_width = (interval.high - interval.low) / 2
    verdict = _verdict(not outside and half_width <= resolution, outside)
    p_against = sample.p_value(reference) if outside or not slack else 1.0
    return Decision(
        verdict, p_against, resolution, half_width, float(verdict != "held"), AGREEMENT_LEVEL
    )


def combine(
    decisions: Sequence[Decision],
    how: Literal["all", "any"] = "all",
    level: float | None = None,
) -> Verdict:
    """One verdict from the decisions on several groups.

    Parameters
    ----------
    decisions
        At least one, all made at one level.
    how
        ``all``: held when held in each (which needs no correction), failed when one group
        contradicts it after Holm, else undecided. ``any`` is its mirror image: failed when
        failed in each, held when one group holds it after Holm.
    level
        At which p-values contradict; that of the decisions unless given.

    Raises
    ------
    ValueError
        If there is no decision, or their levels differ and none is given.
    """
    levels = {decision.level for decision in decisions} if level is None else {level}
    if not decisions or len(levels) > 1:
        raise ValueError("decisions to combine: at least one, and all at one level")
    allowed = 1 - levels.pop()
    for_each, by_one = ("held", "failed") if how == "all" else ("failed", "held")
    if all(decision.verdict == for_each for decision in decisions):
        return "held" if how == "all" else "failed"
    p_values = [d.p_against if how == "all" else d.p_for for d in decisions]
    decided = holm(p_values) < allowed
    # A p-value that rounds across 1 - level must not overrule the group's own verdict.
    if any(
        small and decision.verdict == by_one
        for small, decision in zip(decided, decisions, strict=True)
    ):
        return "failed" if how == "all" else "held"
    return "undecided"


def nearest_to_failing(decisions: Sequence[Decision]) -> int:
    """Index of the group to show for all: the one that comes closest to failing.

    A failed group before an undecided before a held one; among equals the one whose interval
    reaches furthest over its threshold.
    """
    order: tuple[Verdict, ...] = ("failed", "undecided", "held")

    def closeness(index: int) -> tuple[int, float, float]:
        decision = decisions[index]
        reach = _reach(decision)
        return order.index(decision.verdict), decision.p_against, -reach

    return min(range(len(decisions)), key=closeness)


def _nothing(level: float) -> Decision:
    return Decision("undecided", 1.0, None, None, 1.0, level)


def _verdict(held: bool, failed: bool) -> Verdict:
    if held:
        return "held"
    return "failed" if failed else "undecided"


def _two_sided(tail: float) -> float:
    return min(1.0, 2 * tail)


def _slack(sample: Sample, threshold: float) -> float:
    """What rounding may add to an exact value; statistics have no need of it."""
    if sample.method not in ("exact", "identical"):
        return 0.0
    return _SLACK * max(abs(sample.value), abs(threshold))


def _facing(interval: Interval, value: float, threshold: float) -> float:
    return interval.high - value if value <= threshold else value - interval.low


def _reach(decision: Decision) -> float:
    """Half-width over distance: above 1 the interval crosses the threshold."""
    if decision.half_width is None or decision.distance is None:
        return float("inf")
    if decision.distance == 0:
        return float("inf") if decision.half_width > 0 else 1.0
    return decision.half_width / decision.distance
