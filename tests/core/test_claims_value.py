from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from measured import Run, draws
from scipy import stats

from harness.analyse.claims import judge
from harness.api.metric import Bound, Metric
from harness.suite.model import Published, Reference, Span, Tolerance, Value

GUARANTEE = Reference(kind="guarantee")
LOWER = Reference(kind="lower_bound")


def bound(role, value, holds="in_expectation", **more):
    return Bound(metric="regret", role=role, value=value, holds=holds, **more)


def claim(comparison="at_most", reference=None, **more):
    return Value(name="c", metric="regret", comparison=comparison, reference=reference, **more)


def at(number, **more):
    return Reference(kind="number", number=number, **more)


def judged(values, bounds=(), made=None, **add):
    run = Run()
    run.add("thompson", values, bounds=bounds, **add)
    return judge(made or claim("at_most", GUARANTEE), run.results())


# In expectation: the interval of the mean of value ÷ bound, against 1.


@pytest.mark.parametrize(
    ("mean", "verdict"), [(80.0, "held"), (100.0, "undecided"), (120.0, "failed")]
)
def test_a_guarantee_in_expectation_is_judged_by_the_interval_of_the_ratio(mean, verdict):
    values = mean + 10 * draws(1, 20)
    result = judged(values, [bound("guarantee", 100.0)])
    assert result.verdict == verdict
    ratios = values / 100
    low, high = stats.t.interval(0.95, 19, ratios.mean(), stats.sem(ratios))
    assert result.shown.estimate == pytest.approx(ratios.mean())
    assert (result.shown.ci_low, result.shown.ci_high) == pytest.approx((low, high), rel=1e-8)
    assert result.shown.threshold == 1.0


@pytest.mark.parametrize(
    ("mean", "verdict"), [(120.0, "held"), (100.0, "undecided"), (0.0, "failed")]
)
def test_a_lower_bound_is_judged_from_below(mean, verdict):
    values = mean + (10 * draws(1, 20) if mean else np.zeros(20))
    result = judged(
        np.append(values, np.zeros(20)) if not mean else values,
        [bound("lower_bound", 100.0)],
        claim("at_least", LOWER),
    )
    assert result.verdict == verdict


def test_each_cell_is_divided_by_the_bound_of_its_own_instance():
    run = Run()
    group = run.add("thompson", [10.0, 40.0, 90.0])
    for seed, value in enumerate([20.0, 50.0, 100.0]):
        run.bound(group, seed, bound("guarantee", value))
    result = judge(claim("at_most", GUARANTEE), run.results())
    assert result.shown.estimate == pytest.approx((0.5 + 0.8 + 0.9) / 3)


def test_what_a_cell_knows_comes_before_what_was_planned():
    run = Run()
    group = run.add("thompson", [10.0, 10.0], bounds=[bound("guarantee", 100.0)])
    run.bound(group, 1, bound("guarantee", 20.0))
    result = judge(claim("at_most", GUARANTEE), run.results())
    assert result.shown.estimate == pytest.approx((0.1 + 0.5) / 2)


# Always: every cell, with a slack for rounding.


@pytest.mark.parametrize(
    ("last", "verdict"),
    [(99.0, "held"), (100.0, "held"), (100.0 * (1 + 5e-10), "held"), (100.0001, "failed")],
)
def test_one_violation_breaks_a_bound_that_always_holds(last, verdict):
    result = judged([1.0] * 200 + [last], [bound("guarantee", 100.0, "always")])
    assert result.verdict == verdict
    assert result.shown.n == 201
    assert result.shown.estimate == pytest.approx(last / 100)
    assert result.shown.ci_low is None


def test_a_mean_would_hide_what_every_cell_shows():
    values = [1.0] * 200 + [150.0]
    assert judged(values, [bound("guarantee", 100.0)]).verdict == "held"
    every = claim("at_most", GUARANTEE, statistic="every")
    assert judged(values, [bound("guarantee", 100.0)], every).verdict == "failed"


def test_every_cell_is_judged_as_it_is_from_below():
    made = claim("at_least", at(0.0001), statistic="every")
    assert judged([0.3, 0.5, 0.0002], made=made).verdict == "held"
    assert judged([0.3, 0.5, 0.00002], made=made).verdict == "failed"


# With probability: the share of violating cells by Clopper and Pearson.


