"""The page on a body and a target of one's own: its code runs, compiled, and samples its law."""

from __future__ import annotations

import importlib
import re
from math import sqrt
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import truncnorm

import harness
from harness.runner import Settings

PAGE = Path(__file__).parents[3] / "docs" / "sampling-plugin.md"
SUITE = """\
suite: cylinder
plugins: [hooks.py]
entries:
  - task: mine/cylinder
    params: {steps: 200, burn: 0, draws: 20, chains: 4}
    methods:
      - sampling/hit-and-run
      - sampling/coordinate-hit-and-run
      - sampling/ball-walk
      - sampling/projected-langevin: {eta: 0.01}
"""
HOOKS = """\
from harness import hookimpl

@hookimpl
def harness_tasks():
    return {"mine/cylinder": "cylinder:CylinderTask"}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The page's blocks, one after the other, as the module that it calls them."""
    place = tmp_path_factory.mktemp("mine")
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (place / "cylinder.py").write_text("\n".join(blocks))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(place))
        yield place


@pytest.fixture(scope="module")
def cylinder(folder):
    return importlib.import_module("cylinder")


def test_the_pages_chains_have_the_exact_law_or_its_known_bias(cylinder):
    frame = cylinder.board()
    # E h² of a Gaussian with variance 1/4 on [−1, 1]; x is uniform in the unit disc: E x² = 1/4.
    height = truncnorm(-2, 2, scale=0.5).var()
    exact = (height + 2 * 0.25) / 3
    by_label = frame.groupby("label").second_moment.mean()
    assert by_label["hit-and-run"] == pytest.approx(exact, abs=0.006)
    # At this step the height's second moment alone is .0108 too large, and the disc's is too.
    assert 0.0108 / 3 + 0.006 < by_label["langevin"] - exact < 0.06


def test_the_pages_projection_is_the_nearest_point(cylinder):
    body = cylinder.Cylinder(3, 0.8, 0.5)
    inside = [
        {"type": "ineq", "fun": lambda x: 0.64 - x[0] ** 2 - x[1] ** 2},
        {"type": "ineq", "fun": lambda x: 0.25 - x[2] ** 2},
    ]
    for y in np.random.default_rng(1).standard_normal((6, 3)) * 2:
        solved = minimize(
            lambda x, y=y: ((x - y) ** 2).sum(),
            body.centre,
            jac=lambda x, y=y: 2 * (x - y),
            constraints=inside,
            options={"ftol": 1e-14},
        )
        assert body.project(y) == pytest.approx(solved.x, abs=2e-5)
    low, high = body.chord(np.zeros(3), np.array([0.0, 0.0, 2.0]))
    assert (low, high) == (-0.25, 0.25)
    assert body.outer_radius == pytest.approx(sqrt(0.89))


def test_the_pages_task_runs_in_a_suite_and_compiles(folder, cylinder, tmp_path):
    (folder / "hooks.py").write_text(HOOKS)
    (folder / "cylinder.yaml").write_text(SUITE)
    settings = Settings(results=tmp_path / "results", inline=True)
    run = harness.run(folder / "cylinder.yaml", settings=settings)
    assert run.failures() == []
    rows = [row for row in run.leaderboard_rows() if row["metric"] == "second_moment"]
    assert len(rows) == 4
    assert all(row["compiled"] for row in rows)


def test_a_body_that_says_less_is_refused_what_it_lacks(cylinder):
    class Bare(cylinder.Cylinder):
        serves = frozenset({"membership", "chord", "axis"})

    class BareTask(cylinder.CylinderTask):
        def make_body(self):
            return Bare(3, 1.0, 1.0)

    with pytest.raises(ValueError, match=r"needs a projection.* can: sampling/hit-and-run, "):
        BareTask().check(cylinder.ProjectedLangevin())
