"""Exact laws and volumes against numbers from elsewhere, quadrature and direct draws."""

from __future__ import annotations

from math import exp, gamma, log, pi, sqrt

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from harness_sampling import uniform_laws as uniform
from harness_sampling import volumes
from harness_sampling import weighted_laws as weighted

DRAWS = 20_000
# Kolmogorov's p below this happens by chance once in 10⁶; about thirty such tests stand here.
RARE = 1e-6

LAWS = {
    "box": uniform.uniform_box(np.array([-1.0, 0.0]), np.array([1.0, 3.0])),
    "ball": uniform.uniform_ball(4, 2.0),
    "ellipsoid": uniform.uniform_ellipsoid(np.array([1.0, -1.0]), np.array([[2.0, 0.5], [0.5, 1]])),
    "face": uniform.uniform_simplex(5, 2.0),
    "solid simplex": uniform.uniform_solid_simplex(4),
    "l1 ball": uniform.uniform_l1_ball(5, 2.0),
    "box and ball": uniform.uniform_box_and_ball(6, 1.0, 1.2),
    "square and disc": uniform.uniform_box_and_ball(2, 1.0, 1.2),
    "Dirichlet": uniform.dirichlet(np.array([2.0, 3.0, 5.0])),
    "linear": weighted.linear_box(np.array([0.0, -1.0]), np.array([1.0, 2.0]), np.array([4.0, -1])),
    "Gaussian box": weighted.gaussian_box(3, 1.0, 0.5),
    "Gaussian ball": weighted.gaussian_ball(4, 1.0, 0.5),
    "tilt": weighted.tilted_simplex(np.array([0.0, 1.0, 2.0])),
}


@pytest.mark.parametrize("name", LAWS)
def test_direct_draws_follow_the_marginal(name):
    law = LAWS[name]
    draws = law.draw(np.random.default_rng(1), DRAWS)
    for coordinate in (0, law.dimension - 1):
        found = stats.kstest(law.cdf(coordinate, draws[:, coordinate]), "uniform")
        assert found.pvalue > RARE


@pytest.mark.parametrize("name", LAWS)
def test_moments_are_those_of_the_marginal(name):
    law = LAWS[name]
    for i in range(law.dimension):
        # E x = high − ∫F and E x² = high² − ∫ 2xF.
        grid = np.linspace(law.low[i], law.high[i], 4001)
        reached = law.cdf(i, grid)
        mean = law.high[i] - integrate.simpson(reached, x=grid)
        second = law.high[i] ** 2 - integrate.simpson(2 * grid * reached, x=grid)
        assert law.mean[i] == pytest.approx(mean, abs=1e-6)
        assert law.second_moment[i] == pytest.approx(second, abs=1e-6)


@pytest.mark.parametrize("name", LAWS)
def test_quantiles_invert_the_marginal(name):
    law, levels = LAWS[name], np.array([0.001, 0.1, 0.5, 0.9, 0.999])
    assert law.cdf(0, law.quantile(0, levels)) == pytest.approx(levels, abs=1e-5)


@pytest.mark.parametrize(
    ("law", "at", "expected"),
    [
        (uniform.uniform_ball(10), 0.3, 0.8403422637607204),
        (uniform.uniform_ball(3), 0.5, 0.84375),
        (uniform.uniform_simplex(5), 0.2, 0.5904),
        (uniform.uniform_l1_ball(5), 0.2, 0.83616),
        (weighted.gaussian_box(1, 1.0, 0.5), 0.3, 0.7365080614599712),
        (uniform.dirichlet(np.array([2.0, 3, 5])), 0.25, 0.6996612549),
    ],
)
def test_marginals_have_their_closed_forms(law, at, expected):
    assert law.cdf(0, np.array(at)) == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize(
    ("dimension", "sigma", "share", "second"),
    [
        (3, 0.5, 0.7250219892362586, 0.4575783657767757),
        (10, 0.3, 0.43786902079975465, 0.6643203496042505),
    ],
)
def test_a_gaussian_on_the_ball_has_a_truncated_chi_radius(dimension, sigma, share, second):
    law = weighted.gaussian_ball(dimension, 1.0, sigma)
    assert law.gauge_cdf(np.array(0.8**dimension)) == pytest.approx(share, abs=1e-12)
    assert law.second_moment.sum() == pytest.approx(second, abs=1e-12)


