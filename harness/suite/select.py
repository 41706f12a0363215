"""What a claim selects, and what is wrong with it: told at planning, with the key at fault.

The reading of filters themselves is :mod:`harness.suite.filters`; its names that callers need
are given here too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from harness.api.metric import Metric
from harness.errors import nearest
from harness.suite.filters import (
    ITEMS,
    Candidate,
    SelectionFault,
    is_number,
    pairs,
    partition,
    planned_values,
    pool_names,
    select,
    shown,
    varying,
    why_empty,
)
from harness.suite.model import Claim, Difference, PluginClaim, Span, Spread, Trend, Value

__all__ = ["Candidate", "ClaimFault", "Planned", "SelectionFault", "claim_faults", "select"]

FEWEST_X = 3  # a line through two points says nothing of its straightness


class ClaimFault(NamedTuple):
    """One fault of a claim; ``key`` is the path below the claim in the file."""

    key: tuple[str, ...]
    message: str
    hint: str


class Planned(Candidate, Protocol):
    """A candidate with what planning knows of its task and its hardware."""

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """What its task measures."""

    @property
    def hardware(self) -> str:
        """Name of the hardware class."""

    @property
    def exclusive(self) -> bool:
        """Whether its cells run alone on the machine."""


def claim_faults(
    claim: Claim, candidates: Sequence[Planned], metrics: Mapping[str, Metric]
) -> list[ClaimFault]:
    """Every fault of a claim against what is planned; empty when it can be judged.

    Parameters
    ----------
    claim
        As validated by its form.
    candidates
        The plan's specs.
    metrics
        Every metric that a planned task declares, by name.
    """
    try:
        selected = _selected(candidates, claim.where)
    except SelectionFault as fault:
        return [_told(claim, "where", fault)]
    metric = metrics.get(claim.metric)
    if metric is None:
        close = nearest(claim.metric, list(metrics))
        hint = f"did you mean {close}?" if close else f"measured here: {', '.join(metrics)}"
        return [ClaimFault(("metric",), f"no planned task measures {claim.metric}", hint)]
    faults = [*_metric_faults(claim, metric, selected), *_joining_faults(claim, selected)]
    return faults or list(_form_faults(claim, metrics, candidates, selected))


def _selected(candidates: Sequence[Planned], where: Mapping[str, Any]) -> list[Planned]:
    selected = select(candidates, where)
    if not selected:
        raise why_empty(candidates, where)
    return selected


def _told(claim: Claim, place: str, fault: SelectionFault) -> ClaimFault:
    """A fault of a filter. A side that is one label has no key of its own in the file."""
    is_filter = place == "where" or set(getattr(claim, place)) != {"label"}
    key = (place, fault.key) if fault.key and is_filter else (place,)
    nothing = fault.message.startswith("nothing is planned")
    side = "" if place == "where" else f" for {place}"
    message = f"claim “{claim.name}” selects no cell{side}" if nothing else fault.message
    return ClaimFault(key, message, fault.hint)


def _metric_faults(claim: Claim, metric: Metric, selected: list[Planned]) -> Iterator[ClaimFault]:
    own = [{each.name: each for each in spec.metrics}.get(claim.metric) for spec in selected]
    lacking = next((spec for spec, found in zip(selected, own, strict=True) if not found), None)
    if lacking:
        names = ", ".join(each.name for each in lacking.metrics)
        message = f"{lacking.task} does not measure {claim.metric}"
        yield ClaimFault(("metric",), message, f"it measures {names}; narrow where: by task")
    on_curve = isinstance(claim.at, (float, int, Span)) or claim.at == "every"
    along = isinstance(claim, Trend) and claim.slope_in == "at"
    if (on_curve or along) and any(each and each.axis is None for each in own):
        key = "at" if on_curve else "slope_in"
        yield ClaimFault((key,), f"{claim.metric} has no curve", "only its last value is measured")
    if ITEMS in claim.pool and not metric.has_items:
        message = f"{claim.metric} has no scores per item to pool"
        yield ClaimFault(("pool",), message, "leave items out of pool:")
    shared = next((spec for spec in selected if not spec.exclusive), None)
    if metric.is_cost and shared:
        message = f"{claim.metric} is a cost, and cells of {shared.label} share the machine"
        hint = f"declare exclusive: true for the hardware class {shared.hardware}"
        yield ClaimFault(("metric",), message, hint)


def _joining_faults(claim: Claim, selected: list[Planned]) -> Iterator[ClaimFault]:
    """Names in ``per`` and ``pool`` that nothing has."""
    named = {"per": claim.per, "pool": pool_names(claim.pool)}
    for place, names in named.items():
        for name in names:
            try:
                planned_values(selected, name)
            except SelectionFault as fault:
                yield ClaimFault((place,), fault.message, fault.hint)


def _form_faults(
    claim: Claim,
    metrics: Mapping[str, Metric],
    candidates: Sequence[Planned],
    selected: list[Planned],
) -> Iterator[ClaimFault]:
    if isinstance(claim, Value):
        return _value_faults(claim, candidates, selected)
    if isinstance(claim, Difference):
        return _difference_faults(claim, metrics[claim.metric], selected)
    if isinstance(claim, Trend):
        return _trend_faults(claim, metrics, selected)
    if isinstance(claim, Spread):
        return _spread_faults(claim, selected)
    assert isinstance(claim, PluginClaim), "the forms are frozen"
    return iter(())


def _value_faults(
    claim: Value, candidates: Sequence[Planned], selected: list[Planned]
) -> Iterator[ClaimFault]:
    """A guarantee borrowed from a label that isn't planned on the same task."""
    lender = claim.reference.of if claim.reference else None
    if lender is None:
        return
    labels = sorted({each.label for each in candidates})
    if lender not in labels:
        close = nearest(lender, labels)
        hint = f"did you mean {close}?" if close else f"planned here: {', '.join(labels)}"
        yield ClaimFault((claim.comparison,), f"no method is labelled {lender}", hint)
        return
    lending = [each for each in candidates if each.label == lender]
    for spec in selected:
        if not any(partition([spec, each], ("label",)) == [(spec, each)] for each in lending):
            message = f"{lender} is not planned on every task of {spec.label}"
            hint = f"narrow where: to the tasks of {lender}"
            yield ClaimFault((claim.comparison,), message, hint)
            return


