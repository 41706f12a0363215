"""Form 1: a group's value against a number or a bound, judged as the bound holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from typing import NamedTuple

import numpy as np

from harness.analyse.columns import BoolArray, FloatArray
from harness.analyse.evidence import COST, Allowed, Drift, Evidence, title_of, worst
from harness.analyse.gather import Point, Source, gather, losses_of, points_of, read
from harness.analyse.references import Against, reference_name, reference_on
from harness.analyse.results import Column, Results
from harness.analyse.statement import number
from harness.api.metric import Metric, MetricType
from harness.stats import NotPositive, difference, sample, share_of
from harness.suite.filters import ITEMS, partition, pool_names
from harness.suite.model import Span, Value

__all__ = ["SLACK", "value_evidence"]

SLACK = 1e-9  # what rounding may add to a value that touches a bound which always holds


class _Scaled(NamedTuple):
    """Numbers and where the claim allows them to be."""

    numbers: FloatArray  # (groups, n)
    allowed: Allowed
    quantity: str
    is_ratio: bool


class _Held(NamedTuple):
    """A group's values beside what each is held against."""

    values: FloatArray  # (groups, n)
    limits: FloatArray  # (groups, n)
    is_censored: BoolArray  # (groups, n)
    against: Against  # how the reference holds


def value_evidence(claim: Value, results: Results, selected: Sequence[int]) -> Iterator[Evidence]:
    """The evidence on each group: one a (pooled) group and point of the curve."""
    specs = [results.specs[group] for group in selected]
    place = {spec.index: group for spec, group in zip(specs, selected, strict=True)}
    for members in partition(specs, pool_names(claim.pool)):
        groups = tuple(place[spec.index] for spec in members)
        points = points_of(results, groups, claim.metric, claim.at)
        found = [_one(claim, results, groups, at) for at in points]
        # Of a whole curve, points that nothing is known of (no published figure) don't count.
        known = [each for each in found if each.estimate] if claim.at == "every" else found
        yield from known or found


def _one(claim: Value, results: Results, groups: tuple[int, ...], at: Point) -> Evidence:
    title = title_of(results, groups, at if isinstance(at, (float, int)) else None)
    columns = [read(results, group, claim.metric, at) for group in groups]
    losses = losses_of(results, groups, [column.seeds.size for column in columns])
    nothing = Evidence(title=title, groups=groups, losses=losses)
    metric = results.metric(groups[0], claim.metric)
    if metric.is_cost and not all(results.specs[group].exclusive for group in groups):
        return replace(nothing, reason=COST)
    seeds = reduce(np.intersect1d, (column.seeds for column in columns))
    if not seeds.size:
        return replace(nothing, reason=losses.why_nothing(claim.metric))
    if ITEMS in claim.pool:
        return _of_items(claim, results, nothing)
    if isinstance(at, Span) and claim.scale == "relative":
        return _relative_change(claim, results, nothing, at)
    held = _held(claim, results, groups, at, dict(zip(groups, columns, strict=True)))
    if held is None:
        assert claim.reference is not None, "only a reference can be unknown"
        return replace(nothing, reason=f"no {reference_name(claim.reference)} is known")
    return _against(claim, nothing, held, metric)


def _held(
    claim: Value,
    results: Results,
    groups: tuple[int, ...],
    at: Point,
    columns: Mapping[int, Column],
) -> _Held | None:
    """Values and limits on the seeds where every group has both; ``None``: no limit known."""
    seeds = reduce(np.intersect1d, (column.seeds for column in columns.values()))
    against = Against(np.zeros(seeds.size), "number")
    limits = np.zeros((len(groups), seeds.size))
    if claim.reference is not None:
        for row, group in enumerate(groups):
            found = reference_on(results, group, claim.metric, claim.reference, at, seeds)
            if found is None:
                return None
            limits[row] = found.values
            against = found._replace(is_vacuous=found.is_vacuous or against.is_vacuous)
    known = ~np.isnan(limits).any(axis=0)
    if not known.any():
        return None
    rows = [np.searchsorted(each.seeds, seeds[known]) for each in columns.values()]
    pairs = list(zip(columns.values(), rows, strict=True))
    values = np.array([column.values[row] for column, row in pairs])
    censored = np.array([column.is_censored[row] for column, row in pairs])
    return _Held(values, limits[:, known], censored, against)


def _against(claim: Value, nothing: Evidence, held: _Held, metric: Metric) -> Evidence:
    drift: Drift = "up" if held.is_censored.any() else "none"
    base = replace(nothing, drift=drift, is_vacuous=_is_upper(claim) and held.against.is_vacuous)
    is_one_sided = _is_one_sided(claim)
    holds = held.against.holds
    if claim.statistic == "mean" and is_one_sided and holds == "with_probability":
        return _violations(claim, base, held)
    scaled = _scaled(claim, held, is_share=metric.type == "share")
    base = replace(base, allowed=scaled.allowed, quantity=scaled.quantity)
    if claim.statistic == "every" or (is_one_sided and holds == "always"):
        return _every_cell(replace(base, is_every=True), scaled, held)
    pooled = scaled.numbers.mean(axis=0)
    as_is = metric.type if not scaled.is_ratio or metric.type == "exact" else "real"
    return replace(base, estimate=sample(pooled, as_is))


