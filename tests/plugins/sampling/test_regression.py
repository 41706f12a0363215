"""The regression's oracles against numpy, quadrature and finite differences."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from harness_sampling.ball import Ball
from harness_sampling.logistic import load_rows
from harness_sampling.problem import no_calls
from harness_sampling.regression import Regression
from harness_sampling.sampler import GRADIENT, POTENTIAL

GENERATOR = np.random.default_rng(11)
ROWS = GENERATOR.standard_normal((40, 3))
LABELS = np.where(GENERATOR.random(40) < 0.5, -1.0, 1.0)
BODY = Ball(3, 1.5)
TARGET = Regression(ROWS, LABELS)


def loss(w):
    return np.log1p(np.exp(-LABELS * (ROWS @ w))).sum()


def points_in(count, seed=1):
    draws = np.random.default_rng(seed).standard_normal((count, 3))
    return 1.4 * draws / np.maximum(1.4, np.linalg.norm(draws, axis=1, keepdims=True))


def gradient_of(target, points, k=1):
    calls = no_calls()
    out = np.zeros_like(points)
    target.oracles.gradient(target.record(len(points), calls), points, 5, k, out)
    return out, calls


def test_the_potential_is_the_log_loss():
    points, calls = points_in(4), no_calls()
    out = np.zeros(4)
    TARGET.oracles.potential(TARGET.record(4, calls), points, out)
    assert out == pytest.approx([loss(each) for each in points], rel=1e-13)
    assert calls[POTENTIAL] == 4


def test_the_gradient_is_that_of_finite_differences():
    points = points_in(3)
    found, calls = gradient_of(TARGET, points)
    for place, w in enumerate(points):
        for j, axis in enumerate(np.eye(3)):
            slope = (loss(w + 1e-6 * axis) - loss(w - 1e-6 * axis)) / 2e-6
            assert found[place, j] == pytest.approx(slope, abs=1e-7)
    assert calls[GRADIENT] == 3 * 40  # a row's gradient each


@pytest.mark.parametrize("control_variate", [False, True])
def test_a_minibatchs_gradient_is_unbiased(control_variate):
    target = TARGET.with_batch(4, control_variate, BODY)
    points = np.repeat(points_in(1), 400, axis=0)
    found = np.concatenate([gradient_of(target, points, k)[0] for k in range(1, 6)])
    exact = gradient_of(TARGET, points[:1])[0][0]
    error = (found.mean(axis=0) - exact) / (found.std(axis=0, ddof=1) / np.sqrt(len(found)))
    assert np.abs(error).max() < 5  # by chance once in 10⁶
    assert gradient_of(target, points)[1][GRADIENT] == 400 * 4


def test_at_its_anchor_a_control_variate_has_no_noise():
    target = TARGET.with_batch(4, True, BODY)
    at_anchor = np.repeat(target.anchor[None], 20, axis=0)
    found = gradient_of(target, at_anchor)[0]
    assert found == pytest.approx(np.tile(gradient_of(TARGET, at_anchor[:1])[0], (20, 1)))


def test_the_mode_is_where_the_gradient_points_outwards():
    small = Ball(3, 0.2)
    mode = TARGET.mode(small)
    slope = gradient_of(TARGET, mode[None])[0][0]
    assert np.linalg.norm(mode) == pytest.approx(0.2)
    assert slope / np.linalg.norm(slope) == pytest.approx(-mode / 0.2, abs=1e-6)


def test_a_step_along_a_chord_keeps_the_law_on_it():
    origin, direction = np.array([0.1, -0.2, 0.3]), np.array([1.0, 0.5, -0.25])
    low, high = BODY.chord(origin, direction)
    grid = np.linspace(low, high, 4001)
    margins = -LABELS * (ROWS @ (origin + grid[:, None] * direction).T).T
    density = np.exp(-np.logaddexp(0, margins).sum(axis=1))
    reached = np.concatenate(([0.0], np.cumsum(density[1:] + density[:-1])))
    reached /= reached[-1]
    count = 4000
    start = np.interp(np.random.default_rng(3).random(count), reached, grid)
    points = origin + start[:, None] * direction
    moved = np.zeros(count)
    ends = low - start, high - start
    directions = np.repeat(direction[None], count, axis=0)
    record = TARGET.record(count, no_calls())
    TARGET.oracles.along(record, points, directions, *ends, 9, 1, moved)
    after = start + moved
    assert stats.kstest(np.interp(after, grid, reached), "uniform").pvalue > 1e-6
    assert np.corrcoef(start, after)[0, 1] < 0.5  # it did move


def test_breast_cancer_has_its_constants():
    rows, labels = load_rows("breast-cancer", None)
    target = Regression(rows, labels)
    assert rows.shape == (569, 31)
    assert target.smoothness(BODY) == pytest.approx(1889.31, abs=0.01)
    assert target.lipschitz(BODY) == pytest.approx(2874.97, abs=0.01)
