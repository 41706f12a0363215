"""The Dikin walk: Gaussian proposals shaped by the facets, filtered by Metropolis.

H(x) = Aᵀ diag(1/(b − Ax)²) A; y ~ N(x, (ρ²/n) H(x)⁻¹). The proposal's density at x seen from y
enters the acceptance: without it the walk is a different one, with far too much mass at the faces.

Source: Kannan & Narayanan 2012, in the Gaussian form of Narayanan 2016.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log, sqrt
from typing import TYPE_CHECKING, Annotated, NamedTuple

import numpy as np
import numpy.typing as npt
from annotated_types import Gt

from harness.random import fill_normals, fill_uniforms
from harness_sampling.arrays import FloatArray
from harness_sampling.guards import require_positive
from harness_sampling.sampler import Facts, Sampler
from harness_sampling.serving import refuse_unserved

if TYPE_CHECKING:
    from harness_sampling.problem import Body, Target

__all__ = ["DikinWalk", "cholesky_of", "squared_length"]

_PROPOSAL, _ACCEPT = 0, 3  # tags of the draws


class Parameters(NamedTuple):
    """Facets in coordinates of the body's own flat."""

    rho: float
    facets: FloatArray  # (m, flat)
    basis: FloatArray  # (n, flat) orthonormal columns


class State(NamedTuple):
    """Room for a proposal and its metric."""

    noise: npt.NDArray[np.float32]  # (chains, flat)
    proposal: FloatArray  # (chains, n)
    here: FloatArray  # (flat, flat) Cholesky factor of H(x)
    there: FloatArray  # (flat, flat) of H(y)
    away: FloatArray  # (flat,) y − x
    uniforms: FloatArray  # (chains,)
    inside: FloatArray  # (chains,)
    before: FloatArray  # (chains,)
    after: FloatArray  # (chains,)
    log_ratio: FloatArray  # (chains,)
    accepted: FloatArray  # (1,)


def cholesky_of(facts, facets, x, out):
    """Lower factor of H(x) into ``out``; half its log determinant, or NaN outside the body."""
    flat = out.shape[0]
    for i in range(flat):
        for j in range(flat):
            out[i, j] = 0.0
    for f in range(facets.shape[0]):
        room = facts.offsets[f]
        for j in range(x.size):
            room -= facts.facets[f, j] * x[j]
        if not room > 0.0:
            return np.nan
        weight = 1.0 / (room * room)
        for i in range(flat):
            scaled = weight * facets[f, i]
            if scaled != 0.0:
                for j in range(i + 1):
                    out[i, j] += scaled * facets[f, j]
    half_log = 0.0
    for i in range(flat):
        for j in range(i + 1):
            entry = out[i, j]
            for p in range(j):
                entry -= out[i, p] * out[j, p]
            out[i, j] = sqrt(entry) if i == j else entry / out[j, j]
        half_log += log(out[i, i])
    return half_log


def squared_length(factor, away):
    """AwayᵀH away = |Lᵀ away|²."""
    total = 0.0
    for j in range(away.size):
        entry = 0.0
        for i in range(j, away.size):
            entry += factor[i, j] * away[i]
        total += entry * entry
    return total


def solve_transposed(factor, noise, scale, out):
    """Out = scale · L⁻ᵀ noise."""
    for at in range(out.size):
        i = out.size - 1 - at
        entry = scale * float(noise[i])
        for p in range(i + 1, out.size):
            entry -= factor[p, i] * out[p]
        out[i] = entry / factor[i, i]


@dataclass(frozen=True, kw_only=True)
class DikinWalk(Sampler):
    """Proposals in the local metric of the log barrier.

    Parameters
    ----------
    rho
        Their size; 0.5 to 1.5 is usual.
    """

    rho: Annotated[float, Gt(0)] = 1.0

    def __post_init__(self) -> None:
        require_positive("rho", self.rho)

    def check(self, body: Body, target: Target) -> None:
        """Refuse what is no polytope, or has too many facets."""
        refuse_unserved("sampling/dikin-walk", body, target)

    def parameters(self, facts: Facts) -> Parameters:
        basis = np.eye(facts.dimension)
        if facts.flat < facts.dimension:
            # Columns orthogonal to (1, …, 1): the flat of fixed sums.
            spanning = np.column_stack([np.ones(facts.dimension), basis[:, 1:]])
            basis = np.linalg.qr(spanning)[0][:, 1:]
        basis = np.ascontiguousarray(basis)
        return Parameters(self.rho, np.ascontiguousarray(facts.facets @ basis), basis)

    def state(self, facts: Facts) -> State:
        chains, flat = facts.chains, facts.flat
        return State(
            np.zeros((chains, flat), np.float32),
            np.zeros((chains, facts.dimension)),
            np.zeros((flat, flat)),
            np.zeros((flat, flat)),
            np.zeros(flat),
            *(np.zeros(chains) for _ in range(5)),
            np.zeros(1),
        )

    def step(parameters, facts, k, key, state, x, oracles, target, body):
        fill_normals(state.noise, key, k, _PROPOSAL)
        fill_uniforms(state.uniforms, key, k, _ACCEPT)
        scale = parameters.rho / sqrt(facts.flat)
        precision = 0.5 / (scale * scale)
        for c in range(x.shape[0]):
            here = cholesky_of(facts, parameters.facets, x[c], state.here)
            solve_transposed(state.here, state.noise[c], scale, state.away)
            for j in range(x.shape[1]):
                moved = 0.0
                for p in range(facts.flat):
                    moved += parameters.basis[j, p] * state.away[p]
                state.proposal[c, j] = x[c, j] + moved
            there = cholesky_of(facts, parameters.facets, state.proposal[c], state.there)
            change = squared_length(state.there, state.away) - squared_length(
                state.here, state.away
            )
            state.log_ratio[c] = there - here - precision * change
        oracles.contains(body, state.proposal, state.inside)
        if not facts.is_uniform:
            oracles.potential(target, x, state.before)
            oracles.potential(target, state.proposal, state.after)
        for c in range(x.shape[0]):
            # NaN: the proposal lies outside, by less than the membership test's tolerance.
            if state.inside[c] == 0.0 or state.log_ratio[c] != state.log_ratio[c]:
                continue
            gain = state.log_ratio[c] + state.before[c] - state.after[c]
            if gain != gain:
                return False
            if gain < 0.0 and state.uniforms[c] >= exp(gain):
                continue
            state.accepted[0] += 1.0
            for j in range(x.shape[1]):
                x[c, j] = state.proposal[c, j]
        return True
