"""UCB1: the mean plus a bonus that grows with time and shrinks with pulls.

=========  ===========  ==================================================
paper      here         what
=========  ===========  ==================================================
K          ``arms``     number of arms
t          ``t``        the current round, from 1
T_i        ``pulls``    (arms,) pulls of each arm so far
X̄_i        ``means``    (arms,) average reward of each arm
Δ_i        ``gaps``     (arms,) best mean minus the arm's
=========  ===========  ==================================================

Plays each arm once, then the arm with the largest ``X̄_i + sqrt(2 ln t / T_i)``, the lowest on
ties.

Source: Auer, Cesa-Bianchi & Fischer 2002, figure 1 and Theorem 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from harness import Bound, Task
from harness_bandits.averages import Averages, no_averages, observe
from harness_bandits.policy import BERNOULLI, Facts, Policy
from harness_bandits.theory import known_gaps, regret_guarantee

__all__ = ["UCB1"]


class State(NamedTuple):
    """Averages of one lane, and 1/sqrt(pulls), which only a pull changes."""

    averages: Averages
    widths: npt.NDArray[np.float64]  # (arms,)


@dataclass(frozen=True, kw_only=True)
class UCB1(Policy):
    """Optimism with the bonus sqrt(2 ln t / pulls)."""

    def guarantees(self, task: Task, facts: Facts | None = None) -> Sequence[Bound]:
        known = task.facts() if facts is None else facts
        gaps = known_gaps(task)
        if known.law != BERNOULLI or not gaps:
            return ()
        logarithmic = sum(8.0 * math.log(known.horizon) / gap for gap in gaps)
        value = logarithmic + (1.0 + math.pi * math.pi / 3.0) * sum(gaps)
        source = "Auer, Cesa-Bianchi & Fischer 2002, Theorem 1"
        return (regret_guarantee(task, value, source, name="recalled"),)

    def init(parameters, facts, key):
        return State(no_averages(facts.arms), np.zeros(facts.arms))

    def select(parameters, state, key, t):
        means, widths = state.averages.means, state.widths
        if t <= means.size:
            return t - 1
        bonus = math.sqrt(2.0 * math.log(t))
        best, largest = 0, means[0] + bonus * widths[0]
        for arm in range(1, means.size):
            index = means[arm] + bonus * widths[arm]
            if index > largest:
                best, largest = arm, index
        return best

    def update(parameters, state, arm, reward):
        observe(state.averages, arm, reward)
        state.widths[arm] = 1.0 / math.sqrt(state.averages.pulls[arm])
