"""Gradient tracking: every node estimates the mean gradient; for smooth objectives.

=======  ====================  ==========================================================
paper    here                  what
=======  ====================  ==========================================================
q_i      ``own[TRACKED]``      q ← Pq + g(θ_new) − g(θ_old), q_0 = g(θ_0)
s        ``size``              step: R/(L_ℓ√N)
=======  ====================  ==========================================================

On the non-smooth tasks of this package it is a heuristic without a guarantee, and says so.

Sources: Qu & Li 2018; Nedić, Olshevsky & Shi 2017 (DIGing).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Annotated, ClassVar, NamedTuple

from annotated_types import Ge

from harness_networks.ball import project
from harness_networks.optimizer import Channel, Known, NetworkOptimizer
from harness_networks.theory import rounds_of

__all__ = ["GradientTracking"]

THETA, TRACKED, OLD, SUM, GRADIENT = range(5)


class Parameters(NamedTuple):
    """Numbers of a run."""

    steps: int
    period: int
    size: float
    ball: float


@dataclass(frozen=True, kw_only=True)
class GradientTracking(NetworkOptimizer):
    """Gossip on iterates and on tracked gradients.

    Parameters
    ----------
    rounds
        N; 0: ⌈(RL_ℓ/ε)²⌉, or what fits the task's budget of time.
    """

    channel: ClassVar[Channel] = "stochastic"
    vectors: ClassVar[int] = 5
    width: ClassVar[int] = 2
    first_is_silent: ClassVar[bool] = True

    rounds: Annotated[int, Ge(0)] = 0

    def parameters(self, known: Known) -> Parameters:
        rounds = rounds_of(known, self.rounds, known.l_local, 1.0 + known.tau)
        size = known.radius / (known.l_local * sqrt(rounds))
        # One more step: the last one only takes in what was sent last.
        return Parameters(rounds + 1, 1, size, known.ball)

    def step(parameters, known, node, t, own, work, received, message, subgradient, local):
        theta, tracked, old = own[THETA], own[TRACKED], own[OLD]
        total, gradient = own[SUM], own[GRADIENT]
        if t == 1:
            subgradient(local, theta, tracked)
            for c in range(theta.size):
                old[c] = tracked[c]
        else:
            for c in range(theta.size):
                theta[c] = theta[c] - received[c] - parameters.size * tracked[c]
            project(parameters.ball, theta)
            for c in range(theta.size):
                total[c] += theta[c]
            if t == parameters.steps:
                return
            subgradient(local, theta, gradient)
            for c in range(theta.size):
                tracked[c] = tracked[c] - received[theta.size + c] + gradient[c] - old[c]
                old[c] = gradient[c]
        for c in range(theta.size):
            message[c] = theta[c]
            message[theta.size + c] = tracked[c]

    def answer(parameters, t, own, out):
        for c in range(out.size):
            out[c] = own[SUM, c] / max(1, t - 1)
