"""Steps to accuracy: computed on the box, measured on the ball."""

from __future__ import annotations

from math import inf, log, sqrt

import numpy as np
import pytest
from law_cells import finals

from harness_sampling.growth import GrowthBall, GrowthBox, steps_on_ball, steps_on_box
from harness_sampling.stationary import boundary_share_of, uniform_atom
from harness_sampling.step_rule import StepFromFloor
from harness_sampling.theorem import uniform_steps


@pytest.mark.parametrize(
    ("dimension", "epsilon", "steps"),
    [(2, 0.1, 98), (4, 0.1, 410), (8, 0.1, 1650), (4, 0.2, 67), (8, 0.2, 271), (2, 0.05, 547)],
)
def test_the_box_needs_the_tabulated_steps(dimension, epsilon, steps):
    step = StepFromFloor().step("box", dimension, epsilon)
    assert steps_on_box(dimension, epsilon, step) == pytest.approx(steps, rel=2e-3, abs=1)


def test_the_computed_count_is_that_of_simulated_chains():
    step, count = StepFromFloor(share=0.7).step("box", 2, 0.2), 20_000
    generator = np.random.default_rng(1)
    x, distances = np.zeros((count, 2)), []
    for _ in range(60):
        x = np.clip(x + sqrt(step) * generator.standard_normal(x.shape), -1, 1)
        levels = np.sort(np.abs(x).max(axis=1) ** 2)
        distances.append(np.abs(levels - (np.arange(count) + 0.5) / count).max())
    computed = steps_on_box(2, 0.2, step)
    # Noise of the distance is below 0.01, and it falls by 0.004 a step here.
    assert distances[computed - 5] > 0.2 > distances[computed + 5]


def test_below_the_boundarys_share_no_number_of_steps_is_enough():
    step = StepFromFloor(share=0.5, of_dimension=8).step("box", 16, 0.1)
    atom = uniform_atom(step)
    assert boundary_share_of(8, 2 * atom) == pytest.approx(0.05)
    assert boundary_share_of(16, 2 * atom) == pytest.approx(0.0975)
    assert steps_on_box(16, 0.1, step) == pytest.approx(4872, rel=2e-3)
    assert steps_on_box(32, 0.1, step) is None


def test_the_radial_chain_is_the_chain_on_the_ball():
    dimension, step, count = 3, 0.01, 20_000
    generator = np.random.default_rng(2)
    x = np.zeros((count, dimension))
    for _ in range(60):
        x = x + sqrt(step) * generator.standard_normal(x.shape)
        x /= np.maximum(1.0, np.linalg.norm(x, axis=1, keepdims=True))
    radius = np.zeros(count)
    for _ in range(60):
        along = radius + sqrt(step) * generator.standard_normal(count)
        aside = step * generator.chisquare(dimension - 1, count)
        radius = np.minimum(1.0, np.sqrt(along**2 + aside))
    seen, radial = (np.linalg.norm(x, axis=1) >= 1 - 1e-12).mean(), (radius == 1.0).mean()
    assert seen == pytest.approx(radial, abs=5 * sqrt(2 * 0.2 * 0.8 / count))


def test_growth_is_quadratic_on_the_box_and_linear_on_the_ball():
    box = [finals(GrowthBox(dimension=n), StepFromFloor())[0]["iterations"] for n in (4, 8)]
    assert log(box[1] / box[0]) / log(2) == pytest.approx(2.0, abs=0.05)
    rule, generator = StepFromFloor(share=0.7), np.random.default_rng(3)
    ball = [
        steps_on_ball(n, 0.1, rule.step("ball", n, 0.1), 4000, 10**5, generator) for n in (8, 16)
    ]
    assert log(ball[1] / ball[0]) / log(2) == pytest.approx(1.05, abs=0.35)


def test_what_is_never_reached_has_no_count():
    found = finals(GrowthBox(dimension=32), StepFromFloor(share=0.5, of_dimension=8))[0]
    assert found["reached"] == 0.0
    assert "iterations" not in found
    assert found["floor"] == pytest.approx(0.1855, abs=1e-4)


def test_the_order_of_the_theorem_stands_beside_and_is_vacuous():
    (on_box,) = GrowthBox(dimension=8).bounds()
    (on_ball,) = GrowthBall(dimension=2).bounds()
    assert on_box.value == pytest.approx(8**3 * 8**7 * 1e8)
    assert on_ball.value == pytest.approx(2**7 * 1e8)
    assert (on_box.metric, on_box.role) == ("iterations", "guarantee")
    assert on_box.is_vacuous
    assert on_ball.is_vacuous


def test_an_order_that_is_no_number_is_left_out():
    assert uniform_steps(10_000, 100.0, 1e-40) == inf
    assert GrowthBox(dimension=10_000, epsilon=1e-40).bounds() == ()
