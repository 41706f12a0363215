"""Sampling from log-concave laws on convex bodies.

``sampler`` has the kind and its driver, ``problem`` what bodies and targets are, ``chains`` a batch
under way; a body, a target law, a method and a task are a file each. Only names stand here: a
module is imported when its first name is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from harness import hookimpl

if TYPE_CHECKING:
    from harness_sampling.sampler import Facts as Facts
    from harness_sampling.sampler import Oracles as Oracles
    from harness_sampling.sampler import Sampler as Sampler

__all__ = ["Facts", "Oracles", "Sampler"]

_METHODS = {
    "sampling/projected-langevin": "harness_sampling.projected_langevin:ProjectedLangevin",
    "sampling/richardson-langevin": "harness_sampling.richardson_langevin:RichardsonLangevin",
    "sampling/hit-and-run": "harness_sampling.hit_and_run:HitAndRun",
    "sampling/coordinate-hit-and-run": "harness_sampling.hit_and_run:CoordinateHitAndRun",
    "sampling/ball-walk": "harness_sampling.ball_walk:BallWalk",
    "sampling/dikin-walk": "harness_sampling.dikin_walk:DikinWalk",
    "sampling/myula": "harness_sampling.myula:MYULA",
    "sampling/mirrored-langevin": "harness_sampling.mirrored_langevin:MirroredLangevin",
    "sampling/projected-sgld": "harness_sampling.projected_sgld:ProjectedSGLD",
    "sampling/step-from-floor": "harness_sampling.step_rule:StepFromFloor",
}

_TASKS = {
    "sampling/box": "harness_sampling.body_tasks:BoxTask",
    "sampling/ball": "harness_sampling.body_tasks:BallTask",
    "sampling/simplex": "harness_sampling.body_tasks:SimplexTask",
    "sampling/l1-ball": "harness_sampling.body_tasks:L1BallTask",
    "sampling/ellipsoid": "harness_sampling.body_tasks:EllipsoidTask",
    "sampling/box-ball": "harness_sampling.body_tasks:BoxBallTask",
    "sampling/polytope": "harness_sampling.body_tasks:PolytopeTask",
    "sampling/volume": "harness_sampling.volume:Volume",
    "sampling/logistic": "harness_sampling.logistic:Logistic",
    "sampling/growth-box": "harness_sampling.growth:GrowthBox",
    "sampling/growth-ball": "harness_sampling.growth:GrowthBall",
}


@hookimpl
def harness_methods() -> Mapping[str, str]:
    """Samplers, and the rule for a step, by name."""
    return _METHODS


@hookimpl
def harness_tasks() -> Mapping[str, str]:
    """Bodies with a target law, by name."""
    return _TASKS


@hookimpl
def harness_kinds() -> Mapping[str, str]:
    """The kinds that the tasks call."""
    return {
        "sampling/sampler": "harness_sampling.sampler:Sampler",
        "sampling/step-rule": "harness_sampling.step_rule:StepRule",
    }


@hookimpl
def harness_datasets() -> Mapping[str, str]:
    """Two of LIBSVM's data sets, for the regression."""
    return {
        "libsvm-a1a": "harness_sampling.libsvm:A1A",
        "libsvm-heart": "harness_sampling.libsvm:HEART",
    }


def __getattr__(name: str) -> Any:
    """The kind and its records on first use; ``import harness_sampling`` imports no numpy."""
    if name not in __all__:
        raise AttributeError(f"module 'harness_sampling' has no attribute {name!r}")
    from harness_sampling import sampler

    return getattr(sampler, name)
