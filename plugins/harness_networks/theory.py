"""What several methods' theory has in common: ceilings, budgets of time, guarantees."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from typing import TypeVar

from harness import Bound
from harness_networks.optimizer import Facts, Known

__all__ = ["fit_to_budget", "gap_guarantee", "rounded_up"]

D = TypeVar("D")

_HALVINGS = 80  # of the interval in which the smallest ε that fits is sought
_WIDEST = 1e6  # times ε


def rounded_up(number: float) -> int:
    """The ceiling, at least 1; a hair above a whole number is that number."""
    return max(1, ceil(number * (1.0 - 1e-12) - 1e-9))


def fit_to_budget(
    known: Known, design: Callable[[Known], D], time: Callable[[D, Known], float]
) -> D:
    """The design for ε, or with a budget of time that for the smallest ε whose run fits.

    Raises
    ------
    ValueError
        When not even the shortest run fits the budget.
    """
    if known.budget <= 0.0:
        return design(known)
    low, high = known.eps / _WIDEST, known.eps * _WIDEST
    if time(design(known._replace(eps=high)), known) > known.budget:
        raise ValueError(f"no run of this method fits a time of {known.budget:g}")
    for _ in range(_HALVINGS):
        middle = (low * high) ** 0.5
        fits = time(design(known._replace(eps=middle)), known) <= known.budget
        low, high = (low, middle) if fits else (middle, high)
    return design(known._replace(eps=high))


def gap_guarantee(
    facts: Facts, value: float, source: str, *, name: str = "", holds: str = "always"
) -> Bound:
    """A bound on the final gap of the mean answer; it says nothing above the gap of 0."""
    return Bound(
        metric="gap",
        role="guarantee",
        value=value,
        name=name,
        holds=holds,
        trivial=facts.start_gap,
        source=source,
    )
