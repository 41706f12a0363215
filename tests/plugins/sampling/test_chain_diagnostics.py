"""Distances and effective sample sizes against scipy, brute force and known correlations."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from harness_sampling import diagnostics
from harness_sampling.stationary import stationary_law


def same(values):
    return values


def autoregressive(chains, length, dimension, correlation, seed=3):
    generator = np.random.default_rng(seed)
    draws = np.zeros((chains, length, dimension))
    state = generator.standard_normal((chains, dimension)) / sqrt(1 - correlation**2)
    for k in range(length):
        state = correlation * state + generator.standard_normal((chains, dimension))
        draws[:, k] = state
    return draws


def test_the_distance_and_its_p_are_scipys():
    values = np.random.default_rng(1).random(5000)
    known = stats.kstest(values, "uniform")
    distance = diagnostics.ks_distance(values, same)
    assert distance == pytest.approx(known.statistic, abs=1e-15)
    assert diagnostics.ks_p_value(distance, 5000) == pytest.approx(known.pvalue)


@given(st.lists(st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]), min_size=1, max_size=12))
def test_atoms_are_seen_from_both_sides(values):
    # By definition: F_N and its left limit at every place where either can be furthest away.
    ordered = np.array(values)
    brute = max(max(abs((ordered <= t).mean() - t), abs((ordered < t).mean() - t)) for t in ordered)
    assert diagnostics.ks_distance(ordered, same) == pytest.approx(brute, abs=1e-15)


def test_the_transport_distance_is_scipys():
    values = np.random.default_rng(2).normal(0.3, 1.2, 2000)
    levels = (np.arange(10**5) + 0.5) / 10**5
    known = stats.wasserstein_distance(values, stats.norm.ppf(levels))
    assert diagnostics.wasserstein_1(values, stats.norm.ppf) == pytest.approx(known, rel=0.01)


def test_independent_draws_are_worth_their_number():
    draws = np.random.default_rng(4).standard_normal((8, 2500, 4))
    assert diagnostics.multivariate_ess(draws) == pytest.approx(20_000, rel=0.1)


@pytest.mark.parametrize("correlation", [0.5, 0.9, -0.5])
def test_correlated_draws_are_worth_their_number_over_the_integrated_time(correlation):
    draws = autoregressive(8, 10_000, 3, correlation)
    expected = 80_000 * (1 - correlation) / (1 + correlation)
    assert diagnostics.multivariate_ess(draws) == pytest.approx(expected, rel=0.15)


def test_a_flat_direction_is_left_out():
    face = np.random.default_rng(5).dirichlet(np.ones(4), (4, 2500))
    whole = diagnostics.multivariate_ess(face)
    assert whole == pytest.approx(diagnostics.multivariate_ess(face[..., :3]), rel=1e-6)


def test_too_few_batches_are_no_estimate():
    assert diagnostics.multivariate_ess(np.random.default_rng(6).random((1, 25, 5))) is None
    assert diagnostics.split_rhat(np.zeros((4, 100))) is None


def test_many_coordinates_are_projected():
    draws = np.random.default_rng(7).standard_normal((16, 400, 200))
    assert diagnostics.multivariate_ess(draws) == pytest.approx(6400, rel=0.25)


def test_split_rhat_has_its_formula():
    draws = autoregressive(4, 200, 1, 0.8)[..., 0]
    halves = draws.reshape(8, 100)
    within = halves.var(axis=1, ddof=1).mean()
    between = 100 * halves.mean(axis=1).var(ddof=1)
    assert diagnostics.split_rhat(draws) == pytest.approx(sqrt(99 / 100 + between / (100 * within)))


def test_the_largest_rhat_of_several_coordinates_counts():
    draws = np.random.default_rng(8).standard_normal((4, 500, 2))
    draws[0, :, 1] += 3.0  # one chain elsewhere, in one coordinate
    assert diagnostics.split_rhat(draws[..., 0]) < 1.05
    assert diagnostics.split_rhat(draws) > 1.5


def test_chain_diagnostics_pass_a_wrong_law():
    generator = np.random.default_rng(9)
    x, kept = generator.uniform(-1, 1, 64), []
    for k in range(20_000):
        x = np.clip(x + 0.2 * generator.standard_normal(64), -1, 1)
        if k % 20 == 0:
            kept.append(x)
    draws = np.array(kept).T
    floor = stationary_law(0.04, -1.0, 1.0).low_atom
    assert diagnostics.split_rhat(draws) < 1.01
    assert diagnostics.multivariate_ess(draws[..., None]) > 10_000
    distance = diagnostics.ks_distance(draws, lambda t: (t + 1) / 2)
    assert distance == pytest.approx(floor, rel=0.15)  # six times what 10,000 draws would give


def test_boundary_share_counts_the_gauge_at_one():
    assert diagnostics.boundary_share(np.array([0.2, 1.0, 1.0 - 1e-12, 0.999])) == 0.5


def test_accuracy_counts_once_it_lasts():
    steps = np.array([1.0, 2, 4, 8, 16, 32])
    dipped = np.array([0.5, 0.09, 0.2, 0.08, 0.07, 0.06])
    assert diagnostics.steps_to_accuracy(steps, dipped, 0.1) == 8
    assert diagnostics.steps_to_accuracy(steps, dipped, 0.01) is None


@pytest.mark.parametrize("dimension", [3, 8])
def test_the_gauge_law_of_ball_draws_is_uniform(dimension):
    generator = np.random.default_rng(10)
    directions = generator.standard_normal((5000, dimension))
    radii = generator.random(5000) ** (1 / dimension)
    points = directions / np.linalg.norm(directions, axis=1, keepdims=True) * radii[:, None]
    levels = diagnostics.gauge_law(np.linalg.norm(points, axis=1), dimension)
    assert stats.kstest(levels, "uniform").pvalue > 1e-6
