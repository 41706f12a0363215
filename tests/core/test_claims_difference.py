from __future__ import annotations

from math import log

import numpy as np
import pytest
from measured import Run, draws
from scipy import stats

from harness.analyse.claims import judge
from harness.suite.model import Difference, Tolerance

OURS, THEIRS = {"label": "thompson"}, {"label": "ucb1"}


def claim(better=OURS, than=THEIRS, metric="regret", **more):
    return Difference(name="d", metric=metric, better=better, than=than, **more)


def result_of(ours, theirs, made=None, **add):
    run = Run()
    run.add("thompson", ours, **add)
    run.add("ucb1", theirs, **add)
    return judge(made or claim(), run.results())


def test_differences_pair_by_seed():
    """Instances differ by 100 times what methods do: only pairing can tell these apart."""
    instance, noise = 1000 * draws(0, 20), draws(1, 20)
    result = result_of(instance + noise - 3, instance)
    assert result.verdict == "held"
    expected = stats.ttest_1samp(noise - 3, 0).confidence_interval(0.95)
    assert (result.shown.ci_low, result.shown.ci_high) == pytest.approx(tuple(expected))


@pytest.mark.parametrize(("gap", "verdict"), [(-3, "held"), (0, "undecided"), (3, "failed")])
def test_lower_is_better_unless_the_metric_says_otherwise(gap, verdict):
    noise = draws(4, 20) - draws(4, 20).mean()
    assert result_of(gap + noise, np.zeros(20)).verdict == verdict
    higher = result_of(-gap + noise, np.zeros(20), claim(metric="accuracy"), metric="accuracy")
    assert higher.verdict == verdict


def test_no_difference_on_any_seed_is_no_improvement():
    values = draws(0, 40)
    assert result_of(values, values).verdict == "failed"
    close = claim(equal_within=Tolerance(amount=0.1))
    assert result_of(values, values, close).verdict == "held"


@pytest.mark.parametrize(("by", "verdict"), [(1.0, "held"), (3.0, "undecided"), (5.0, "failed")])
def test_better_by_an_amount(by, verdict):
    noise = draws(4, 20) - draws(4, 20).mean()
    made = claim(by=Tolerance(amount=by))
    assert result_of(noise - 3.0, np.zeros(20), made).verdict == verdict


def test_per_cent_are_of_the_mean_of_than():
    base = 200 + draws(0, 40)
    made = claim(by=Tolerance(amount=0.05, is_relative=True))
    result = result_of(0.9 * base, base, made)
    assert result.verdict == "held"
    assert result.shown.estimate == pytest.approx(-0.1)
    assert result.shown.threshold == -0.05
    assert result_of(0.99 * base, base, made).verdict == "failed"


def test_per_cent_on_a_log_scale_are_factors():
    base = 200 + draws(0, 40)
    made = claim(scale="log", equal_within=Tolerance(amount=0.05, is_relative=True))
    result = result_of(1.04 * base, base, made)
    assert result.verdict == "held"
    assert result.shown.estimate == pytest.approx(log(1.04))
    assert result.shown.allowed[:2] == pytest.approx((log(0.95), log(1.05)))
    assert result_of(1.06 * base, base, made).verdict == "failed"


def test_a_log_of_nothing_is_undecided_with_the_reason():
    result = result_of(np.zeros(40), 1 + draws(0, 40) ** 2, claim(scale="log"))
    assert result.verdict == "undecided"
    assert "positive" in result.note


def test_only_common_seeds_count_and_what_is_lost_is_told():
    """The other side's further seeds would turn the verdict."""
    run = Run()
    run.add("thompson", np.arange(40.0), seeds=range(40))
    theirs = np.where(np.arange(100) < 40, np.arange(100) + 5 + draws(0, 100), -1000.0)
    run.add("ucb1", theirs, seeds=range(100))
    result = judge(claim(), run.results())
    assert (result.verdict, result.shown.n) == ("held", 40)
    assert result.note == "40 of 100 planned seeds in common"


def test_sides_without_a_common_seed_are_undecided():
    run = Run()
    run.add("thompson", draws(0, 10), seeds=range(10))
    run.add("ucb1", draws(0, 10), seeds=range(10, 20))
    result = judge(claim(), run.results())
    assert result.verdict == "undecided"
    assert "no seed in common" in result.note


def test_one_rival_of_many_that_is_not_beaten_fails_the_claim():
    run = Run()
    run.add("thompson", draws(0, 40))
    for label, mean in (("ucb1", 10.0), ("moss", 10.0), ("greedy", -10.0)):
        run.add(label, mean + draws(1, 40))
    rivals = claim(than={"label": ["ucb1", "moss", "greedy"]})
    result = judge(rivals, run.results())
    assert (result.verdict, len(result.groups)) == ("failed", 3)
    assert "thompson − greedy" in result.statement
    assert judge(claim(than={"label": ["ucb1", "moss"]}), run.results()).verdict == "held"


def test_the_sides_swapped_fail():
    noise = draws(4, 40)
    assert result_of(noise - 3, np.zeros(40)).verdict == "held"
    swapped = claim(better=THEIRS, than=OURS)
    assert result_of(noise - 3, np.zeros(40), swapped).verdict == "failed"


@pytest.mark.parametrize(
    ("censored", "gap", "verdict"),
    [
        ("thompson", -3.0, "undecided"),  # ours may be worse than it looks
        ("thompson", 3.0, "failed"),  # and is only worse
        ("ucb1", -3.0, "undecided"),  # never for the claim
        ("ucb1", 3.0, "undecided"),  # theirs may be larger
    ],
)
def test_censored_values_of_either_side(censored, gap, verdict):
    run = Run()
    for label, values in (("thompson", gap + draws(0, 40)), ("ucb1", draws(1, 40))):
        run.add(label, values, censored=[0] if label == censored else [])
    assert judge(claim(), run.results()).verdict == verdict


def scored(seeds, items, better_by):
    run = Run()
    rng = np.random.default_rng(5)
    for label, gain in (("thompson", better_by), ("ucb1", 0.0)):
        group = run.add(label, seeds=range(seeds), values=[0.0] * seeds, metric="unused")
        for seed in range(seeds):
            rate = 0.5 + gain + 0.0 * rng.random()
            scores = {f"q{item}": float(rng.random() < rate) for item in range(items)}
            run.score(group, seed, "solved", scores)
    return run


def test_with_one_seed_items_pair():
    run = scored(1, 400, 0.3)
    result = judge(claim(metric="solved"), run.results())
    assert (result.verdict, result.shown.n) == ("held", 400)
    assert "paired by item" in result.note


def test_items_on_one_side_only_are_left_out_of_both():
    run = scored(8, 50, 0.3)
    extra = {f"r{item}": 0.0 for item in range(50)}
    for seed in range(8):
        run.score(0, seed, "solved", extra)  # hard items that only one side was given
    result = judge(claim(metric="solved"), run.results())
    assert (result.verdict, result.shown.n) == ("held", 8)
    assert "400 items are on one side only" in result.note