@pytest.mark.parametrize(
    ("broken", "cells", "verdict"),
    [(0, 72, "held"), (0, 71, "undecided"), (2, 72, "undecided"), (9, 72, "failed")],
)
def test_a_bound_with_probability_is_judged_by_the_share_that_breaks_it(broken, cells, verdict):
    values = [150.0] * broken + [50.0] * (cells - broken)
    result = judged(values, [bound("guarantee", 100.0, "with_probability", delta=0.05)])
    assert result.verdict == verdict
    exact = stats.binomtest(broken, cells).proportion_ci(0.95, method="exact")
    assert (result.shown.ci_low, result.shown.ci_high) == pytest.approx(
        (exact.low, exact.high), abs=1e-9
    )
    assert result.shown.threshold == 0.05


# References.


def test_a_control_is_held_against_the_guarantee_of_another_label():
    """Uniform play under the uniform prior costs n(10/11 - 1/2): 2.92 times 14 √(nK) at 1e5."""
    run = Run()
    horizon = 100_000
    task = {"arms": 10, "horizon": horizon}
    run.add(
        "thompson",
        69 + 70 * draws(0, 64),
        task_params=task,
        bounds=[bound("guarantee", 14 * sqrt(10 * horizon))],
    )
    run.add("uniform", horizon * 9 / 22 + 0.09 * horizon * draws(1, 64), task_params=task)
    borrowed = Reference(kind="guarantee", of="thompson")
    made = claim("at_most", borrowed, where={"label": "uniform"}, expect="failed")
    result = judge(made, run.results())
    assert (result.verdict, result.as_expected) == ("failed", True)
    ratio = result.shown.estimate
    assert ratio == pytest.approx(2.922, abs=0.3)  # 0.09 / 0.14 / sqrt(64) = 0.08 is its error
    assert result.statement.startswith(f"regret ÷ guarantee of thompson at most 1: {ratio:.2f}, ")


def test_a_guarantee_that_nobody_gives_is_undecided_with_the_reason():
    result = judged(50 + draws(0, 40))
    assert (result.verdict, result.note) == ("undecided", "no guarantee is known")


def test_a_named_bound_is_chosen_by_its_name():
    bounds = [bound("guarantee", 100.0), bound("guarantee", 10.0, name="as printed")]
    printed = Reference(kind="guarantee", name="as printed")
    assert judged(50 + draws(0, 40), bounds).verdict == "held"
    assert judged(50 + draws(0, 40), bounds, claim("at_most", printed)).verdict == "failed"


def test_a_factor_moves_the_bound():
    half = Reference(kind="guarantee", times=0.5)
    values = 70 + draws(0, 40)
    assert judged(values, [bound("guarantee", 100.0)], claim("at_most", half)).verdict == "failed"


def test_a_vacuous_bound_is_told():
    vacuous = bound("guarantee", 4427.0, trivial=1000.0)
    result = judged(50 + draws(0, 40), [vacuous])
    assert (result.verdict, result.note) == ("held", "held (vacuous)")


def test_a_bound_of_zero_is_held_against_the_difference():
    values = 1 + draws(0, 40)
    result = judged(
        values,
        [bound("optimum", 0.0, "in_expectation")],
        claim("at_least", Reference(kind="optimum")),
    )
    assert result.verdict == "held"
    assert result.shown.estimate == pytest.approx(values.mean())


@pytest.mark.parametrize(
    ("truth", "spread", "verdict"),
    [(10.0, 0.1, "held"), (10.0, 3.0, "undecided"), (10.5, 0.1, "failed")],
)
def test_agreement_asks_for_resolution_and_fails_on_contradiction(truth, spread, verdict):
    made = claim("agrees_with", Reference(kind="exact"), resolution=0.1)
    noise = draws(3, 40)
    values = truth + spread * (noise - noise.mean())
    assert judged(values, [bound("exact", 10.0)], made).verdict == verdict


def test_fewer_seeds_never_help_agreement():
    made = claim("agrees_with", at(10.0), resolution=0.5)
    values = 10.0 + draws(3, 400)
    verdicts = [judged(values[:n], made=made).verdict for n in (5, 400)]
    assert verdicts == ["undecided", "held"]