def _scaled(claim: Value, held: _Held, *, is_share: bool) -> _Scaled:
    """Numbers in which the claim is one band: as they are, over the bound, or less it."""
    if claim.comparison == "between":
        return _Scaled(held.values, Allowed(claim.low, claim.high), claim.metric, False)
    assert claim.reference is not None, "only between has no reference"
    name = reference_name(claim.reference)
    limit = float(held.limits.flat[0])
    is_constant = bool((held.limits == limit).all())
    is_bound = held.against.holds != "number"
    if _is_one_sided(claim) and is_bound and (held.limits > 0).all() and not is_share:
        numbers = held.values / held.limits
        return _Scaled(numbers, _band(claim, 1.0, 1.0), f"{claim.metric} ÷ {name}", True)
    if is_constant:
        return _Scaled(held.values, _band(claim, limit, abs(limit)), claim.metric, False)
    size = float(np.abs(held.limits).mean())
    numbers = held.values - held.limits
    return _Scaled(numbers, _band(claim, 0.0, size), f"{claim.metric} − {name}", False)


def _band(claim: Value, limit: float, size: float) -> Allowed:
    """What the comparison allows around ``limit``; ``size`` is what a share is taken of."""
    if claim.comparison == "at_most":
        return Allowed(high=limit)
    if claim.comparison == "at_least":
        return Allowed(low=limit)
    if claim.comparison == "agrees_with":
        return Allowed(limit, limit, resolution=claim.resolution)
    assert claim.tolerance is not None, "equals has a tolerance"
    width = claim.tolerance.amount * (size if claim.tolerance.is_relative else 1.0)
    return Allowed(limit - width, limit + width)


def _every_cell(base: Evidence, scaled: _Scaled, held: _Held) -> Evidence:
    known = scaled.numbers[~held.is_censored]
    if base.drift == "up" and base.allowed.high is None and known.size:
        # A censored value can only be larger: a violation by one that isn't stands.
        nearest = worst(known, base.allowed)
        if base.allowed.low is not None and nearest.value < base.allowed.low * (1 - SLACK):
            return replace(base, estimate=nearest, drift="none")
    return replace(base, estimate=worst(scaled.numbers, base.allowed))


def _violations(claim: Value, base: Evidence, held: _Held) -> Evidence:
    """A bound that holds with probability 1 - δ: the share of cells that break it."""
    assert claim.reference is not None, "a bound is a reference"
    slack = SLACK * np.maximum(np.abs(held.values), np.abs(held.limits))
    excess = held.values - held.limits
    is_broken = excess > slack if _is_upper(claim) else -excess > slack
    side = "above" if _is_upper(claim) else "below"
    censored: Drift = "up" if _is_upper(claim) else "down"
    return replace(
        base,
        estimate=share_of(int(is_broken.sum()), int(is_broken.size)),
        allowed=Allowed(high=held.against.delta or 0.0),
        quantity=f"share of cells with {claim.metric} {side} {reference_name(claim.reference)}",
        drift="none" if base.drift == "none" else censored,
    )


def _relative_change(claim: Value, results: Results, nothing: Evidence, span: Span) -> Evidence:
    """The change along the curve over the mean at its start."""
    ends = [Source(nothing.groups, claim.metric, at) for at in (span.end, span.start)]
    found = gather(results, ends)
    limit = claim.reference.number if claim.reference else None
    if claim.reference is not None and limit is None:
        return replace(nothing, reason=f"no {reference_name(claim.reference)} of a change is known")
    if not found.seeds.size:
        return replace(nothing, reason=nothing.losses.why_nothing(claim.metric))
    times = claim.reference.times if claim.reference else 1.0
    most = (limit or 0.0) * times
    is_between = claim.comparison == "between"
    allowed = Allowed(claim.low, claim.high) if is_between else _band(claim, most, abs(most))
    ends_told = f"from {number(span.start)} to {number(span.end)}"
    about = f"change of {claim.metric} {ends_told}, over its start"
    told = replace(nothing, allowed=allowed, quantity=about, is_change=True)
    drift: Drift = "either" if found.is_censored.any() else "none"
    try:
        estimate = difference(found.values[0], found.values[1], "relative")
    except NotPositive as problem:
        return replace(told, reason=str(problem))
    return replace(told, estimate=estimate, drift=drift)


def _of_items(claim: Value, results: Results, nothing: Evidence) -> Evidence:
    """All items of all cells, which the claim thereby calls independent."""
    scores = [results.items(group, claim.metric).values for group in nothing.groups]
    values = np.concatenate(scores)
    if not values.size:
        return replace(nothing, reason=f"no cell has items of {claim.metric}")
    against = Against(np.zeros(1), "number")
    if claim.reference is not None:
        seeds = results.cells(nothing.groups[0]).seeds[:1]
        found = reference_on(
            results, nothing.groups[0], claim.metric, claim.reference, "last", seeds
        )
        if found is None or np.isnan(found.values).any():
            reason = f"no {reference_name(claim.reference)} is known"
            return replace(nothing, reason=reason)
        against = found
    no_cell = np.zeros((1, values.size), np.bool_)
    limits = np.full((1, values.size), against.values[0])
    held = _Held(values[None, :], limits, no_cell, against)
    scaled = _scaled(claim, held, is_share=True)
    kind: MetricType = "share" if np.isin(values, (0.0, 1.0)).all() else "real"
    return replace(
        nothing,
        allowed=scaled.allowed,
        quantity=f"{scaled.quantity} over all items",
        estimate=sample(scaled.numbers[0], kind),
    )


def _is_one_sided(claim: Value) -> bool:
    return claim.comparison in ("at_most", "at_least")


def _is_upper(claim: Value) -> bool:
    return claim.comparison == "at_most"
