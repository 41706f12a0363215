"""Our quantiles and distribution functions against scipy and closed forms."""

from __future__ import annotations

import math

import pytest
from scipy import special, stats

from harness.stats.distributions import (
    beta_cdf,
    beta_quantile,
    normal_cdf,
    normal_quantile,
    t_cdf,
    t_quantile,
)

TAILS = (1e-12, 1e-8, 5e-5, 0.005, 0.025, 0.3, 0.499, 0.6, 0.975, 0.99995)
BETAS = ((1, 20), (3, 70), (72, 1), (500, 500), (2, 100_000), (100_000, 900_001), (37.5, 2.5))


@pytest.mark.parametrize("degrees", [1, 2, 3, 7, 29, 63, 999, 99_999])
def test_t_agrees_with_scipy(degrees):
    for tail in TAILS:
        quantile = float(stats.t.ppf(tail, degrees))
        assert t_quantile(tail, degrees) == pytest.approx(quantile, rel=1e-10)
        assert t_cdf(quantile, degrees) == pytest.approx(
            float(stats.t.cdf(quantile, degrees)), rel=1e-10
        )


@pytest.mark.parametrize(("a", "b"), BETAS)
def test_beta_agrees_with_scipy(a, b):
    for tail in TAILS:
        quantile = float(special.betaincinv(a, b, tail))
        assert beta_quantile(tail, a, b) == pytest.approx(quantile, rel=1e-10)
        expected = float(special.betainc(a, b, quantile))
        assert beta_cdf(quantile, a, b) == pytest.approx(expected, rel=1e-10)


def test_normal_agrees_with_scipy_far_into_the_tail():
    for tail in TAILS:
        assert normal_quantile(tail) == pytest.approx(float(stats.norm.ppf(tail)), rel=1e-10)
    for z in (-30.0, -8.0, -1.0, 0.0, 3.0):
        assert normal_cdf(z) == pytest.approx(float(stats.norm.cdf(z)), rel=1e-10)


def test_t_with_one_degree_is_cauchy():
    assert t_quantile(0.9, 1) == pytest.approx(math.tan(math.pi * 0.4), rel=1e-12)


def test_beta_with_one_parameter_of_one_is_a_power():
    assert beta_quantile(0.025, 72, 1) == pytest.approx(0.025 ** (1 / 72), rel=1e-12)
    assert beta_cdf(0.3, 5, 1) == pytest.approx(0.3**5, rel=1e-12)


@pytest.mark.parametrize("probability", [0.0, 1.0, -0.1, math.nan])
def test_a_probability_of_zero_or_one_has_no_quantile(probability):
    for quantile in (normal_quantile, lambda p: t_quantile(p, 5), lambda p: beta_quantile(p, 2, 3)):
        with pytest.raises(ValueError, match="between 0 and 1"):
            quantile(probability)


def test_impossible_parameters_are_refused():
    with pytest.raises(ValueError, match="positive"):
        t_cdf(1.0, 0)
    with pytest.raises(ValueError, match="positive"):
        beta_cdf(0.5, -1, 2)