@pytest.mark.parametrize(
    ("mean", "tolerance", "verdict"),
    [
        (100.0, Tolerance(amount=3.0), "held"),
        (100.0, Tolerance(amount=0.03, is_relative=True), "held"),
        (100.0, Tolerance(amount=0.1), "undecided"),
        (110.0, Tolerance(amount=0.03, is_relative=True), "failed"),
    ],
)
def test_equality_is_equivalence_within_the_tolerance(mean, tolerance, verdict):
    noise = draws(5, 40)
    made = claim("equals", at(100.0), tolerance=tolerance)
    assert judged(mean + noise - noise.mean(), made=made).verdict == verdict


@pytest.mark.parametrize(("mean", "verdict"), [(5.0, "held"), (6.0, "undecided"), (9.0, "failed")])
def test_between_needs_both_ends(mean, verdict):
    noise = draws(5, 40)
    made = claim("between", low=4.0, high=6.0)
    assert judged(mean + noise - noise.mean(), made=made).verdict == verdict


def test_published_figures_are_met_point_by_point_as_they_are():
    """An exact metric: no interval, points without a figure are left out, rounding is none."""
    certified = Metric(name="regret", type="exact", axis="radius")
    figures = [
        Published(
            task="bandits/bernoulli", label="logs", metric="regret", value=value, at=x, source="t2"
        )
        for x, value in ((0.25, 0.74), (0.5, 0.69))
    ]
    run = Run(published=figures)
    run.add("logs", curve={0.0: [0.9], 0.25: [0.735], 0.5: [0.69]}, metrics=[certified])
    made = claim(
        "equals", Reference(kind="published"), at="every", tolerance=Tolerance(amount=0.005)
    )
    result = judge(made, run.results())
    assert result.verdict == "held"
    assert [group.estimate for group in result.groups] == [0.735, 0.69]
    tight = claim(
        "equals", Reference(kind="published"), at="every", tolerance=Tolerance(amount=0.004)
    )
    assert judge(tight, run.results()).verdict == "failed"


# Points of a curve.


def test_the_change_of_a_curve_is_relative_to_the_mean_at_its_start():
    start, end = 100 + draws(0, 50), 104 + draws(1, 50)
    made = claim("at_most", at(0.05), at=Span(start=10, end=100), scale="relative")
    result = judged((), curve={10.0: start, 100.0: end}, made=made)
    assert result.shown.estimate == pytest.approx(end.mean() / start.mean() - 1)
    assert result.verdict == "held"
    control = judged((), curve={10.0: start, 100.0: 1.44 * start}, made=made)
    assert control.verdict == "failed"


def test_no_change_at_all_is_a_valid_interval():
    start = 13 + draws(0, 50)
    made = claim("at_most", at(0.05), at=Span(start=10, end=100), scale="relative")
    result = judged((), curve={10.0: start, 100.0: start}, made=made)
    assert (result.verdict, result.shown.estimate) == ("held", 0.0)


def test_a_point_is_between_others_only_as_the_metric_allows():
    curve = {10.0: 1 + 0.01 * draws(0, 40), 100.0: 9 + 0.01 * draws(1, 40)}
    made = claim("at_most", at(2.0), at=50.0)
    step = judged((), curve=curve, made=made)
    assert step.shown.estimate == pytest.approx(curve[10.0].mean())
    linear = Metric(name="regret", axis="round", between="linear")
    along = judged((), curve=curve, made=made, metrics=[linear])
    expected = curve[10.0].mean() + (50 - 10) / 90 * (curve[100.0].mean() - curve[10.0].mean())
    assert along.shown.estimate == pytest.approx(expected)
    following = Metric(name="regret", axis="round", between="next")
    beyond = judged((), curve=curve, made=claim("at_most", at(20.0), at=50.0), metrics=[following])
    assert beyond.shown.estimate == pytest.approx(curve[100.0].mean())
    nothing = Metric(name="regret", axis="round", between="nothing")
    assert judged((), curve=curve, made=made, metrics=[nothing]).verdict == "undecided"


def test_a_point_that_one_cell_lacks_is_no_point():
    run = Run()
    run.add("thompson", curve={10.0: [1.0] * 40, 100.0: [2.0] * 39}, seeds=range(39))
    run.measurements = [row for row in run.measurements if row["at"] == 10.0 or row["value"]]
    short = run.measurements.pop()  # the last cell was cut short
    assert short["at"] == 100.0
    result = judge(claim("at_most", at(5.0), at=100.0), run.results())
    assert result.verdict == "undecided"
    assert "not every cell" in result.note


