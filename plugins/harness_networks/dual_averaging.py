"""Distributed dual averaging: gossip on summed sub-gradients, a prox step from 0.

=======  ====================  ==========================================================
paper    here                  what
=======  ====================  ==========================================================
z_i      ``own[DUAL]``         z_i ← Σ_j P_ij z_j + g_i(θ_i)
a_k      step                  R√(1 − σ_2)/(4L_max√k)
σ_2      ``sigma2``            second largest absolute eigenvalue of P
=======  ====================  ==========================================================

The answer is the mean over the points at which sub-gradients were taken.

Source: Duchi, Agarwal & Wainwright 2012, Theorem 2 (bound recalled).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log, sqrt
from typing import Annotated, ClassVar, NamedTuple

from annotated_types import Ge

from harness import Bound, Task
from harness_networks.ball import project
from harness_networks.optimizer import Channel, Facts, Known, NetworkOptimizer
from harness_networks.theory import gap_guarantee, rounds_of

__all__ = ["DualAveraging"]

THETA, DUAL, SUM, GRADIENT = range(4)


class Parameters(NamedTuple):
    """Numbers of a run; round k steps by size/√k."""

    steps: int
    period: int
    size: float
    ball: float


@dataclass(frozen=True, kw_only=True)
class DualAveraging(NetworkOptimizer):
    """Dual averaging over neighbours with the theorem's step.

    Parameters
    ----------
    rounds
        N; 0: ⌈(RL_ℓ/ε)²⌉, or what fits the task's budget of time.
    """

    channel: ClassVar[Channel] = "stochastic"
    vectors: ClassVar[int] = 4

    rounds: Annotated[int, Ge(0)] = 0

    def length(self, known: Known) -> int:
        """N."""
        return rounds_of(known, self.rounds, known.l_local, 1.0 + known.tau)

    def parameters(self, known: Known) -> Parameters:
        size = known.radius * sqrt(1.0 - known.sigma2) / (4.0 * known.l_max)
        return Parameters(self.length(known), 1, size, known.ball)

    def guarantees(self, task: Task, facts: Facts | None = None) -> Sequence[Bound]:
        if facts is None:
            return ()
        known = facts.known
        rounds = self.length(known)
        logarithm = log(rounds * sqrt(known.nodes))
        spread = sqrt(rounds * (1.0 - known.sigma2))
        bound = 8.0 * known.radius * known.l_max * logarithm / spread
        source = "Duchi, Agarwal & Wainwright 2012, Theorem 2"
        return (gap_guarantee(facts, bound, source, name="recalled"),)

    def step(parameters, known, node, t, own, work, received, message, subgradient, local):
        theta, dual, total, gradient = own[THETA], own[DUAL], own[SUM], own[GRADIENT]
        subgradient(local, theta, gradient)
        for c in range(theta.size):
            total[c] += theta[c]
        for c in range(theta.size):
            dual[c] = dual[c] - received[c] + gradient[c]
            message[c] = dual[c]
        size = parameters.size / sqrt(t)
        for c in range(theta.size):
            theta[c] = -size * dual[c]
        project(parameters.ball, theta)

    def answer(parameters, t, own, out):
        for c in range(out.size):
            out[c] = own[SUM, c] / t
