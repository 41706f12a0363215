"""Verdicts, corrections, second opinions and planned looks against closed forms and libraries."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from harness.stats import (
    agrees_with,
    at_least,
    at_most,
    between,
    combine,
    equals,
    holm,
    looks,
    mcnemar_p,
    nearest_to_failing,
    sample,
    seeds_needed,
    seeds_to_decide,
    share_of,
    sign_flip_p,
    smallest_p,
    wilcoxon_p,
)

STEADY = settings(derandomize=True, database=None, deadline=None, max_examples=80)
VALUES = np.random.default_rng(1).normal(10, 1, 20)
FOUND = sample(VALUES)
LOW, HIGH, _ = FOUND.interval()


def test_at_most_is_held_above_the_interval_failed_below_it_and_else_undecided():
    assert at_most(FOUND, HIGH + 0.01).verdict == "held"
    assert at_most(FOUND, HIGH - 0.01).verdict == "undecided"
    assert at_most(FOUND, LOW + 0.01).verdict == "undecided"
    assert at_most(FOUND, LOW - 0.01).verdict == "failed"


@given(st.floats(8, 12), st.sampled_from([0.8, 0.95, 0.999]))
@STEADY
def test_at_least_mirrors_at_most(threshold, level):
    mirrored = at_most(sample(-VALUES), -threshold, level)
    assert at_least(FOUND, threshold, level) == approx_decision(mirrored)


def approx_decision(decision):
    class Near:
        def __eq__(self, other):
            numbers = pytest.approx(tuple(decision[1:]), rel=1e-7, abs=1e-12)
            return other.verdict == decision.verdict and tuple(other[1:]) == numbers

    return Near()


@given(st.floats(8, 12), st.floats(0, 2), st.sampled_from([0.8, 0.95, 0.999]))
@STEADY
def test_p_against_is_small_exactly_where_the_verdict_is_failed(low, width, level):
    for decision in (
        at_most(FOUND, low, level),
        at_least(FOUND, low, level),
        between(FOUND, low, low + width, level),
    ):
        assume(abs(decision.p_against - (1 - level)) > 1e-7)
        assume(abs(decision.p_for - (1 - level)) > 1e-7)
        assert (decision.p_against < 1 - level) == (decision.verdict == "failed")
        assert (decision.p_for < 1 - level) == (decision.verdict == "held")
        assert combine([decision]) == decision.verdict


@given(st.floats(8, 12), st.floats(0, 2))
@STEADY
def test_more_seeds_are_asked_for_exactly_where_a_verdict_is_undecided(low, width):
    for decision in (at_most(FOUND, low), between(FOUND, low, low + width)):
        assume(decision.distance and abs(decision.distance / decision.half_width - 1) > 1e-6)
        wanted = decision.half_width > decision.distance
        assert wanted == (decision.verdict == "undecided")


def test_between_needs_both_ends():
    assert between(FOUND, LOW - 0.1, HIGH + 0.1).verdict == "held"
    assert between(FOUND, LOW + 0.1, HIGH + 0.1).verdict == "undecided"
    assert between(FOUND, HIGH + 0.1, HIGH + 0.2).verdict == "failed"
    with pytest.raises(ValueError, match="empty"):
        between(FOUND, 2.0, 1.0)


def test_equivalence_wants_the_interval_inside_the_band():
    half = (HIGH - LOW) / 2
    assert equals(FOUND, FOUND.value, half * 1.01).verdict == "held"
    assert equals(FOUND, FOUND.value, half * 0.99).verdict == "undecided"
    assert equals(FOUND, FOUND.value + 3 * half, half).verdict == "failed"


def test_an_exact_value_at_its_tolerance_is_equal_in_spite_of_rounding():
    assert 0.74 - 0.735 > 0.005
    assert equals(sample([0.74], "exact"), 0.735, 0.005).verdict == "held"
    assert equals(sample([0.7401], "exact"), 0.735, 0.005).verdict == "failed"


def test_a_share_is_judged_by_its_exact_interval():
    assert at_most(share_of(0, 72), 0.05).verdict == "held"
    assert at_most(share_of(0, 71), 0.05).verdict == "undecided"
    assert at_most(share_of(12, 72), 0.05).verdict == "failed"


def test_agreement_fails_outside_the_wide_interval_only():
    wide = FOUND.interval(0.9999)
    half = (HIGH - LOW) / 2
    assert agrees_with(FOUND, wide.high - 0.01, 2 * half).verdict == "held"
    assert agrees_with(FOUND, wide.high + 0.01, 2 * half).verdict == "failed"


def test_fewer_seeds_never_help_an_agreement():
    half = (HIGH - LOW) / 2
    decision = agrees_with(FOUND, FOUND.value, half / 2)
    assert decision.verdict == "undecided"
    assert seeds_to_decide(20, decision.half_width, decision.distance) == 80


def test_a_sample_that_says_nothing_leaves_every_statement_undecided():
    silent = sample([3.0])
    for decision in (at_most(silent, 1), between(silent, 1, 2), agrees_with(silent, 1, 1)):
        assert decision.verdict == "undecided"
        assert decision.distance is None


def test_all_is_held_when_held_in_each_and_failed_when_one_contradicts_after_holm():
    held, wide = at_most(FOUND, HIGH + 1), at_most(FOUND, FOUND.value)
    barely, clearly = at_most(FOUND, LOW - 0.001), at_most(FOUND, LOW - 3)
    assert combine([held] * 30) == "held"
    assert combine([held, wide]) == "undecided"
    assert combine([held] * 29 + [barely]) == "undecided"
    assert combine([held] * 29 + [clearly]) == "failed"


def test_any_mirrors_all():
    failed, wide = at_most(FOUND, LOW - 1), at_most(FOUND, FOUND.value)
    barely, clearly = at_most(FOUND, HIGH + 0.001), at_most(FOUND, HIGH + 3)
    assert combine([failed] * 30, "any") == "failed"
    assert combine([failed, wide], "any") == "undecided"
    assert combine([failed] * 29 + [barely], "any") == "undecided"
    assert combine([failed] * 29 + [clearly], "any") == "held"


def test_decisions_made_at_different_levels_are_not_combined():
    with pytest.raises(ValueError, match="one level"):
        combine([at_most(FOUND, 10.0, 0.9), at_most(FOUND, 10.0, 0.95)])
    with pytest.raises(ValueError, match="at least one"):
        combine([])


def test_the_group_shown_is_the_one_nearest_to_failing():
    thresholds = (HIGH + 1, HIGH + 0.1, HIGH + 2)
    assert nearest_to_failing([at_most(FOUND, t) for t in thresholds]) == 1
    assert nearest_to_failing([at_most(FOUND, t) for t in (*thresholds, LOW - 1)]) == 3


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
@settings(STEADY, max_examples=25)
def test_holm_agrees_with_statsmodels(p_values):
    expected = multipletests(p_values, method="holm")[1]
    assert holm(p_values) == pytest.approx(expected, rel=1e-12, abs=1e-300)


@pytest.mark.parametrize("bad", [-0.1, 1.1, math.nan])
def test_holm_refuses_what_is_no_probability(bad):
    with pytest.raises(ValueError, match="between 0 and 1"):
        holm([0.5, bad])


@pytest.mark.parametrize(
    ("n", "half_width", "distance", "expected"),
    [(64, 1.5, 0.83, 210), (20, 1, 0.5, 80), (10, 1.01, 1, 11), (8, 1, 1, 8), (5, 3, 0, None),
     (5, None, 1, None), (100, 10, 1, 10_000), (101, 10, 1, 11_000)],
)  # fmt: skip
def test_seeds_that_would_decide_are_rounded_up_to_two_digits(n, half_width, distance, expected):
    assert seeds_to_decide(n, half_width, distance) == expected


def test_eight_sign_flips_cannot_beat_holm_over_seven_rows():
    assert smallest_p(8) == 2 / 256 > 0.05 / 7
    assert seeds_needed(7) == 9
    assert seeds_needed(1) == 6
    assert smallest_p(seeds_needed(50)) <= 0.05 / 50 < smallest_p(seeds_needed(50) - 1)


@pytest.mark.parametrize("seeds", [1, 4, 7])
def test_sign_flips_count_every_signing(seeds):
    values = np.random.default_rng(seeds).normal(0.5, 1, seeds)
    sums = [abs(np.dot(signs, values)) for signs in product((-1, 1), repeat=seeds)]
    expected = np.mean(np.array(sums) >= abs(values.sum()) - 1e-12)
    assert sign_flip_p(values) == expected


def test_sign_flips_of_equal_signs_reach_the_smallest_p():
    assert sign_flip_p(np.arange(1.0, 10.0)) == smallest_p(9)


def test_sampled_sign_flips_agree_with_the_t_test_on_normal_differences():
    values = np.random.default_rng(3).normal(0.2, 1, 100)
    # 20,000 signings: standard error at most .0036; the t test itself is off by as much.
    assert sign_flip_p(values) == pytest.approx(
        float(stats.ttest_1samp(values, 0).pvalue), abs=0.015
    )


@pytest.mark.parametrize("seeds", [3, 10, 50])
def test_wilcoxon_agrees_with_scipy_exactly_where_nothing_ties(seeds):
    values = np.random.default_rng(seeds).normal(0.3, 1, seeds)
    expected = stats.wilcoxon(values, method="exact").pvalue
    assert wilcoxon_p(values) == pytest.approx(float(expected), rel=1e-12)


def test_wilcoxon_agrees_with_scipy_on_ties_and_zeros():
    values = np.random.default_rng(1).integers(-2, 5, 60).astype(float)
    expected = stats.wilcoxon(values, method="approx", correction=False).pvalue
    assert wilcoxon_p(values) == pytest.approx(float(expected), rel=1e-10)
    assert wilcoxon_p([0.0, 0.0]) == 1.0


@pytest.mark.parametrize(("b", "c"), [(0, 0), (1, 0), (0, 10), (7, 7), (12, 5), (300, 250)])
def test_mcnemar_agrees_with_statsmodels(b, c):
    expected = float(mcnemar([[5, b], [c, 5]], exact=True).pvalue) if b + c else 1.0
    assert mcnemar_p(b, c) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("test", [sign_flip_p, wilcoxon_p])
def test_second_opinions_refuse_what_is_not_finite(test):
    for bad in ([], [1.0, math.nan], [math.inf]):
        with pytest.raises(ValueError, match="finite"):
            test(bad)
    with pytest.raises(ValueError, match="negative"):
        mcnemar_p(-1, 3)


def bounds(levels):
    return [float(stats.norm.isf((1 - level) / 2)) for level in levels]


def test_five_equal_looks_have_the_published_bounds():
    # Lan & DeMets 1983; the figures are those of the package ldbounds for alpha .05, two-sided.
    assert bounds(looks([10, 20, 30, 40, 50])) == pytest.approx(
        [4.8769, 3.3569, 2.6803, 2.2898, 2.0310], abs=2e-4
    )
    assert bounds(looks([10, 20, 30, 40, 50], spending="pocock")) == pytest.approx(
        [2.4380, 2.4268, 2.4101, 2.3966, 2.3859], abs=2e-4
    )


def test_a_single_look_has_the_level_itself():
    assert looks([64], 0.95) == pytest.approx([0.95], abs=1e-9)


@pytest.mark.parametrize("spending", ["obrien-fleming", "pocock"])
def test_looking_six_times_refutes_a_true_null_as_often_as_looking_once(spending):
    seeds = [8, 16, 32, 64, 128, 256]
    walks = np.random.default_rng(7).normal(size=(40_000, 256)).cumsum(axis=1)
    z = np.abs(walks[:, np.array(seeds) - 1] / np.sqrt(seeds))
    crossed = (z > np.array(bounds(looks(seeds, 0.95, spending)))).any(axis=1).mean()
    assert crossed == pytest.approx(0.05, abs=5 * math.sqrt(0.05 * 0.95 / 40_000))
    assert (z > 1.96).any(axis=1).mean() > 0.12  # the control: without correction it is not


@pytest.mark.parametrize("seeds", [[], [8, 8], [16, 8], list(range(1, 8)), [0, 5]])
def test_impossible_plans_of_looks_are_refused(seeds):
    with pytest.raises(ValueError, match="look"):
        looks(seeds)
