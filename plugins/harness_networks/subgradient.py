"""Sub-gradient methods: distributed with averaging over neighbours, and centralised on a tree.

=======  ====================  ==========================================================
paper    here                  what
=======  ====================  ==========================================================
P        I − the channel       doubly stochastic, Metropolis weights
s        ``size``              step: R/(L_ℓ√N) distributed, R/(L_g√N) centralised
N        ``steps``             rounds; for ε: ⌈(RL/ε)²⌉
=======  ====================  ==========================================================

The answer is the mean over the points at which sub-gradients were taken.

Sources: Nedić & Ozdaglar 2009; for the centralised bound RL_g/√N the standard argument.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Annotated, ClassVar, NamedTuple

from annotated_types import Ge, Gt

from harness import Bound, Task
from harness_networks.ball import project
from harness_networks.optimizer import Channel, Facts, Known, NetworkOptimizer
from harness_networks.theory import gap_guarantee, refuse_constant_mean, rounds_of

__all__ = ["CentralSubgradient", "DistributedSubgradient"]

THETA, SUM, GRADIENT = range(3)


class Parameters(NamedTuple):
    """Numbers of a run; with ``is_decaying`` round j steps by size/√j."""

    steps: int
    period: int
    size: float
    ball: float
    is_decaying: bool


@dataclass(frozen=True, kw_only=True)
class DistributedSubgradient(NetworkOptimizer):
    """Average with the neighbours, then step along the own sub-gradient.

    Parameters
    ----------
    rounds
        N; 0: ⌈(RL_ℓ/ε)²⌉, or what fits the task's budget of time.
    scale
        A factor on the step R/(L_ℓ√N).
    decay
        Step by R/(L_ℓ√j) in round j instead.
    """

    channel: ClassVar[Channel] = "stochastic"
    vectors: ClassVar[int] = 3

    rounds: Annotated[int, Ge(0)] = 0
    scale: Annotated[float, Gt(0)] = 1.0
    decay: bool = False

    def length(self, known: Known) -> int:
        """N."""
        return rounds_of(known, self.rounds, known.l_local, 1.0 + known.tau)

    def parameters(self, known: Known) -> Parameters:
        rounds = self.length(known)
        size = self.scale * known.radius / known.l_local
        return Parameters(
            rounds, 1, size if self.decay else size / sqrt(rounds), known.ball, self.decay
        )

    def step(parameters, known, node, t, own, work, received, message, subgradient, local):
        theta, total, gradient = own[THETA], own[SUM], own[GRADIENT]
        size = parameters.size / sqrt(t) if parameters.is_decaying else parameters.size
        subgradient(local, theta, gradient)
        for c in range(theta.size):
            total[c] += theta[c]
        for c in range(theta.size):
            theta[c] = theta[c] - received[c] - size * gradient[c]
        project(parameters.ball, theta)
        for c in range(theta.size):
            message[c] = theta[c]

    def answer(parameters, t, own, out):
        for c in range(out.size):
            out[c] = own[SUM, c] / t


@dataclass(frozen=True, kw_only=True)
class CentralSubgradient(DistributedSubgradient):
    """Sub-gradient descent on the mean, gathered and broadcast over a spanning tree.

    Parameters
    ----------
    rounds
        N; 0: ⌈(RL_g/ε)²⌉, or what fits the task's budget of time.
    scale, decay
        As for the distributed method, with L_g for L_ℓ.
    """

    channel: ClassVar[Channel] = "tree"
    first_is_silent: ClassVar[bool] = True

    def length(self, known: Known) -> int:
        time = 1.0 + 2.0 * known.diameter * known.tau
        return rounds_of(known, self.rounds, known.l_global, time)

    def check(self, known: Known) -> None:
        refuse_constant_mean(known)

    def parameters(self, known: Known) -> Parameters:
        rounds = self.length(known)
        size = self.scale * known.radius / known.l_global
        # One more step: the last one only takes in what was sent last.
        return Parameters(
            rounds + 1, 1, size if self.decay else size / sqrt(rounds), known.ball, self.decay
        )

    def guarantees(self, task: Task, facts: Facts | None = None) -> Sequence[Bound]:
        if facts is None or self.decay or self.scale != 1.0:
            return ()
        known = facts.known
        bound = known.radius * known.l_global / sqrt(self.length(known))
        return (gap_guarantee(facts, bound, "sub-gradient descent, the standard bound"),)

    def step(parameters, known, node, t, own, work, received, message, subgradient, local):
        theta, total = own[THETA], own[SUM]
        if t > 1:
            size = parameters.size / sqrt(t - 1) if parameters.is_decaying else parameters.size
            for c in range(theta.size):
                total[c] += theta[c]
                theta[c] -= size * received[c]
            project(parameters.ball, theta)
        if t < parameters.steps:
            subgradient(local, theta, message)

    def answer(parameters, t, own, out):
        # Before the first mean came back there is the start only, which is 0.
        for c in range(out.size):
            out[c] = own[SUM, c] / max(1, t - 1)
