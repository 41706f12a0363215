"""Bernoulli rewards whose means come from a prior: one fresh instance a seed.

============  =====================================================================
prior         means
============  =====================================================================
uniform       independent, uniform on [0, 1]: Beta(1, 1)
beta          independent Beta(a, b)
fixed         ``means`` as given, the same in every cell
two-point     ``high`` at one arm drawn uniformly, ``low`` at the others
============  =====================================================================

Uniform play costs n (E max − mean) in expectation: n (K/(K+1) − 1/2) under the uniform prior.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb
from typing import Annotated, ClassVar, Literal

import numpy as np
from annotated_types import Ge, Gt, Interval

from harness.random.stream import Stream
from harness_bandits.policy import PRIOR_BETA, PRIOR_ONE_GOOD_ARM, Facts, FloatArray
from harness_bandits.stochastic import (
    Means,
    StochasticBandit,
    bernoulli_reward,
    gaps_below,
    refuse_below,
)

__all__ = ["Bernoulli", "expected_best_beta", "one_good_arm"]

# Nodes of Gauss-Legendre: exact for polynomials of degree 2 nodes − 1.
_MOST_NODES = 512


def one_good_arm(stream: Stream, arms: int, high: float, low: float) -> Means:
    """``high`` at a uniformly drawn arm, ``low`` elsewhere."""
    means = np.full(arms, low)
    means[stream.numpy().integers(arms)] = high
    return gaps_below(means)


def expected_best_beta(arms: int, a: int, b: int) -> float:
    """E max of ``arms`` independent Beta(a, b) variables, for whole a and b.

    ``E max = 1 − ∫ F(x)^K dx`` on [0, 1], with F a polynomial of degree a + b − 1; a
    Gauss-Legendre rule of enough nodes is exact but for rounding.
    """
    degree = a + b - 1
    nodes, weights = np.polynomial.legendre.leggauss(min(_MOST_NODES, arms * degree // 2 + 1))
    x = (nodes + 1.0) / 2.0
    below = sum(comb(degree, j) * x**j * (1.0 - x) ** (degree - j) for j in range(a, degree + 1))
    return float(1.0 - (weights * below**arms).sum() / 2.0)


@dataclass(frozen=True, kw_only=True)
class Bernoulli(StochasticBandit):
    """Arms that pay 1 or 0; the probabilities are drawn from a prior in each cell.

    Parameters
    ----------
    arms, horizon
        K and n.
    prior
        ``uniform``, ``beta``, ``fixed`` or ``two-point``.
    a, b
        Of ``prior: beta``.
    means
        Of ``prior: fixed``, one an arm.
    low, high
        Of ``prior: two-point``.
    """

    reward: ClassVar = staticmethod(bernoulli_reward)

    arms: Annotated[int, Ge(2)] = 10
    horizon: Annotated[int, Ge(1)] = 10_000
    prior: Literal["uniform", "beta", "fixed", "two-point"] = "uniform"
    a: Annotated[float, Gt(0)] = 1.0
    b: Annotated[float, Gt(0)] = 1.0
    means: tuple[Annotated[float, Interval(ge=0, le=1)], ...] = ()
    low: Annotated[float, Interval(ge=0, le=1)] = 0.0
    high: Annotated[float, Interval(ge=0, le=1)] = 1.0

    def __post_init__(self) -> None:
        refuse_below(2, arms=self.arms)
        refuse_below(1, horizon=self.horizon)
        if self.prior not in ("uniform", "beta", "fixed", "two-point"):
            raise ValueError(f"prior must be uniform, beta, fixed or two-point, got {self.prior!r}")
        self._refuse_bad_beta()
        self._refuse_bad_means()
        if self.prior == "two-point" and not 0.0 <= self.low < self.high <= 1.0:
            raise ValueError(
                f"0 <= low < high <= 1 must hold, got low {self.low!r}, high {self.high!r}"
            )
        if self.prior != "two-point" and (self.low, self.high) != (0.0, 1.0):
            raise ValueError(f"low and high belong to prior: two-point, not to {self.prior}")

    def _refuse_bad_beta(self) -> None:
        for name, value in (("a", self.a), ("b", self.b)):
            if not value > 0.0:
                raise ValueError(f"{name} must be above 0, got {value!r}")
        if self.prior != "beta" and (self.a, self.b) != (1.0, 1.0):
            raise ValueError(f"a and b belong to prior: beta, not to {self.prior}")

    def _refuse_bad_means(self) -> None:
        if self.prior != "fixed":
            if self.means:
                raise ValueError(f"means belong to prior: fixed, not to {self.prior}")
            return
        if len(self.means) != self.arms:
            raise ValueError(
                f"prior: fixed needs one mean an arm, got {len(self.means)} for {self.arms} arms"
            )
        for mean in self.means:
            if not 0.0 <= mean <= 1.0:
                raise ValueError(f"a mean must lie in [0, 1], got {mean!r}")

    def facts(self) -> Facts:
        """Arms, horizon, and the prior where it is one that policies have a name for."""
        bare = Facts(arms=self.arms, horizon=self.horizon)
        if self.prior in ("uniform", "beta"):
            return bare._replace(prior=PRIOR_BETA, prior_a=float(self.a), prior_b=float(self.b))
        gap = self.high - self.low
        if self.prior == "two-point" and self.low + self.high == 1.0 and gap < 1.0:
            return bare._replace(prior=PRIOR_ONE_GOOD_ARM, prior_a=gap)
        return bare

    def instance(self, stream: Stream) -> Means:
        """Means from the prior."""
        if self.prior == "two-point":
            return one_good_arm(stream, self.arms, float(self.high), float(self.low))
        return gaps_below(self._means(stream))

    def _means(self, stream: Stream) -> FloatArray:
        if self.prior == "fixed":
            return np.array(self.means, dtype=np.float64)
        if self.prior == "uniform":
            return stream.numpy().random(self.arms)
        return stream.numpy().beta(self.a, self.b, size=self.arms)

    def largest_gap(self) -> float:
        """1 under a prior with densities."""
        gaps = self.fixed_gaps()
        return 1.0 if gaps is None else max(gaps)

    def fixed_gaps(self) -> tuple[float, ...] | None:
        """Of the priors ``fixed`` and ``two-point``."""
        if self.prior == "two-point":
            return (0.0, *[self.high - self.low] * (self.arms - 1))
        if self.prior == "fixed":
            return tuple(max(self.means) - mean for mean in self.means)
        return None

    def mean_gap(self) -> float | None:
        """Exact but for a beta prior with parameters that are no whole numbers."""
        if self.prior in ("fixed", "two-point"):
            return super().mean_gap()
        a, b = int(self.a), int(self.b)
        if (a, b) == (1, 1) == (self.a, self.b):
            return self.arms / (self.arms + 1.0) - 0.5
        if (a, b) != (self.a, self.b) or self.arms * (a + b) > _MOST_NODES:
            return None
        return expected_best_beta(self.arms, a, b) - a / (a + b)
