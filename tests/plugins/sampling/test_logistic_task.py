"""The regression's posterior against long runs of another program.

``NUTS`` was printed by ``benchmarks/regression_reference.py``: NumPyro 0.22.0, 4 × 5,000 draws, the
ball of radius 3 mapped to R^n; each value with its Monte-Carlo error, split R̂ at most 1.0024.
"""

from __future__ import annotations

import os
from math import hypot
from pathlib import Path

import numpy as np
import pytest
from law_cells import finals

from harness_sampling.hit_and_run import HitAndRun
from harness_sampling.logistic import Logistic, load_rows
from harness_sampling.projected_langevin import ProjectedLangevin
from harness_sampling.projected_sgld import ProjectedSGLD
from harness_sampling.richardson_langevin import RichardsonLangevin

NUTS = {
    "breast-cancer": {"norm": (2.949787, 0.000778), "potential": (45.923029, 0.024078)},
    "heart": {"norm": (2.830671, 0.002675), "potential": (97.738039, 0.022127)},
    "a1a": {"norm": (2.986108, 0.000316), "potential": (575.580422, 0.042684)},
}
TASK = Logistic(chains=8, burn=2000, steps=3000, every=10)
SHORT = Logistic(chains=4, burn=100, steps=400, every=10)
SMOOTHNESS = 1889.31  # β of the breast-cancer rows


def z_against_nuts(found, metric, data="breast-cancer"):
    values = np.array([each[metric] for each in found])
    value, error = NUTS[data][metric]
    return (values.mean() - value) / hypot(values.std(ddof=1) / values.size**0.5, error)


@pytest.fixture(scope="module")
def walked():
    return finals(TASK, HitAndRun(), 4)


@pytest.mark.parametrize("metric", ["norm", "potential"])
def test_hit_and_run_agrees_with_nuts(walked, metric):
    assert abs(z_against_nuts(walked, metric)) < 5


def test_a_projected_chain_is_pulled_to_the_sphere():
    found = finals(TASK, ProjectedLangevin(eta=1 / SMOOTHNESS), 4)
    assert z_against_nuts(found, "norm") > 5
    assert found[0]["boundary_share"] == pytest.approx(0.275, abs=0.03)


def test_hit_and_run_has_no_share_on_the_sphere(walked):
    assert all(each["boundary_share"] == 0.0 for each in walked)


def test_minibatches_cost_their_rows_only():
    batch = finals(SHORT, ProjectedSGLD(eta=1e-4, batch=8))[0]
    full = finals(SHORT, ProjectedLangevin(eta=1e-4))[0]
    assert batch["row_gradients"] == 4 * 400 * 8
    assert full["row_gradients"] == 4 * 400 * 569


def test_a_method_without_draws_is_refused():
    with pytest.raises(ValueError, match="expectations"):
        Logistic().check(RichardsonLangevin())


def test_too_few_draws_are_refused():
    with pytest.raises(ValueError, match="fewer than 4"):
        Logistic(steps=30, every=10)


@pytest.mark.slow
@pytest.mark.parametrize("data", ["heart", "a1a"])
def test_hit_and_run_agrees_with_nuts_on_libsvms_rows(data, monkeypatch):
    folder = Path(os.environ.get("HARNESS_DATA", "")) / "libsvm"
    if not (folder / "a1a").exists():
        pytest.skip("HARNESS_DATA has no libsvm/a1a")
    files = {"libsvm-a1a": folder / "a1a", "libsvm-heart": folder / "heart_scale"}
    rows = load_rows(data, files.__getitem__)
    monkeypatch.setattr("harness_sampling.logistic.load_rows", lambda name, path: rows)
    long = Logistic(data=data, chains=16, burn=10_000, steps=20_000, every=20)
    found = finals(long, HitAndRun(), 4)
    apart = {metric: z_against_nuts(found, metric, data) for metric in ("norm", "potential")}
    assert all(abs(z) < 5 for z in apart.values()), apart
