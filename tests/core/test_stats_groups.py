"""Trends, spreads and ranks: constructed slopes, known truths, invariances."""

from __future__ import annotations

import math

import numpy as np
import pytest
from pace import work_of
from scipy import stats

from harness.stats import NotPositive, difference, rank_intervals, sample, spread, trend

X = np.array([1e3, 1e4, 1e5])


def noisy_power(exponent, seeds, seed, noise=0.3):
    random = np.random.default_rng(seed)
    own = random.lognormal(0, noise, (seeds, 1))
    return X**exponent * own * random.lognormal(0, noise, (seeds, X.size))


@pytest.mark.parametrize("fit", ["mean", "seed"])
@pytest.mark.parametrize("seeds", [12, 200])
def test_an_exponent_is_found_on_log_log_axes(fit, seeds):
    found = trend(X, noisy_power(0.5, seeds, 1), scale="log-log", fit=fit)
    low, high, _ = found.interval(0.9999)
    assert low < 0.5 < high
    assert found.method == ("t" if seeds == 12 else "bca")


def test_a_rate_is_found_on_a_log_linear_axis():
    lengths = np.array([4.0, 6, 8, 10, 12])
    noise = np.random.default_rng(2).lognormal(0, 0.2, (100, 5))
    found = trend(lengths, np.exp(0.489 * lengths) * noise, scale="log-linear").interval(0.9999)
    assert found.low < 0.489 < found.high


@pytest.mark.parametrize("fit", ["mean", "seed"])
def test_the_slope_is_the_least_squares_slope(fit):
    x, y = np.arange(5.0), np.random.default_rng(3).normal(size=(20, 5))
    expected = np.polyfit(x, y.mean(axis=0), 1)[0]
    assert trend(x, y, fit=fit).value == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("seeds", [15, 80])
def test_on_linear_axes_the_mean_slope_and_a_slope_a_seed_are_one(seeds):
    x, y = np.arange(4.0), np.random.default_rng(4).normal(size=(seeds, 4))
    by_mean, by_seed = trend(x, y).interval(), trend(x, y, fit="seed").interval()
    assert by_mean[:2] == pytest.approx(by_seed[:2], rel=1e-6)


def test_the_unit_of_the_metric_does_not_move_an_exponent():
    y = noisy_power(0.5, 60, 5)
    found, scaled = trend(X, y, scale="log-log"), trend(X, 1e-9 * y, scale="log-log")
    assert scaled.interval()[:2] == pytest.approx(found.interval()[:2], rel=1e-6)


def test_a_slope_in_another_metric_resamples_both_together():
    y = noisy_power(0.5, 60, 6)
    assert trend(y**1, 3 * y, scale="log-log").method == "identical"
    assert trend(y, 3 * y, scale="log-log").value == pytest.approx(1.0)


def test_the_same_slope_on_every_seed_is_undecided_below_thirty():
    y = noisy_power(0.5, 1, 7) * np.linspace(1, 2, 12)[:, None]
    for fit in ("mean", "seed"):
        assert trend(X, y, scale="log-log", fit=fit).interval() is None


def test_an_exact_metric_has_an_exact_slope_from_one_seed():
    found = trend(X, 7 * X[None, :] ** 0.5, scale="log-log", kind="exact")
    assert found.interval()[:2] == pytest.approx((0.5, 0.5))


def test_points_outside_of_over_do_not_count():
    x = np.array([1.0, 2, 3, 4, 50])
    y = np.random.default_rng(8).normal(size=(20, 5)) + x
    assert trend(x, y, over=(1, 4)).interval() == trend(x[:4], y[:, :4]).interval()


def test_two_different_x_make_no_trend():
    with pytest.raises(ValueError, match="3 different x, 2"):
        trend([1.0, 2.0, 2.0], np.ones((10, 3)))
    with pytest.raises(ValueError, match="fit"):
        trend([1.0, 2.0], np.ones((10, 3)))


def test_logarithms_of_means_that_are_not_positive_are_refused():
    y = np.random.default_rng(9).normal(size=(40, 3))
    y -= y.mean(axis=0)
    with pytest.raises(NotPositive):
        trend(X, y - 1, scale="log-log")
    with pytest.raises(NotPositive):
        trend(X, y, scale="log-log", fit="seed")
    nearly = trend(X, y + 0.1, scale="log-log")
    assert nearly.interval() is None
    assert "not positive" in nearly.reason


def test_a_spread_is_the_largest_over_the_smallest_mean():
    y = np.random.default_rng(10).lognormal(size=(50, 4))
    means = y.mean(axis=0)
    assert spread(y).value == pytest.approx(means.max() / means.min())
    assert spread(y, fit="seed").value == pytest.approx((y.max(axis=1) / y.min(axis=1)).mean())


