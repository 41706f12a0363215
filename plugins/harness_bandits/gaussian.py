"""Normal rewards whose means come from a normal prior.

Uniform play costs n sd E max(Z_1 … Z_K) in expectation, with Z independent standard normals.
Theorem 1 of Bubeck & Liu 2013 is about rewards in [0, 1]: the ratio to its rate, scaled by the
noise, is shown here and no bound is declared.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import erf, exp, isfinite, pi, sqrt
from typing import Annotated, ClassVar, NamedTuple

import numpy as np
from annotated_types import Ge, Gt

from harness.random import normal
from harness.random.stream import Stream
from harness_bandits.policy import GAUSSIAN, PRIOR_NORMAL, Facts, FloatArray
from harness_bandits.stochastic import (
    StochasticBandit,
    gaps_below,
    refuse_below,
)

__all__ = ["Gaussian", "NoisyMeans", "expected_best_normal", "normal_reward"]

# A normal variable is beyond 12 with probability 2e-33: nothing is lost by stopping there.
_FARTHEST = 12.0
_NODES = 400


class NoisyMeans(NamedTuple):
    """Means, gaps and the standard deviation of a reward."""

    means: FloatArray  # (arms,)
    gaps: FloatArray  # (arms,)
    noise: float


def normal_reward(instance: NoisyMeans, key: int, t: int, arm: int) -> float:
    """The arm's mean plus noise; lane ``arm`` of round ``t``."""
    return instance.means[arm] + instance.noise * normal(key, t, arm)


def expected_best_normal(arms: int) -> float:
    """E max of ``arms`` independent standard normals: ``∫ x K φ(x) Φ(x)^(K−1) dx``."""
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    total = 0.0
    for node, weight in zip(nodes, weights, strict=True):
        x = _FARTHEST * float(node)
        below = 0.5 * (1.0 + erf(x / sqrt(2.0)))
        density = exp(-x * x / 2.0) / sqrt(2.0 * pi)
        total += float(weight) * x * arms * density * below ** (arms - 1)
    return _FARTHEST * total


@dataclass(frozen=True, kw_only=True)
class Gaussian(StochasticBandit):
    """Arms that pay their mean plus normal noise; means are drawn in each cell.

    Parameters
    ----------
    arms, horizon
        K and n.
    mean, sd
        Of the normal prior of every arm's mean.
    noise
        Standard deviation of a reward.
    """

    reward: ClassVar = staticmethod(normal_reward)

    arms: Annotated[int, Ge(2)] = 10
    horizon: Annotated[int, Ge(1)] = 10_000
    mean: float = 0.0
    sd: Annotated[float, Gt(0)] = 1.0
    noise: Annotated[float, Gt(0)] = 1.0

    def __post_init__(self) -> None:
        refuse_below(2, arms=self.arms)
        refuse_below(1, horizon=self.horizon)
        for name, value in (("sd", self.sd), ("noise", self.noise)):
            if not 0.0 < value < float("inf"):
                raise ValueError(f"{name} must be above 0 and finite, got {value!r}")
        if not isfinite(self.mean):
            raise ValueError(f"mean must be finite, got {self.mean!r}")

    def facts(self) -> Facts:
        """Arms, horizon, noise and the prior."""
        return Facts(
            arms=self.arms,
            horizon=self.horizon,
            law=GAUSSIAN,
            noise=float(self.noise),
            prior=PRIOR_NORMAL,
            prior_a=float(self.mean),
            prior_b=float(self.sd),
        )

    def instance(self, stream: Stream) -> NoisyMeans:
        """Means from the prior."""
        drawn = gaps_below(self.mean + self.sd * stream.numpy().standard_normal(self.arms))
        return NoisyMeans(drawn.means, drawn.gaps, float(self.noise))

    def largest_gap(self) -> None:
        """Means of a normal prior have no limit."""
        return

    def mean_gap(self) -> float:
        """The standard deviation times E max of K standard normals."""
        return self.sd * expected_best_normal(self.arms)
