"""The prior under which no policy is good, and the family of instances around it.

=====  ======================  ====================================================
paper  here                    what
=====  ======================  ====================================================
K, n   ``arms``, ``horizon``   number of arms and of rounds
ε      ``epsilon``             gap: ε = c sqrt(K/n)
I*     –                       the good arm, uniform: mean (1 + ε)/2, others (1 − ε)/2
c      ``scale``, ``c``        ¼ in the lower bound; in the hard family ¼ … 8
=====  ======================  ====================================================

Bubeck & Liu 2013 state that under some prior every policy has Bayesian regret at least
sqrt(nK)/20. The construction is that of Bubeck & Cesa-Bianchi 2012, section 3.3: a proof that
bounds the *average* over I*, hence the regret under this prior. There ε is left open; ε =
¼ sqrt(K/n) is a choice of ours, under which the lemma gives the constant for all n >= K >= 2.
ε depends on n, so a curve of these tasks is no curve over horizons: each horizon is a task of
its own. Uniform play costs exactly n ε (1 − 1/K).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log, sqrt
from typing import Annotated, ClassVar

from annotated_types import Ge, Gt

from harness import Bound, Metric
from harness.random.stream import Stream
from harness_bandits.bernoulli import one_good_arm
from harness_bandits.policy import PRIOR_ONE_GOOD_ARM, Facts
from harness_bandits.stochastic import (
    COMMON_METRICS,
    Means,
    StochasticBandit,
    bernoulli_reward,
    refuse_below,
)

__all__ = ["HardFamily", "LowerBoundPrior", "lemma_bound", "prior_free_lower_bound"]

_LEMMA_SOURCE = "Bubeck & Cesa-Bianchi 2012, section 3.3, lemma"
_LOWER_CONSTANT = 1.0 / 20.0  # Bubeck & Liu 2013, abstract


def prior_free_lower_bound(arms: int, horizon: int) -> float:
    """sqrt(nK)/20, which every policy's Bayesian regret reaches under the worst prior."""
    return _LOWER_CONSTANT * sqrt(horizon * arms)


def lemma_bound(arms: int, horizon: int, epsilon: float) -> float:
    """Least Bayesian regret under the prior with gap ``epsilon``; may be negative.

    ``n ε (1 − 1/K − sqrt(ε ln((1+ε)/(1−ε))) sqrt(n/(2K)))``, of any policy, ε in [0, 1).
    """
    divergence = epsilon * log((1.0 + epsilon) / (1.0 - epsilon))
    missed = 1.0 - 1.0 / arms - sqrt(divergence) * sqrt(horizon / (2.0 * arms))
    return horizon * epsilon * missed


def _lower_bound(value: float, source: str, name: str = "") -> Bound:
    return Bound(
        metric="regret",
        role="lower_bound",
        value=value,
        name=name,
        holds="in_expectation",
        trivial=0.0,
        source=source,
    )


class _OneGoodArm(StochasticBandit):
    """One arm better by ε = c sqrt(K/n); subclasses name the field that is c."""

    reward: ClassVar = staticmethod(bernoulli_reward)
    arms: int
    horizon: int

    @property
    def epsilon(self) -> float:
        """The gap, computed once for instance, facts and bounds."""
        return self._factor() * sqrt(self.arms / self.horizon)

    def _factor(self) -> float:
        raise NotImplementedError

    def _refuse_bad(self, name: str) -> None:
        refuse_below(2, arms=self.arms)
        refuse_below(1, horizon=self.horizon)
        if not self._factor() > 0.0:
            raise ValueError(f"{name} must be above 0, got {self._factor()!r}")
        if not self.epsilon < 1.0:
            raise ValueError(
                f"the gap {name} * sqrt(arms / horizon) must be below 1, got {self.epsilon:.4g} "
                f"with {name} {self._factor():g}, arms {self.arms}, horizon {self.horizon}"
            )

    def facts(self) -> Facts:
        """Arms, horizon and the prior, whose one parameter is the gap."""
        return Facts(
            arms=self.arms, horizon=self.horizon, prior=PRIOR_ONE_GOOD_ARM, prior_a=self.epsilon
        )

    def instance(self, stream: Stream) -> Means:
        """The good arm's place from the stream; it doesn't depend on c or n."""
        gap = self.epsilon
        return one_good_arm(stream, self.arms, (1.0 + gap) / 2.0, (1.0 - gap) / 2.0)

    def largest_gap(self) -> float:
        """The one gap that there is."""
        return self.epsilon

    def fixed_gaps(self) -> tuple[float, ...]:
        """0, and the gap of the K − 1 others."""
        return (0.0, *[self.epsilon] * (self.arms - 1))


