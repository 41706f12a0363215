"""The kind ``StepRule``: a step of projected Langevin from dimension and accuracy.

A chain with step η has a share of its time on the boundary where the target has none, so its
distance to the target is at least that share. A rule that wants accuracy ε picks the step whose
share is somewhat below ε.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Interval

from harness import Method
from harness_sampling.stationary import step_for_flat_share, step_for_share

__all__ = ["StepFromFloor", "StepRule"]

BodyName = Literal["box", "ball"]


@dataclass(frozen=True, kw_only=True)
class StepRule(Method):
    """A rule for η on a body of half-width or radius 1, uniform target."""

    @abstractmethod
    def step(self, body: BodyName, dimension: int, epsilon: float) -> float:
        """η, the variance of one noise increment."""


@dataclass(frozen=True, kw_only=True)
class StepFromFloor(StepRule):
    """The step at which the boundary's share is ``share`` of ε.

    Exact on the box. On the ball the flat boundary's formula (n s/√2)/(1 + n ρ s) is used; the
    sphere's curvature adds to it, so ``share`` leaves room.

    Parameters
    ----------
    share
        Of ε.
    of_dimension
        The dimension whose step is taken; 0: the task's own.
    """

    share: Annotated[float, Interval(gt=0, lt=1)] = 0.85
    of_dimension: Annotated[int, Ge(0)] = 0

    def step(self, body: BodyName, dimension: int, epsilon: float) -> float:
        """η at which the share is reached."""
        whose, floor = self.of_dimension or dimension, self.share * epsilon
        if body == "box":
            return step_for_share(whose, floor)
        return step_for_flat_share(whose, floor)
