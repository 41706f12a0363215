"""What guarantees of several methods have in common: known gaps, the trivial regret, refusals."""

from __future__ import annotations

import math

from harness import Bound, Task
from harness_bandits.policy import BERNOULLI, GAUSSIAN, Facts

__all__ = [
    "is_one_sub_gaussian",
    "known_gaps",
    "need_known_gap",
    "need_known_mean",
    "prior_free_guarantee",
    "regret_guarantee",
]


def known_gaps(task: Task) -> tuple[float, ...]:
    """The positive gaps, where every instance of ``task`` has the same; otherwise none."""
    fixed = getattr(task, "fixed_gaps", None)
    gaps = fixed() if fixed else None
    return tuple(gap for gap in gaps or () if gap > 0.0)


def regret_guarantee(task: Task, value: float, source: str, name: str = "") -> Bound:
    """A bound on the expected regret, trivial from the horizon times the largest gap on."""
    trivial = getattr(task, "trivial_regret", None)
    return Bound(
        metric="regret",
        role="guarantee",
        value=value,
        name=name,
        holds="in_expectation",
        trivial=trivial() if trivial else None,
        source=source,
    )


def prior_free_guarantee(task: Task, facts: Facts) -> Bound:
    """14 sqrt(nK): Thompson sampling with the task's own prior, rewards in [0, 1]."""
    value = 14.0 * math.sqrt(facts.horizon * facts.arms)
    return regret_guarantee(task, value, "Bubeck & Liu 2013, Theorem 1")


def is_one_sub_gaussian(facts: Facts) -> bool:
    """Whether rewards are 1-sub-Gaussian: on [0, 1], or normal with a deviation of at most 1."""
    return facts.law == BERNOULLI or (facts.law == GAUSSIAN and facts.noise <= 1.0)


def need_known_mean(facts: Facts, method: str) -> None:
    """Refuse a task that does not tell the best mean."""
    if math.isnan(facts.mu_star):
        raise ValueError(f"{method} must be told the best mean, which this task does not tell")


def need_known_gap(facts: Facts, method: str) -> None:
    """Refuse a task that does not tell a positive lower bound on the gaps."""
    if not facts.gap > 0.0:
        raise ValueError(
            f"{method} must be told a positive lower bound on the gaps, which this task does not"
        )
