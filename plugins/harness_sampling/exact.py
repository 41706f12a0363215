"""The exact law of a target on a body, where one is known.

=============  ======================================================================
target         bodies
=============  ======================================================================
uniform        all; of a polytope and of an intersection only the gauge's law is known
Gaussian       box about 0 with equal sides, ball
tilt           box; the simplex's face
Dirichlet      the simplex's face
=============  ======================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import sqrt
from typing import Any

import numpy as np

from harness_sampling.law import ExactLaw
from harness_sampling.problem import Body, Target
from harness_sampling.uniform_laws import (
    dirichlet,
    uniform_ball,
    uniform_body,
    uniform_box,
    uniform_box_and_ball,
    uniform_ellipsoid,
    uniform_l1_ball,
    uniform_simplex,
    uniform_solid_simplex,
)
from harness_sampling.weighted_laws import gaussian_ball, gaussian_box, linear_box, tilted_simplex

__all__ = ["ExactLaw", "reference"]


def reference(body: Body, target: Target) -> ExactLaw | None:
    """What the draws of a sampler are held against; ``None`` where no law is known."""
    if target.name == "uniform":
        known = _UNIFORM.get(body.name)
        return uniform_body(body.flat) if known is None else known(body)
    known = _WEIGHTED.get((target.name, body.name))
    return None if known is None else known(body, target)


def _gaussian_on_box(body: Any, target: Any) -> ExactLaw | None:
    half = body.high[0]
    if (body.high != half).any() or (body.low != -half).any():
        return None
    return gaussian_box(body.dimension, float(half), sqrt(0.5 / target.a))


def _tilt_on_box(body: Any, target: Any) -> ExactLaw | None:
    return linear_box(body.low, body.high, target.c) if np.all(target.c) else None


def _tilt_on_face(body: Any, target: Any) -> ExactLaw | None:
    return tilted_simplex(target.c) if body.total == 1.0 else None


_UNIFORM: Mapping[str, Callable[[Any], ExactLaw]] = {
    "box": lambda body: uniform_box(body.low, body.high),
    "ball": lambda body: uniform_ball(body.dimension, body.radius),
    "simplex": lambda body: uniform_simplex(body.dimension, body.total),
    "solid-simplex": lambda body: uniform_solid_simplex(body.dimension, body.total),
    "l1-ball": lambda body: uniform_l1_ball(body.dimension, body.radius),
    "ellipsoid": lambda body: uniform_ellipsoid(body.centre, body.matrix),
    "box-ball": lambda body: uniform_box_and_ball(body.dimension, body.half, body.radius),
}

_WEIGHTED: Mapping[tuple[str, str], Callable[[Any, Any], ExactLaw | None]] = {
    ("gaussian", "box"): _gaussian_on_box,
    ("gaussian", "ball"): lambda body, target: gaussian_ball(
        body.dimension, body.radius, sqrt(0.5 / target.a)
    ),
    ("tilt", "box"): _tilt_on_box,
    ("tilt", "simplex"): _tilt_on_face,
    ("dirichlet", "simplex"): lambda body, target: dirichlet(target.alpha, body.total),
}
