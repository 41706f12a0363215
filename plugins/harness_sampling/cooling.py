"""Gaussian cooling: a volume from a sequence of Gaussians, and what a wrong law makes of it.

=========  ============  ================================================================
here       meaning
=========  ============  ================================================================
a          inverse       the phase's density is exp(−a|x|²) on the body: a = 1/(2σ²)
Z(a)       ∫ exp(−a|x|²) over the body; Z(0) is the volume
=========  ============  ================================================================

With a_0 so large that the body hardly cuts its Gaussian, V = (π/a_0)^{n/2} Π_i Z(a_{i+1})/Z(a_i),
and each ratio is the mean of exp((a_i − a_{i+1})|x|²) under the i-th Gaussian.

A sampler whose law is slightly too wide errs upwards in every ratio, and the errors add: d log Z/da
is −E|x|². For projected Langevin on a box the law of each phase is known, so is the sum.

Source: Cousins & Vempala, with the schedule of Bubeck, Eldan & Lehec 2015 as remembered; the
bias derived.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from math import log, pi, sqrt

import numpy as np

from harness_sampling.arrays import FloatArray
from harness_sampling.stationary import stationary_law

__all__ = ["first_volume", "inverse_schedule", "predicted_log_error"]

_UNCUT = 6.5  # standard deviations from the ends beyond which a chain meets none


def inverse_schedule(dimension: int) -> tuple[float, ...]:
    """The a of each phase, and 0 at the end: a_0 = (n + √(8 n ln 10))/2, then times 1 − 1/n."""
    inverses = [(dimension + sqrt(8 * dimension * log(10))) / 2]
    while inverses[-1] > 1 / dimension:
        inverses.append(inverses[-1] * (1 - 1 / dimension))
    return (*inverses, 0.0)


def first_volume(dimension: int, inverse: float) -> float:
    """Logarithm of ∫ exp(−a|x|²) over all of R^n."""
    return dimension / 2 * log(pi / inverse)


def predicted_log_error(dimension: int, half_width: float, step: Callable[[float], float]) -> float:
    """Exact log V̂ − log V of projected Langevin on [−h, h]^n, run for ever.

    Parameters
    ----------
    step
        η of the phase with inverse a.
    """
    inverses = inverse_schedule(dimension)
    total = first_volume(dimension, inverses[0])
    for inverse, following in pairwise(inverses):
        ratio = _log_mean(inverse, inverse - following, half_width, step(inverse))
        total += dimension * ratio
    return total - dimension * log(2 * half_width)


def _log_mean(inverse: float, growth: float, half_width: float, step: float) -> float:
    """Logarithm of E exp(growth · x²) of one coordinate's stationary chain."""
    # Without ends the chain is Gaussian with this variance.
    variance = 1 / (2 * inverse) / (1 - step * inverse / 2)
    left = 1 - 2 * growth * variance  # the weighted law is a Gaussian, wider by 1/√left
    if left > 0 and half_width > _UNCUT * sqrt(variance / left):
        return -0.5 * log(left)
    law = stationary_law(step, -half_width, half_width, curvature=2 * inverse)

    def weight(x: FloatArray) -> FloatArray:
        return np.exp(growth * x * x)

    return log(law.mean_of(weight))
