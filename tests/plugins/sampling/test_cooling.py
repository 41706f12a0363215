"""Gaussian cooling: its schedule, and the exact bias of a projected chain."""

from __future__ import annotations

from itertools import pairwise
from math import exp, log, pi, sqrt

import numpy as np
import pytest
from scipy import integrate, special

from harness_sampling.cooling import first_volume, inverse_schedule, predicted_log_error

# The step of the volume experiment: η = 1/(β n²), β = 2a.
EXPERIMENT = {10: 0.5079, 20: 0.5386}


@pytest.mark.parametrize(("dimension", "phases"), [(10, 47), (20, 118)])
def test_the_schedule_has_its_phases(dimension, phases):
    inverses = inverse_schedule(dimension)
    assert len(inverses) - 1 == phases
    assert inverses[-1] == 0.0
    assert inverses[-2] <= 1 / dimension < inverses[-3]


@pytest.mark.parametrize(("dimension", "most"), [(10, 1.3e-5), (20, 1e-8)])
def test_exact_ratios_give_the_volume_but_for_the_first_gaussians_tails(dimension, most):
    inverses = inverse_schedule(dimension)
    # Z(a) of a box is a power of an integral.
    masses = [
        integrate.quad(lambda x, a=a: exp(-a * x * x), -1, 1, epsabs=1e-14)[0] for a in inverses
    ]
    ratios = sum(dimension * log(after / before) for before, after in pairwise(masses))
    error = first_volume(dimension, inverses[0]) + ratios - dimension * log(2)
    assert 0 <= error < most


@pytest.mark.parametrize("dimension", EXPERIMENT)
def test_the_experiments_step_has_the_computed_bias(dimension):
    found = predicted_log_error(dimension, 1.0, lambda a: 1 / (2 * a * dimension**2))
    assert found == pytest.approx(EXPERIMENT[dimension], abs=1e-4)


@pytest.mark.parametrize(("finer", "bias"), [(4, 0.2549)])
def test_the_bias_follows_the_root_of_the_step(finer, bias):
    found = predicted_log_error(10, 1.0, lambda a: 1 / (finer * 2 * a * 100))
    assert found == pytest.approx(bias, abs=1e-4)
    assert found == pytest.approx(EXPERIMENT[10] / sqrt(finer), rel=0.01)


def test_extrapolation_in_the_root_of_the_step_removes_it():
    full, quarter = (
        predicted_log_error(10, 1.0, lambda a, s=s: s / (2 * a * 100)) for s in (1.0, 0.25)
    )
    assert 2 * quarter - full == pytest.approx(0.0019, abs=1e-4)


def test_a_least_smoothness_lowers_it():
    found = predicted_log_error(10, 1.0, lambda a: 1 / (max(2 * a, 1) * 100))
    assert found == pytest.approx(0.4198, abs=1e-4)


def test_in_many_dimensions_the_bias_nears_the_integral_of_first_order():
    rho = 0.58259715793901

    def slope(root):  # in b = √a, where the integrand is smooth
        edge = exp(-root * root) / (sqrt(pi) * special.erf(root) / root)
        second = 1 / (2 * root * root) - edge / (root * root)
        return 2 * rho * edge * (1 - second) / (sqrt(2) * root) * 2 * root

    limit, _ = integrate.quad(slope, 1e-6, 12)
    assert limit == pytest.approx(0.608, abs=2e-3)
    biases = [predicted_log_error(n, 1.0, lambda a, n=n: 1 / (2 * a * n * n)) for n in (5, 10)]
    assert (np.diff(biases) > 0).all()
    assert biases[-1] < limit
