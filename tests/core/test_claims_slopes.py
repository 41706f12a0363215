from __future__ import annotations

import numpy as np
import pytest
from measured import Run, draws

from harness.analyse.claims import judge
from harness.analyse.gather import losses_of
from harness.api.metric import Metric
from harness.suite.model import Spread, Trend

HORIZONS = (1_000, 10_000, 100_000)


def trend(**more):
    asked = {"name": "t", "metric": "regret", "slope_in": "horizon", "scale": "log-log"}
    return Trend(**asked | more)


def powers(exponent, noise=0.05, seeds=40, **add):
    """Regret proportional to horizon ** exponent, with common noise over horizons."""
    run = Run()
    for k, horizon in enumerate(HORIZONS):
        values = horizon**exponent * np.exp(noise * draws(k, seeds))
        run.add("thompson", values, task_params={"horizon": horizon}, **add)
    return run


@pytest.mark.parametrize(
    ("exponent", "noise", "verdict"),
    [(0.5, 0.05, "held"), (0.5, 2.0, "undecided"), (0.2, 0.05, "failed")],
)
def test_the_rate_is_judged_by_the_slope_of_logarithms(exponent, noise, verdict):
    result = judge(trend(low=0.45, high=0.55), powers(exponent, noise).results())
    assert result.verdict == verdict


def test_the_slope_is_least_squares_on_the_means():
    run = powers(0.5)
    result = judge(trend(low=0.45, high=0.55), run.results())
    table = np.array([row["value"] for row in run.measurements]).reshape(3, 40)
    expected = np.polyfit(np.log(HORIZONS), np.log(table.mean(axis=1)), 1)[0]
    assert result.shown.estimate == pytest.approx(expected)
    a_seed = judge(trend(low=0.45, high=0.55, fit="seed"), run.results())
    expected = np.polyfit(np.log(HORIZONS), np.log(table), 1)[0].mean()
    assert a_seed.shown.estimate == pytest.approx(expected)


def test_seeds_that_one_horizon_lacks_are_lost_to_all_and_told():
    run = Run()
    for horizon, seeds in zip(HORIZONS, (200, 60, 20), strict=True):
        values = horizon**0.5 * np.exp(0.01 * draws(horizon, seeds))
        run.add("thompson", values, task_params={"horizon": horizon})
    result = judge(trend(low=0.45, high=0.55), run.results())
    assert (result.verdict, result.shown.n) == ("held", 20)
    assert result.note == "20 of 200 planned seeds in common"


def test_per_gives_a_trend_to_each_setting():
    run = Run()
    for arms, exponent in ((2, 0.5), (10, 0.9)):
        for k, horizon in enumerate(HORIZONS):
            values = horizon**exponent * np.exp(0.05 * draws(k, 40))
            run.add("thompson", values, task_params={"arms": arms, "horizon": horizon})
    result = judge(trend(per=("arms",), low=0.45, high=0.55), run.results())
    assert [group.verdict for group in result.groups] == ["held", "failed"]
    assert result.verdict == "failed"
    assert "arms=10" in result.shown.title
    any_of = judge(trend(per=("arms",), low=0.45, high=0.55, groups="any"), run.results())
    assert any_of.verdict == "held"


def test_over_leaves_points_out():
    run = powers(0.5)
    run.add("thompson", [1e9] * 40, task_params={"horizon": 10})
    assert judge(trend(low=0.45, high=0.55), run.results()).verdict == "failed"
    within = trend(low=0.45, high=0.55, over=(1_000, 100_000))
    assert judge(within, run.results()).verdict == "held"


def test_an_exponential_is_a_line_in_log_linear():
    run = Run()
    for steps in (4, 6, 8, 12):
        run.add("eps", np.exp(0.45 * steps + 0.05 * draws(steps, 40)), task_params={"H": steps})
    made = trend(slope_in="H", scale="log-linear", low=0.40)
    result = judge(made, run.results())
    assert result.verdict == "held"
    assert result.shown.estimate == pytest.approx(0.45, abs=0.01)


