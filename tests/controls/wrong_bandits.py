"""Programs that are wrong on purpose: a claim that holds for them checks nothing.

A plugin of its own, named by path in the suites of the tests; never shipped.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from harness import hookimpl
from harness_bandits import Policy
from harness_bandits.lower_bound import LowerBoundPrior


@hookimpl
def harness_methods() -> Mapping[str, str]:
    return {
        "controls/first-arm": "wrong_bandits:FirstArm",
        "controls/pessimist": "wrong_bandits:Pessimist",
    }


@hookimpl
def harness_tasks() -> Mapping[str, str]:
    return {"controls/leaky-prior": "wrong_bandits:LeakyPrior"}


class FirstArm(Policy):
    """Plays arm 0 for ever."""

    def init(parameters, facts, key):
        return np.zeros(1)

    def select(parameters, state, key, t):
        return 0

    def update(parameters, state, arm, reward):
        state[0] += reward


class Pessimist(Policy):
    """Plays the arm with the worst mean so far: optimism with the wrong sign."""

    def init(parameters, facts, key):
        return np.zeros(facts.arms), np.ones(facts.arms)

    def select(parameters, state, key, t):
        sums, pulls = state
        worst = 0
        for arm in range(pulls.size):
            if sums[arm] / pulls[arm] < sums[worst] / pulls[worst]:
                worst = arm
        return worst

    def update(parameters, state, arm, reward):
        sums, pulls = state
        sums[arm] += reward
        pulls[arm] += 1.0


@dataclass(frozen=True, kw_only=True)
class LeakyPrior(LowerBoundPrior):
    """The lower-bound prior with the good arm always in the first place: it tells the answer."""

    def instance(self, stream):
        means = np.full(self.arms, (1.0 - self.epsilon) / 2.0)
        means[0] = (1.0 + self.epsilon) / 2.0
        from harness_bandits.stochastic import gaps_below

        return gaps_below(means)


__all__ = ["FirstArm", "LeakyPrior", "Pessimist"]