@pytest.mark.parametrize(("dimension", "sigma"), [(10, 0.3), (1000, 0.5), (1000, 0.02)])
def test_a_gaussian_on_a_ball_of_any_dimension_has_the_moments_of_many_digits(dimension, sigma):
    mpmath.mp.dps = 60
    half, end = mpmath.mpf(dimension) / 2, 1 / (2 * mpmath.mpf(sigma) ** 2)
    below = [mpmath.gammainc(half + k, 0, end, regularized=True) for k in (0, 1)]
    law = weighted.gaussian_ball(dimension, 1.0, sigma)
    second = float(mpmath.mpf(sigma) ** 2 * below[1] / below[0])
    assert law.second_moment[0] == pytest.approx(second, rel=1e-11)
    inner = mpmath.gammainc(half, 0, end * mpmath.mpf("0.998") ** 2, regularized=True) / below[0]
    gauge = float(law.gauge_cdf(np.array(0.998**dimension)))
    assert gauge == pytest.approx(float(inner), rel=1e-9)


def test_draws_of_a_gaussian_on_a_ball_of_1000_dimensions_have_its_laws():
    law = weighted.gaussian_ball(1000, 1.0, 0.5)
    draws = law.draw(np.random.default_rng(4), 400)
    assert stats.kstest(law.cdf(0, draws[:, :50].ravel()), "uniform").pvalue > RARE
    # |x|² is 0.997 … 1: its mean against the moment above, by its own spread.
    squares = (draws**2).sum(axis=1)
    apart = squares.mean() - 1000 * law.second_moment[0]
    assert abs(apart) < 5 * squares.std() / 20
    assert law.variance[0] == pytest.approx(draws.var(), rel=0.02)


def test_the_gauge_of_a_gaussian_on_the_box_is_that_of_its_draws():
    law = weighted.gaussian_box(3, 1.0, 0.5)
    gauge = np.abs(law.draw(np.random.default_rng(2), DRAWS)).max(axis=1)
    assert stats.kstest(law.gauge_cdf(gauge**3), "uniform").pvalue > RARE


def test_the_tilt_on_a_triangle_has_its_quadrature():
    law = weighted.tilted_simplex(np.array([0.0, 1.0, 2.0]))
    assert weighted.simplex_normaliser([0.0, 1.0, 2.0]) == pytest.approx((1 - exp(-1)) ** 2)
    assert law.mean == pytest.approx([0.4206735942, 0.3226062253, 0.2567201805], abs=1e-10)


@given(st.lists(st.floats(-5, 5), min_size=3, max_size=9))
@settings(max_examples=40)
def test_the_normaliser_is_the_divided_difference_in_many_digits(tilt):
    mpmath.mp.dps = 250
    # Equal entries have no divided difference in this form: they are moved apart by 10⁻²⁰.
    exact = [mpmath.mpf(c) + mpmath.mpf(10) ** -20 * j for j, c in enumerate(tilt)]
    total = mpmath.mpf(0)
    for i, c in enumerate(exact):
        others = mpmath.fprod(each - c for j, each in enumerate(exact) if j != i)
        total += mpmath.exp(-c) / others
    expected = float(total * mpmath.factorial(len(tilt) - 1))
    assert weighted.simplex_normaliser(tilt) == pytest.approx(expected, rel=1e-9)


def test_coordinates_of_a_tilted_simplex_sum_to_one_in_a_hundred_dimensions():
    law = weighted.tilted_simplex(np.linspace(0, 40, 100))
    assert law.mean.sum() == pytest.approx(1.0, abs=1e-12)
    assert (np.diff(law.mean) < 0).all()  # the heavier the tilt, the smaller the coordinate


@pytest.mark.parametrize("dimension", [1, 2, 3, 10, 100])
def test_the_ball_has_the_volume_of_the_gamma_formula(dimension):
    known = dimension / 2 * log(pi) - float(mpmath.loggamma(dimension / 2 + 1))
    assert volumes.log_volume_of_ball(dimension) == pytest.approx(known, rel=1e-14)


