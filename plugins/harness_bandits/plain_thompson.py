"""Thompson sampling for 0/1 rewards as it is written: a Beta draw for each arm in each round.

=========  =============  ==================================================
paper      here           what
=========  =============  ==================================================
a_0, b_0   ``a0``, ``b0``  Beta prior of each arm's mean; (1, 1) is uniform
S_i, F_i   ``wins``, ``losses``  (arms,) rewards 1 and 0, the prior included
θ_i        a draw         Beta(a_0 + S_i, b_0 + F_i)
=========  =============  ==================================================

The oracle of the screened sampler in ``beta_thompson``, and what serves priors with a_0 or b_0
below 1, whose densities the screen's envelopes do not cover.

Source: Thompson 1933; Bubeck & Liu 2013, section 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, NamedTuple

import numpy as np
import numpy.typing as npt
from annotated_types import Gt

from harness import Bound, Task
from harness.random import beta
from harness_bandits.policy import BERNOULLI, PRIOR_BETA, Facts, Policy
from harness_bandits.theory import prior_free_guarantee

__all__ = ["PlainThompson", "beta_guarantees", "need_bernoulli"]


class State(NamedTuple):
    """Posterior of one lane, updated in place."""

    wins: npt.NDArray[np.float64]  # (arms,) prior included
    losses: npt.NDArray[np.float64]  # (arms,) prior included


@dataclass(frozen=True, kw_only=True)
class PlainThompson(Policy):
    """Thompson sampling with Beta(a0, b0) priors, every Beta drawn.

    Parameters
    ----------
    a0, b0
        The prior of each arm's mean.
    """

    a0: Annotated[float, Gt(0)] = 1.0
    b0: Annotated[float, Gt(0)] = 1.0

    def check(self, facts: Facts) -> None:
        need_bernoulli(facts)

    def guarantees(self, task: Task, facts: Facts | None = None) -> Sequence[Bound]:
        return beta_guarantees(task, facts, self.a0, self.b0)

    def init(parameters, facts, key):
        return State(np.full(facts.arms, parameters.a0), np.full(facts.arms, parameters.b0))

    def select(parameters, state, key, t):
        best, largest = 0, -1.0
        for arm in range(state.wins.size):
            draw = beta(key, t, arm, state.wins[arm], state.losses[arm])
            if draw > largest:
                best, largest = arm, draw
        return best

    def update(parameters, state, arm, reward):
        state.wins[arm] += reward
        state.losses[arm] += 1.0 - reward


def beta_guarantees(task: Task, facts: Facts | None, a0: float, b0: float) -> Sequence[Bound]:
    """14 sqrt(nK), where Beta(a0, b0) is the task's true prior."""
    known = task.facts() if facts is None else facts
    is_true = known.prior == PRIOR_BETA and (known.prior_a, known.prior_b) == (a0, b0)
    if known.law != BERNOULLI or not is_true:
        return ()
    return (prior_free_guarantee(task, known),)


def need_bernoulli(facts: Facts) -> None:
    """Refuse rewards for which a Beta posterior means nothing."""
    if facts.law != BERNOULLI:
        raise ValueError(
            "a Beta prior needs rewards in [0, 1], this task's are normal: take prior"
            " gaussian, flat-gaussian or task"
        )
