"""The ball walk: a uniform point of a small ball, taken if it lies in the body and by Metropolis.

A point refused counts as a step that stays. The stationary law is the target's at any ``delta``.

Source: Lovász & Simonovits 1993, with Metropolis' rule for densities.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, isfinite, sqrt
from typing import TYPE_CHECKING, Annotated, NamedTuple

import numpy as np
import numpy.typing as npt
from annotated_types import Ge

from harness.random import fill_normals, fill_uniforms
from harness_sampling.arrays import FloatArray
from harness_sampling.flat import flatten, length, widen
from harness_sampling.sampler import Facts, Sampler
from harness_sampling.serving import refuse_unserved

if TYPE_CHECKING:
    from harness_sampling.problem import Body, Target

__all__ = ["BallWalk"]

_DIRECTION, _RADIUS, _ACCEPT = 0, 1, 3  # tags of the draws


class Parameters(NamedTuple):
    """The ball's radius."""

    delta: float


class State(NamedTuple):
    """Room for a proposal."""

    noise: npt.NDArray[np.float32]  # (chains, n)
    proposal: FloatArray  # (chains, n)
    radii: FloatArray  # (chains,)
    uniforms: FloatArray  # (chains,)
    inside: FloatArray  # (chains,)
    before: FloatArray  # (chains,)
    after: FloatArray  # (chains,)
    accepted: FloatArray  # (1,)


@dataclass(frozen=True, kw_only=True)
class BallWalk(Sampler):
    """Proposals uniform in a ball about the point.

    Parameters
    ----------
    delta
        Radius of the ball; 0: the body's inner radius over √n.
    """

    delta: Annotated[float, Ge(0)] = 0.0

    def __post_init__(self) -> None:
        if not (self.delta >= 0.0 and isfinite(self.delta)):
            raise ValueError(f"delta must be finite and not below 0, got {self.delta!r}")

    def check(self, body: Body, target: Target) -> None:
        """Refuse a body without membership test."""
        refuse_unserved("sampling/ball-walk", body, target)

    def parameters(self, facts: Facts) -> Parameters:
        return Parameters(self.delta or facts.inner_radius / sqrt(facts.flat))

    def state(self, facts: Facts) -> State:
        shape = (facts.chains, facts.dimension)
        return State(
            np.zeros(shape, np.float32),
            np.zeros(shape),
            *(np.zeros(facts.chains) for _ in range(5)),
            np.zeros(1),
        )

    def step(parameters, facts, k, key, state, x, oracles, target, body):
        proposal = state.proposal
        fill_normals(state.noise, key, k, _DIRECTION)
        fill_uniforms(state.radii, key, k, _RADIUS)
        fill_uniforms(state.uniforms, key, k, _ACCEPT)
        widen(proposal.reshape(x.size), state.noise.reshape(x.size))
        if facts.flat < facts.dimension:
            flatten(proposal)
        for c in range(x.shape[0]):
            reach = parameters.delta * state.radii[c] ** (1.0 / facts.flat)
            scale = reach / length(proposal[c])
            for j in range(x.shape[1]):
                proposal[c, j] = x[c, j] + scale * proposal[c, j]
        oracles.contains(body, proposal, state.inside)
        if not facts.is_uniform:
            oracles.potential(target, x, state.before)
            oracles.potential(target, proposal, state.after)
        for c in range(x.shape[0]):
            if state.inside[c] == 0.0:
                continue
            rise = state.after[c] - state.before[c]
            if rise != rise:
                return False
            if rise > 0.0 and state.uniforms[c] >= exp(-rise):
                continue
            state.accepted[0] += 1.0
            for j in range(x.shape[1]):
                x[c, j] = proposal[c, j]
        return True
