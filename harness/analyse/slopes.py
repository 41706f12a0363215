"""Forms 3 and 4: the slope of a metric, and how far groups differ at most."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from harness.analyse.columns import FloatArray
from harness.analyse.evidence import COST, Allowed, Evidence
from harness.analyse.gather import (
    Point,
    Source,
    common_points,
    gather,
    nothing_gathered,
    points_of,
    why_missing,
)
from harness.analyse.results import Results
from harness.api.metric import MetricType
from harness.stats import LEAST_POINTS, NotPositive, spread, trend
from harness.stats.trend import TrendScale
from harness.suite.filters import (
    is_number,
    partition,
    planned_values,
    pool_names,
    select,
    shown,
    value_of,
    varying,
)
from harness.suite.model import Spread, Trend

__all__ = ["spread_evidence", "trend_evidence"]


class _Line(NamedTuple):
    """Points of a trend: the groups at each x, and the x where it is designed."""

    columns: list[tuple[int, ...]]
    x: list[float]  # empty where x is another metric


def trend_evidence(claim: Trend, results: Results, selected: Sequence[int]) -> Iterator[Evidence]:
    """The evidence on each trend: one a setting of ``per``."""
    pooled = pool_names(claim.pool)
    if claim.slope_in == "at":
        for family in _families(results, selected, pooled):
            yield _along_curve(claim, results, family)
        return
    free = (claim.slope_in,) if claim.slope_in else _moving(claim, results, selected)
    for family in _families(results, selected, (*free, *pooled)):
        line = _line(claim, results, family)
        for at in points_of(results, family, claim.metric, claim.at):
            yield _trend(claim, results, line, at)


def spread_evidence(claim: Spread, results: Results, selected: Sequence[int]) -> Iterator[Evidence]:
    """The evidence on each spread: one a setting of ``per``."""
    pooled = pool_names(claim.pool)
    for family in _families(results, selected, (*claim.spread_over, *pooled)):
        columns = list(_families(results, family, pooled))
        for at in points_of(results, family, claim.metric, claim.at):
            yield _spread(claim, results, columns, at)


def _families(
    results: Results, groups: Sequence[int], free: Sequence[str]
) -> Iterator[tuple[int, ...]]:
    specs = [results.specs[group] for group in groups]
    place = {spec.index: group for spec, group in zip(specs, groups, strict=True)}
    for members in partition(specs, free):
        yield tuple(place[spec.index] for spec in members)


def _moving(claim: Trend, results: Results, selected: Sequence[int]) -> tuple[str, ...]:
    """The parameter that moves x, where x is a metric: what differs beside ``per`` and ``pool``."""
    specs = [results.specs[group] for group in selected]
    return tuple(varying(specs, (*claim.per, *pool_names(claim.pool))))


def _line(claim: Trend, results: Results, family: tuple[int, ...]) -> _Line:
    specs = [results.specs[group] for group in family]
    if claim.slope_in is None:
        return _Line(list(_families(results, family, pool_names(claim.pool))), [])
    low, high = claim.over or (-np.inf, np.inf)
    values = [x for x in planned_values(specs, claim.slope_in) if is_number(x) and low <= x <= high]
    place = {spec.index: group for spec, group in zip(specs, family, strict=True)}
    columns = [
        tuple(place[spec.index] for spec in select(specs, {claim.slope_in: x})) for x in values
    ]
    return _Line(columns, [float(x) for x in values])


def _trend(claim: Trend, results: Results, line: _Line, at: Point) -> Evidence:
    sources = [Source(groups, claim.metric, at) for groups in line.columns]
    if claim.slope_in_metric is not None:
        sources += [Source(groups, claim.slope_in_metric, at) for groups in line.columns]
    point = at if isinstance(at, (float, int)) else None
    return _fitted(claim, results, sources, np.array(line.x), point)


def _along_curve(claim: Trend, results: Results, family: tuple[int, ...]) -> Evidence:
    low, high = claim.over or (-np.inf, np.inf)
    points = [x for x in common_points(results, family, claim.metric) if low <= x <= high]
    sources = [Source(family, claim.metric, float(x)) for x in points]
    return _fitted(claim, results, sources, np.array(points), None, family)


def _fitted(
    claim: Trend,
    results: Results,
    sources: Sequence[Source],
    x: FloatArray,
    point: float | None,
    family: tuple[int, ...] = (),
) -> Evidence:
    """The slope through the sources; without designed x their second half is the x."""
    groups = family or tuple(dict.fromkeys(group for each in sources for group in each.groups))
    found = gather(results, sources) if sources else nothing_gathered(results, groups)
    base = Evidence(
        title=_family_title(claim, results, groups, point),
        groups=groups,
        losses=found.losses,
        quantity=_slope_words(claim),
        allowed=Allowed(claim.low, claim.high),
        drift="either" if found.is_censored.any() else "none",
    )
    if not _is_claimable(claim, results, groups):
        return replace(base, reason=COST)
    columns = len(sources) if x.size else len(sources) // 2
    if columns < LEAST_POINTS:
        return replace(base, reason=f"a trend needs {LEAST_POINTS} points, there are {columns}")
    if not found.seeds.size:
        return replace(base, reason=why_missing(results, sources))
    metric = results.metric(groups[0], claim.metric)
    try:
        estimate = trend(
            x if x.size else found.values[columns:].T,
            found.values[:columns].T,
            scale=_SCALES[claim.scale],
            fit=claim.fit,
            over=claim.over,
            kind="exact" if metric.type == "exact" else "real",
        )
    except ValueError as problem:  # no logarithm, or too few different x in another metric
        return replace(base, reason=str(problem))
    return replace(base, estimate=estimate)


def _spread(
    claim: Spread, results: Results, columns: Sequence[tuple[int, ...]], at: Point
) -> Evidence:
    sources = [Source(groups, claim.metric, at) for groups in columns]
    found = gather(results, sources)
    groups = tuple(dict.fromkeys(group for each in columns for group in each))
    base = Evidence(
        title=_family_title(claim, results, groups, at if isinstance(at, (float, int)) else None),
        groups=groups,
        losses=found.losses,
        quantity=f"largest ÷ smallest {claim.metric} over {', '.join(claim.spread_over)}",
        allowed=Allowed(high=claim.at_most),
        drift="either" if found.is_censored.any() else "none",
    )
    if not _is_claimable(claim, results, groups):
        return replace(base, reason=COST)
    if len(columns) < 2:
        return replace(base, reason="a spread needs two groups")
    if not found.seeds.size:
        return replace(base, reason=why_missing(results, sources))
    is_exact = results.metric(groups[0], claim.metric).type == "exact"
    try:
        kind: MetricType = "exact" if is_exact else "real"
        return replace(base, estimate=spread(found.values.T, fit=claim.fit, kind=kind))
    except NotPositive as problem:
        return replace(base, reason=str(problem))


def _is_claimable(claim: Trend | Spread, results: Results, groups: Sequence[int]) -> bool:
    """Costs are claimed only where cells ran alone."""
    metrics = [claim.metric]
    if isinstance(claim, Trend) and claim.slope_in_metric is not None:
        metrics.append(claim.slope_in_metric)
    if not any(results.metric(groups[0], name).is_cost for name in metrics):
        return True
    return all(results.specs[group].exclusive for group in groups)


def _family_title(
    claim: Trend | Spread, results: Results, groups: Sequence[int], at: float | None
) -> str:
    """The label and task that a trend's groups share, with what ``per`` keeps apart."""
    first = results.specs[groups[0]]
    told = [f"{name}={shown(value_of(first, name))}" for name in claim.per]
    point = [] if at is None else [f"at {at:g}"]
    labels = {results.specs[group].label for group in groups}
    who = first.label if len(labels) == 1 else first.method
    return " ".join([f"{who} on {first.task}", *told, *point])


_SCALES: dict[str, TrendScale] = {
    "linear": "linear",
    "log-log": "log-log",
    "log-linear": "log-linear",
}


def _slope_words(claim: Trend) -> str:
    x = claim.slope_in_metric or claim.slope_in
    on_y = "" if claim.scale == "linear" else "log "
    on_x = "log " if claim.scale == "log-log" else ""
    named = "the curve" if x == "at" else f"{on_x}{x}"
    return f"slope of {on_y}{claim.metric} {'along' if x == 'at' else 'in'} {named}"
