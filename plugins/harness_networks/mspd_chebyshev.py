"""MSPD as at the conference: K communications a round, accelerated by a Chebyshev polynomial.

=======  =====================  =========================================================
paper    here                   what
=======  =====================  =========================================================
K        ``period``             communications a round: ⌊1/√γ⌋
P_K      three vectors of own   1 − T_K(c_2 (1 − c_3 λ))/T_K(c_2), eigengap at least 1/4
T = M    ``rounds``, ``inner``  ⌈4RL_ℓ/ε⌉
η        ``eta``                (nR/L_ℓ)(1 − c_1^K)/(1 + c_1^K)
σ        ``sigma``              (1 + c_1^{2K})/(η (1 + c_1^K)²)
=======  =====================  =========================================================

σ has a plus sign in the denominator: the step condition σηλ_1(P_K) ≤ 1 asks for it. With a minus
sign (``sigma_sign: -1``, as a control) it diverges on lines, rings and grids; on the complete
graph c_1 = 0 and both signs are one method.

Source: Scaman et al. 2018; the formulas are derived from P_K, not read from the print.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, sqrt
from typing import Annotated, ClassVar, Literal, NamedTuple

import numpy as np
from annotated_types import Ge

from harness import Bound, Task
from harness_networks.mspd import Design, descend
from harness_networks.objectives import FloatArray
from harness_networks.optimizer import Facts, Known, NetworkOptimizer
from harness_networks.theory import fit_to_budget, gap_guarantee, rounded_up

__all__ = ["Chebyshev", "MSPDChebyshev", "chebyshev", "polynomial"]

THETA, DUAL, SUM, SENT, LAST, START = range(6)  # own
CENTRE, GRADIENT = range(2)  # work


class Chebyshev(NamedTuple):
    """The accelerated gossip of an eigengap; ``shrink`` is c_1^K, ``top`` is T_K(c_2)."""

    degree: int
    c2: float
    c3: float
    top: float
    shrink: float


def chebyshev(lam1: float, gamma: float) -> Chebyshev:
    """K, c_2, c_3, T_K(c_2) and c_1^K; at γ = 1, where c_2 is infinite, P_1 = W/λ_1."""
    degree = floor(1.0 / sqrt(gamma) + 1e-12)
    c3 = 2.0 / ((1.0 + gamma) * lam1)
    if degree == 1:
        return Chebyshev(1, 1.0, c3, 1.0, (1.0 - sqrt(gamma)) / (1.0 + sqrt(gamma)))
    c2 = (1.0 + gamma) / (1.0 - gamma)
    before, top = 1.0, c2
    for _ in range(1, degree):
        before, top = top, 2.0 * c2 * top - before
    return Chebyshev(degree, c2, c3, top, ((1.0 - sqrt(gamma)) / (1.0 + sqrt(gamma))) ** degree)


def polynomial(matrix: FloatArray, gossip: Chebyshev) -> FloatArray:
    """P_K(W) as a matrix, by the recursion that the nodes run: (n, n)."""
    own = np.eye(len(matrix))
    if gossip.degree == 1:
        return gossip.c3 * matrix
    shifted = own - gossip.c3 * matrix
    before, last = own, gossip.c2 * shifted
    for _ in range(1, gossip.degree):
        before, last = last, 2.0 * gossip.c2 * shifted @ last - before
    return own - last / gossip.top


class Parameters(NamedTuple):
    """Numbers of a run; one of its steps is one communication."""

    steps: int
    period: int
    inner: int
    eta: float
    sigma: float
    share: float
    ball: float
    c2: float
    c3: float
    top: float


@dataclass(frozen=True, kw_only=True)
class MSPDChebyshev(NetworkOptimizer):
    """Multi-step primal-dual with accelerated gossip.

    Parameters
    ----------
    rounds, inner
        T and M; 0: as the theorem has them for the task's ε.
    sigma_sign
        −1 is the wrong sign in σ, a control that must diverge.
    """

    vectors: ClassVar[int] = 6
    workspace: ClassVar[int] = 2

    rounds: Annotated[int, Ge(0)] = 0
    inner: Annotated[int, Ge(0)] = 0
    sigma_sign: Literal[1, -1] = 1

    def design(self, known: Known) -> Design:
        """T and M of a run."""
        degree = chebyshev(known.lam1, known.gamma).degree

        def designed(at: Known) -> Design:
            both = rounded_up(4.0 * at.radius * at.l_local / at.eps)
            return Design(self.rounds or both, self.inner or both)

        def time(own: Design, at: Known) -> float:
            return own.rounds * (own.inner + degree * at.tau)

        return fit_to_budget(known, designed, time)

    def parameters(self, known: Known) -> Parameters:
        rounds, inner = self.design(known)
        degree, c2, c3, top, shrink = chebyshev(known.lam1, known.gamma)
        eta = known.nodes * known.radius / known.l_local * (1.0 - shrink) / (1.0 + shrink)
        width = (1.0 + self.sigma_sign * shrink) ** 2
        return Parameters(
            steps=rounds * degree,
            period=degree,
            inner=inner,
            eta=eta,
            sigma=(1.0 + shrink * shrink) / (eta * width),
            share=eta / known.nodes,
            ball=known.ball,
            c2=c2,
            c3=c3,
            top=top,
        )

    def guarantees(self, task: Task, facts: Facts | None = None) -> Sequence[Bound]:
        if facts is None or self.sigma_sign != 1:
            return ()
        known = facts.known
        rounds, inner = self.design(known)
        bound = 2.0 * known.radius * known.l_local * (1.0 / rounds + 1.0 / inner)
        return (gap_guarantee(facts, bound, "Scaman et al. 2018, Theorem 3 (recalled form)"),)

    def step(parameters, known, node, t, own, work, received, message, subgradient, local):
        phase = (t - 1) % parameters.period
        if parameters.period > 1:
            accelerate(parameters, phase, own, received, message)
        if phase < parameters.period - 1:
            return
        theta, dual, total, centre = own[THETA], own[DUAL], own[SUM], work[CENTRE]
        start, eta, sigma = own[START], parameters.eta, parameters.sigma
        if parameters.period > 1:
            for c in range(theta.size):
                dual[c] -= sigma * (start[c] - message[c] / parameters.top)
        else:
            for c in range(theta.size):
                dual[c] -= sigma * (parameters.c3 * received[c])
        for c in range(theta.size):
            centre[c] = eta * dual[c] + theta[c]
            message[c] = theta[c]
        descend(parameters, message, centre, work[GRADIENT], subgradient, local)
        for c in range(theta.size):
            new = message[c]
            message[c] = 2.0 * new - theta[c]
            theta[c] = new
            total[c] += new
        for c in range(theta.size):
            start[c] = message[c]
            own[SENT, c] = message[c]

    def answer(parameters, t, own, out):
        rounds = t // parameters.period
        for c in range(out.size):
            out[c] = own[SUM, c] / rounds if rounds > 0 else 0.0


def accelerate(parameters, phase, own, received, message):
    """x_{k+1} from x_k, W x_k and x_{k-1}; the next message, and at the end x_K."""
    sent, last = own[SENT], own[LAST]
    c2, c3 = parameters.c2, parameters.c3
    for c in range(sent.size):
        if phase == 0:
            new = c2 * (sent[c] - c3 * received[c])
        else:
            new = 2.0 * c2 * (sent[c] - c3 * received[c]) - last[c]
        last[c] = sent[c]
        sent[c] = new
        message[c] = new
