"""The discretised chain's exact law: tabulated numbers, closed forms, and a plain simulation."""

from __future__ import annotations

import os
import subprocess
import sys
from math import log, sqrt

import numpy as np
import pytest

from harness_sampling import stationary
from harness_sampling.stationary import stationary_law, uniform_atom

UNIFORM = {
    0.25: (0.13689857, 0.49866884, 0.4034859),
    0.1: (0.09440994, 0.44394599, 0.3360998),
    0.04: (0.06333135, 0.40593470, 0.2889218),
    0.01: (0.03340894, 0.37085679, 0.2455984),
    0.0025: (0.01717730, 0.35241780, 0.2230612),
    0.0004: (0.00698963, 0.34104699, 0.2092838),
    0.0001: (0.00351506, 0.33720368, 0.2046514),
}
LINEAR = [
    (1, 0.04, 0.18829178, 0.06165173, 0.38120912),
    (1, 0.01, 0.10211526, 0.03544017, 0.39943559),
    (1, 0.0004, 0.02194834, 0.00798081, 0.41427315),
    (4, 0.04, 0.45175683, 0.00520090, 0.14314864),
    (4, 0.0025, 0.13538373, 0.00220697, 0.20651841),
    (4, 0.0004, 0.05620335, 0.00098252, 0.22118256),
]
GAUSSIAN = [
    (0.5, 0.01, 0.00719788, 0.20422179),
    (0.5, 0.0025, 0.00377134, 0.19875272),
    (0.5, 0.0004, 0.00156044, 0.19555816),
    (1.0, 0.01, 0.02346119, 0.31921875),
    (1.0, 0.0025, 0.01211126, 0.30544980),
    (1.0, 0.0004, 0.00494329, 0.29692834),
]


def to_uniform(t):
    return (t + 1) / 2


@pytest.mark.parametrize("step", UNIFORM)
def test_the_uniform_target_has_the_tabulated_law(step):
    atom, second, fourth = UNIFORM[step]
    law = stationary_law(step, -1.0, 1.0)
    assert law.low_atom == pytest.approx(atom, abs=1e-8)
    assert law.second_moment == pytest.approx(second, abs=1e-8)
    assert law.moment(4) == pytest.approx(fourth, abs=1e-7)
    assert law.mean == 0.0


@pytest.mark.parametrize(("slope", "step", "low", "high", "mean"), LINEAR)
def test_the_linear_potential_has_the_tabulated_law(slope, step, low, high, mean):
    law = stationary_law(step, 0.0, 1.0, slope=slope)
    assert law.low_atom == pytest.approx(low, abs=1e-8)
    assert law.high_atom == pytest.approx(high, abs=1e-8)
    assert law.mean == pytest.approx(mean, abs=1e-8)


@pytest.mark.parametrize(("sigma", "step", "atom", "variance"), GAUSSIAN)
def test_the_gaussian_target_has_the_tabulated_law(sigma, step, atom, variance):
    law = stationary_law(step, -1.0, 1.0, curvature=1 / sigma**2)
    assert law.low_atom == pytest.approx(atom, abs=1e-8)
    assert law.variance == pytest.approx(variance, abs=1e-8)


def test_the_law_does_not_hang_on_the_linear_solvers_threads():
    code = (
        "from harness_sampling.stationary import stationary_law as law\n"
        "found = law(0.01, -1.0, 1.0), law(0.0004, 0.0, 1.0, slope=1.0)\n"
        "print([(each.mean.hex(), each.second_moment.hex()) for each in found])"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "OPENBLAS_NUM_THREADS": threads},
        ).stdout
        for threads in ("1", "2")
    }
    assert len(told) == 1


@pytest.mark.parametrize("step", [0.1, 0.01, 1e-4])
def test_the_atom_has_its_closed_form(step):
    assert abs(stationary_law(step, -1.0, 1.0).low_atom - uniform_atom(step)) < 1e-8


@pytest.mark.parametrize("step", [0.04, 0.0025])
def test_ks_distance_to_the_target_is_the_atom(step):
    law = stationary_law(step, -1.0, 1.0)
    assert law.ks(to_uniform) == pytest.approx(law.low_atom, abs=1e-12)


@pytest.mark.parametrize(("step", "floor"), [(0.0025, 0.01426), (0.0001, 0.00290)])
def test_wasserstein_distance_is_about_half_the_overshoot(step, floor):
    law = stationary_law(step, -1.0, 1.0)
    assert law.wasserstein(to_uniform) == pytest.approx(floor, abs=6e-6)
    assert floor == pytest.approx(stationary.LADDER * sqrt(step) / 2, rel=0.03)


def test_the_law_scales_with_the_interval():
    short, long = stationary_law(0.01, 0.0, 1.0), stationary_law(0.04, -1.0, 1.0)
    assert short.low_atom == pytest.approx(long.low_atom, abs=1e-12)
    assert short.variance == pytest.approx(long.variance / 4, abs=1e-12)


def test_in_the_interior_a_linear_potential_keeps_its_slope():
    law = stationary_law(0.0025, 0.0, 1.0, slope=4.0)
    half = np.diff(law.ends)[:, None] / 2
    density = law.masses / (half * np.polynomial.legendre.leggauss(10)[1])
    middle = (law.nodes > 0.4) & (law.nodes < 0.6)
    slope = np.polyfit(law.nodes[middle], np.log(density[middle]), 1)[0]
    assert slope == pytest.approx(-4.0, abs=1e-5)


