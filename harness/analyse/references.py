"""What a value is held against: a number, a bound of the group's own or of another label."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import numpy as np

from harness.analyse.columns import FloatArray, IntArray
from harness.analyse.gather import Point
from harness.analyse.results import Results
from harness.analyse.specs import SpecLike
from harness.api.parameters import canonical
from harness.suite.filters import SelectionFault, select
from harness.suite.model import Reference, Span

__all__ = ["Against", "reference_name", "reference_on"]

WORDS = {
    "guarantee": "guarantee",
    "lower_bound": "lower bound",
    "optimum": "optimum",
    "exact": "exact value",
    "published": "published figure",
}


class Against(NamedTuple):
    """A reference for each seed, and how it holds.

    ``holds`` is ``number`` for what is no bound: numbers, published figures, exact values of
    a mean.
    """

    values: FloatArray  # (seeds,) NaN where a cell has none
    holds: Literal["number", "always", "in_expectation", "with_probability"]
    delta: float | None = None
    is_vacuous: bool = False


def reference_name(reference: Reference) -> str:
    """A reference in words: ``guarantee of thompson``, ``1.5 × optimum``."""
    if reference.number is not None:
        return f"{reference.number * reference.times:g}"
    name = WORDS[reference.kind] + (f" “{reference.name}”" if reference.name else "")
    borrowed = f"{name} of {reference.of}" if reference.of else name
    return borrowed if reference.times == 1 else f"{reference.times:g} × {borrowed}"


def reference_on(
    results: Results, group: int, metric: str, reference: Reference, at: Point, seeds: IntArray
) -> Against | None:
    """The reference of a group on these seeds; ``None`` where nothing is known of it."""
    if reference.number is not None:
        return Against(np.full(seeds.size, reference.number * reference.times), "number")
    if isinstance(at, Span):
        return None  # theory bounds values, no change between two points
    point = None if at == "last" else at
    if reference.kind == "published":
        figure = _published(results, group, metric, point)
        if figure is None:
            return None
        return Against(np.full(seeds.size, figure * reference.times), "number")
    lender = group if reference.of is None else _lender(results, group, reference.of)
    if lender is None or reference.kind == "number":
        return None
    bound = results.bound(lender, metric, reference.kind, reference.name, point)
    if bound is None:
        return None
    values = bound.on(seeds) * reference.times
    if reference.kind == "exact":
        return Against(values, "number")
    return Against(values, bound.holds, bound.delta, bound.is_vacuous)


def _lender(results: Results, group: int, label: str) -> int | None:
    """The group of another label on the same task with the same parameters."""
    spec = results.specs[group]
    wanted = (spec.task, canonical(spec.task_params), label)
    for place, each in enumerate(results.specs):
        if (each.task, canonical(each.task_params), each.label) == wanted:
            return place
    return None


def _published(results: Results, group: int, metric: str, at: float | None) -> float | None:
    spec = results.specs[group]
    for figure in results.published:
        about = (figure.task, figure.label, figure.metric, figure.at)
        if about == (spec.task, spec.label, metric, at) and _is_of(figure.params, spec):
            return figure.value
    return None


def _is_of(params: Mapping[str, Any], spec: SpecLike) -> bool:
    """Whether a published figure's parameters are the group's, as far as it names them."""
    try:
        return bool(select([spec], params))
    except SelectionFault:
        return False
