"""Changes of paired values: against scipy, statsmodels, closed forms and our own slow path."""

import numpy as np
import pytest
import statsmodels.api as sm
from compared import noisy
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar

from harness.analyse.effects import (
    Discordant,
    Summary,
    changes,
    cluster_change,
    item_change,
    summary_change,
)
from harness.stats import difference


def one(base, other, **options):
    return changes(np.asarray(base)[:, None], np.asarray(other)[:, None], **options)[0]


@pytest.mark.parametrize("seeds", [8, 29, 30, 64])
def test_relative_changes_are_those_of_the_claims(seeds):
    base = noisy(1, seeds * 3).reshape(seeds, 3)
    other = base + noisy(2, seeds * 3, 0.2, 0.5).reshape(seeds, 3)
    for column, change in enumerate(changes(base, other)):
        one_by_one = difference(other[:, column], base[:, column], "relative")
        assert change.sample.value == pytest.approx(one_by_one.value, rel=1e-12)
        assert change.sample.interval() == pytest.approx(one_by_one.interval(), rel=1e-9, abs=1e-12)
        assert change.sample.p_value(0.0) == pytest.approx(one_by_one.p_value(0.0), rel=1e-6)


@pytest.mark.parametrize("seeds", [8, 40])
def test_a_change_by_one_factor_at_every_seed_is_read_as_a_constant_one(seeds):
    base = noisy(1, seeds)
    (by_factor,) = changes(base[:, None], 1.25 * base[:, None])
    (constant,) = changes(np.full((seeds, 1), 8.0), np.full((seeds, 1), 10.0))
    assert by_factor.is_relative
    assert by_factor.sample.value == pytest.approx(0.25)
    ends = [each.sample.interval(0.95) for each in (by_factor, constant)]
    assert (ends[0] is None) == (ends[1] is None)
    assert by_factor.sample.method == constant.sample.method


def test_absolute_changes_of_few_seeds_are_students_paired_t():
    base, other = noisy(3, 12), noisy(4, 12, 10.6)
    change = one(base, other, relative=False)
    reference = stats.ttest_rel(other, base)
    assert change.sample.p_value(0.0) == pytest.approx(reference.pvalue, rel=1e-9)
    assert change.sample.interval()[:2] == pytest.approx(
        tuple(reference.confidence_interval()), rel=1e-9
    )


def test_a_base_around_zero_has_no_shares():
    change = one(noisy(5, 20, 0.0), noisy(6, 20, 3.0))
    assert not change.is_relative
    assert change.sample.value == pytest.approx(change.other - change.base)


def test_a_negative_base_keeps_the_direction():
    base = noisy(7, 20, -10.0)
    assert one(base, base + 1.0).sample.value == pytest.approx(0.1, rel=0.05)


@given(
    st.lists(st.floats(-50, 50), min_size=3, max_size=40),
    st.floats(-20, 20),
    st.integers(0, 1000),
)
def test_p_is_small_exactly_where_the_interval_leaves_zero_out(base, shift, seed):
    base = np.array(base)
    other = base + shift + noisy(seed, base.size, 0.0)
    made = one(base, other).sample
    interval = made.interval()
    if interval is None or min(abs(interval.low), abs(interval.high)) < 1e-9:
        return
    assert (made.p_value(0.0) < 0.05) == (not interval.low <= 0 <= interval.high)


def test_the_same_shift_on_a_constant_base_is_told_as_it_is():
    change = one(np.full(40, 2.0), np.full(40, 2.5))
    assert change.sample.method == "identical"
    assert change.sample.interval()[:2] == pytest.approx((0.25, 0.25))


