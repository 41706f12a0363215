"""The bandit tasks against closed forms, theorems and independent computations."""

from __future__ import annotations

from math import erfc, inf, log, sqrt

import numpy as np
import pytest
from bandit_cells import FixedArm, Greedy, RandomArm, finals, outcomes, z_score
from hypothesis import given
from hypothesis import strategies as st

from harness.random.stream import Stream
from harness_bandits.bernoulli import Bernoulli
from harness_bandits.digit_bits import CLASSIFIERS, ROWS, correct_bits
from harness_bandits.digits import Digits, digits_reward
from harness_bandits.gaussian import Gaussian, NoisyMeans, normal_reward
from harness_bandits.known_gap import KnownGap, two_point_lower_bound
from harness_bandits.lower_bound import (
    HardFamily,
    LowerBoundPrior,
    lemma_bound,
    prior_free_lower_bound,
)
from harness_bandits.policy import (
    BERNOULLI,
    GAUSSIAN,
    PRIOR_BETA,
    PRIOR_NORMAL,
    PRIOR_ONE_GOOD_ARM,
    PRIOR_UNKNOWN,
)
from harness_bandits.stochastic import bernoulli_reward, gaps_below

KNOWN_MEAN_GAPS = [
    (Bernoulli(arms=2), 1 / 6),
    (Bernoulli(arms=10), 10 / 11 - 1 / 2),
    (Bernoulli(prior="beta", a=1, b=9), 0.1712205),
    (Bernoulli(prior="beta", a=9, b=1), 0.0890110),
    (Bernoulli(prior="beta", a=5, b=5), 0.2289012),
    (Bernoulli(prior="fixed", arms=3, means=(0.9, 0.5, 0.4)), 0.3),
    (Bernoulli(prior="two-point"), 0.9),
    (Gaussian(), 1.5387527),
    (Gaussian(sd=3.0, mean=5.0), 3 * 1.5387527),
    (KnownGap(), 0.18),
    (Digits(), 0.032721),
]
EVERY_TASK = [
    Bernoulli(),
    Bernoulli(prior="beta", a=2.0, b=3.0),
    Bernoulli(prior="fixed", arms=3, means=(0.9, 0.5, 0.9)),
    Bernoulli(prior="two-point", low=0.25, high=0.75),
    LowerBoundPrior(),
    HardFamily(c=4.0),
    KnownGap(),
    Gaussian(sd=2.0),
    Digits(),
]


def name_of(value):
    return repr(value)[:60]


@pytest.mark.parametrize(("task", "expected"), KNOWN_MEAN_GAPS, ids=name_of)
def test_a_random_arm_costs_the_mean_gap_known_in_closed_form(task, expected):
    assert task.mean_gap() == pytest.approx(expected, abs=1e-6)


def test_the_expected_best_of_two_normals_is_one_over_root_pi():
    assert Gaussian(arms=2).mean_gap() == pytest.approx(1 / sqrt(np.pi), abs=1e-12)


def test_no_mean_gap_is_claimed_where_there_is_no_closed_form():
    assert Bernoulli(prior="beta", a=1.5, b=2.0).mean_gap() is None


@pytest.mark.parametrize("task", EVERY_TASK, ids=name_of)
def test_instances_have_the_mean_gap_that_the_task_states(task):
    drawn = [task.instance(Stream("gap", seed)).gaps.mean() for seed in range(2_000)]
    # |z| > 5 has probability 6e-7; where gaps are fixed the sample is constant
    spread = 5 * np.std(drawn) / sqrt(len(drawn)) + 1e-12
    assert np.mean(drawn) == pytest.approx(task.mean_gap(), abs=spread)


@pytest.mark.parametrize("task", EVERY_TASK, ids=name_of)
def test_every_instance_has_a_best_arm_and_no_gap_beyond_the_largest(task):
    largest = inf if task.largest_gap() is None else task.largest_gap()
    for seed in range(50):
        gaps = task.instance(Stream("range", seed)).gaps
        assert gaps.min() == 0.0
        assert gaps.max() <= largest + 1e-15  # a difference of two rounded means
        assert gaps.shape == (task.facts().arms,)


