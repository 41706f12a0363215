"""Moreau–Yosida unadjusted Langevin: the body as a soft wall.

X ← (1 − γ/λ) X − γ ∇f(X) + (γ/λ) P_K(X) + √(2γ) ξ, with γ = η/2. Its target is
exp(−f − dist²(x, K)/(2λ)): draws leave the body.

Source: Brosse, Durmus, Moulines & Pereyra 2017.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, Annotated, NamedTuple

import numpy as np
import numpy.typing as npt
from annotated_types import Gt

from harness.random import fill_normals
from harness_sampling.arrays import FloatArray
from harness_sampling.flat import all_finite, copy
from harness_sampling.guards import require_positive
from harness_sampling.sampler import Facts, Sampler
from harness_sampling.serving import refuse_unserved

if TYPE_CHECKING:
    from harness_sampling.problem import Body, Target

__all__ = ["MYULA"]

_NOISE = 0  # tag of the draws


class Parameters(NamedTuple):
    """The step γ, and 1/λ."""

    gamma: float
    pull: float
    is_projected: bool


class State(NamedTuple):
    """Room for noise, gradients and projections; ``own``: the chain, where x is projected."""

    noise: npt.NDArray[np.float32]  # (chains, n)
    slope: FloatArray  # (chains, n)
    nearest: FloatArray  # (chains, n)
    own: FloatArray  # (chains, n)


@dataclass(frozen=True, kw_only=True)
class MYULA(Sampler):
    """Langevin steps with a penalty of the distance to the body.

    Parameters
    ----------
    gamma
        γ; the variance of the noise is 2γ.
    smoothing
        λ; γ must be at most λ/(1 + λβ).
    projected
        Report the nearest points of the body instead of the draws themselves.
    """

    gamma: Annotated[float, Gt(0)] = 0.001
    smoothing: Annotated[float, Gt(0)] = 0.01
    projected: bool = False

    def __post_init__(self) -> None:
        require_positive("gamma", self.gamma)
        require_positive("smoothing", self.smoothing)

    def check(self, body: Body, target: Target) -> None:
        """Refuse what has no projection or bounded gradient, a flat body, and too long a step."""
        refuse_unserved("sampling/myula", body, target)
        longest = self.smoothing / (1.0 + self.smoothing * target.smoothness(body))
        if not self.gamma <= longest:
            raise ValueError(
                f"gamma {self.gamma:g} is above smoothing/(1 + smoothing · β) = {longest:g}"
            )

    def parameters(self, facts: Facts) -> Parameters:
        return Parameters(self.gamma, 1.0 / self.smoothing, self.projected)

    def state(self, facts: Facts) -> State:
        shape = (facts.chains, facts.dimension)
        return State(np.zeros(shape, np.float32), *(np.zeros(shape) for _ in range(3)))

    def step(parameters, facts, k, key, state, x, oracles, target, body):
        fill_normals(state.noise, key, k, _NOISE)
        gamma, pull, sd = parameters.gamma, parameters.pull, sqrt(2.0 * parameters.gamma)
        own, size = state.own, x.size
        points = x.reshape(size)
        if not parameters.is_projected or k == 1:
            copy(points, own.reshape(size))
        copy(own.reshape(size), state.nearest.reshape(size))
        oracles.project(body, state.nearest)
        if not facts.is_uniform:
            oracles.gradient(target, own, key, k, state.slope)
            if not all_finite(state.slope.reshape(size)):
                return False
        for c in range(x.shape[0]):
            for j in range(x.shape[1]):
                towards = pull * (state.nearest[c, j] - own[c, j]) - state.slope[c, j]
                own[c, j] += gamma * towards + sd * float(state.noise[c, j])
        copy(own.reshape(size), points)
        if parameters.is_projected:
            oracles.project(body, x)
        return True
