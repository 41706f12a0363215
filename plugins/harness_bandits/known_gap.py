"""The best mean and a lower bound on the gap are told: regret can stay bounded for ever.

=======  ============  =====================================================
paper    here          what
=======  ============  =====================================================
μ*       ``mu_star``   the best mean, told
ε        ``epsilon``   a lower bound on the smallest positive gap, told
Δ_i      ``gaps``      gap of each arm, not told
=======  ============  =====================================================

Rewards are μ* − Δ_i plus normal noise. Neither number alone suffices (Bubeck, Perchet &
Rigollet 2013, Theorems 6 and 8).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import expm1, isfinite
from typing import Annotated, ClassVar, Literal

import numpy as np
from annotated_types import Ge, Gt, MinLen

from harness import Bound
from harness.random.stream import Stream
from harness_bandits.gaussian import NoisyMeans, normal_reward
from harness_bandits.policy import GAUSSIAN, Facts
from harness_bandits.stochastic import StochasticBandit, refuse_below

__all__ = ["KnownGap", "two_point_lower_bound"]


def two_point_lower_bound(gap: float, horizon: int, noise: float) -> float:
    """Least regret of any policy, averaged over the two orders of two arms.

    ``σ² (1 − exp(−n Δ²/σ²)) / (4 Δ)``: the decision of round t rests on at most t − 1
    rewards of each arm, so a wrong one keeps probability exp(−(t−1) Δ²/σ²)/4 at least.
    """
    signal = (gap / noise) * (gap / noise)
    return -expm1(-horizon * signal) * gap / (4.0 * signal)


@dataclass(frozen=True, kw_only=True)
class KnownGap(StochasticBandit):
    """Normal rewards with given gaps, where the best mean and a least gap are public.

    Parameters
    ----------
    gaps
        Gap of each arm; at least one is 0 and at least one is not.
    horizon
        n.
    epsilon
        What the policy is told of the smallest positive gap: at most that gap. 0 tells
        nothing.
    mu_star
        The best mean.
    noise
        Standard deviation of a reward.
    order
        ``shuffled``: places of the arms drawn in each cell; ``given`` and ``reversed``: as
        listed, or from the end, in every cell (the two orders of a lower bound's proof).
    """

    reward: ClassVar = staticmethod(normal_reward)

    gaps: Annotated[tuple[Annotated[float, Ge(0)], ...], MinLen(2)] = (0.0, *[0.2] * 9)
    horizon: Annotated[int, Ge(1)] = 10_000
    epsilon: Annotated[float, Ge(0)] = 0.1
    mu_star: float = 0.0
    noise: Annotated[float, Gt(0)] = 1.0
    order: Literal["shuffled", "given", "reversed"] = "shuffled"

    def __post_init__(self) -> None:
        refuse_below(1, horizon=self.horizon)
        if len(self.gaps) < 2:
            raise ValueError(f"gaps must be of at least 2 arms, got {len(self.gaps)}")
        if not all(isfinite(gap) and gap >= 0.0 for gap in self.gaps):
            raise ValueError(f"gaps must be finite and at least 0, got {list(self.gaps)}")
        if min(self.gaps) > 0.0:
            raise ValueError(f"one gap must be 0, that of the best arm; got {list(self.gaps)}")
        if max(self.gaps) == 0.0:
            raise ValueError("all gaps are 0: there is nothing to learn")
        refuse_below(0, epsilon=self.epsilon)
        if self.epsilon > self.smallest_gap():
            raise ValueError(
                f"epsilon must be at most the smallest positive gap, {self.smallest_gap():g}, "
                f"got {self.epsilon!r}"
            )
        if not isfinite(self.mu_star):
            raise ValueError(f"mu_star must be finite, got {self.mu_star!r}")
        if not (self.noise > 0.0 and isfinite(self.noise)):
            raise ValueError(f"noise must be above 0 and finite, got {self.noise!r}")
        if self.order not in ("shuffled", "given", "reversed"):
            raise ValueError(f"order must be shuffled, given or reversed, got {self.order!r}")

    @property
    def arms(self) -> int:
        """K."""
        return len(self.gaps)

    def smallest_gap(self) -> float:
        """Δ, the smallest gap above 0."""
        return min(gap for gap in self.gaps if gap > 0.0)

    def facts(self) -> Facts:
        """Arms, horizon, noise, μ* and ε."""
        return Facts(
            arms=self.arms,
            horizon=self.horizon,
            law=GAUSSIAN,
            noise=float(self.noise),
            mu_star=float(self.mu_star),
            gap=float(self.epsilon),
        )

    def instance(self, stream: Stream) -> NoisyMeans:
        """The gaps in this cell's order."""
        gaps = np.array(self.gaps, dtype=np.float64)
        if self.order == "shuffled":
            gaps = gaps[stream.numpy().permutation(self.arms)]
        elif self.order == "reversed":
            gaps = gaps[::-1].copy()
        return NoisyMeans(self.mu_star - gaps, gaps, float(self.noise))

    def largest_gap(self) -> float:
        """Of the gaps given."""
        return float(max(self.gaps))

    def fixed_gaps(self) -> tuple[float, ...]:
        """The gaps, in the order in which they were given."""
        return tuple(float(gap) for gap in self.gaps)

    def bounds(self) -> Sequence[Bound]:
        """With two arms in random order, what no policy can do better than."""
        if self.arms != 2 or self.order != "shuffled":
            return []
        return [
            Bound(
                metric="regret",
                role="lower_bound",
                value=two_point_lower_bound(self.largest_gap(), self.horizon, self.noise),
                holds="in_expectation",
                trivial=0.0,
                source="Bubeck, Perchet & Rigollet 2013, Theorem 5, summed to the horizon",
            )
        ]
