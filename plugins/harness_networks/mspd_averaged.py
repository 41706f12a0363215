"""MSPD with averaged inner output: two sequences, and a bound whose proof is whole.

=======  ====================  ==========================================================
paper    here                  what
=======  ====================  ==========================================================
c_i^t    ``own[CENTRE]``       centre of the prox step: the last inner iterate
x_i^t    ``work[OUTPUT]``      output: inner iterates weighted by 1, 2, …, M
y_i      ``own[DUAL]``         dual variable; the message is c^t + x^t − c^{t-1}
C_M      ``slack_factor``      (2/(M+1)) (1/2 + 4 Σ_{j<M} (j+1)/(j+2)), below 8
=======  ====================  ==========================================================

As ``networks/mspd``, with the inner loop started at c + ηy and, on a ball, with lazy projection:
of the closed form, never of the recursion. f̄ − min f̄ ≤ R L_ℓ (Δ̃/T + C_M/(MΔ̃)).

Source: the extrapolation of Lan, Lee & Zhou 2017 (communication sliding) in Algorithm 3 of Scaman
et al. 2019; the inner loop is follow-the-leader on weighted quadratics.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import ClassVar

from harness import Bound, Task
from harness_networks.ball import project_onto
from harness_networks.mspd import MSPD
from harness_networks.optimizer import Facts
from harness_networks.theory import gap_guarantee

__all__ = ["MSPDAveraged", "slack_factor"]

CENTRE, DUAL, SUM = range(3)  # own
PULL, LEADER, POINT, OUTPUT, GRADIENT = range(5)  # work


def slack_factor(inner: int) -> float:
    """C_M."""
    summed = sum((j + 1.0) / (j + 2.0) for j in range(1, inner))
    return 2.0 / (inner + 1.0) * (0.5 + 4.0 * summed)


@dataclass(frozen=True, kw_only=True)
class MSPDAveraged(MSPD):
    """Multi-step primal-dual that hands on the average of its inner iterates.

    Parameters
    ----------
    rounds, inner
        T and M; 0: as the proof needs them for the task's ε.
    """

    workspace: ClassVar[int] = 5
    inner_factor: ClassVar[float] = 16.0  # C_M is below 8

    def guarantees(self, task: Task, facts: Facts | None = None) -> Sequence[Bound]:
        if facts is None or self.dual_scale != 1.0:
            return ()
        known = facts.known
        rounds, inner = self.design(known)
        mixing = 1.0 / sqrt(known.gamma)
        inexact = slack_factor(inner) / (inner * mixing)
        bound = known.radius * known.l_local * (mixing / rounds + inexact)
        return (gap_guarantee(facts, bound, "two-sequence MSPD; inexact three-point inequality"),)

    def step(parameters, known, node, t, own, work, received, message, subgradient, local):
        centre, dual, total = own[CENTRE], own[DUAL], own[SUM]
        pull, leader, point = work[PULL], work[LEADER], work[POINT]
        output, gradient = work[OUTPUT], work[GRADIENT]
        inner, eta = parameters.inner, parameters.eta
        for c in range(centre.size):
            dual[c] -= parameters.sigma * received[c]
            pull[c] = centre[c] + eta * dual[c]
        for c in range(centre.size):
            leader[c] = pull[c]
            output[c] = 0.0
        for m in range(inner):
            project_onto(parameters.ball, leader, point)
            weight = 2.0 * (m + 1.0) / (inner * (inner + 1.0))
            for c in range(centre.size):
                output[c] += weight * point[c]
            subgradient(local, point, gradient)
            kept, taken = m / (m + 2.0), 2.0 / (m + 2.0)
            for c in range(centre.size):
                leader[c] = kept * leader[c] + taken * (pull[c] - parameters.share * gradient[c])
        project_onto(parameters.ball, leader, point)
        for c in range(centre.size):
            message[c] = point[c] + output[c] - centre[c]
        for c in range(centre.size):
            centre[c] = point[c]
            total[c] += output[c]
