"""Form 2: one method against another, paired by seed and by item."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import log1p
from typing import Literal, NamedTuple

import numpy as np

from harness.analyse.columns import FloatArray
from harness.analyse.evidence import COST, Allowed, Drift, Evidence, title_of
from harness.analyse.gather import Gathered, Point, Source, gather, points_of, why_missing
from harness.analyse.results import Results
from harness.api.metric import Direction
from harness.stats import NotPositive, difference
from harness.suite.filters import pairs, pool_names
from harness.suite.model import Difference, Tolerance

__all__ = ["difference_evidence"]

Scale = Literal["linear", "relative", "log"]


class _Sides(NamedTuple):
    """Places of the groups that are compared; several on a side are pooled."""

    better: tuple[int, ...]
    than: tuple[int, ...]


def difference_evidence(
    claim: Difference, results: Results, selected: Sequence[int]
) -> Iterator[Evidence]:
    """The evidence on each pair of groups, and each point of the curve."""
    specs = [results.specs[group] for group in selected]
    place = {spec.index: group for spec, group in zip(specs, selected, strict=True)}
    for pair in pairs(specs, claim.better, claim.than, pool_names(claim.pool)):
        sides = _Sides(
            tuple(place[spec.index] for spec in pair.better),
            tuple(place[spec.index] for spec in pair.than),
        )
        for at in points_of(results, (*sides.better, *sides.than), claim.metric, claim.at):
            yield _one(claim, results, sides, at)


def _one(claim: Difference, results: Results, sides: _Sides, at: Point) -> Evidence:
    sources = [Source(groups, claim.metric, at) for groups in sides]
    found = gather(results, sources)
    metric = results.metric(sides.better[0], claim.metric)
    scale = _scale(claim)
    point = at if isinstance(at, (float, int)) else None
    other = results.specs[sides.than[0]].label
    base = Evidence(
        title=f"{title_of(results, sides.better, point)} against {other}",
        groups=(*sides.better, *sides.than),
        losses=found.losses,
        quantity=_words(claim, scale, results.specs[sides.better[0]].label, other),
        is_change=True,
        allowed=_allowed(claim, metric.direction, scale),
        drift=_drift(found),
    )
    alone = all(results.specs[group].exclusive for group in base.groups)
    if metric.is_cost and not alone:
        return replace(base, reason=COST)
    if not found.seeds.size:
        return replace(base, reason=why_missing(results, sources))
    better, than, notes = _by_item(claim, results, sides, found)
    exact: Literal["exact", "real"] = "exact" if metric.type == "exact" else "real"
    try:
        return replace(base, estimate=difference(better, than, scale, exact), notes=notes)
    except NotPositive as problem:
        return replace(base, reason=str(problem))


def _by_item(
    claim: Difference, results: Results, sides: _Sides, found: Gathered
) -> tuple[FloatArray, FloatArray, tuple[str, ...]]:
    """Values on common items, one number a seed; with a single seed, one an item."""
    as_is = (found.values[0], found.values[1], ())
    if claim.at != "last" or len(sides.better) > 1 or len(sides.than) > 1:
        return as_is
    ours, theirs = (results.items(side[0], claim.metric) for side in sides)
    if not ours.seeds.size or not theirs.seeds.size:
        return as_is
    width = 1 + max(int(ours.item.max()), int(theirs.item.max()))
    common, mine, their = np.intersect1d(
        ours.seeds * width + ours.item, theirs.seeds * width + theirs.item, return_indices=True
    )
    if not common.size:
        return as_is
    one, other = ours.values[mine], theirs.values[their]
    seeds, place = np.unique(ours.seeds[mine], return_inverse=True)
    lost = max(ours.seeds.size, theirs.seeds.size) - common.size
    notes = (f"{lost} items are on one side only",) if lost else ()
    if seeds.size == 1:
        return one, other, (*notes, "one seed: paired by item")
    counts = np.bincount(place)
    return np.bincount(place, one) / counts, np.bincount(place, other) / counts, notes


def _scale(claim: Difference) -> Scale:
    """A tolerance in per cent makes a linear difference one relative to the mean of ``than``."""
    tolerance = claim.equal_within or claim.by
    if claim.scale == "log":
        return "log"
    is_relative = tolerance is not None and tolerance.is_relative
    return "relative" if claim.scale == "relative" or is_relative else "linear"


def _words(claim: Difference, scale: Scale, ours: str, theirs: str) -> str:
    """``regret of thompson − bandits/ucb1``; sides of one label differ in something else."""
    sides = f"{ours} − {theirs}" if ours != theirs else "the two sides, paired"
    words = f"log {claim.metric} of {sides}" if scale == "log" else f"{claim.metric} of {sides}"
    return f"{words}, in shares of the latter" if scale == "relative" else words


def _allowed(claim: Difference, direction: Direction, scale: Scale) -> Allowed:
    if claim.equal_within is not None:
        low, high = _width(claim.equal_within, -1, scale), _width(claim.equal_within, 1, scale)
        return Allowed(low, high)
    by = claim.by or Tolerance(amount=0.0)
    if direction == "higher":
        return Allowed(low=_width(by, 1, scale), is_strict=True)
    return Allowed(high=_width(by, -1, scale), is_strict=True)


def _width(tolerance: Tolerance, side: Literal[-1, 1], scale: Scale) -> float:
    """A tolerance on the scale of the difference: 5 % are log 1.05 on a logarithmic one."""
    signed = side * tolerance.amount + 0.0  # never -0.0
    return log1p(signed) if scale == "log" and tolerance.is_relative else signed


def _drift(found: Gathered) -> Drift:
    """A lower bound on one side moves the difference one way, on both sides either."""
    better, than = found.is_censored
    if better and than:
        return "either"
    if better:
        return "up"
    return "down" if than else "none"
