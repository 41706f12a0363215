"""Samples against scipy and closed forms; p-values invert intervals; invariances."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from harness.stats import NotPositive, difference, ratio, sample, samples, share_of
from harness.stats.confidence import Bootstrap

STEADY = settings(derandomize=True, database=None, deadline=None)
LEVELS = st.sampled_from([0.5, 0.8, 0.9, 0.95, 0.99, 0.9999])


@st.composite
def columns(draw, least=2, most=80):
    seeds = draw(st.integers(least, most))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = draw(st.sampled_from(["normal", "lognormal", "counts", "spike"]))
    made = {
        "normal": lambda: random.normal(3, 2, seeds),
        "lognormal": lambda: random.lognormal(0, 1.5, seeds),
        "counts": lambda: random.poisson(0.7, seeds).astype(float),
        "spike": lambda: np.r_[np.zeros(seeds - 1), 1.0],
    }
    return made[shape]()


def bootstrap_of(values):
    return next(p for p in sample(values).confidence.parts if isinstance(p, Bootstrap))


@pytest.mark.parametrize("seeds", [2, 5, 16, 29])
@pytest.mark.parametrize("level", [0.8, 0.95, 0.9999])
def test_below_thirty_seeds_the_interval_is_student_t(seeds, level):
    values = np.random.default_rng(seeds).lognormal(size=seeds)
    found = sample(values)
    expected = stats.ttest_1samp(values, 0).confidence_interval(level)
    assert found.method == "t"
    assert found.interval(level)[:2] == pytest.approx(tuple(expected), rel=1e-10)
    assert found.p_value(1.3) == pytest.approx(
        float(stats.ttest_1samp(values, 1.3).pvalue), rel=1e-9
    )


@pytest.mark.parametrize("seeds", [30, 64, 300])
@pytest.mark.parametrize("level", [0.8, 0.95])
def test_bca_agrees_with_scipy_at_the_level_of_expanded_percentiles(seeds, level):
    values = np.random.default_rng(seeds).lognormal(size=seeds)
    found = bootstrap_of(values)
    tail = (1 - level) / 2
    z = stats.t.isf(tail, seeds - 1) * math.sqrt(seeds / (seeds - 1))
    reference = stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, batch=2_000, method="BCa",
        confidence_level=1 - 2 * stats.norm.sf(z), rng=1,
    ).confidence_interval  # fmt: skip
    # 2,000 resamples leave 0.028 standard errors in z0, which counts twice, and 0.06 to 0.1 in
    # the order statistic: 0.4 is four of their standard deviations in the skewed upper end.
    error = values.std() / math.sqrt(seeds)
    assert found.low(tail) == pytest.approx(reference.low, abs=0.3 * error)
    assert found.high(tail) == pytest.approx(reference.high, abs=0.4 * error)


def test_bca_moves_a_skewed_interval_to_the_long_side():
    values = np.random.default_rng(4).lognormal(0, 1, 100)
    found = bootstrap_of(values)
    assert found.high(0.025) - values.mean() > 1.1 * (values.mean() - found.low(0.025))


def test_from_thirty_seeds_no_end_is_inside_student_t():
    values = np.random.default_rng(2).lognormal(size=50)
    found = sample(values).interval()
    student = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert found.low <= student.low + 1e-12
    assert found.high >= student.high - 1e-12


@pytest.mark.parametrize(("successes", "trials"), [(0, 72), (1, 1), (5, 40), (997, 1000), (20, 20)])
@pytest.mark.parametrize("level", [0.9, 0.95, 0.9999])
def test_a_share_is_clopper_pearson(successes, trials, level):
    values = np.r_[np.ones(successes), np.zeros(trials - successes)]
    expected = stats.binomtest(successes, trials).proportion_ci(level, method="exact")
    for found in (sample(values, "share"), share_of(successes, trials)):
        assert found.method == "clopper-pearson"
        assert found.interval(level)[:2] == pytest.approx((expected.low, expected.high), rel=1e-10)


def test_none_of_72_cells_in_violation_is_a_share_of_at_most_one_in_twenty():
    assert sample(np.zeros(72), "share").interval().high == pytest.approx(1 - 0.025 ** (1 / 72))
    assert sample(np.zeros(72), "share").interval().high <= 0.05


def test_a_share_of_means_of_items_is_a_real():
    values = np.random.default_rng(0).uniform(0.7, 0.9, 12)
    assert sample(values, "share") == sample(values, "real")


@settings(STEADY, max_examples=150)
@given(columns(), LEVELS, st.floats(-4, 4))
def test_a_null_is_refuted_exactly_where_it_is_outside_the_interval(values, level, shift):
    found = sample(values)
    interval = found.interval(level)
    assume(interval is not None)
    null = found.value + shift * max(np.ptp(values), 0.1) / math.sqrt(values.size)
    p_value = found.p_value(null)
    assume(abs(p_value - (1 - level)) > 1e-7)
    assert (p_value < 1 - level) == (not interval.low <= null <= interval.high)


@settings(STEADY, max_examples=100)
@given(columns(), st.sampled_from([0.3, 0.025, 5e-5, 1e-7]))
def test_one_sided_p_values_invert_the_ends_of_every_part(values, tail):
    found = sample(values)
    assume(found.interval() is not None and found.method != "identical")
    for part in (found.confidence, *getattr(found.confidence, "parts", ())):
        assert part.above(part.low(tail)) == pytest.approx(tail, rel=1e-6)
        assert part.below(part.high(tail)) == pytest.approx(tail, rel=1e-6)


@settings(STEADY, max_examples=60)
@given(st.integers(1, 200), st.data(), LEVELS)
def test_a_share_is_refuted_exactly_where_it_is_outside_the_interval(trials, data, level):
    found = share_of(data.draw(st.integers(0, trials)), trials)
    null = data.draw(st.floats(0, 1))
    p_value = found.p_value(null)
    assume(abs(p_value - (1 - level)) > 1e-7)
    interval = found.interval(level)
    assert (p_value < 1 - level) == (not interval.low <= null <= interval.high)


@settings(STEADY, max_examples=60)
@given(columns(least=30), LEVELS)
def test_intervals_grow_with_the_level_and_contain_the_value(values, level):
    found = sample(values)
    assume(found.method == "bca")
    inner, outer = found.interval(level), found.interval(1 - (1 - level) / 3)
    assert outer.low < inner.low <= found.value <= inner.high < outer.high


@settings(STEADY, max_examples=60)
@given(columns(), st.floats(-50, 50), st.sampled_from([0.01, 1.0, 3.0, 1000.0]))
def test_shift_and_scale_move_the_interval_along(values, shift, factor):
    interval = sample(values).interval()
    assume(interval is not None)
    moved = sample(shift + factor * values).interval()
    span = interval.high - interval.low
    assert moved.low == pytest.approx(shift + factor * interval.low, abs=1e-6 * factor * span)
    assert moved.high == pytest.approx(shift + factor * interval.high, abs=1e-6 * factor * span)


@settings(STEADY, max_examples=60)
@given(columns())
def test_turning_the_sign_mirrors_the_interval(values):
    interval, mirrored = sample(values).interval(), sample(-values).interval()
    assume(interval is not None)
    span = interval.high - interval.low
    assert (-mirrored.high, -mirrored.low) == pytest.approx(interval[:2], abs=1e-9 * span)


def test_many_columns_at_once_are_the_samples_one_by_one():
    table = np.random.default_rng(1).lognormal(size=(40, 7))
    table[:, 3] = 2.0
    for column, found in zip(table.T, samples(table), strict=True):
        alone = sample(column)
        assert found.method == alone.method
        assert found.interval()[:2] == pytest.approx(alone.interval()[:2], rel=1e-12)


def test_the_same_values_give_the_same_interval_again():
    values = np.random.default_rng(3).normal(size=200)
    assert sample(values).interval() == sample(values.copy()).interval()


def test_identical_values_are_known_from_thirty_seeds_on_and_undecided_below():
    known, few = sample(np.full(30, 0.1)), sample(np.full(29, 0.1))
    assert known.method == "identical"
    assert known.interval()[:2] == (0.1, 0.1)
    assert (known.p_value(0.1), known.p_value(0.2)) == (1.0, 0.0)
    assert few.interval() is None
    assert few.p_value(5.0) == 1.0
    assert "29" in few.reason


def test_differences_that_are_equal_but_for_rounding_count_as_identical():
    base = np.random.default_rng(0).uniform(1e5, 1e6, 12)
    assert difference(base + 0.1, base).interval() is None


def test_one_seed_of_a_real_decides_nothing():
    assert sample([3.0]).interval() is None
    assert sample([3.0]).p_value(0.0) == 1.0
    assert sample([3.0]).reason == "one seed"


def test_an_exact_value_is_its_own_interval():
    assert sample([0.25], "exact").interval()[:2] == (0.25, 0.25)
    assert sample([0.25], "exact").p_value(0.26) == 0.0


def test_an_exact_metric_that_differs_between_seeds_is_treated_as_real():
    assert sample([0.25, 0.26, 0.27], "exact").method == "t"


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_not_finite_is_refused(bad):
    for make in (sample, lambda v: difference(v, [1.0, 2.0]), lambda v: ratio(v, 2.0)):
        with pytest.raises(ValueError, match="finite"):
            make([1.0, bad])
    with pytest.raises(ValueError, match="finite"):
        sample([1.0, 2.0]).p_value(bad)


def test_no_seed_no_sample():
    with pytest.raises(ValueError, match="at least one seed"):
        sample([])


@pytest.mark.parametrize("counts", [(-1, 5), (6, 5), (0, 0)])
def test_impossible_counts_are_no_share(counts):
    with pytest.raises(ValueError, match="no share"):
        share_of(*counts)


def test_a_ratio_divides_each_seed_by_its_own_bound():
    found = ratio([1.0, 4.0, 9.0], np.array([1.0, 2.0, 3.0]))
    assert found == sample([1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="not zero"):
        ratio([1.0, 2.0], 0.0)


def test_a_linear_difference_is_the_paired_t_test():
    random = np.random.default_rng(5)
    a, b = random.normal(1, 1, 20), random.normal(0, 1, 20)
    assert difference(a, b).p_value(0) == pytest.approx(
        float(stats.ttest_rel(a, b).pvalue), rel=1e-9
    )


@pytest.mark.parametrize("seeds", [12, 60])
def test_a_log_difference_is_the_sample_of_log_ratios(seeds):
    a, b = np.random.default_rng(6).lognormal(size=(2, seeds))
    found = difference(a, b, "log").interval()
    assert found[:2] == pytest.approx(sample(np.log(a / b)).interval()[:2], rel=1e-9)


@pytest.mark.parametrize("seeds", [12, 60])
def test_a_relative_difference_does_not_depend_on_the_unit(seeds):
    a, b = np.random.default_rng(7).gamma(9.0, size=(2, seeds))
    found = difference(a, b, "relative")
    assert found.value == pytest.approx(a.mean() / b.mean() - 1)
    scaled = difference(1e6 * a, 1e6 * b, "relative")
    assert scaled.interval()[:2] == pytest.approx(found.interval()[:2], rel=1e-9)


def test_a_relative_difference_agrees_with_the_delta_method_on_many_seeds():
    random = np.random.default_rng(8)
    b = random.gamma(9.0, size=4_000)
    a = 1.1 * b + random.normal(size=4_000)
    found = difference(a, b, "relative").interval()
    rests = a - a.mean() / b.mean() * b
    error = rests.std() / b.mean() / math.sqrt(4_000)
    # Monte Carlo error of 2,000 resamples: under 6 % of the length, three deviations.
    assert found.high - found.low == pytest.approx(2 * 1.96 * error, rel=0.08)


def test_a_relative_difference_keeps_its_direction_over_a_negative_base():
    b = -100 + np.random.default_rng(9).normal(size=15)
    assert difference(b + 10 + np.arange(15) / 10, b, "relative").interval().low > 0


def test_a_base_that_may_be_zero_leaves_a_relative_difference_undecided():
    a, b = np.random.default_rng(10).normal(size=(2, 20))
    found = difference(a, b, "relative")
    assert found.interval() is None
    assert "zero" in found.reason


def test_the_same_relative_difference_on_every_seed_is_known_from_thirty_on():
    b = np.random.default_rng(11).gamma(4.0, size=40)
    assert difference(1.1 * b, b, "relative").method == "identical"
    assert difference(1.1 * b[:20], b[:20], "relative").interval() is None


def test_logarithms_of_values_that_are_not_positive_are_refused():
    with pytest.raises(NotPositive, match="positive"):
        difference([1.0, 0.0], [1.0, 1.0], "log")
