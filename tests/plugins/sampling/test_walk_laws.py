"""What the tasks on bodies report of a law: right walks pass, a wrong one does not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from law_cells import cells, finals

from harness_sampling.body_tasks import BoxTask, SimplexTask
from harness_sampling.dikin_walk import DikinWalk
from harness_sampling.hit_and_run import HitAndRun
from harness_sampling.projected_langevin import ProjectedLangevin

# Final states of independent chains: p-values are exact.
FINAL = BoxTask(dimension=3, chains=2000, steps=150, burn=0, draws=0)

walk = DikinWalk.step  # a global, as compiled code wants it


@dataclass(frozen=True, kw_only=True)
class TakesAll(DikinWalk):
    """A wrong program: every proposal that lies inside is taken, without Metropolis' rule."""

    def step(parameters, facts, k, key, state, x, oracles, target, body):
        is_finite = walk(parameters, facts, k, key, state, x, oracles, target, body)
        for c in range(x.shape[0]):
            if state.inside[c] != 0.0 and state.log_ratio[c] == state.log_ratio[c]:
                for j in range(x.shape[1]):
                    x[c, j] = state.proposal[c, j]
        return is_finite


def test_the_dikin_walk_has_the_targets_law_and_one_that_takes_all_has_not():
    right, wrong = (finals(FINAL, method)[0] for method in (DikinWalk(), TakesAll()))
    assert min(right["ks_p"], right["ks_gauge_p"]) > 1e-5
    assert max(wrong["ks_p"], wrong["ks_gauge_p"]) < 1e-12
    assert wrong["second_moment_error"] > 0.3  # at the faces, where E x² is 1


def test_on_a_simplexs_face_the_mean_is_that_of_the_first_coordinate():
    task = SimplexTask(
        dimension=3, target_law="tilt", coefficients=(0.0, 1.0, 2.0), steps=4000, draws=0
    )
    biased, exact = ProjectedLangevin(eta=0.05), HitAndRun()
    (outcome,) = task.evaluate(biased, cells(1))
    means = {bound.metric: bound.value for bound in outcome.bounds}
    assert means["mean"] == pytest.approx(0.4206735942, abs=1e-9)
    # The mean over the coordinates is a third, whatever the sampler.
    off = np.array([each["mean_error"] for each in finals(task, biased, 4)])
    on = np.array([each["mean_error"] for each in finals(task, exact, 4)])
    assert abs(off.mean()) > 0.01
    assert abs(on.mean()) < 0.004


def test_the_theorems_order_stands_beside_the_steps_of_its_own_method_only(monkeypatch):
    monkeypatch.setenv("HARNESS_JIT", "0")  # a second so, and six to compile
    task = BoxTask(dimension=2, chains=100, steps=300, burn=0, draws=0, accuracy=0.3)
    (ours,) = task.evaluate(ProjectedLangevin(eta=0.01), cells(1))
    (others,) = task.evaluate(HitAndRun(), cells(1))
    (order,) = [each for each in ours.bounds if each.metric == "steps_to_accuracy"]
    assert order.value == pytest.approx(2**3 * 2**7 / 0.3**8)
    assert order.is_vacuous
    assert order.value > ours.final["steps_to_accuracy"] > 0
    assert not [each for each in others.bounds if each.metric == "steps_to_accuracy"]
