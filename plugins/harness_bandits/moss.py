"""MOSS: optimism with a bonus that vanishes once an arm had its fair share of the horizon.

=========  ============  ==================================================
paper      here          what
=========  ============  ==================================================
K          ``arms``      number of arms
n          ``horizon``   number of rounds
T_i        ``pulls``     (arms,) pulls of each arm so far
X̄_i        ``means``     (arms,) average reward of each arm
B_i        ``indices``   (arms,) X̄_i + sqrt(max(0, ln(n / (K T_i))) / T_i)
=========  ============  ==================================================

Plays each arm once, then the arm with the largest index, the lowest on ties. An index changes
only when its arm is pulled, so a round computes one.

Source: Audibert & Bubeck 2009, section 2.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from harness import Bound, Task
from harness_bandits.averages import Averages, first_largest, no_averages, observe
from harness_bandits.policy import BERNOULLI, Facts, Policy
from harness_bandits.theory import regret_guarantee

__all__ = ["MOSS"]


class Parameters(NamedTuple):
    """What the task tells: the horizon's share of one arm, n / K."""

    share: float


class State(NamedTuple):
    """Averages and indices of one lane."""

    averages: Averages
    indices: npt.NDArray[np.float64]  # (arms,)


@dataclass(frozen=True, kw_only=True)
class MOSS(Policy):
    """Optimism that is minimax optimal for a known horizon."""

    def parameters(self, facts: Facts) -> Parameters:
        return Parameters(facts.horizon / facts.arms)

    def guarantees(self, task: Task, facts: Facts | None = None) -> Sequence[Bound]:
        known = task.facts() if facts is None else facts
        if known.law != BERNOULLI:
            return ()
        value = 49.0 * math.sqrt(known.horizon * known.arms)
        source = "Audibert & Bubeck 2009, Theorem 5"
        return (regret_guarantee(task, value, source, name="recalled"),)

    def init(parameters, facts, key):
        return State(no_averages(facts.arms), np.zeros(facts.arms))

    def select(parameters, state, key, t):
        if t <= state.indices.size:
            return t - 1
        return first_largest(state.indices)

    def update(parameters, state, arm, reward):
        observe(state.averages, arm, reward)
        pulls = state.averages.pulls[arm]
        overdue = max(0.0, math.log(parameters.share / pulls))
        state.indices[arm] = state.averages.means[arm] + math.sqrt(overdue / pulls)
