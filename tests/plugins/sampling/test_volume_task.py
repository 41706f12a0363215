"""The volume task: unbiased walks find the exact volume, a projected chain its predicted error."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, sqrt

import numpy as np
import pytest
from law_cells import cells, finals

from harness_sampling.hit_and_run import HitAndRun
from harness_sampling.projected_langevin import ProjectedLangevin
from harness_sampling.richardson_langevin import RichardsonLangevin
from harness_sampling.volume import Volume

SMALL = Volume(dimension=5, burn=4.0, length=20.0)
SMOOTHNESS = ProjectedLangevin(schedule="smoothness")
SEEDS = 12

walk = HitAndRun.step  # a global, as compiled code wants it


@dataclass(frozen=True, kw_only=True)
class StretchedHitAndRun(HitAndRun):
    """A wrong program: points moved out by a tenth, then clipped to the body."""

    def step(parameters, facts, k, key, state, x, oracles, target, body):
        is_finite = walk(parameters, facts, k, key, state, x, oracles, target, body)
        for c in range(x.shape[0]):
            for j in range(x.shape[1]):
                x[c, j] *= 1.1
        oracles.project(body, x)
        return is_finite


def log_errors(task, method, seeds=SEEDS):
    return np.array([each["log_error"] for each in finals(task, method, seeds)])


def z_of(values, expected):
    return (values.mean() - expected) / (values.std(ddof=1) / sqrt(values.size))


@pytest.mark.parametrize("body", ["box", "box-ball"])
def test_hit_and_run_finds_the_exact_volume(body):
    task = Volume(body=body, dimension=5, burn=4.0, length=20.0)
    found = log_errors(task, HitAndRun())
    # By chance once in 10⁴, with 11 degrees of freedom; the sd of a run is 0.04.
    assert abs(z_of(found, 0.0)) < 5.5
    assert found.std(ddof=1) < 0.1


def test_a_projected_chain_errs_by_its_prediction():
    outcome = next(SMALL.evaluate(SMOOTHNESS, cells(1)))
    (bound,) = outcome.bounds
    found = log_errors(SMALL, SMOOTHNESS)
    assert bound.role == "exact"
    assert bound.value > 0.3
    assert abs(z_of(found, bound.value)) < 5.5
    assert z_of(found, 0.0) > 8


def test_a_walk_that_leaves_its_chord_is_caught():
    assert z_of(log_errors(SMALL, StretchedHitAndRun(), 6), 0.0) > 8


def test_extrapolation_combines_the_logarithms_of_two_runs():
    method = RichardsonLangevin(schedule="smoothness")
    outcome = next(SMALL.evaluate(method, cells(1)))
    assert abs(outcome.bounds[0].value) < 0.05
    assert "boundary_share" not in outcome.final  # there is no chain of that law


def test_what_follows_from_the_error():
    found = finals(SMALL, HitAndRun())[0]
    assert found["relative_error"] == pytest.approx(exp(found["log_error"]) - 1)
    assert found["error"] == abs(found["log_error"])
    assert found["boundary_share"] == 0.0
    assert found["chords"] > 0
    assert found["gradients"] == found["projections"] == 0


def test_a_ball_within_the_box_is_refused():
    with pytest.raises(ValueError, match="n ≥ 5"):
        Volume(body="box-ball", dimension=4).check(SMOOTHNESS)


def test_no_step_where_the_potential_has_no_smoothness_is_refused_by_name():
    task = Volume(dimension=5)
    task.check(SMOOTHNESS)
    with pytest.raises(ValueError, match="eps"):
        ProjectedLangevin(schedule="paper")


def test_a_short_run_errs_low_and_a_long_one_high():
    short = log_errors(Volume(dimension=5, burn=0.0, length=0.4), SMOOTHNESS)
    assert short.mean() < -0.2
    assert log_errors(SMALL, SMOOTHNESS, 4).mean() > 0.2
