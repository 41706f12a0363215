"""Thompson sampling that knows the best mean μ* and a lower bound ε on the gaps.

=========  ===============  ==================================================
paper      here             what
=========  ===============  ==================================================
μ*         ``best``         the largest mean, told by the task
ε, Δ       ``gap``          lower bound on the gaps (two arms: the gap itself)
Y          ``(reward − μ*) / σ``  shifted rewards, in units of the noise σ
ℓ_i        ``scores``       log-weight of "arm i is best"
Φ          normal cdf
=========  ===============  ==================================================

Two arms: the prior is uniform on {(μ*, μ*−Δ), (μ*−Δ, μ*)}. After one pull of each, arm 1 is played
with probability ``1/(1+e^{−d})``, ``d = Δ [(S_1 + T_1 Δ/2) − (S_2 + T_2 Δ/2)]``.

K arms: the best arm is uniform; given it, every other mean is uniform on (−∞, μ*−ε]. After one
pull of each arm, arm i is played with probability ∝ exp(ℓ_i),
``ℓ_i = −T m²/2 + ½ log T − log Φ(−√T (ε + m))`` with T pulls and mean m of Y of arm i.

Both stop paying after finitely many rounds: their regret is bounded uniformly in the horizon.

Source: Bubeck & Liu 2013, Theorems 2 and 3 (priors and constants recalled); the exact regret of
two arms with normal rewards follows from the log-odds' walk, which does not depend on play.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from harness import Bound, Task
from harness.random import uniform
from harness_bandits.averages import Averages, no_averages, observe
from harness_bandits.policy import GAUSSIAN, Facts, Policy
from harness_bandits.theory import (
    is_one_sub_gaussian,
    known_gaps,
    need_known_gap,
    need_known_mean,
    regret_guarantee,
)
from harness_bandits.weights import Weights, drawn_arm, equal_weights, set_score

__all__ = ["ManyArmKnownGapThompson", "TwoArmKnownGapThompson", "log_normal_tail"]

# From here on the asymptotic series beats log(erfc): relative error of its first term left
# out, 105/x^8, is 7e-10 at 25; at 5 it would be wrong in the fifth decimal.
SERIES_FROM = 25.0


class Parameters(NamedTuple):
    """What the task tells, the gap in units of the noise."""

    best: float
    gap: float
    per_noise: float


def _told(facts: Facts) -> Parameters:
    # On [0, 1] the likelihood stays that of the setting, normal with variance 1.
    noise = facts.noise if facts.law == GAUSSIAN else 1.0
    return Parameters(facts.mu_star, facts.gap / noise, 1.0 / noise)


class TwoArmState(NamedTuple):
    """Evidence for each arm of one lane: sum of Y + Δ/2 over its pulls."""

    evidence: npt.NDArray[np.float64]  # (2,)


@dataclass(frozen=True, kw_only=True)
class TwoArmKnownGapThompson(Policy):
    """Two arms, best mean and gap known: a posterior over which of them is best."""

    def check(self, facts: Facts) -> None:
        need_known_mean(facts, "the two-point prior")
        need_known_gap(facts, "the two-point prior")
        if facts.arms != 2:
            raise ValueError(f"the two-point prior is for 2 arms, this task has {facts.arms}")

    def parameters(self, facts: Facts) -> Parameters:
        return _told(facts)

    def guarantees(self, task: Task, facts: Facts | None = None) -> Sequence[Bound]:
        known = task.facts() if facts is None else facts
        # Both are for a gap that is known exactly.
        if known.arms != 2 or known_gaps(task) != (known.gap,):
            return ()
        bounds = []
        if known.law == GAUSSIAN:
            scale = known.noise * known.noise
            value = known.gap + 4.0 * math.log(2.0) * scale / known.gap
            source = "exact sum of the two-point posterior's errors"
            bounds.append(regret_guarantee(task, value, source))
        if is_one_sub_gaussian(known):
            value = known.gap + 578.0 / known.gap
            source = "Bubeck & Liu 2013, Theorem 2"
            bounds.append(regret_guarantee(task, value, source, name="recalled"))
        return tuple(bounds)

    def init(parameters, facts, key):
        return TwoArmState(np.zeros(2))

    def select(parameters, state, key, t):
        if t <= 2:
            return t - 1
        log_odds = parameters.gap * (state.evidence[0] - state.evidence[1])
        return 0 if uniform(key, t, 0) < _logistic(log_odds) else 1

    def update(parameters, state, arm, reward):
        shifted = (reward - parameters.best) * parameters.per_noise
        state.evidence[arm] += shifted + 0.5 * parameters.gap


class ManyArmState(NamedTuple):
    """Averages of Y and log-weights of one lane."""

    averages: Averages
    posterior: Weights


@dataclass(frozen=True, kw_only=True)
class ManyArmKnownGapThompson(Policy):
    """K arms, best mean and a bound on the gaps known: a posterior over which is best."""

    def check(self, facts: Facts) -> None:
        need_known_mean(facts, "the known-gap prior")
        need_known_gap(facts, "the known-gap prior")

    def parameters(self, facts: Facts) -> Parameters:
        return _told(facts)

    def guarantees(self, task: Task, facts: Facts | None = None) -> Sequence[Bound]:
        known = task.facts() if facts is None else facts
        gaps = known_gaps(task)
        if not gaps or not is_one_sub_gaussian(known) or not 0.0 < known.gap <= min(gaps):
            return ()
        value = sum(gap + (80.0 + math.log(gap / known.gap)) / gap for gap in gaps)
        source = "Bubeck & Liu 2013, Theorem 3"
        return (regret_guarantee(task, value, source, name="recalled"),)

    def init(parameters, facts, key):
        return ManyArmState(no_averages(facts.arms), equal_weights(facts.arms))

    def select(parameters, state, key, t):
        # One pull of each arm makes the posterior proper.
        if t <= state.averages.means.size:
            return t - 1
        return drawn_arm(state.posterior, uniform(key, t, 0))

    def update(parameters, state, arm, reward):
        observe(state.averages, arm, (reward - parameters.best) * parameters.per_noise)
        pulls, mean = state.averages.pulls[arm], state.averages.means[arm]
        set_score(state.posterior, arm, best_arm_score(pulls, mean, parameters.gap))


def best_arm_score(pulls, mean, gap):
    """Log-weight of "this arm is best" from its own rewards; terms common to all arms dropped."""
    others = log_normal_tail(math.sqrt(pulls) * (gap + mean))
    return 0.5 * (math.log(pulls) - pulls * mean * mean) - others


def log_normal_tail(x):
    """Log of P(N(0, 1) > x), for any x."""
    if x < SERIES_FROM:
        return math.log(0.5 * math.erfc(x * math.sqrt(0.5)))
    y = 1.0 / (x * x)
    series = math.log1p(-y * (1.0 - y * (3.0 - 15.0 * y)))
    return series - 0.5 * x * x - math.log(x * math.sqrt(2.0 * math.pi))


def _logistic(log_odds):
    # The exponential of the smaller side: it must not overflow.
    if log_odds >= 0.0:
        return 1.0 / (1.0 + math.exp(-log_odds))
    odds = math.exp(log_odds)
    return odds / (1.0 + odds)
