"""MSPD as the journal prints it: primal-dual steps between neighbours, sub-gradient steps inside.

=======  ====================  ========================================================
paper    here                  what
=======  ====================  ========================================================
T        ``steps``             rounds, one communication each: ⌈2RL_ℓΔ̃/ε⌉
M        ``inner``             sub-gradients a round: max(1, ⌈2RL_ℓ/(εΔ̃)⌉)
η, σ     ``eta``, ``sigma``    step sizes nR/(L_ℓΔ̃) and 1/(ηλ_1)
θ_i^t    ``own[THETA]``        the node's iterate
y_i      ``own[DUAL]``         its dual variable
θ̄_T      the mean answer       mean over rounds 1 … T and nodes
=======  ====================  ========================================================

The first communication carries zeros and counts. The bound printed in Theorem 18 does not follow
from its proof and is false for some objectives (the control of claim 8.1 is one), so the
guarantee is named "as printed"; ``networks/mspd-averaged`` has one with a proof.

Source: Scaman et al. 2019, Algorithm 3 and Theorem 18.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, sqrt
from typing import Annotated, ClassVar, NamedTuple

from annotated_types import Ge

from harness import Bound, Task
from harness_networks.ball import project
from harness_networks.optimizer import Facts, Known, NetworkOptimizer
from harness_networks.theory import fit_to_budget, gap_guarantee, rounded_up

__all__ = ["MSPD", "Design", "Parameters", "descend"]

THETA, DUAL, SUM = range(3)  # own
CENTRE, GRADIENT = range(2)  # work


class Parameters(NamedTuple):
    """Numbers of a run; ``share`` is η/n, the step on the node's own objective."""

    steps: int
    period: int
    inner: int
    eta: float
    sigma: float
    share: float
    ball: float


class Design(NamedTuple):
    """Rounds and sub-gradients a round that reach ε by the theorem."""

    rounds: int
    inner: int


@dataclass(frozen=True, kw_only=True)
class MSPD(NetworkOptimizer):
    """Multi-step primal-dual, the last inner iterate handed on.

    Parameters
    ----------
    rounds, inner
        T and M; 0: as the theorem has them for the task's ε (or for the smallest ε that fits
        the task's budget of time).
    dual_scale
        A factor on σ. Above 4/3 it diverges.
    """

    vectors: ClassVar[int] = 3
    workspace: ClassVar[int] = 2
    inner_factor: ClassVar[float] = 2.0  # of M

    rounds: Annotated[int, Ge(0)] = 0
    inner: Annotated[int, Ge(0)] = 0
    dual_scale: float = 1.0

    def design(self, known: Known) -> Design:
        """T and M of a run."""

        def designed(at: Known) -> Design:
            found = self.theorems(at)
            return Design(self.rounds or found.rounds, self.inner or found.inner)

        return fit_to_budget(known, designed, lambda own, at: own.rounds * (own.inner + at.tau))

    def theorems(self, known: Known) -> Design:
        """T and M that reach ε."""
        mixing = 1.0 / sqrt(known.gamma)
        ratio = known.radius * known.l_local / known.eps
        return Design(
            rounded_up(2.0 * ratio * mixing), rounded_up(self.inner_factor * ratio / mixing)
        )

    def parameters(self, known: Known) -> Parameters:
        rounds, inner = self.design(known)
        eta = known.nodes * known.radius * sqrt(known.gamma) / known.l_local
        return Parameters(
            steps=rounds,
            period=1,
            inner=inner,
            eta=eta,
            sigma=self.dual_scale / (eta * known.lam1),
            share=eta / known.nodes,
            ball=known.ball,
        )

    def guarantees(self, task: Task, facts: Facts | None = None) -> Sequence[Bound]:
        if facts is None or self.dual_scale != 1.0:
            return ()
        known = facts.known
        rounds, inner = self.design(known)
        mixing = 1.0 / sqrt(known.gamma)
        bound = known.radius * known.l_local * (mixing / rounds + 1.0 / (inner * mixing))
        source = "Scaman et al. 2019, Theorem 18, as printed (no proof of it is known)"
        return (gap_guarantee(facts, bound, source, name="as printed"),)

    def step(parameters, known, node, t, own, work, received, message, subgradient, local):
        theta, dual, total, centre = own[THETA], own[DUAL], own[SUM], work[CENTRE]
        eta, sigma = parameters.eta, parameters.sigma
        # Few arrays a loop: beyond some eight pairs to check for overlap nothing is vectorised.
        for c in range(theta.size):
            dual[c] -= sigma * received[c]
            centre[c] = eta * dual[c] + theta[c]
        for c in range(theta.size):
            message[c] = theta[c]
        descend(parameters, message, centre, work[GRADIENT], subgradient, local)
        for c in range(theta.size):
            new = message[c]
            message[c] = 2.0 * new - theta[c]
            theta[c] = new
            total[c] += new

    def answer(parameters, t, own, out):
        for c in range(out.size):
            out[c] = own[SUM, c] / t


def descend(parameters, point, centre, gradient, subgradient, local):
    """M sub-gradient steps on f_i(u)/n + ‖u − centre‖²/(2η), from ``point``, in place."""
    share = parameters.share
    for m in range(parameters.inner):
        subgradient(local, point, gradient)
        kept, taken = m / (m + 2.0), 2.0 / (m + 2.0)
        for c in range(point.size):
            point[c] = kept * point[c] - taken * (share * gradient[c] - centre[c])
        if parameters.ball < inf:
            project(parameters.ball, point)
