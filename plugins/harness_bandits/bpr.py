"""Policies with bounded regret when the best mean μ* and a bound on the gaps are known.

=========  ==============  ==================================================
paper      here            what
=========  ==============  ==================================================
μ*         ``best``        the largest mean, told by the task
ε, Δ       ``gap``         lower bound on the smallest positive gap (exact in Policy 1)
Y_t        ``reward − best``  shifted rewards, so that the best arm's mean is 0
μ̂_i        ``means``       (arms,) average of Y of each arm
ψ          ``potential``   x², or x² / log(4x/ε)
=========  ==============  ==================================================

Source: Bubeck, Perchet & Rigollet 2013, Policies 1 and 2, Theorems 1, 2 and 3. The printed
normalisation of Policy 2, c = Σ 1/ψ, is its inverse here; the printed log(9n) at ε = 0 does not
follow from the proof, log(20.1 n) does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from harness import Bound, Task
from harness.random import uniform
from harness_bandits.averages import Averages, first_largest, no_averages, observe
from harness_bandits.policy import Facts, Policy
from harness_bandits.theory import (
    is_one_sub_gaussian,
    known_gaps,
    need_known_gap,
    need_known_mean,
    regret_guarantee,
)

__all__ = ["BPRPolicy1", "BPRPolicy2"]

SOURCE = "Bubeck, Perchet & Rigollet 2013, Theorem"


class Parameters1(NamedTuple):
    """What the task tells of a two-armed instance."""

    best: float
    gap: float


class State1(NamedTuple):
    """Averages of shifted rewards, and whether round t must play the second arm."""

    averages: Averages
    second_next: npt.NDArray[np.bool_]  # (1,)


@dataclass(frozen=True, kw_only=True)
class BPRPolicy1(Policy):
    """Two arms, μ* and the gap known: play what looks best, or else both in turn."""

    def check(self, facts: Facts) -> None:
        need_known_mean(facts, "BPR Policy 1")
        need_known_gap(facts, "BPR Policy 1")
        if facts.arms != 2:
            raise ValueError(f"BPR Policy 1 is for 2 arms, this task has {facts.arms}")

    def parameters(self, facts: Facts) -> Parameters1:
        return Parameters1(facts.mu_star, facts.gap)

    def guarantees(self, task: Task, facts: Facts | None = None) -> Sequence[Bound]:
        known = task.facts() if facts is None else facts
        gaps = known_gaps(task)
        # The theorem is for a gap that is known exactly.
        if not is_one_sub_gaussian(known) or tuple(gaps) != (known.gap,):
            return ()
        value = known.gap + 16.0 / known.gap
        return (regret_guarantee(task, value, f"{SOURCE} 1"),)

    def init(parameters, facts, key):
        return State1(no_averages(facts.arms), np.zeros(1, np.bool_))

    def select(parameters, state, key, t):
        if t <= 2:
            return t - 1
        if state.second_next[0]:
            state.second_next[0] = False
            return 1
        means = state.averages.means
        leader = 0 if means[0] > means[1] else 1
        if means[0] != means[1] and means[leader] > -0.5 * parameters.gap:
            return leader
        state.second_next[0] = True
        return 0

    def update(parameters, state, arm, reward):
        observe(state.averages, arm, reward - parameters.best)


class Parameters2(NamedTuple):
    """What the task tells, and the potential."""

    best: float
    gap: float
    has_log: bool


class State2(NamedTuple):
    """Averages of shifted rewards, and room for a round's weights."""

    averages: Averages
    weights: npt.NDArray[np.float64]  # (arms,) 1 / ψ(|μ̂|), up to a common factor


@dataclass(frozen=True, kw_only=True)
class BPRPolicy2(Policy):
    """Any number of arms, μ* and a bound on the gaps known.

    Parameters
    ----------
    potential
        ``square``: x²; ``log``: x² / log(4x/ε).
    know_gap
        False plays with ε = 0, knowing μ* only; then the potential must be ``square``.
    """

    potential: Literal["square", "log"] = "square"
    know_gap: bool = True

    def __post_init__(self) -> None:
        if self.potential == "log" and not self.know_gap:
            raise ValueError("the log potential divides by the gap: it needs know_gap: true")

    def check(self, facts: Facts) -> None:
        need_known_mean(facts, "BPR Policy 2")
        if self.know_gap:
            need_known_gap(facts, "BPR Policy 2")

    def parameters(self, facts: Facts) -> Parameters2:
        gap = facts.gap if self.know_gap else 0.0
        return Parameters2(facts.mu_star, gap, self.potential == "log")

    def guarantees(self, task: Task, facts: Facts | None = None) -> Sequence[Bound]:
        known = task.facts() if facts is None else facts
        gaps = known_gaps(task)
        if not gaps or not is_one_sub_gaussian(known):
            return ()
        if not self.know_gap:
            return _guarantee_without_gap(task, known.horizon, gaps)
        if not 0.0 < known.gap <= min(1.0, *gaps):
            return ()
        if self.potential == "log":
            value = sum(_log_term(gap, known.gap) for gap in gaps)
            return (regret_guarantee(task, value, f"{SOURCE} 2, second potential"),)
        value = sum(gap + 32.0 / gap * math.log(7.0 / known.gap) for gap in gaps)
        exact = 24.0 - 16.0 * math.log(-math.expm1(-known.gap * known.gap / 8.0))
        sharper = sum(gap + exact / gap for gap in gaps)
        return (
            regret_guarantee(task, value, f"{SOURCE} 2"),
            regret_guarantee(task, sharper, f"{SOURCE} 3 at x²", name="exact form"),
        )

    def init(parameters, facts, key):
        return State2(no_averages(facts.arms), np.zeros(facts.arms))

    def select(parameters, state, key, t):
        means = state.averages.means
        if t <= means.size:
            return t - 1
        leader = first_largest(means)
        if means[leader] >= -0.5 * parameters.gap:
            return leader
        return _drawn_by_potential(parameters, means, state.weights, uniform(key, t, 0))

    def update(parameters, state, arm, reward):
        observe(state.averages, arm, reward - parameters.best)


def _guarantee_without_gap(task: Task, horizon: int, gaps: Sequence[float]) -> Sequence[Bound]:
    """Of the potential x² at ε = 0; v = E(Y of the best arm)² is at most 1 here."""
    factor = 4.0 * math.log(20.1 * horizon)
    value = sum(gap + factor / gap for gap in gaps)
    return (regret_guarantee(task, value, f"{SOURCE} 2 at ε = 0, constant 20.1 for 9"),)


def _log_term(gap, epsilon):
    """One arm's share of the bound for the potential x² / log(4x/ε)."""
    inner = 2.0 + math.log(math.log(4.0 / epsilon))
    return gap + 32.0 * math.log(2.0 * gap / epsilon) / gap * inner


def _drawn_by_potential(parameters, means, weights, u):
    """An arm with probability in proportion to 1 / ψ(|μ̂|); all means are negative here."""
    total = 0.0
    for arm in range(means.size):
        weight = 1.0 / (means[arm] * means[arm])
        if parameters.has_log:
            weight *= math.log(-4.0 * means[arm] / parameters.gap)
        weights[arm] = weight
        total += weight
    left = u * total
    for arm in range(means.size - 1):
        left -= weights[arm]
        if left < 0.0:
            return arm
    return means.size - 1