def test_far_from_the_ends_the_chain_is_the_unprojected_one():
    step, curvature = 1e-4, 200.0
    law = stationary_law(step, -1.0, 1.0, curvature=curvature)
    assert law.variance == pytest.approx(1 / curvature / (1 - step * curvature / 4), rel=1e-10)
    assert abs(law.low_atom) < 1e-15


@pytest.mark.parametrize(("slope", "curvature"), [(2.0, 3.0), (0.0, 0.0)])
def test_elimination_band_and_dense_system_have_one_solution(slope, curvature):
    _, chain = stationary._open_chain(0.0016, 0.0, 1.0, slope, curvature)
    assert chain.size > 2 * stationary._WINDOW
    dense = stationary._dense_left_vector(chain)
    found = [
        stationary._eliminated(chain, chain.size),
        stationary._eliminated(chain, stationary._WINDOW),
        stationary._banded_left_vector(chain),
    ]
    for each in found:
        np.testing.assert_allclose(each, dense, atol=1e-12)


def test_rows_of_the_transition_matrix_sum_to_one():
    _, chain = stationary.folded_chain(0.01, 1.0, 4.0)
    whole = slice(0, chain.size)
    assert chain.block(whole, whole).sum(axis=1) == pytest.approx(1.0, abs=1e-13)


def test_the_bias_is_of_order_one_half():
    steps = [0.0025, 0.0001]
    biases = [stationary_law(step, -1.0, 1.0).second_moment - 1 / 3 for step in steps]
    assert np.diff(np.log(biases))[0] / np.diff(np.log(steps))[0] == pytest.approx(0.4957, abs=1e-4)
    assert biases[1] / sqrt(steps[1]) == pytest.approx(2 / 3 * stationary.LADDER, rel=0.01)


def test_extrapolation_is_in_the_root_of_the_step():
    full, half, quarter = (
        stationary_law(step, -1.0, 1.0).second_moment for step in (0.01, 0.005, 0.0025)
    )
    assert 2 * quarter - full - 1 / 3 == pytest.approx(0.000645, abs=1e-6)
    assert 2 * half - full - 1 / 3 == pytest.approx(0.016073, abs=1e-6)  # the textbook's weights


def clipped_chains(step, noise_variance, slope, low, count=4000, steps=1500, seed=5):
    """A plain simulation: states after ``steps`` steps, from the middle."""
    generator = np.random.default_rng(seed)
    x = np.full(count, (low + 1) / 2)
    kept = []
    for k in range(steps):
        x = x - step / 2 * slope + sqrt(noise_variance) * generator.standard_normal(count)
        x = np.clip(x, low, 1.0)
        if k >= steps // 2 and k % 50 == 0:
            kept.append(x)
    return np.array(kept)


def z_of(values, expected):
    """Of a mean over chains, each averaged over its own draws first."""
    by_chain = values.mean(axis=0)
    return (by_chain.mean() - expected) / (by_chain.std(ddof=1) / sqrt(by_chain.size))


def test_a_plain_simulation_has_the_computed_moments():
    draws = clipped_chains(0.01, 0.01, 0.0, -1.0)
    law = stationary_law(0.01, -1.0, 1.0)
    assert abs(z_of(draws**2, law.second_moment)) < 5  # by chance once in 10⁶
    assert abs(z_of(draws == 1.0, law.high_atom)) < 5


def test_a_plain_simulation_with_drift_has_the_computed_mean():
    draws = clipped_chains(0.0025, 0.0025, 4.0, 0.0)
    law = stationary_law(0.0025, 0.0, 1.0, slope=4.0)
    assert abs(z_of(draws, law.mean)) < 5
    assert abs(z_of(draws == 0.0, law.low_atom)) < 5


def test_noise_of_twice_the_variance_is_caught():
    draws = clipped_chains(0.01, 0.02, 0.0, -1.0)  # √(2η) for √η: the usual slip
    law = stationary_law(0.01, -1.0, 1.0)
    assert abs(z_of(draws**2, law.second_moment)) > 7
    assert abs(z_of(draws == 1.0, law.high_atom)) > 7


def test_the_cumulative_function_jumps_by_the_atoms():
    law = stationary_law(0.04, -1.0, 1.0)
    around = law.cdf(np.array([-1.0 - 1e-9, -1.0, 0.0, 1.0 - 1e-12, 1.0]))
    assert around == pytest.approx([0, law.low_atom, 0.5, 1 - law.high_atom, 1.0], abs=1e-9)


@pytest.mark.parametrize("share", [0.05, 0.5])
def test_the_step_for_a_share_has_that_share(share):
    step = stationary.step_for_share(20, share)
    atom = stationary_law(step, -1.0, 1.0).low_atom
    assert stationary.boundary_share_of(20, 2 * atom) == pytest.approx(share, abs=1e-6)


@pytest.mark.parametrize("step", [0.0, -1.0, float("nan")])
def test_a_step_that_is_not_positive_is_refused(step):
    with pytest.raises(ValueError, match="no chain"):
        stationary_law(step, -1.0, 1.0)


def test_a_step_too_small_to_solve_is_told():
    assert not stationary.is_solvable(1e-17, -1.0, 1.0)
    with pytest.raises(ValueError, match="states"):
        stationary_law(1e-17, -1.0, 1.0)
    assert log(uniform_atom(1e-17)) < -18  # the closed form goes on
