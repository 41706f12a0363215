"""Mirrored Langevin on the simplex's face: an unconstrained chain in log-ratios.

y_i = log(x_i/x_d), x a softmax of (y, 0). For Dirichlet(α) the dual potential's gradient is
α₀ x_i − α_i; in general it is x_i(g_i − Σ_j x_j g_j) + d x_i − 1 with g = ∇f. No atom; the bias is
of order η, and none at all in the means of a Dirichlet law.

Source: Hsieh, Kavis, Rolland & Cevher 2018.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log, sqrt
from typing import TYPE_CHECKING, Annotated, NamedTuple

import numpy as np
import numpy.typing as npt
from annotated_types import Gt

from harness.random import fill_normals
from harness_sampling.arrays import FloatArray
from harness_sampling.flat import all_finite
from harness_sampling.guards import require_positive
from harness_sampling.sampler import GRADIENT, Facts, Sampler
from harness_sampling.serving import refuse_unserved

if TYPE_CHECKING:
    from harness_sampling.problem import Body, Target

__all__ = ["MirroredLangevin"]

_NOISE = 0  # tag of the draws


class Parameters(NamedTuple):
    """η, and the coordinates' sum."""

    eta: float
    total: float


class State(NamedTuple):
    """Dual coordinates, and room for noise and gradients."""

    y: FloatArray  # (chains, n − 1)
    noise: npt.NDArray[np.float32]  # (chains, n − 1)
    slope: FloatArray  # (chains, n)


def softmax(y, total, out):
    """Out = total · softmax of (y, 0), shifted by the largest."""
    largest = 0.0
    for i in range(y.size):
        largest = max(largest, y[i])
    summed = exp(-largest)
    for i in range(y.size):
        out[i] = exp(y[i] - largest)
        summed += out[i]
    for i in range(y.size):
        out[i] *= total / summed
    out[y.size] = total * exp(-largest) / summed


@dataclass(frozen=True, kw_only=True)
class MirroredLangevin(Sampler):
    """Langevin steps on log-ratios.

    Parameters
    ----------
    eta
        Variance of one noise increment, in the dual coordinates.
    """

    eta: Annotated[float, Gt(0)] = 0.01

    def __post_init__(self) -> None:
        require_positive("the step eta", self.eta)

    def check(self, body: Body, target: Target) -> None:
        """Refuse all but the simplex's face."""
        refuse_unserved("sampling/mirrored-langevin", body, target)

    def parameters(self, facts: Facts) -> Parameters:
        return Parameters(self.eta, float(facts.centre.sum()))

    def state(self, facts: Facts) -> State:
        dual = (facts.chains, facts.dimension - 1)
        return State(
            np.zeros(dual), np.zeros(dual, np.float32), np.zeros((facts.chains, facts.dimension))
        )

    def step(parameters, facts, k, key, state, x, oracles, target, body):
        last = facts.dimension - 1
        fill_normals(state.noise, key, k, _NOISE)
        if k == 1:
            for c in range(x.shape[0]):
                for i in range(last):
                    state.y[c, i] = log(x[c, i] / x[c, last])
        half, sd, total = 0.5 * parameters.eta, sqrt(parameters.eta), parameters.total
        is_dirichlet = facts.concentration.size > 0
        if is_dirichlet:
            # In these coordinates its gradient is bounded, and needs no quotient by x.
            target.calls[GRADIENT] += x.shape[0]
        else:
            oracles.gradient(target, x, key, k, state.slope)
            if not all_finite(state.slope.reshape(x.size)):
                return False
        weight = 0.0
        for i in range(facts.concentration.size):
            weight += facts.concentration[i]
        for c in range(x.shape[0]):
            mean = 0.0
            for i in range(facts.dimension):
                mean += x[c, i] * state.slope[c, i] / total
            for i in range(last):
                share = x[c, i] / total
                if is_dirichlet:
                    dual = weight * share - facts.concentration[i]
                else:
                    dual = share * (state.slope[c, i] - mean) * total
                    dual += facts.dimension * share - 1.0
                state.y[c, i] += sd * float(state.noise[c, i]) - half * dual
            softmax(state.y[c], total, x[c])
        return True