def _difference_faults(
    claim: Difference, metric: Metric, selected: list[Planned]
) -> Iterator[ClaimFault]:
    if metric.direction == "none" and claim.equal_within is None:
        hint = "claim equal_within:, or another metric"
        yield ClaimFault(("metric",), f"neither direction of {metric.name} is better", hint)
    sides = [("better", claim.better), ("than", claim.than)]
    faults = []
    for place, where in sides:
        try:
            _selected(selected, where)
        except SelectionFault as fault:
            faults.append(_told(claim, place, fault))
    if faults:
        yield from faults
        return
    try:
        if not pairs(selected, claim.better, claim.than, pool_names(claim.pool)):
            hint = "they must meet in the task and in every parameter that neither side fixes"
            yield ClaimFault(("than",), f"claim “{claim.name}” pairs no cells", hint)
    except SelectionFault as fault:
        yield ClaimFault(("better",), fault.message, fault.hint)


def _trend_faults(
    claim: Trend, metrics: Mapping[str, Metric], selected: list[Planned]
) -> Iterator[ClaimFault]:
    pooled = pool_names(claim.pool)
    if claim.slope_in_metric is not None:
        yield from _metric_x_faults(claim, claim.slope_in_metric, metrics, selected)
        return
    assert claim.slope_in is not None, "a trend has one x"
    if claim.slope_in == "at":
        yield from _loose_faults(claim, selected, pooled)
        return
    try:
        loose = list(_loose_faults(claim, selected, (claim.slope_in, *pooled)))
        families = partition(selected, (claim.slope_in, *pooled))
    except SelectionFault as fault:
        yield ClaimFault(("slope_in",), fault.message, fault.hint)
        return
    if loose:
        yield from loose
        return
    for family in families:
        wrong = _x_fault(claim, claim.slope_in, planned_values(family, claim.slope_in))
        if wrong:
            yield wrong
            return


def _metric_x_faults(
    claim: Trend, x: str, metrics: Mapping[str, Metric], selected: list[Planned]
) -> Iterator[ClaimFault]:
    """Groups of a trend in a metric: one parameter at most may move both metrics."""
    if x not in metrics:
        close = nearest(x, list(metrics))
        hint = f"did you mean {close}?" if close else f"measured here: {', '.join(metrics)}"
        yield ClaimFault(("slope_in",), f"no planned task measures {x}", hint)
    differ = varying(selected, (*claim.per, *pool_names(claim.pool)))
    if len(differ) > 1:
        yield _loose(claim, differ)
        return
    for family in partition(selected, (*differ, *pool_names(claim.pool))):
        if len(family) < FEWEST_X:
            message = f"a trend needs {FEWEST_X} groups, {len(family)} are planned"
            yield ClaimFault(("slope_in",), message, "")
            return


def _x_fault(claim: Trend, x: str, values: list[Any]) -> ClaimFault | None:
    text = next((value for value in values if not is_number(value)), None)
    if text is not None:
        return ClaimFault(("slope_in",), f"{x} is no number here: {shown(text)}", "")
    low, high = claim.over or (float("-inf"), float("inf"))
    used = [value for value in values if low <= value <= high]
    listed = ", ".join(map(shown, values))
    if len(used) < FEWEST_X:
        message = f"a trend needs {FEWEST_X} values of {x}, {len(used)} are planned"
        place = "over" if claim.over else "slope_in"
        return ClaimFault((place,), message, f"planned here: {listed}")
    if claim.scale == "log-log" and used[0] <= 0:
        return ClaimFault(("scale",), f"{x} has no logarithm at {shown(used[0])}", "")
    return None


def _spread_faults(claim: Spread, selected: list[Planned]) -> Iterator[ClaimFault]:
    free = (*claim.spread_over, *pool_names(claim.pool))
    try:
        loose = list(_loose_faults(claim, selected, free))
        families = partition(selected, free)
    except SelectionFault as fault:
        yield ClaimFault(("spread_over",), fault.message, fault.hint)
        return
    yield from loose
    if not loose and any(len(partition(family, pool_names(claim.pool))) < 2 for family in families):
        message = f"{', '.join(claim.spread_over)} has one value here, a spread needs two"
        yield ClaimFault(("spread_over",), message, "")


def _loose_faults(
    claim: Trend | Spread, selected: list[Planned], free: Sequence[str]
) -> Iterator[ClaimFault]:
    """Groups that differ in more than what the claim names."""
    differ = varying(selected, (*free, *claim.per))
    if differ:
        yield _loose(claim, differ)


def _loose(claim: Trend | Spread, differ: list[str]) -> ClaimFault:
    place = "slope_in" if isinstance(claim, Trend) else "spread_over"
    message = f"the groups of claim “{claim.name}” differ in {', '.join(differ)}"
    hint = "fix it in where:, or name it in per: (one result each) or pool: (joined)"
    return ClaimFault((place,), message, hint)