@pytest.mark.parametrize("task", [each for each in EVERY_TASK if each.fixed_gaps()], ids=name_of)
def test_fixed_gaps_are_those_of_every_instance(task):
    for seed in range(5):
        gaps = task.instance(Stream("fixed", seed)).gaps
        assert sorted(gaps) == pytest.approx(sorted(task.fixed_gaps()))


def test_uniform_play_costs_the_mean_gap_each_round():
    task = Bernoulli(horizon=500)
    regret = finals(task, RandomArm(), count=1_000)
    assert abs(z_score(regret, 500 * (10 / 11 - 1 / 2))) < 5


def test_uniform_play_finds_a_best_arm_once_in_arms_rounds():
    task = Bernoulli(prior="two-point", horizon=500)
    share = finals(task, RandomArm(), count=1_000, metric="best_arm_share")
    assert abs(z_score(share, 1 / 10)) < 5


def test_all_tied_best_arms_count_as_best():
    task = Bernoulli(prior="fixed", arms=3, means=(0.9, 0.5, 0.9), horizon=40)
    for arm, share in [(0, 1.0), (1, 0.0), (2, 1.0)]:
        assert finals(task, FixedArm(arm=arm), 1, "best_arm_share")[0] == share


def test_a_policy_that_sticks_to_a_bad_arm_pays_its_gap_every_round():
    task = Bernoulli(prior="fixed", arms=3, means=(0.9, 0.5, 0.4), horizon=1_000)
    assert finals(task, FixedArm(arm=2), 1)[0] == pytest.approx(500.0)


def test_uniform_play_breaks_the_prior_free_bound_once_the_horizon_is_long():
    # best mean 1 at a random place, others 0: n (1 − 1/K) = 2700 > 14 sqrt(nK) = 2424.9
    task = Bernoulli(prior="two-point", horizon=3_000)
    assert finals(task, RandomArm(), 20, "regret_over_guarantee_rate").mean() > 1.0


# The lower-bound prior


@pytest.mark.parametrize(
    ("arms", "horizon", "epsilon", "uniform", "bound", "lemma"),
    [
        (10, 1_000, 0.025, 22.5, 5.0, 16.249),
        (10, 10_000, 0.00790569, 71.151, 15.811, 51.387),
        (2, 10_000, 0.00353553, 17.678, 7.071, 8.839),
    ],
)
def test_the_lower_bound_prior_has_its_known_numbers(arms, horizon, epsilon, uniform, bound, lemma):
    task = LowerBoundPrior(arms=arms, horizon=horizon)
    unnamed, named = task.bounds()
    assert task.epsilon == pytest.approx(epsilon, rel=1e-5)
    assert horizon * task.mean_gap() == pytest.approx(uniform, abs=5e-4)
    assert (unnamed.name, named.name) == ("", "lemma")
    assert unnamed.value == pytest.approx(bound, abs=5e-4)
    assert named.value == pytest.approx(lemma, abs=5e-4)


@given(st.integers(2, 200), st.integers(0, 10**6))
def test_a_quarter_gives_the_constant_of_the_lower_bound_for_every_horizon(arms, more):
    horizon = arms + more
    epsilon = 0.25 * sqrt(arms / horizon)
    assert lemma_bound(arms, horizon, epsilon) >= prior_free_lower_bound(arms, horizon)


@pytest.mark.parametrize("arms", [2, 10])
def test_greedy_play_stays_above_both_lower_bounds(arms):
    task = LowerBoundPrior(arms=arms, horizon=1_000)
    regret = finals(task, Greedy(), count=2_000)
    lowest = regret.mean() - 4 * regret.std() / sqrt(regret.size)
    assert all(lowest >= bound.value for bound in task.bounds())


def test_an_oracle_breaks_the_lower_bound():
    task = LowerBoundPrior(horizon=1_000)
    places = [int(task.instance(Stream("p", seed)).gaps.argmin()) for seed in range(20)]
    gaps = [task.instance(Stream("p", seed)).gaps[place] for seed, place in enumerate(places)]
    assert sum(gaps) * 1_000 == 0.0 < task.bounds()[0].value


