"""Projected Langevin with Richardson's extrapolation in the step.

The bias of an expectation is c₁√η + c₂η + …, so the weights are those for √η:
2E(η/4) − E(η), or (8E(η/16) − 6E(η/4) + E(η))/3. The textbook's 2E(η/2) − E(η), for a bias of
order η, leaves √2 − 1 of it; it is here to be seen doing so. Expectations only: there is no chain
whose draws have the extrapolated law.

Source: derived; section 3.4 of the notes on the paper's bias.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, ClassVar, Literal

from harness_sampling.projected_langevin import ProjectedLangevin
from harness_sampling.sampler import Sampler
from harness_sampling.serving import refuse_unserved

if TYPE_CHECKING:
    from harness_sampling.problem import Body, Target

__all__ = ["RichardsonLangevin"]

# (weight, step over that of the coarsest run)
_RUNS = {
    "right": ((2.0, 1 / 4), (-1.0, 1.0)),
    "three": ((8 / 3, 1 / 16), (-2.0, 1 / 4), (1 / 3, 1.0)),
    "wrong": ((2.0, 1 / 2), (-1.0, 1.0)),
}


@dataclass(frozen=True, kw_only=True)
class RichardsonLangevin(ProjectedLangevin):
    """Expectations extrapolated over steps.

    Parameters
    ----------
    weights
        ``right``: kills √η; ``three``: kills √η and η, with three runs; ``wrong``: as if the bias
        were of order η.
    """

    has_draws: ClassVar[bool] = False

    weights: Literal["right", "three", "wrong"] = "right"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.schedule not in ("step", "smoothness"):
            raise ValueError(
                "Richardson's extrapolation needs a step to refine: schedule step or smoothness, "
                f"got {self.schedule}"
            )

    def runs(self) -> tuple[tuple[float, Sampler], ...]:
        """Weights and plain chains whose weighted expectations are the answer."""
        own = {each.name: getattr(self, each.name) for each in fields(ProjectedLangevin)}
        plain = ProjectedLangevin(**own)
        return tuple(
            (weight, replace(plain, eta=self.eta * finer, scale=self.scale * finer))
            for weight, finer in _RUNS[self.weights]
        )

    def check(self, body: Body, target: Target) -> None:
        """As each of the chains."""
        refuse_unserved("sampling/richardson-langevin", body, target)
        for _, each in self.runs():
            each.check(body, target)
