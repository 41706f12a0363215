"""What several methods' theory has in common: ceilings, budgets of time, guarantees."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from typing import TypeVar

from harness import Bound
from harness_networks.optimizer import Facts, Known

__all__ = [
    "fit_to_budget",
    "gap_guarantee",
    "refuse_constant_mean",
    "rounded_up",
    "rounds_of",
    "square_rounds",
]

D = TypeVar("D")

_HALVINGS = 80  # of the interval in which the smallest ε that fits is sought
_WIDEST = 1e6  # times ε


def rounded_up(number: float) -> int:
    """The ceiling, at least 1; a hair above a whole number is that number."""
    return max(1, ceil(number * (1.0 - 1e-12) - 1e-9))


def refuse_constant_mean(known: Known) -> None:
    """Refuse L_g = 0 for methods whose steps are over L_g."""
    if not known.l_global > 0.0:
        raise ValueError("L_g is 0: the mean of the objectives is constant")


def fit_to_budget(
    known: Known, design: Callable[[Known], D], time: Callable[[D, Known], float]
) -> D:
    """The design for ε, or with a budget of time that for the smallest ε whose run fits.

    ``design`` has in it what parameters of the method fix, so that these too fit the budget.

    Raises
    ------
    ValueError
        When not even the shortest run fits the budget.
    """
    if known.budget <= 0.0:
        return design(known)
    low, high = known.eps / _WIDEST, known.eps * _WIDEST
    shortest = time(design(known._replace(eps=high)), known)
    if shortest > known.budget:
        raise ValueError(
            f"the method's shortest run takes a time of {shortest:g}, more than the budget of "
            f"{known.budget:g}"
        )
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


def square_rounds(known: Known, lipschitz: float) -> int:
    """⌈(RL/ε)²⌉."""
    return rounded_up((known.radius * lipschitz / known.eps) ** 2)


def rounds_of(known: Known, fixed: int, lipschitz: float, time: float) -> int:
    """``fixed`` rounds, or with 0 ⌈(RL/ε)²⌉, of ``time`` each; with a budget those that fit it."""
    return fit_to_budget(
        known,
        lambda at: fixed or square_rounds(at, lipschitz),
        lambda rounds, at: rounds * time,
    )