def test_the_good_arm_is_anywhere_with_equal_probability():
    task = LowerBoundPrior()
    places = [task.instance(Stream("place", seed)).gaps.argmin() for seed in range(5_000)]
    counts = np.bincount(places, minlength=10)
    assert ((counts - 500) ** 2 / 500).sum() < 44.8  # χ², 9 degrees, p = 1e-6


@given(st.integers(0, 10**6), st.sampled_from([0.25, 0.5, 1.0, 2.0, 4.0, 8.0]))
def test_the_good_arm_does_not_move_with_scale_or_horizon(seed, c):
    here = HardFamily(c=c).instance(Stream("same", seed))
    there = LowerBoundPrior(horizon=77).instance(Stream("same", seed))
    assert here.gaps.argmin() == there.gaps.argmin()


def test_the_lower_bound_task_declares_no_bound_that_its_prior_does_not_have():
    assert LowerBoundPrior(scale=2.0).bounds() == []  # the lemma is negative there
    assert "regret_over_lemma" not in LowerBoundPrior(scale=2.0).ratios(1.0)


@pytest.mark.parametrize("task", [LowerBoundPrior(horizon=500), HardFamily(horizon=500)])
def test_ratios_are_the_regret_over_their_named_rates(task):
    final = outcomes(task, RandomArm())[0].final
    rates = {
        "regret_over_guarantee_rate": 14 * sqrt(5_000),
        "regret_over_lower_bound": sqrt(5_000) / 20,
        "regret_over_rate": sqrt(5_000),
        "regret_over_lemma": lemma_bound(10, 500, 0.25 * sqrt(10 / 500)),
    }
    ratios = {name for name in final if name.startswith("regret_over")}
    assert len(ratios) >= 2
    for name in ratios:
        assert final[name] == pytest.approx(final["regret"] / rates[name])


# Known best mean and gap


@given(st.floats(0.01, 2.0), st.integers(1, 10**6))
def test_the_two_point_lower_bound_is_below_the_best_possible_regret_of_one_round(gap, horizon):
    assert two_point_lower_bound(gap, 1, 1.0) <= gap / 2
    assert two_point_lower_bound(gap, horizon, 1.0) <= horizon * gap / 2
    assert two_point_lower_bound(gap, horizon, 1.0) <= 1 / (4 * gap) * (1 + 1e-12)


@pytest.mark.parametrize("gap", [0.2, 0.5, 1.0])
def test_the_two_point_lower_bound_is_below_playing_the_likelier_arm(gap):
    # After s rewards of either arm the log-odds are N(s Δ²/2, s Δ²): the likelier arm is the
    # wrong one with probability Φ(−sqrt(s) Δ/2), the least that any policy can reach.
    wrong = [0.5 * erfc(sqrt(s) * gap / 2 / sqrt(2)) for s in range(2_000)]
    assert two_point_lower_bound(gap, 2_000, 1.0) < gap * sum(wrong)


def test_the_bound_of_instance_a_is_one_over_four_gaps():
    task = KnownGap(gaps=(0.0, 0.2), epsilon=0.2, horizon=100_000)
    assert task.bounds()[0].value == pytest.approx(1.25)
    assert KnownGap().bounds() == []


def test_orders_place_the_arms_as_told():
    gaps = (0.0, 0.2, 0.3)
    given_ = KnownGap(gaps=gaps, order="given").instance(Stream("o", 1)).gaps
    reversed_ = KnownGap(gaps=gaps, order="reversed").instance(Stream("o", 1)).gaps
    shuffled = {tuple(KnownGap(gaps=gaps).instance(Stream("o", seed)).gaps) for seed in range(100)}
    assert tuple(given_) == gaps
    assert tuple(reversed_) == gaps[::-1]
    assert len(shuffled) == 6


# Digits


def test_the_embedded_bits_are_those_of_sklearns_digits():
    datasets = pytest.importorskip("sklearn.datasets")
    digits = datasets.load_digits()
    said = np.stack(
        [np.where(digits.data[:, arm.pixel] >= 8, arm.bright, arm.dark) for arm in CLASSIFIERS],
        axis=1,
    )
    assert digits.data.sum() == 561_718
    assert (correct_bits() == (said == digits.target[:, None])).all()