def test_known_volumes():
    assert volumes.log_volume_of_ball(100) == pytest.approx(-91.24127265930304, rel=1e-13)
    assert exp(volumes.log_volume_of_ball(10)) == pytest.approx(2.550164039877345)
    assert exp(volumes.log_volume_of_solid_simplex(10)) == pytest.approx(2.755731922398589e-7)
    assert exp(volumes.log_volume_of_l1_ball(10)) == pytest.approx(2.821869488536155e-4)
    assert exp(volumes.log_volume_of_box(np.zeros(3), np.array([1.0, 2, 3]))) == pytest.approx(6.0)


def test_an_ellipse_has_the_volume_pi_over_the_root_of_its_determinant():
    matrix = np.array([[2.0, 0.5], [0.5, 1.0]])
    assert exp(volumes.log_volume_of_ellipsoid(matrix)) == pytest.approx(pi / sqrt(1.75))


@pytest.mark.parametrize(
    ("dimension", "volume"),
    [
        (4, pi**2 / 2),
        (5, 9.070693),
        (10, 198.416353),
        (20, 1.0898174730e5),
        (50, 2.4039255562e13),
        (100, 2.4998368e27),
    ],
)
def test_box_and_ball_has_its_tabulated_volume(dimension, volume):
    found = volumes.log_volume_of_box_and_ball(dimension, 1.0, sqrt(dimension) / 2)
    assert exp(found) == pytest.approx(volume, rel=3e-8)


def test_a_disc_that_leaves_the_square_has_its_area():
    found = exp(volumes.log_volume_of_box_and_ball(2, 1.0, 1.2))
    assert found == pytest.approx(3.8036445231404334, rel=1e-14)


@pytest.mark.parametrize("dimension", [3, 4, 5, 8])
@pytest.mark.parametrize("radius", [0.9, 1.3, 1.6])
def test_the_share_of_the_box_is_that_of_uniform_draws(dimension, radius):
    draws = np.random.default_rng(dimension).random((200_000, dimension))
    seen = ((draws**2).sum(axis=1) <= radius**2).mean()
    share = volumes.share_of_box_in_ball(dimension, radius**2)
    assert seen == pytest.approx(share, abs=5 * sqrt(share * (1 - share) / 200_000) + 1e-12)


@pytest.mark.parametrize("radius", [1.01, 1.3, 1.6])
def test_inversion_agrees_with_integrating_one_coordinate_out(radius):
    squared = radius**2
    ends = [sqrt(squared - k) for k in (1, 2, 3) if 0 < squared - k < 1]
    sliced, _ = integrate.quad(
        lambda u: volumes.share_of_box_in_ball(3, squared - u * u), 0, 1, points=ends, epsabs=1e-9
    )
    assert volumes.share_of_box_in_ball(4, squared) == pytest.approx(sliced, abs=1e-8)


def test_a_ball_that_contains_the_box_takes_all_of_it():
    assert volumes.share_of_box_in_ball(7, 7.0) == 1.0
    assert exp(volumes.log_volume_of_box_and_ball(7, 0.5, 10.0)) == pytest.approx(1.0)


def test_a_ball_within_the_box_has_the_volume_of_the_ball():
    inside = volumes.log_volume_of_box_and_ball(6, 1.0, 0.8)
    assert inside == volumes.log_volume_of_ball(6, 0.8)
    limit = volumes.log_volume_of_box_and_ball(6, 1.0, 1.0000001)
    assert limit == pytest.approx(log(pi**3 / gamma(4)), abs=1e-5)


def test_uniform_draws_of_any_body_have_a_uniform_gauge():
    draws = LAWS["box and ball"].draw(np.random.default_rng(3), DRAWS)
    gauge = np.maximum(np.abs(draws).max(axis=1), np.linalg.norm(draws, axis=1) / 1.2)
    assert stats.kstest(gauge**6, "uniform").pvalue > RARE


def test_a_law_tells_what_it_does_not_know():
    law = uniform.uniform_body(3)
    assert not law.has_marginals
    assert not law.can_draw
    assert law.has_gauge
    with pytest.raises(ValueError, match="marginals"):
        law.cdf(0, np.zeros(1))
