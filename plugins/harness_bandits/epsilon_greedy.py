"""ε-greedy: mostly the best mean so far, sometimes any arm.

=========  ============  ==================================================
paper      here          what
=========  ============  ==================================================
ε          ``epsilon``   probability of a random arm, constant schedule
ε_t        ``rate / t``  the same in round t, decreasing: min(1, cK/(d² t))
c          ``c``         scale of the decreasing schedule
d          ``d``         a positive lower bound on the smallest gap
=========  ============  ==================================================

Plays each arm once. Then, with probability ε (or ε_t), a uniform arm; otherwise the arm with
the largest mean, the lowest on ties.

Source: Auer, Cesa-Bianchi & Fischer 2002, figure 3; Bubeck & Cesa-Bianchi 2012, section 2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

from annotated_types import Gt, Interval

from harness.random import uniform_pair
from harness_bandits.averages import first_largest, no_averages, observe
from harness_bandits.policy import Facts, Policy

__all__ = ["EpsilonGreedy"]


class Parameters(NamedTuple):
    """Round t explores with probability min(ceiling, floor + rate / t)."""

    floor: float
    ceiling: float
    rate: float


@dataclass(frozen=True, kw_only=True)
class EpsilonGreedy(Policy):
    """Greedy play with forced exploration, constant or decreasing.

    Parameters
    ----------
    epsilon
        Probability of a random arm under the constant schedule.
    schedule
        ``constant``, or ``decreasing``: min(1, c K / (d² t)).
    c
        Scale of the decreasing schedule.
    d
        Its lower bound on the smallest gap; ``None`` takes the gap that the task tells.
    """

    epsilon: Annotated[float, Interval(ge=0, le=1)] = 0.1
    schedule: Literal["constant", "decreasing"] = "constant"
    c: Annotated[float, Gt(0)] = 1.0
    d: Annotated[float, Interval(gt=0, le=1)] | None = None

    def check(self, facts: Facts) -> None:
        if self.schedule == "decreasing" and self.d is None and not facts.gap > 0.0:
            raise ValueError(
                "the decreasing schedule needs a lower bound on the smallest gap, which this"
                " task does not tell: give d"
            )

    def parameters(self, facts: Facts) -> Parameters:
        if self.schedule == "constant":
            return Parameters(self.epsilon, self.epsilon, 0.0)
        gap = facts.gap if self.d is None else self.d
        return Parameters(0.0, 1.0, self.c * facts.arms / (gap * gap))

    def init(parameters, facts, key):
        return no_averages(facts.arms)

    def select(parameters, state, key, t):
        arms = state.means.size
        if t <= arms:
            return t - 1
        chance, place = uniform_pair(key, t, 0)
        if chance < min(parameters.ceiling, parameters.floor + parameters.rate / t):
            return min(arms - 1, math.floor(place * arms))
        return first_largest(state.means)

    def update(parameters, state, arm, reward):
        observe(state, arm, reward)