def test_the_digits_arms_have_their_published_counts():
    counts = correct_bits().sum(axis=0, dtype=int)
    assert counts.tolist() == [358, 341, 332, 330, 325, 310, 298, 271, 243, 184]
    assert min(gap for gap in Digits().fixed_gaps() if gap) == pytest.approx(17 / 1797)


def test_digits_arms_stand_in_another_order_in_each_cell():
    best = [Digits().instance(Stream("digits", seed)).gaps.argmin() for seed in range(200)]
    assert set(best) == set(range(10))


def test_all_arms_of_a_round_look_at_one_row():
    instance = Digits().instance(Stream("rows", 3))
    known = {tuple(row) for row in instance.correct[:, instance.places]}
    met = {tuple(int(digits_reward(instance, 99, t, arm)) for arm in range(10)) for t in range(300)}
    assert met <= known
    assert len(met) > 5


# Rewards


def test_bernoulli_rewards_come_as_often_as_their_mean_says():
    instance = gaps_below(np.array([0.0, 0.1, 0.7, 1.0]))
    rewards = np.array(
        [[bernoulli_reward(instance, 5, t, arm) for arm in range(4)] for t in range(4_000)]
    )
    spread = np.sqrt(instance.means * (1 - instance.means) / 4_000)
    assert (abs(rewards.mean(axis=0) - instance.means) <= 5 * spread).all()
    assert abs(np.corrcoef(rewards[:, 1], rewards[:, 2])[0, 1]) < 5 / sqrt(4_000)


def test_normal_rewards_have_the_mean_and_noise_of_the_instance():
    instance = NoisyMeans(np.array([-1.0, 2.0]), np.array([3.0, 0.0]), 0.5)
    rewards = np.array([normal_reward(instance, 5, t, 1) for t in range(4_000)])
    assert abs(rewards.mean() - 2.0) < 5 * 0.5 / sqrt(4_000)
    assert rewards.std() == pytest.approx(0.5, abs=5 * 0.5 / sqrt(8_000))


def test_digits_rewards_come_as_often_as_rows_are_right():
    instance = Digits().instance(Stream("often", 1))
    arm = int(instance.gaps.argmin())
    rewards = np.array([digits_reward(instance, 5, t, arm) for t in range(4_000)])
    assert abs(rewards.mean() - 358 / ROWS) < 5 * 0.4 / sqrt(4_000)


# What policies are told


def test_facts_tell_the_prior_where_it_has_a_name():
    assert Bernoulli().facts()[6:] == (PRIOR_BETA, 1.0, 1.0)
    assert Bernoulli(prior="beta", a=1, b=9).facts()[6:] == (PRIOR_BETA, 1.0, 9.0)
    assert Gaussian(mean=1, sd=2).facts()[6:] == (PRIOR_NORMAL, 1.0, 2.0)
    assert Bernoulli(prior="fixed", arms=2, means=(0.5, 0.4)).facts().prior == PRIOR_UNKNOWN
    assert Bernoulli(prior="two-point").facts().prior == PRIOR_UNKNOWN
    assert Digits().facts().prior == PRIOR_UNKNOWN


def test_one_good_arm_priors_tell_the_gap_that_the_instance_has():
    symmetric = Bernoulli(prior="two-point", low=0.25, high=0.75)
    for task in [LowerBoundPrior(), HardFamily(c=2.0), symmetric]:
        facts = task.facts()
        means = task.instance(Stream("g", 2)).means
        assert facts.prior == PRIOR_ONE_GOOD_ARM
        assert means.max() == pytest.approx((1 + facts.prior_a) / 2, abs=1e-15)
        assert means.min() == pytest.approx((1 - facts.prior_a) / 2, abs=1e-15)


