"""Projected Langevin Monte Carlo: X ← P_K(X − (η/2) ∇f(X) + √η ξ).

=======  ==============  ===============================================================
paper    here            what
=======  ==============  ===============================================================
η        ``eta``         variance of one noise increment; others' γ is η/2
N        ``steps_allowed``  steps of the paper's schedule (:mod:`harness_sampling.theorem`)
ε        ``eps``         accuracy in total variation that a schedule is for
=======  ==============  ===============================================================

At a fixed step the stationary law is off by an amount of order √η, with an atom on the boundary.

Source: Bubeck, Eldan & Lehec 2015, Algorithm 1.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from math import ceil, inf, log10, sqrt
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from annotated_types import Ge, Gt

from harness.random import fill_normals
from harness_sampling.arrays import FloatArray
from harness_sampling.flat import add_noise_and_drift, all_finite
from harness_sampling.guards import require_positive
from harness_sampling.sampler import Facts, Sampler
from harness_sampling.serving import refuse_unserved
from harness_sampling.stationary import step_for_flat_share
from harness_sampling.theorem import theorem_steps

if TYPE_CHECKING:
    from harness_sampling.problem import Body, Target

__all__ = ["LangevinParameters", "LangevinState", "ProjectedLangevin"]

_NOISE = 0  # tag of the draws

Schedule = Literal["step", "paper", "rescaled", "smoothness", "tuned"]


class LangevinParameters(NamedTuple):
    """√η and η/2."""

    sd: float
    half: float


class LangevinState(NamedTuple):
    """Room for noise and gradients."""

    noise: npt.NDArray[np.float32]  # (chains, n)
    slope: FloatArray  # (chains, n)


@dataclass(frozen=True, kw_only=True)
class ProjectedLangevin(Sampler):
    """Projected Langevin Monte Carlo.

    Parameters
    ----------
    schedule
        ``step``: η as given. ``paper``: η = R²/N with the theorem's N, run for at most ``cap``
        steps, and cut short where N is larger. ``rescaled``: η = R²/min(N, cap): no longer the
        theorem's step. ``smoothness``: η = scale/(max(β, least_smoothness) n²), that of the volume
        experiment. ``tuned``: the step at which about a share ``eps`` of the time is spent on a
        flat boundary of the body's inner radius.
    eta
        For ``step``.
    eps, cap
        For ``paper``, ``rescaled`` and ``tuned``.
    scale, least_smoothness
        For ``smoothness``.
    """

    schedule: Schedule = "step"
    eta: Annotated[float, Gt(0)] = 0.01
    eps: Annotated[float, Ge(0)] = 0.0
    cap: Annotated[int, Ge(1)] = 10_000_000
    scale: Annotated[float, Gt(0)] = 1.0
    least_smoothness: Annotated[float, Ge(0)] = 0.0

    def __post_init__(self) -> None:
        require_positive("the step eta", self.eta)
        require_positive("scale", self.scale)
        if self.schedule in ("paper", "rescaled", "tuned") and not 0.0 < self.eps < 1.0:
            raise ValueError(
                f"schedule: {self.schedule} needs an accuracy eps between 0 and 1, got {self.eps!r}"
            )

    def check(self, body: Body, target: Target) -> None:
        """Refuse what has no projection or no bounded gradient, and a step beyond the body."""
        from harness_sampling.problem import facts_of

        refuse_unserved("sampling/projected-langevin", body, target)
        facts = facts_of(body, target, 1)
        eta = self.step_size(facts)
        if eta > facts.outer_radius**2:
            warnings.warn(
                f"a step of eta = {eta:g} is longer than the body (R² = "
                f"{facts.outer_radius**2:g}): the chain jumps from face to face",
                stacklevel=2,
            )

    def step_size(self, facts: Facts) -> float:
        """η on a problem with these facts."""
        if self.schedule == "step":
            return self.eta
        if self.schedule == "smoothness":
            beta = max(facts.smoothness, self.least_smoothness)
            if not 0.0 < beta < inf:
                raise ValueError(
                    "schedule: smoothness has no step where the potential's smoothness is "
                    f"{facts.smoothness:g}; set least_smoothness, or schedule: step"
                )
            return self.scale / (beta * facts.flat * facts.flat)
        if self.schedule == "tuned":
            return facts.inner_radius**2 * step_for_flat_share(facts.flat, self.eps)
        steps = self._asked(facts)
        if log10(steps) > 300.0:
            raise ValueError(f"the theorem asks for 10^{log10(steps):.0f} steps: no such number")
        return facts.outer_radius**2 / ceil(steps)

    def _asked(self, facts: Facts) -> float:
        """Steps that schedule ``paper`` or ``rescaled`` is made for."""
        steps = theorem_steps(facts, self.eps)
        return steps if self.schedule == "paper" else min(steps, float(self.cap))

    def steps_allowed(self, facts: Facts) -> int | None:
        """The schedule's own length, at most ``cap``; ``None`` with a step of one's own."""
        if self.schedule not in ("paper", "rescaled"):
            return None
        return min(ceil(self._asked(facts)), self.cap)

    def fraction(self, facts: Facts, steps: int) -> float | None:
        """Share of the schedule that ``steps`` are: below 1 the run is cut short."""
        allowed = self.steps_allowed(facts)
        if allowed is None:
            return None
        return min(1.0, min(steps, allowed) / self._asked(facts))

    def parameters(self, facts: Facts) -> LangevinParameters:
        eta = self.step_size(facts)
        return LangevinParameters(sqrt(eta), 0.5 * eta)

    def state(self, facts: Facts) -> LangevinState:
        shape = (facts.chains, facts.dimension)
        return LangevinState(np.zeros(shape, np.float32), np.zeros(shape))

    def step(parameters, facts, k, key, state, x, oracles, target, body):
        fill_normals(state.noise, key, k, _NOISE)
        if facts.is_uniform:
            oracles.project_sum(oracles.project, body, x, state.noise, parameters.sd)
            return True
        size = x.size
        slope = state.slope.reshape(size)
        oracles.gradient(target, x, key, k, state.slope)
        if not all_finite(slope):
            return False
        noise = state.noise.reshape(size)
        add_noise_and_drift(x.reshape(size), noise, parameters.sd, slope, parameters.half)
        oracles.project(body, x)
        return True
