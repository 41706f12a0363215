"""Thompson sampling for the prior "one arm is better, the others are alike".

=========  ============  ==================================================
paper      here          what
=========  ============  ==================================================
ε          ``prior_a``   the good arm has mean (1 + ε)/2, the others (1 − ε)/2
r          exp(``log_odds``)  (1 + ε) / (1 − ε)
D_i        ``scores`` / ``log_odds``  wins less losses of each arm
=========  ============  ==================================================

``P(I* = i | history) = r^{D_i} / Σ_j r^{D_j}``: arms other than i have the base mean under
every other hypothesis, so only arm i's own rewards enter weight i.

Source: Bubeck & Liu 2013; the prior is that of Bubeck & Cesa-Bianchi 2012, section 3.3.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from harness import Bound, Task
from harness.random import uniform
from harness_bandits.policy import BERNOULLI, PRIOR_ONE_GOOD_ARM, Facts, Policy
from harness_bandits.theory import prior_free_guarantee
from harness_bandits.weights import drawn_arm, equal_weights, set_score

__all__ = ["OneGoodArmThompson"]


class Parameters(NamedTuple):
    """What a win adds to an arm's score and a loss takes from it: log((1 + ε)/(1 − ε))."""

    log_odds: float


@dataclass(frozen=True, kw_only=True)
class OneGoodArmThompson(Policy):
    """Thompson sampling on the K hypotheses of the lower-bound prior; rewards 0 or 1."""

    def check(self, facts: Facts) -> None:
        if facts.prior != PRIOR_ONE_GOOD_ARM:
            raise ValueError("the prior of one good arm is for tasks that have it")

    def parameters(self, facts: Facts) -> Parameters:
        return Parameters(2.0 * math.atanh(facts.prior_a))

    def guarantees(self, task: Task, facts: Facts | None = None) -> Sequence[Bound]:
        known = task.facts() if facts is None else facts
        if known.prior != PRIOR_ONE_GOOD_ARM or known.law != BERNOULLI:
            return ()
        return (prior_free_guarantee(task, known),)

    def init(parameters, facts, key):
        return equal_weights(facts.arms)

    def select(parameters, state, key, t):
        return drawn_arm(state, uniform(key, t, 0))

    def update(parameters, state, arm, reward):
        # reward - (1 - reward), so that a fraction counts as its share of a win and a loss.
        surplus = reward + reward - 1.0
        set_score(state, arm, state.scores[arm] + surplus * parameters.log_odds)