def test_only_the_known_gap_task_tells_the_best_mean_and_the_gap():
    known = KnownGap(mu_star=3.0, epsilon=0.1).facts()
    assert (known.law, known.mu_star, known.gap) == (GAUSSIAN, 3.0, 0.1)
    assert KnownGap(mu_star=3.0).instance(Stream("m", 1)).means.max() == 3.0
    for task in [Bernoulli(), LowerBoundPrior(), Digits()]:
        facts = task.facts()
        assert facts.law == BERNOULLI
        assert np.isnan([facts.mu_star, facts.gap]).all()


def test_a_bound_says_nothing_beyond_horizon_times_largest_gap():
    assert Bernoulli(horizon=100).trivial_regret() == 100.0
    assert KnownGap(horizon=100).trivial_regret() == pytest.approx(20.0)
    assert Gaussian().trivial_regret() is None


# Bad input


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Bernoulli(arms=1), "arms must be at least 2, got 1"),
        (lambda: Bernoulli(horizon=-5), "horizon must be at least 1, got -5"),
        (lambda: Bernoulli(prior="beta", a=0.0), "a must be above 0, got 0.0"),
        (lambda: Bernoulli(prior="beta", b=-1.0), "b must be above 0, got -1.0"),
        (lambda: Bernoulli(a=2.0), "a and b belong to prior: beta"),
        (lambda: Bernoulli(prior="normal"), "prior must be uniform, beta, fixed or two-point"),
        (
            lambda: Bernoulli(prior="fixed", arms=2, means=(0.5, 1.5)),
            r"a mean must lie in \[0, 1\], got 1.5",
        ),
        (
            lambda: Bernoulli(prior="fixed", arms=3, means=(0.5,)),
            "prior: fixed needs one mean an arm, got 1 for 3 arms",
        ),
        (lambda: Bernoulli(means=(0.5,)), "means belong to prior: fixed"),
        (lambda: Bernoulli(prior="two-point", low=0.5, high=0.5), "0 <= low < high <= 1"),
        (lambda: Bernoulli(low=0.5), "low and high belong to prior: two-point"),
        (lambda: LowerBoundPrior(horizon=10, arms=160), "must be below 1, got 1 with scale 0.25"),
        (lambda: LowerBoundPrior(scale=0.0), "scale must be above 0, got 0.0"),
        (lambda: HardFamily(c=40.0), "c .* must be below 1"),
        (lambda: HardFamily(arms=0), "arms must be at least 2, got 0"),
        (lambda: Gaussian(noise=0.0), "noise must be above 0 and finite, got 0.0"),
        (lambda: Gaussian(sd=inf), "sd must be above 0 and finite, got inf"),
        (lambda: Gaussian(mean=inf), "mean must be finite, got inf"),
        (lambda: KnownGap(epsilon=0.3), "at most the smallest positive gap, 0.2, got 0.3"),
        (lambda: KnownGap(epsilon=-0.1), "epsilon must be at least 0, got -0.1"),
        (lambda: KnownGap(gaps=(0.0, 0.0)), "all gaps are 0"),
        (lambda: KnownGap(gaps=(0.1, 0.2)), "one gap must be 0"),
        (lambda: KnownGap(gaps=(0.0, -0.2)), "gaps must be finite and at least 0"),
        (lambda: KnownGap(gaps=(0.0,)), "gaps must be of at least 2 arms, got 1"),
        (lambda: KnownGap(order="random"), "order must be shuffled, given or reversed"),
        (lambda: Digits(horizon=0), "horizon must be at least 1, got 0"),
    ],
)
def test_a_bad_parameter_is_refused_with_its_limit(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("horizon", [1, 3])
def test_a_horizon_below_the_number_of_arms_is_legal(horizon):
    outcome = outcomes(Bernoulli(horizon=horizon), Greedy())[0]
    assert outcome.curves["regret"][0].tolist() == [horizon]


def test_the_lemma_uses_the_divergence_of_the_two_coins():
    epsilon, high, low = 0.1, 0.55, 0.45
    divergence = low * log(low / high) + high * log(high / low)
    missed = 1 - 1 / 4 - sqrt(divergence) * sqrt(50 / 8)
    assert lemma_bound(4, 50, epsilon) == pytest.approx(50 * epsilon * missed)