@dataclass(frozen=True, kw_only=True)
class LowerBoundPrior(_OneGoodArm):
    """The prior of the lower bound sqrt(nK)/20: too hard for any policy to learn.

    At the default scale every policy pays nearly what uniform play pays: the task checks the
    bound and ranks nothing.

    Parameters
    ----------
    arms, horizon
        K and n.
    scale
        c in ε = c sqrt(K/n); ε must stay below 1.
    """

    metrics: ClassVar[tuple[Metric, ...]] = (
        *COMMON_METRICS,
        Metric(
            name="regret_over_lower_bound",
            description="regret / (sqrt(n K) / 20); at least 1 in expectation at scale 1/4",
        ),
        Metric(
            name="regret_over_lemma",
            description="regret / the sharper bound of the lemma, where that is positive",
        ),
    )

    arms: Annotated[int, Ge(2)] = 10
    horizon: Annotated[int, Ge(1)] = 10_000
    scale: Annotated[float, Gt(0)] = 0.25

    def __post_init__(self) -> None:
        self._refuse_bad("scale")

    def _factor(self) -> float:
        return self.scale

    def bounds(self) -> Sequence[Bound]:
        """sqrt(nK)/20 where the lemma proves it for this prior, and the lemma's own bound."""
        prior_free = prior_free_lower_bound(self.arms, self.horizon)
        lemma = lemma_bound(self.arms, self.horizon, self.epsilon)
        bounds = []
        if lemma >= prior_free:
            bounds.append(_lower_bound(prior_free, "Bubeck & Liu 2013, lower bound"))
        if lemma > 0.0:
            bounds.append(_lower_bound(lemma, _LEMMA_SOURCE, name="lemma" if bounds else ""))
        return bounds

    def ratios(self, regret: float) -> Mapping[str, float]:
        """The regret over both bounds too."""
        found = dict(super().ratios(regret))
        found["regret_over_lower_bound"] = regret / prior_free_lower_bound(self.arms, self.horizon)
        lemma = lemma_bound(self.arms, self.horizon, self.epsilon)
        if lemma > 0.0:
            found["regret_over_lemma"] = regret / lemma
        return found


@dataclass(frozen=True, kw_only=True)
class HardFamily(_OneGoodArm):
    """Instances at the edge of what can be learnt: gap c sqrt(K/n), for c from ¼ to 8.

    The worst case of a policy is its largest ``regret_over_rate`` over c.

    Parameters
    ----------
    arms, horizon
        K and n.
    c
        Gap in units of sqrt(K/n); the gap must stay below 1.
    """

    metrics: ClassVar[tuple[Metric, ...]] = (
        *COMMON_METRICS,
        Metric(name="regret_over_rate", description="regret / sqrt(n K)"),
    )

    arms: Annotated[int, Ge(2)] = 10
    horizon: Annotated[int, Ge(1)] = 10_000
    c: Annotated[float, Gt(0)] = 1.0

    def __post_init__(self) -> None:
        self._refuse_bad("c")

    def _factor(self) -> float:
        return self.c

    def bounds(self) -> Sequence[Bound]:
        """The lemma's bound where it is positive."""
        lemma = lemma_bound(self.arms, self.horizon, self.epsilon)
        return [_lower_bound(lemma, _LEMMA_SOURCE)] if lemma > 0.0 else []

    def ratios(self, regret: float) -> Mapping[str, float]:
        """The regret over sqrt(nK) too."""
        rate = sqrt(self.horizon * self.arms)
        return {**super().ratios(regret), "regret_over_rate": regret / rate}
