"""DRS: randomised smoothing over a spanning tree; every node holds the same vectors.

=======  ====================  ==========================================================
paper    here                  what
=======  ====================  ==========================================================
T, K     ``steps``, ``inner``  rounds ⌈20RL_g d^{1/4}/ε⌉, samples a round ⌈5RL_g d^{-1/4}/ε⌉
α_t      ``own[ALPHA, 0]``     α_0 = 1, α_{t+1} = 2/(1 + √(1 + 4/α_t²))
s_t      smoothing radius      R d^{-1/4} α_t
η_t      step size             Rα_t/(2L_g(d^{1/4} + √((t+1)/K)))
x, z, G  ``own``               last output, mirror point, summed gradients
=======  ====================  ==========================================================

All nodes draw the same noise from the key that they share, so that large local terms cancel
sample by sample. Gathering the gradients' mean and broadcasting it costs 2Δ communications a
round. The answer is the last x, and the bound holds in expectation over the noise.

Source: Scaman et al. 2019, Algorithm 1 and Theorem 6.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Annotated, ClassVar, Literal, NamedTuple

import numpy as np
from annotated_types import Ge

from harness import Bound, Task
from harness.random import fill_normals
from harness_networks.optimizer import Channel, Facts, Known, NetworkOptimizer
from harness_networks.theory import fit_to_budget, gap_guarantee, refuse_constant_mean, rounded_up

__all__ = ["DRS", "CentralSmoothing"]

X, Z, SUMMED, ALPHA = range(4)  # own; α stands in the first place of its vector
POINT, GRADIENT, SAMPLED = range(3)  # work


class Parameters(NamedTuple):
    """Numbers of a run; ``root`` is d^{1/4}."""

    steps: int
    period: int
    inner: int
    radius: float
    lipschitz: float
    root: float
    ball: float
    is_decaying: bool


class Design(NamedTuple):
    """Rounds and samples a round."""

    rounds: int
    samples: int


@dataclass(frozen=True, kw_only=True)
class DRS(NetworkOptimizer):
    """Distributed randomised smoothing.

    Parameters
    ----------
    rounds, samples
        T and K; 0: as the theorem has them for the task's ε.
    smoothing
        ``constant`` keeps s_t at R d^{-1/4}, a control that stops short of ε.
    """

    channel: ClassVar[Channel] = "tree"
    vectors: ClassVar[int] = 4
    workspace: ClassVar[int] = 3
    first_is_silent: ClassVar[bool] = True
    is_random: ClassVar[bool] = True

    rounds: Annotated[int, Ge(0)] = 0
    samples: Annotated[int, Ge(0)] = 0
    smoothing: Literal["decaying", "constant"] = "decaying"

    def design(self, known: Known) -> Design:
        """T and K of a run."""

        def designed(at: Known) -> Design:
            ratio, root = at.radius * at.l_global / at.eps, at.dimension**0.25
            return Design(
                self.rounds or rounded_up(20.0 * ratio * root),
                self.samples or rounded_up(5.0 * ratio / root),
            )

        def time(own: Design, at: Known) -> float:
            if self.channel == "centre":
                return own.rounds * own.samples * at.nodes
            return own.rounds * (2.0 * at.diameter * at.tau + own.samples)

        return fit_to_budget(known, designed, time)

    def check(self, known: Known) -> None:
        refuse_constant_mean(known)

    def parameters(self, known: Known) -> Parameters:
        rounds, samples = self.design(known)
        return Parameters(
            steps=rounds + 1,
            period=1,
            inner=samples,
            radius=known.radius,
            lipschitz=known.l_global,
            root=known.dimension**0.25,
            ball=known.ball,
            is_decaying=self.smoothing == "decaying",
        )

    def guarantees(self, task: Task, facts: Facts | None = None) -> Sequence[Bound]:
        if facts is None:
            return ()
        known = facts.known
        rounds, samples = self.design(known)
        root = known.dimension**0.25
        size = known.radius * known.l_global
        bound = 10.0 * size * root / rounds + 5.0 * size / sqrt(rounds * samples)
        source = "Scaman et al. 2019, Theorem 6"
        found = [gap_guarantee(facts, bound, source, holds="in_expectation")]
        hardest = 1.0 - 36.0 * known.eps / size
        is_measured = any(each.name == "communications_over_lower" for each in task.metrics)
        if hardest > 0.0 and is_measured:
            found.append(
                Bound(
                    metric="communications_over_lower",
                    role="guarantee",
                    value=720.0 * root / hardest,
                    holds="in_expectation",
                    source="Scaman et al. 2019, Theorems 6 and 8, as ε → 0",
                )
            )
        return found

    def init(parameters, known, own, message):
        own[ALPHA, 0] = 1.0

    def step(parameters, known, node, t, own, work, received, message, subgradient, local):
        x, z, summed = own[X], own[Z], own[SUMMED]
        alpha, samples = own[ALPHA, 0], parameters.inner
        if t > 1:
            for c in range(x.size):
                summed[c] += received[c] / alpha
            alpha_next = 2.0 / (1.0 + sqrt(1.0 + 4.0 / (alpha * alpha)))
            slow = parameters.root + sqrt(t / samples)
            eta = parameters.radius * alpha_next / (2.0 * parameters.lipschitz * slow)
            follow(parameters.ball, eta, summed, z)
            for c in range(x.size):
                x[c] = (1.0 - alpha) * x[c] + alpha * z[c]
            own[ALPHA, 0] = alpha_next
            alpha = alpha_next
        if t == parameters.steps:
            return
        point, gradient, sampled = work[POINT], work[GRADIENT], work[SAMPLED]
        spread = parameters.radius / parameters.root
        if parameters.is_decaying:
            spread *= alpha
        noise = np.empty(x.size, np.float32)
        for c in range(x.size):
            sampled[c] = 0.0
        for k in range(samples):
            fill_normals(noise, node.shared_key, t, k)
            for c in range(x.size):
                point[c] = (1.0 - alpha) * x[c] + alpha * z[c] + spread * noise[c]
            subgradient(local, point, gradient)
            for c in range(x.size):
                sampled[c] += gradient[c]
        for c in range(x.size):
            message[c] = sampled[c] / samples

    def answer(parameters, t, own, out):
        for c in range(out.size):
            out[c] = own[X, c]


def follow(ball, eta, summed, z):
    """Z = the point of the ball nearest to −η G."""
    square = 0.0
    for c in range(z.size):
        z[c] = -eta * summed[c]
        square += z[c] * z[c]
    if square > ball * ball:
        scale = ball / sqrt(square)
        for c in range(z.size):
            z[c] *= scale


@dataclass(frozen=True, kw_only=True)
class CentralSmoothing(DRS):
    """Randomised smoothing on one machine that does all nodes' work and sends nothing.

    A round costs nK units of time (Duchi, Bartlett & Wainwright 2012).
    """

    channel: ClassVar[Channel] = "centre"
