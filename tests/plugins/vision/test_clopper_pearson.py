"""Bounds on shares against scipy, the published saturation values, and each other."""

from __future__ import annotations

from math import inf, isnan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtr
from scipy.stats import beta, binomtest

from harness_vision.certification.confidence import (
    draws_needed,
    largest_certificate,
    lower_bound,
    most_hits_below,
    radius_of,
    smallest_hits,
    upper_bound,
)
from harness_vision.certification.predict import tie_p_value, vote

counts = st.integers(1, 20_000).flatmap(
    lambda draws: st.tuples(st.integers(0, draws), st.just(draws))
)
levels = st.sampled_from([0.2, 0.05, 0.01, 0.001, 3e-5])


@given(counts, levels)
def test_the_lower_bound_is_the_beta_quantile(count, alpha):
    hits, draws = count
    expected = beta.ppf(alpha, hits, draws - hits + 1) if hits else 0.0
    assert lower_bound(hits, draws, alpha) == pytest.approx(expected, rel=1e-9)


@given(counts, levels)
def test_the_upper_bound_is_the_beta_quantile(count, alpha):
    hits, draws = count
    expected = beta.ppf(1 - alpha, hits + 1, draws - hits) if hits < draws else 1.0
    assert upper_bound(hits, draws, alpha) == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize("hits", [0, 1, 37, 99, 100])
def test_scipys_two_sided_interval_at_twice_alpha_has_the_same_lower_end(hits):
    interval = binomtest(hits, 100).proportion_ci(1 - 2 * 0.001, method="exact")
    assert lower_bound(hits, 100, 0.001) == pytest.approx(interval.low, abs=1e-12)


@pytest.mark.parametrize(
    ("draws", "hits", "bound", "radius"),
    [
        (100, 0, 0.0, None),
        (100, 1, 0.0000100050, None),
        (100, 50, 0.34479801, None),
        (100, 66, 0.50164995, 0.00414),
        (100, 99, 0.91137311, 1.34926),
        (100, 100, 0.93325430, 1.50048),
        (1_000, 1_000, 0.99311605, 2.46326),
        (10_000, 10_000, 0.99930946, 3.19858),
        (100_000, 50_000, 0.49510904, None),
        (100_000, 50_490, 0.50000895, 0.0000224),
        (100_000, 60_000, 0.59520105, 0.240945),
        (100_000, 99_000, 0.98898934, 2.290000),
        (100_000, 99_999, 0.99990767, 3.73913),
        (100_000, 100_000, 0.99993092, 3.81146),
    ],
)
def test_worked_numbers(draws, hits, bound, radius):
    found = lower_bound(hits, draws, 0.001)
    assert found == pytest.approx(bound, abs=5e-9)
    if radius is None:
        assert found < 0.5
    else:
        assert radius_of(found, 1.0) == pytest.approx(radius, abs=5e-6)


def test_every_hit_gives_alpha_to_one_over_n_and_one_hit_its_closed_form():
    for draws in (1, 10, 100_000):
        assert lower_bound(draws, draws, 0.01) == pytest.approx(0.01 ** (1 / draws), rel=1e-12)
        assert lower_bound(1, draws, 0.01) == pytest.approx(1 - 0.99 ** (1 / draws), rel=1e-9)


@given(st.integers(1, 5_000), st.floats(0.01, 0.9999), levels)
def test_the_smallest_count_is_the_first_whose_bound_reaches_the_share(draws, share, alpha):
    fewest = smallest_hits(share, draws, alpha)
    assert fewest == draws + 1 or lower_bound(fewest, draws, alpha) >= share * (1 - 1e-9)
    assert lower_bound(fewest - 1, draws, alpha) <= share * (1 + 1e-9)


def test_the_counts_that_a_radius_needs_at_a_hundred_thousand_draws():
    radii = (0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5)
    found = [smallest_hits(float(ndtr(r)), 100_000, 0.001) for r in radii]
    assert found == [50_490, 69_598, 84_492, 93_563, 97_870, 99_455, 99_900, 99_991]


@given(st.integers(1, 5_000), st.floats(0.01, 0.9999), levels)
def test_the_most_hits_below_a_share_is_the_last_whose_bound_is_below(draws, share, beta_level):
    most = most_hits_below(share, draws, beta_level)
    assert most == -1 or upper_bound(most, draws, beta_level) <= share * (1 + 1e-9)
    assert most == draws or upper_bound(most + 1, draws, beta_level) >= share * (1 - 1e-9)


def test_a_share_above_one_is_out_of_reach_of_any_count():
    assert most_hits_below(1.00001, 100, 0.001) == 100
    assert smallest_hits(1.0, 100, 0.001) == 101


@pytest.mark.parametrize(("radius", "draws"), [(2, 301), (2.5, 1_109), (3, 5_114), (3.5, 29_691)])
def test_the_draws_that_a_radius_needs_when_all_hit(radius, draws):
    assert draws_needed(radius, 1.0, 0.001) == draws
    assert largest_certificate(1.0, draws, 0.001) >= radius
    assert largest_certificate(1.0, draws - 1, 0.001) < radius


def test_a_radius_beyond_floats_needs_infinitely_many_draws():
    assert draws_needed(50.0, 1.0, 0.001) == inf
    assert not isnan(float(radius_of(1.0, 1.0)))


@pytest.mark.parametrize(
    ("first", "second", "p_value"),
    [(66, 34, 0.00178993), (67, 33, 0.00087372), (10, 0, 0.00195313), (11, 0, 0.00097656)],
)
def test_worked_p_values_of_a_vote(first, second, p_value):
    assert tie_p_value(first, second) == pytest.approx(p_value, abs=5e-9)


@given(st.integers(0, 400), st.integers(0, 400))
def test_the_p_value_of_a_vote_is_scipys(one, other):
    first, second = max(one, other), min(one, other)
    if first + second == 0:
        return
    expected = binomtest(first, first + second, 0.5).pvalue
    assert tie_p_value(first, second) == pytest.approx(expected, rel=1e-9)


def test_a_vote_abstains_where_the_test_does_and_sees_only_the_top_two():
    counts = np.array([[66, 34, 0], [33, 67, 0], [0, 10, 0], [0, 0, 11], [50, 20, 30]])
    assert vote(counts, 0.001).tolist() == [-1, 1, -1, 2, -1]
    assert vote(counts, 0.05).tolist() == [0, 1, 1, 2, 0]
