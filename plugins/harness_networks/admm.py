"""Decentralised ADMM with an inexact local step: M sub-gradient steps on the prox problem.

=======  ====================  ==========================================================
paper    here                  what
=======  ====================  ==========================================================
c        ``penalty``           tuned: a multiple of L_ℓ/(R · mean degree)
a_i      ``own[DUAL]``         a_i ← a_i + c Σ_{j∈N_i} (θ_i − θ_j)
M        ``inner``             sub-gradients a round
=======  ====================  ==========================================================

No bound is known for the inexact non-smooth step.

Source: Shi, Ling, Yuan, Wu & Yin 2014.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, NamedTuple

from annotated_types import Ge, Gt

from harness_networks.ball import project
from harness_networks.optimizer import Channel, Known, NetworkOptimizer
from harness_networks.theory import fit_to_budget, square_rounds

__all__ = ["DecentralisedADMM"]

THETA, DUAL, SUM, CENTRE, GRADIENT = range(5)


class Parameters(NamedTuple):
    """Numbers of a run."""

    steps: int
    period: int
    inner: int
    penalty: float
    ball: float


@dataclass(frozen=True, kw_only=True)
class DecentralisedADMM(NetworkOptimizer):
    """ADMM over neighbours.

    Parameters
    ----------
    inner
        M.
    scale
        The penalty c over L_ℓ/(R · mean degree).
    rounds
        0: ⌈(RL_ℓ/ε)²/M⌉, or what fits the task's budget of time.
    """

    channel: ClassVar[Channel] = "laplacian"
    vectors: ClassVar[int] = 5

    rounds: Annotated[int, Ge(0)] = 0
    inner: Annotated[int, Ge(1)] = 10
    scale: Annotated[float, Gt(0)] = 0.3

    def parameters(self, known: Known) -> Parameters:
        rounds = fit_to_budget(
            known,
            lambda at: self.rounds or -(-square_rounds(at, at.l_local) // self.inner),
            lambda rounds, at: rounds * (self.inner + at.tau),
        )
        unit = known.l_local / (known.radius * known.mean_degree)
        return Parameters(rounds, 1, self.inner, self.scale * unit, known.ball)

    def step(parameters, known, node, t, own, work, received, message, subgradient, local):
        theta, dual, total = own[THETA], own[DUAL], own[SUM]
        centre, gradient = own[CENTRE], own[GRADIENT]
        weight = 2.0 * parameters.penalty * node.degree
        for c in range(theta.size):
            dual[c] += parameters.penalty * received[c]
            apart = 2.0 * node.degree * theta[c] - received[c]
            centre[c] = apart / (2.0 * node.degree) - dual[c] / weight
        for m in range(parameters.inner):
            subgradient(local, theta, gradient)
            kept, taken = m / (m + 2.0), 2.0 / (m + 2.0)
            for c in range(theta.size):
                theta[c] = kept * theta[c] - taken * (gradient[c] / weight - centre[c])
            project(parameters.ball, theta)
        for c in range(theta.size):
            message[c] = theta[c]
            total[c] += theta[c]

    def answer(parameters, t, own, out):
        for c in range(out.size):
            out[c] = own[SUM, c] / t