@pytest.mark.parametrize("counts", [(30, 12), (3, 9), (0, 6), (50, 49), (1, 0)])
def test_binary_items_of_one_seed_are_mcnemars_exact_test(counts):
    gained, lost = counts
    base = np.r_[np.zeros(gained), np.ones(lost), np.ones(700), np.zeros(240)]
    other = np.r_[np.ones(gained), np.zeros(lost), np.ones(700), np.zeros(240)]
    reference = mcnemar([[700, lost], [gained, 240]], exact=True).pvalue
    assert item_change(base, other).sample.p_value(0.0) == pytest.approx(reference, rel=1e-9)
    assert item_change(base, other).sample.value == pytest.approx((gained - lost) / base.sum())


def test_six_discordant_items_of_one_kind_give_two_of_sixty_four():
    assert 2 * Discordant(6, 0, 0.001).above(0.0) == pytest.approx(2 / 64)


@given(st.integers(0, 30), st.integers(0, 30), st.floats(0.005, 0.2))
def test_mcnemars_interval_inverts_its_p(gained, lost, tail):
    if not gained + lost:
        return
    pairs = Discordant(gained, lost, 0.01)
    low, high = pairs.low(tail), pairs.high(tail)
    assert low <= 0.01 * (gained - lost) <= high
    if gained:
        assert pairs.above(low) == pytest.approx(tail, rel=1e-6)
    if lost:
        assert pairs.below(high) == pytest.approx(tail, rel=1e-6)


def clustered(seeds, sizes, spread=1.0):
    generator = np.random.default_rng(seeds)
    of_seed = generator.normal(0, spread, len(sizes))
    place = np.repeat(np.arange(len(sizes)), sizes)
    base = 10 + generator.standard_normal(place.size)
    return base, base + 0.3 + of_seed[place] + generator.standard_normal(place.size), place


def by_statsmodels(base, other, place):
    """Least squares on a constant with errors clustered by seed; t with seeds - 1 degrees."""
    fitted = sm.OLS(other - base, np.ones(base.size)).fit(
        cov_type="cluster", cov_kwds={"groups": place, "df_correction": True}, use_t=True
    )
    return fitted.params[0], fitted.conf_int()[0]


def test_balanced_items_are_clustered_by_seed_as_statsmodels_does():
    base, other, place = clustered(8, [25] * 8)
    change = cluster_change(base, other, place, relative=False)
    value, interval = by_statsmodels(base, other, place)
    assert change.sample.value == pytest.approx(value, rel=1e-9)
    assert change.sample.interval()[:2] == pytest.approx(interval, rel=1e-9)


def test_unbalanced_items_are_clustered_by_seed_too():
    base, other, place = clustered(9, [10, 20, 30, 25, 18, 22, 15, 28, 21, 17])
    change = cluster_change(base, other, place, relative=False)
    value, interval = by_statsmodels(base, other, place)
    assert change.sample.value == pytest.approx(value, rel=1e-9)
    # The jackknife and the sandwich agree to first order in 1 / seeds.
    assert np.ptp(change.sample.interval()[:2]) == pytest.approx(np.ptp(interval), rel=0.15)


def test_items_of_one_cell_are_not_independent_evidence():
    base, other, place = clustered(10, [200] * 5, spread=2.0)
    assert cluster_change(base, other, place).sample.p_value(0.0) > 0.05
    assert stats.ttest_rel(other, base).pvalue < 1e-6  # what forgetting the clusters would say


def test_means_without_pairs_are_compared_by_welchs_t():
    base, other = noisy(11, 15), noisy(12, 25, 11.0, 2.0)
    told = [
        Summary(x.mean(), *stats.t.interval(0.95, x.size - 1, x.mean(), stats.sem(x)), x.size)
        for x in (base, other)
    ]
    change = summary_change(*told, relative=False)
    reference = stats.ttest_ind(other, base, equal_var=False)
    assert change.sample.value == pytest.approx(other.mean() - base.mean())
    # Degrees of freedom are rounded down.
    assert reference.pvalue <= change.sample.p_value(0.0) <= 1.2 * reference.pvalue


def test_a_mean_without_an_interval_is_not_compared():
    assert summary_change(Summary(1.0, None, None, 1), Summary(2.0, 1.0, 3.0, 9)) is None
