"""Projected stochastic-gradient Langevin dynamics: projected Langevin with minibatch gradients.

The minibatch's own noise adds (η/2)² times its variance to a step: a further bias, of order η. One
oracle call is one row's gradient.

Source: Welling & Teh 2011; Lamperski 2021 for the projected chain.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from annotated_types import Ge

from harness_sampling.projected_langevin import ProjectedLangevin
from harness_sampling.serving import refuse_unserved

if TYPE_CHECKING:
    from harness_sampling.problem import Body, Target

__all__ = ["ProjectedSGLD"]


@dataclass(frozen=True, kw_only=True)
class ProjectedSGLD(ProjectedLangevin):
    """Projected Langevin on gradients of ``batch`` rows.

    Parameters
    ----------
    batch
        Rows of a minibatch, drawn anew each step for each chain.
    control_variate
        Take the gradient at the mode and correct it by the minibatch's difference from there.
    """

    batch: Annotated[int, Ge(1)] = 32
    control_variate: bool = False

    def check(self, body: Body, target: Target) -> None:
        """Refuse a target that has no rows to draw from."""
        refuse_unserved("sampling/projected-sgld", body, target)
        super().check(body, target)