# Shares and items.


def test_a_share_is_judged_by_clopper_and_pearson():
    run = Run()
    run.add("agent", [1.0] * 58 + [0.0] * 2, metric="solved")
    made = Value(name="s", metric="solved", comparison="at_least", reference=at(0.85))
    result = judge(made, run.results())
    exact = stats.binomtest(58, 60).proportion_ci(0.95, method="exact")
    assert result.shown.ci_low == pytest.approx(exact.low, abs=1e-9)
    assert result.verdict == "held"


def test_pooled_items_count_as_independent_and_otherwise_seeds_do():
    run = Run()
    group = run.add("prover", seeds=range(3), values=[0.0] * 3, metric="unused")
    for seed in range(3):
        scores = {f"q{item}": float(item % 10 != 0) for item in range(100)}
        run.score(group, seed, "solved", scores)
    asked = {"name": "s", "metric": "solved", "comparison": "at_least", "reference": at(0.85)}
    pooled = judge(Value(**asked, pool=("items",)), run.results())
    assert (pooled.verdict, pooled.shown.n) == ("held", 300)
    by_seed = judge(Value(**asked), run.results())
    assert (by_seed.verdict, by_seed.shown.n) == ("undecided", 3)
    assert by_seed.shown.estimate == pytest.approx(0.9)


def test_pooled_groups_give_one_number_a_seed():
    run = Run()
    for noise, mean in ((0.1, 10.0), (0.2, 20.0)):
        run.add("thompson", mean + draws(0, 12), task_params={"noise": noise})
    result = judge(claim("at_most", at(16.0), pool=("noise",)), run.results())
    assert len(result.groups) == 1
    assert result.shown.n == 12
    assert result.shown.estimate == pytest.approx(15 + draws(0, 12).mean())


# What is missing, censored or shared.


def test_a_failed_cell_leaves_a_group_undecided_at_best():
    lost = {100: "timeout"}
    result = judged(50 + draws(0, 40), [bound("guarantee", 100.0)], lost=lost)
    assert (result.verdict, result.note) == ("undecided", "1 cell failed")
    dropping = claim("at_most", GUARANTEE, failures="drop")
    dropped = judged(50 + draws(0, 40), [bound("guarantee", 100.0)], dropping, lost=lost)
    assert (dropped.verdict, dropped.note) == ("held", "1 cell left out")


def test_a_failed_cell_does_not_hide_a_contradiction():
    result = judged(150 + draws(0, 40), [bound("guarantee", 100.0)], lost={100: "crashed"})
    assert result.verdict == "failed"


@pytest.mark.parametrize("status", ["skipped", "failed"])
def test_without_a_value_a_claim_is_undecided_with_the_reason(status):
    result = judged((), [bound("guarantee", 100.0)], lost={0: status, 1: status})
    assert result.verdict == "undecided"
    assert f"it was {status}" in result.note


def test_skipped_cells_are_told_and_the_others_judged():
    result = judged(50 + draws(0, 40), [bound("guarantee", 100.0)], lost={99: "skipped"})
    assert (result.verdict, result.note) == ("held", "1 cell skipped")


@pytest.mark.parametrize(
    ("comparison", "mean", "verdict"),
    [
        ("at_most", 50.0, "undecided"),  # the truth may be larger
        ("at_most", 150.0, "failed"),  # and is only worse
        ("at_least", 150.0, "undecided"),  # never for a claim
        ("at_least", 50.0, "undecided"),  # the truth may be larger
    ],
)
def test_censored_values_count_against_a_claim_and_never_for_it(comparison, mean, verdict):
    made = claim(comparison, at(100.0))
    result = judged(mean + draws(0, 40), made=made, censored=[3])
    assert result.verdict == verdict
    assert "censored" in result.note


def test_a_cost_is_judged_only_where_cells_ran_alone():
    made = Value(name="t", metric="seconds", comparison="at_most", reference=at(1.0))
    for exclusive, verdict in ((False, "undecided"), (True, "held")):
        run = Run()
        run.add("a", 0.5 + 0.01 * draws(0, 40), metric="seconds", exclusive=exclusive)
        assert judge(made, run.results()).verdict == verdict