def test_a_spread_of_two_groups_is_the_ratio_of_their_means():
    y = np.random.default_rng(11).lognormal(0, 0.2, size=(25, 2)) * [1.0, 3.0]
    influence = y / y.mean(axis=0)
    expected = sample(influence[:, 1] - influence[:, 0])
    half = (expected.interval().high - expected.interval().low) / 2
    found = spread(y).interval()
    # The jackknife of a log ratio differs from its delta method by O(1/n).
    assert math.log(found.high / spread(y).value) == pytest.approx(half, rel=0.05)
    assert found.low > 1


def test_a_spread_never_ends_below_one_and_equal_groups_reach_it():
    y = np.random.default_rng(12).lognormal(0, 0.1, (40, 5))
    low, high, _ = spread(y).interval()
    assert low == 1.0
    assert high < 1.2
    assert spread(y).p_value(1.0) == 1.0
    assert spread(y).p_value(0.9) == 0.0


def test_a_spread_needs_two_groups_and_positive_means():
    with pytest.raises(ValueError, match="two groups"):
        spread(np.ones((5, 1)))
    with pytest.raises(NotPositive):
        spread(-np.ones((5, 2)))


def ladder(methods, seeds, step, seed=0):
    """Methods whose true means rise by ``step``, on shared noise of size 1."""
    random = np.random.default_rng(seed)
    shared = random.normal(size=seeds)
    return shared + random.normal(size=(methods, seeds)) + step * np.arange(methods)[:, None]


def test_methods_far_apart_have_one_rank_each():
    found = rank_intervals(ladder(6, 50, 4.0), "lower")
    assert found.spans == [(k, k) for k in range(1, 7)]
    assert found.order == list(range(6))


def test_turning_values_and_direction_changes_nothing():
    values = ladder(8, 40, 0.4)
    lower, higher = rank_intervals(values, "lower"), rank_intervals(-values, "higher")
    assert lower.spans == higher.spans
    assert lower.order == higher.order


def test_the_order_of_methods_does_not_matter():
    values, order = ladder(8, 40, 0.4), np.random.default_rng(1).permutation(8)
    spans, shuffled = rank_intervals(values, "lower").spans, rank_intervals(values[order], "lower")
    assert shuffled.spans == [spans[i] for i in order]


def test_ranks_and_differences_are_one_test():
    values = ladder(3, 35, 0.5)
    found = rank_intervals(values, "lower").p_values
    pairs = [difference(values[i], values[j]).p_value(0) for i, j in ((0, 1), (0, 2), (1, 2))]
    assert min(found[np.triu_indices(3, 1)]) == pytest.approx(3 * min(pairs), rel=1e-9)


def test_methods_that_agree_on_every_seed_share_their_ranks():
    values = np.tile(np.random.default_rng(2).normal(size=40), (3, 1))
    assert rank_intervals(values, "lower").spans == [(1, 3)] * 3


def test_one_seed_leaves_all_ranks_open_but_for_exact_values():
    values = np.array([[1.0], [2.0], [3.0]])
    assert rank_intervals(values, "lower").spans == [(1, 3)] * 3
    assert rank_intervals(values, "lower", kind="exact").spans == [(1, 1), (2, 2), (3, 3)]


def test_pairs_are_compared_on_the_seeds_that_both_have():
    values = ladder(4, 40, 3.0)
    values[1, :5] = np.nan
    values[2, 3:] = np.nan
    values[3] = np.nan
    found = rank_intervals(values, "lower")
    assert found.spans[3] is None
    assert found.order == [0, 1, 2]
    p_value = found.p_values[0, 1]
    assert p_value == pytest.approx(
        3 * difference(values[0, 5:], values[1, 5:]).p_value(0), rel=1e-9
    )


def test_an_infinite_value_has_no_rank():
    with pytest.raises(ValueError, match="finite"):
        rank_intervals(np.array([[1.0, math.inf], [1.0, 2.0]]), "lower")


def test_thirty_methods_on_a_thousand_seeds_take_less_than_a_second_of_work():
    values = ladder(30, 1_000, 0.05)
    with work_of(seconds=1):
        rank_intervals(values, "lower")


def test_at_twenty_seeds_no_difference_is_refuted_like_the_paired_t_test_says():
    values = ladder(2, 20, 0.3)
    expected = float(stats.ttest_rel(values[0], values[1]).pvalue)
    assert rank_intervals(values, "lower").p_values[0, 1] == pytest.approx(expected, rel=1e-9)