def test_a_slope_in_another_metric():
    """Gap proportional to 1 / rounds, rounds being measured and moved by a parameter."""
    metrics = [Metric(name="regret"), Metric(name="rounds", direction="none")]
    run = Run()
    for k, eps in enumerate((0.1, 0.01, 0.001)):
        rounds = np.round(10 / eps + draws(k, 40))
        run.add("mspd", 3 / rounds, task_params={"eps": eps}, metrics=metrics)
        cells = [row["cell_id"] for row in run.cells[-40:]]
        for cell, count in zip(cells, rounds, strict=True):
            run.measure(cell, "rounds", None, count)
    made = trend(slope_in=None, slope_in_metric="rounds", fit="seed", low=-1.25, high=-0.75)
    result = judge(made, run.results())
    assert result.verdict == "held"
    assert result.shown.estimate == pytest.approx(-1.0)


def test_a_slope_along_the_curve():
    x = np.array([10.0, 100.0, 1_000.0])
    run = Run()
    noise = draws(0, 40)
    run.add("thompson", curve={at: at**0.5 * np.exp(0.01 * noise) for at in x})
    result = judge(trend(slope_in="at", low=0.45, high=0.55), run.results())
    assert result.shown.estimate == pytest.approx(0.5)
    # With common noise every resample has the one slope: known, up to the rounding.
    assert result.verdict == "held"


def test_two_points_make_no_trend():
    run = powers(0.5)
    result = judge(trend(low=0.45, high=0.55, over=(1_000, 10_000)), run.results())
    assert result.verdict == "undecided"
    assert "3 points" in result.note


def test_a_group_without_values_is_named():
    run = powers(0.5)
    run.add("thompson", task_params={"horizon": 1_000_000}, lost={0: "oom"})
    result = judge(trend(low=0.45, high=0.55), run.results())
    assert result.verdict == "undecided"
    assert result.note.startswith("thompson: every cell failed")


def test_of_groups_that_share_no_point_those_that_failed_are_counted_not_called_all():
    run = powers(0.5)
    run.add(
        "thompson", curve={10_000_000.0: np.ones(3)}, task_params={"horizon": 2}, lost={3: "oom"}
    )
    losses = losses_of(run.results(), [0, 3], [0, 0])
    told = losses.why_nothing("regret")
    assert told.startswith("not every cell has a value of regret here (1 cell failed")


def test_a_log_of_zero_regret_is_undecided_with_the_reason():
    run = powers(0.5)
    run.add("thompson", [0.0] * 40, task_params={"horizon": 1_000_000})
    result = judge(trend(low=0.45, high=0.55), run.results())
    assert result.verdict == "undecided"
    assert "0 or below" in result.note


def spread(at_most=2.0, **more):
    asked = {"name": "s", "metric": "regret", "spread_over": ("topology",), "at_most": at_most}
    return Spread(**asked | more)


def topologies(means, noise=0.05):
    run = Run()
    for k, (name, mean) in enumerate(means.items()):
        values = mean * np.exp(noise * draws(k, 40))
        run.add("mspd", values, task_params={"topology": name})
    return run


@pytest.mark.parametrize(
    ("star", "noise", "verdict"),
    [(1.5, 0.05, "held"), (2.0, 0.3, "undecided"), (3.0, 0.05, "failed")],
)
def test_a_spread_is_the_largest_over_the_smallest_mean(star, noise, verdict):
    run = topologies({"ring": 1.0, "grid": 1.2, "star": star}, noise)
    result = judge(spread(), run.results())
    assert result.verdict == verdict
    means = np.array([row["value"] for row in run.measurements]).reshape(3, 40).mean(axis=1)
    assert result.shown.estimate == pytest.approx(means.max() / means.min())


def test_a_spread_a_seed_is_the_mean_of_ratios():
    run = topologies({"ring": 1.0, "star": 1.5})
    table = np.array([row["value"] for row in run.measurements]).reshape(2, 40)
    result = judge(spread(fit="seed"), run.results())
    assert result.shown.estimate == pytest.approx((table.max(axis=0) / table.min(axis=0)).mean())


def test_a_failed_cell_in_one_of_the_groups_leaves_a_spread_undecided():
    run = topologies({"ring": 1.0, "star": 1.5})
    run._cell(run.specs[0], 99, "failed", 0.1)
    assert judge(spread(), run.results()).verdict == "undecided"
    assert judge(spread(failures="drop"), run.results()).verdict == "held"


def test_censored_values_decide_no_trend_and_no_spread():
    run = powers(0.2)
    run.measurements[0]["censored"] = True
    assert judge(trend(low=0.45, high=0.55), run.results()).verdict == "undecided"
