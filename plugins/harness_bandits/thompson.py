"""Thompson sampling: play the arm that is best under one draw from the posterior.

=========  ============  ==================================================
paper      here          what
=========  ============  ==================================================
π_0        ``prior``     law of the instances that the policy believes in
a_0, b_0   ``a0``, ``b0``  its Beta parameters, where it is ``beta``
=========  ============  ==================================================

A prior a module: this one chooses among them. The bound 14 sqrt(nK) holds for *every* prior on
rewards in [0, 1], but only for the policy whose prior is the task's own: ``prior: task``.

Source: Bubeck & Liu 2013, Theorem 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Gt

from harness import Bound, Task
from harness_bandits.beta_thompson import BetaThompson
from harness_bandits.gaussian_thompson import FlatGaussianThompson, GaussianThompson
from harness_bandits.known_gap_thompson import ManyArmKnownGapThompson, TwoArmKnownGapThompson
from harness_bandits.one_good_arm import OneGoodArmThompson
from harness_bandits.policy import (
    PRIOR_BETA,
    PRIOR_NORMAL,
    PRIOR_ONE_GOOD_ARM,
    Facts,
    Policy,
)

__all__ = ["Thompson"]


@dataclass(frozen=True, kw_only=True)
class Thompson(Policy):
    """Thompson sampling with the prior named.

    Parameters
    ----------
    prior
        ``beta``: independent Beta(a0, b0) means; ``task``: the task's true prior;
        ``gaussian``: independent N(0, 1) means; ``flat-gaussian``: no prior, normal rewards;
        ``one-good-arm``: that of the lower bound; ``known-gap``: best mean and gap are known
        (with two arms, the gap exactly).
    a0, b0
        The Beta prior. Below 1 every Beta is drawn; otherwise most are proved irrelevant.
    """

    prior: Literal["beta", "task", "gaussian", "flat-gaussian", "one-good-arm", "known-gap"] = (
        "beta"
    )
    a0: Annotated[float, Gt(0)] = 1.0
    b0: Annotated[float, Gt(0)] = 1.0

    def resolve(self, facts: Facts) -> Policy:
        return self._sampler(facts).resolve(facts)

    def check(self, facts: Facts) -> None:
        self.resolve(facts).check(facts)

    def guarantees(self, task: Task, facts: Facts | None = None) -> Sequence[Bound]:
        known = task.facts() if facts is None else facts
        return self.resolve(known).guarantees(task, known)

    def _sampler(self, facts: Facts) -> Policy:
        if self.prior == "task":
            return _of_the_task(facts)
        if self.prior == "beta":
            return BetaThompson(a0=self.a0, b0=self.b0)
        if self.prior == "gaussian":
            return GaussianThompson()
        if self.prior == "flat-gaussian":
            return FlatGaussianThompson()
        if self.prior == "one-good-arm":
            return OneGoodArmThompson()
        return TwoArmKnownGapThompson() if facts.arms == 2 else ManyArmKnownGapThompson()


def _of_the_task(facts: Facts) -> Policy:
    """The sampler of the task's true prior."""
    if facts.prior == PRIOR_BETA:
        return BetaThompson(a0=facts.prior_a, b0=facts.prior_b)
    if facts.prior == PRIOR_ONE_GOOD_ARM:
        return OneGoodArmThompson()
    if facts.prior == PRIOR_NORMAL:
        return GaussianThompson(mean=facts.prior_a, sd=facts.prior_b)
    raise ValueError("prior: task needs a task that tells its prior; name a prior instead")
