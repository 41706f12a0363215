"""Policies against worked numbers, closed forms and other implementations of the same rule.

False alarms: every random statement is at most 1e-6 likely to fail if it is true, and seeds are
fixed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
from method_runs import (
    bernoulli_facts,
    choices,
    instance_of,
    kernel_of,
    normal_facts,
    regrets,
    run,
)
from scipy.optimize import brentq
from scipy.stats import norm

from harness_bandits import kl_ucb
from harness_bandits.bpr import BPRPolicy1, BPRPolicy2, _drawn_by_potential
from harness_bandits.epsilon_greedy import EpsilonGreedy
from harness_bandits.explore_then_commit import ExploreThenCommit, balanced_pulls
from harness_bandits.gaussian_thompson import FlatGaussianThompson, GaussianThompson
from harness_bandits.kl_ucb import KLUCB, binary_entropy, upper_mean
from harness_bandits.known_gap_thompson import (
    ManyArmKnownGapThompson,
    TwoArmKnownGapThompson,
    best_arm_score,
    log_normal_tail,
)
from harness_bandits.moss import MOSS
from harness_bandits.one_good_arm import OneGoodArmThompson
from harness_bandits.plain_thompson import PlainThompson
from harness_bandits.policy import PRIOR_ONE_GOOD_ARM
from harness_bandits.thompson import Thompson
from harness_bandits.ucb1 import UCB1
from harness_bandits.uniform import Uniform
from harness_bandits.weights import drawn_arm, equal_weights, set_score

FIVE = (0.2, 0.8, 0.5, 0.75, 0.3)
FIVE_FACTS = bernoulli_facts(5, 600)
GOOD_ARM_FACTS = bernoulli_facts(5, 600, prior=PRIOR_ONE_GOOD_ARM, prior_a=0.2)
GOOD_ARM = (0.4, 0.4, 0.6, 0.4, 0.4)
GAP_FACTS = normal_facts(5, 600, mu_star=0.5, gap=0.2)
GAPS = (0.5, 0.0, 0.3, 0.1, -0.5)
TWO_FACTS = normal_facts(2, 600, mu_star=0.5, gap=0.3)
TWO = (0.2, 0.5)

# Every policy with a bandit that it can serve.
SERVED = {
    "thompson": (Thompson(), FIVE_FACTS, FIVE),
    "thompson beta(2, 3)": (Thompson(a0=2.0, b0=3.0), FIVE_FACTS, FIVE),
    "thompson beta(.5, .5)": (Thompson(a0=0.5, b0=0.5), FIVE_FACTS, FIVE),
    "thompson plain": (PlainThompson(), FIVE_FACTS, FIVE),
    "thompson one-good-arm": (Thompson(prior="one-good-arm"), GOOD_ARM_FACTS, GOOD_ARM),
    "thompson gaussian": (Thompson(prior="gaussian"), GAP_FACTS, GAPS),
    "thompson flat": (Thompson(prior="flat-gaussian"), GAP_FACTS, GAPS),
    "thompson two-point": (Thompson(prior="known-gap"), TWO_FACTS, TWO),
    "thompson known-gap": (Thompson(prior="known-gap"), GAP_FACTS, GAPS),
    "bpr 1": (BPRPolicy1(), TWO_FACTS, TWO),
    "bpr 2 square": (BPRPolicy2(), GAP_FACTS, GAPS),
    "bpr 2 log": (BPRPolicy2(potential="log"), GAP_FACTS, GAPS),
    "bpr 2 without gap": (BPRPolicy2(know_gap=False), GAP_FACTS, GAPS),
    "ucb1": (UCB1(), FIVE_FACTS, FIVE),
    "moss": (MOSS(), FIVE_FACTS, FIVE),
    "kl-ucb": (KLUCB(), FIVE_FACTS, FIVE),
    "kl-ucb c=3": (KLUCB(c=3.0), FIVE_FACTS, FIVE),
    "epsilon-greedy": (EpsilonGreedy(), FIVE_FACTS, FIVE),
    "decreasing": (EpsilonGreedy(schedule="decreasing", c=0.1, d=0.05), FIVE_FACTS, FIVE),
    "etc": (ExploreThenCommit(), FIVE_FACTS, FIVE),
    "etc m=30": (ExploreThenCommit(m=30), FIVE_FACTS, FIVE),
    "uniform": (Uniform(), FIVE_FACTS, FIVE),
}


def each_served():
    return pytest.mark.parametrize("served", SERVED.values(), ids=SERVED)


# What holds for all of them.


@each_served()
def test_compiled_and_plain_runs_are_equal_to_the_bit(served):
    policy, facts, means = served
    compiled = run(policy, facts, means, seed=1)
    assert kernel_of(policy.resolve(facts), facts.law).compiled
    plain = run(policy, facts, means, seed=1, plain=True)
    assert compiled.curve.tolist() == plain.curve.tolist()
    assert compiled.best_rounds == plain.best_rounds


@each_served()
def test_regret_never_falls_and_never_exceeds_the_largest_gap_a_round(served):
    policy, facts, means = served
    curve = run(policy, facts, means, seed=2).curve
    assert np.all(np.diff(curve) >= 0.0)
    assert 0.0 <= curve[-1] <= facts.horizon * (max(means) - min(means)) * (1 + 1e-12)


@each_served()
def test_fewer_rounds_than_arms_are_played_without_a_fault(served):
    policy, facts, means = served
    short = facts._replace(horizon=facts.arms - 1)
    assert run(policy, short, means, seed=3).curve.size == 1


@pytest.mark.parametrize("name", ["ucb1", "moss", "kl-ucb", "etc", "bpr 2 square"])
def test_permuting_the_arms_permutes_the_plays(name):
    policy, facts, means = SERVED[name]
    order = [3, 0, 4, 1, 2]
    straight = pulls_without_noise(policy, facts, means)
    permuted = pulls_without_noise(policy, facts, [means[arm] for arm in order])
    assert permuted == [straight[arm] for arm in order]


def pulls_without_noise(policy, facts, means):
    """Pulls where each reward is its arm's mean: no draw depends on the arms' order."""
    parameters = policy.parameters(facts)
    state = policy.init(parameters, facts, 0)
    pulls = [0] * facts.arms
    for t in range(1, facts.horizon + 1):
        arm = policy.select(parameters, state, 0, t)
        pulls[arm] += 1
        policy.update(parameters, state, arm, means[arm])
    assert sum(pulls) == facts.horizon
    return pulls


# Indices.

SEEN = [1.0] * 3 + [0.0] * 7  # S = 3, T = 10


def indices_cross(policy, facts, place, t):
    """The mean of a rival without bonus at which the choice leaves an arm with ``SEEN``.

    ``place(state, value)`` gives arm 1 the index ``value``.
    """
    parameters = policy.parameters(facts)
    state = policy.init(parameters, facts, 0)
    for reward in SEEN:
        policy.update(parameters, state, 0, reward)
    low, high = 0.0, 3.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        place(state, middle)
        if policy.select(parameters, state, 0, t) == 0:
            low = middle
        else:
            high = middle
    return low


def test_ucb1_has_the_worked_index():
    def place(state, value):
        state.averages.means[1], state.widths[1] = value, 0.0

    index = indices_cross(UCB1(), bernoulli_facts(2, 1000), place, t=100)
    assert index == pytest.approx(1.2597052, abs=1e-7)


def test_moss_has_the_worked_index():
    def place(state, value):
        state.indices[1] = value

    index = indices_cross(MOSS(), bernoulli_facts(10, 1000), place, t=100)
    assert index == pytest.approx(0.7798525, abs=1e-7)


@pytest.mark.parametrize(
    ("wins", "losses", "t", "printed"), [(3.0, 7.0, 100, 0.7560227), (0.0, 5.0, 50, 0.5426949)]
)
def test_kl_ucb_has_the_worked_index(wins, losses, t, printed):
    index = upper_mean(wins, losses, binary_entropy(wins, losses), math.log(t))
    assert index == pytest.approx(printed, abs=1e-7)


def test_kl_ucb_index_of_only_wins_is_one():
    assert upper_mean(4.0, 0.0, 0.0, math.log(9)) == 1.0


def test_kl_ucb_index_solves_its_equation():
    rng = np.random.default_rng(4)
    for _ in range(300):
        wins, losses = float(rng.integers(1, 4000)), float(rng.integers(1, 4000))
        level = rng.uniform(0.7, 12.0)
        entropy = binary_entropy(wins, losses)

        def excess(q, wins=wins, losses=losses, entropy=entropy, level=level):
            return entropy - wins * math.log(q) - losses * math.log1p(-q) - level

        solved = brentq(excess, wins / (wins + losses), 1 - 1e-15, xtol=1e-15)
        assert upper_mean(wins, losses, entropy, level) == pytest.approx(solved, abs=1e-12)


def test_kl_ucb_index_is_found_where_floats_next_to_one_are_coarse():
    # Newton's step falls below half the distance between floats here.
    wins, level = 62502.0, 11.127351215559857
    index = upper_mean(wins, 1.0, binary_entropy(wins, 1.0), level)
    assert 1 - 1e-9 < index < 1.0


@dataclass(frozen=True, kw_only=True)
class EveryIndex(KLUCB):
    """KL-UCB that solves the index of every arm."""

    def select(parameters, state, key, t):
        if t <= state.wins.size:
            return t - 1
        level = math.log(t) + parameters.c * math.log(max(1.0, math.log(t)))
        best, largest = 0, kl_ucb._index(state, 0, level)
        for arm in range(1, state.wins.size):
            index = kl_ucb._index(state, arm, level)
            if index > largest:
                best, largest = arm, index
        return best


TIED = [(0.5, 0.5, 0.5, 0.5, 0.5), (0.0, 0.0, 0.01, 0.0, 0.01), (1.0, 1.0, 0.99, 0.9, 1.0)]


@pytest.mark.parametrize("c", [0.0, 3.0])
def test_kl_ucb_chooses_as_if_every_index_were_solved(c):
    facts = bernoulli_facts(5, 3_000)
    instances = [*TIED * 5, *np.random.default_rng(5).random((40, 5))]
    lazy = [run(KLUCB(c=c), facts, m, seed).curve for seed, m in enumerate(instances)]
    brute = [run(EveryIndex(c=c), facts, m, seed).curve for seed, m in enumerate(instances)]
    assert np.array_equal(lazy, brute)


# ε-greedy, explore-then-commit, uniform.


def greedy_state(policy, facts):
    """Averages at which arm 2 is best."""
    state = policy.init(policy.parameters(facts), facts, 0)
    for arm, reward in enumerate((0.0, 0.0, 1.0, 0.0, 0.0)):
        policy.update(policy.parameters(facts), state, arm, reward)
    return state


@pytest.mark.parametrize(
    ("policy", "epsilon"),
    [
        (EpsilonGreedy(epsilon=0.1), 0.1),
        (EpsilonGreedy(epsilon=1.0), 1.0),
        # Rounds 1,000,001 … 1,100,000: ε_t falls by a tenth about 5 * 2000 / 1.05e6.
        (EpsilonGreedy(schedule="decreasing", c=20.0, d=0.1), 1e4 * math.log(1.1) / 1e5),
    ],
    ids=["constant", "always", "decreasing"],
)
def test_epsilon_greedy_explores_as_often_as_it_says(policy, epsilon):
    rounds = 100_000
    counts = choices(policy, FIVE_FACTS, greedy_state(policy, FIVE_FACTS), rounds, 1_000_000)
    explored, expected = counts[[0, 1, 3, 4]], rounds * epsilon / 5
    assert np.all(np.abs(explored - expected) < 5.5 * np.sqrt(expected))


def test_epsilon_greedy_without_exploration_stays_with_the_best_mean():
    policy = EpsilonGreedy(epsilon=0.0)
    counts = choices(policy, FIVE_FACTS, greedy_state(policy, FIVE_FACTS), 1000, first=5)
    assert counts.tolist() == [0, 0, 1000, 0, 0]


def test_explore_then_commit_balances_at_105_pulls():
    assert balanced_pulls(10, 10_000) == 105


def test_explore_then_commit_pays_the_mean_gap_and_then_one_gap():
    pulls = pulls_without_noise(ExploreThenCommit(m=30), FIVE_FACTS, FIVE)
    assert pulls == [30, 30 + 450, 30, 30, 30]


def test_explore_then_commit_only_explores_where_the_horizon_is_short():
    pulls = pulls_without_noise(ExploreThenCommit(m=1000), FIVE_FACTS, FIVE)
    assert pulls == [120] * 5


def test_uniform_play_costs_the_mean_gap_each_round():
    facts = bernoulli_facts(5, 1_000)
    sample = regrets(Uniform(), facts, [FIVE] * 200)
    expected = facts.horizon * (max(FIVE) - sum(FIVE) / 5)
    assert abs(sample.mean() - expected) < 5 * sample.std(ddof=1) / math.sqrt(sample.size)


# Posteriors over which arm is best.


def share_of_first(state):
    """Probability that the first arm is drawn: where the choice leaves it."""
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if drawn_arm(state, middle) == 0 else (low, middle)
    return low


def test_one_good_arm_has_the_worked_posterior():
    epsilon = 0.25 * math.sqrt(10 / 10_000)
    facts = bernoulli_facts(10, 10_000, prior=PRIOR_ONE_GOOD_ARM, prior_a=epsilon)
    policy = OneGoodArmThompson()
    state = policy.init(policy.parameters(facts), facts, 0)
    for arm, reward in [(0, 1.0), (0, 1.0), (1, 0.0), (0, 1.0)]:
        policy.update(policy.parameters(facts), state, arm, reward)
    assert share_of_first(state) == pytest.approx(0.1045141, abs=1e-7)


def test_weights_survive_scores_that_no_exponential_holds():
    state = equal_weights(3)
    for arm, score in [(0, 5000.0), (1, 5001.0), (2, -9000.0)]:
        set_score(state, arm, score)
    assert share_of_first(state) == pytest.approx(1 / (1 + math.e), abs=1e-12)
    set_score(state, 0, -8000.0)
    set_score(state, 1, -8000.0)
    assert share_of_first(state) == pytest.approx(0.5, abs=1e-12)


def test_two_point_prior_has_the_worked_posterior():
    facts = normal_facts(2, 10**6, mu_star=0.0, gap=0.2)
    policy = TwoArmKnownGapThompson()
    state = policy.init(policy.parameters(facts), facts, 0)
    for arm, reward in [(0, 0.1), (0, 0.3), (1, -0.5), (1, -0.7)]:
        policy.update(policy.parameters(facts), state, arm, reward)
    counts = choices(policy, facts, state, 400_000, first=4)
    assert counts[0] / 400_000 == pytest.approx(0.5793243, abs=5 * 0.5 / math.sqrt(400_000))


def test_known_gap_prior_has_the_worked_posterior():
    scores = best_arm_score(4.0, 0.1, 0.2), best_arm_score(4.0, -0.3, 0.2)
    assert scores == pytest.approx((1.966851, 1.059152), abs=1e-6)
    state = equal_weights(2)
    set_score(state, 0, scores[0])
    set_score(state, 1, scores[1])
    assert share_of_first(state) == pytest.approx(0.7125292, abs=1e-7)


def test_log_of_the_normal_tail_agrees_with_scipy():
    x = np.linspace(-8.0, 60.0, 2001)
    ours = np.array([log_normal_tail(float(each)) for each in x])
    assert ours == pytest.approx(norm.logsf(x), rel=1e-9, abs=1e-15)


def test_the_unit_of_the_rewards_does_not_matter():
    scaled = TWO_FACTS._replace(mu_star=5.0, gap=3.0, noise=10.0)
    for policy in (TwoArmKnownGapThompson(), ManyArmKnownGapThompson()):
        one = run(policy, TWO_FACTS, TWO, seed=8).curve
        ten = run(policy, scaled, [10 * mean for mean in TWO], seed=8).curve
        assert ten == pytest.approx(10 * one, rel=1e-9)


def test_policy_2_draws_in_proportion_to_the_inverse_potential():
    parameters = BPRPolicy2().parameters(normal_facts(2, 10, mu_star=0.0, gap=0.2))
    drawn = [
        _drawn_by_potential(parameters, np.array([-1.0, -2.0]), np.zeros(2), u)
        for u in (0.79999, 0.80001)
    ]
    assert drawn == [0, 1]


def test_policy_2_with_the_log_potential_draws_in_proportion_to_log_over_square():
    facts = normal_facts(2, 10, mu_star=0.0, gap=0.2)
    parameters = BPRPolicy2(potential="log").parameters(facts)
    first, second = math.log(20.0) / 1.0, math.log(40.0) / 4.0
    share = first / (first + second)
    drawn = [
        _drawn_by_potential(parameters, np.array([-1.0, -2.0]), np.zeros(2), u)
        for u in (share - 1e-9, share + 1e-9)
    ]
    assert drawn == [0, 1]


def test_policy_1_plays_both_in_turn_until_one_looks_best():
    facts = normal_facts(2, 10, mu_star=1.0, gap=0.4)
    policy, parameters = BPRPolicy1(), BPRPolicy1().parameters(facts)
    state = policy.init(parameters, facts, 0)
    played = []
    # Both averages stay at or below 1 - 0.2 until arm 1 pays 3 in round 6.
    for t, reward in enumerate([0.7, 0.75, 0.7, 0.8, 0.8, 3.0, 3.0, 3.0], start=1):
        arm = policy.select(parameters, state, 0, t)
        played.append(arm)
        policy.update(parameters, state, arm, reward)
    assert played == [0, 1, 0, 1, 0, 1, 1, 1]


def test_normal_posterior_is_the_conjugate_one():
    facts = normal_facts(2, 100)._replace(noise=2.0)
    policy = GaussianThompson(mean=1.0, sd=3.0)
    parameters = policy.parameters(facts)
    state = policy.init(parameters, facts, 0)
    rewards = np.random.default_rng(7).normal(size=9)
    for reward in rewards:
        policy.update(parameters, state, 1, float(reward))
    precision = 1 / 9 + 9 / 4
    assert state.means[1] == pytest.approx((1 / 9 + rewards.sum() / 4) / precision)
    assert state.sds == pytest.approx([3.0, precision**-0.5])


def test_flat_normal_thompson_chooses_with_the_probability_that_an_arm_is_best():
    policy, facts = FlatGaussianThompson(), normal_facts(2, 10)
    state = policy.init(policy.parameters(facts), facts, 0)
    for arm, reward in [(0, 0.0), (1, 0.5), (1, 0.1), (1, 0.9)]:
        policy.update(policy.parameters(facts), state, arm, reward)
    counts = choices(policy, facts, state, 200_000, first=4)
    expected = norm.cdf(-0.5 / math.sqrt(1 + 1 / 3))  # N(0, 1) against N(0.5, 1/3)
    assert counts[0] / 200_000 == pytest.approx(expected, abs=5 * 0.5 / math.sqrt(200_000))


# Regret in closed form.


def wrong_share(u):
    """``h(u) = E 1/(1 + e^Z)``, Z ~ N(u/2, u): the share of wrong choices at evidence u."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    z = u[:, None] / 2 + np.sqrt(u)[:, None] * nodes
    return (weights / (1 + np.exp(np.clip(z, -700, 700)))).sum(axis=1) / math.sqrt(2 * math.pi)


def two_point_regret(gap, horizon):
    return gap * (1 + wrong_share(np.arange(2, horizon) * gap * gap).sum())


def test_evidence_of_one_and_four_has_the_worked_share_of_wrong_choices():
    assert wrong_share(np.array([1.0, 4.0])) == pytest.approx([0.397973, 0.224800], abs=1e-6)


@pytest.mark.parametrize(
    ("gap", "horizon", "printed"),
    [
        (0.2, 10, 0.958555),
        (0.2, 100, 6.765184),
        (0.2, 1000, 13.868930),
        (0.2, 10_000, 13.914017),
        (0.5, 10, 1.987195),
        (0.5, 100, 5.546196),
        (0.5, 1000, 5.686215),
        (1.0, 1000, 3.134940),
    ],
)
def test_exact_two_point_regret_has_the_worked_values(gap, horizon, printed):
    exact = two_point_regret(gap, horizon)
    assert exact == pytest.approx(printed, abs=2e-6)
    assert exact <= gap + 4 * math.log(2) / gap


@pytest.mark.parametrize(("gap", "horizon"), [(0.5, 100), (0.2, 1000)])
def test_two_point_thompson_has_the_exact_regret(gap, horizon):
    facts = normal_facts(2, horizon, mu_star=0.0, gap=gap)
    sample = regrets(TwoArmKnownGapThompson(), facts, [(0.0, -gap), (-gap, 0.0)] * 1500)
    error = sample.std(ddof=1) / math.sqrt(sample.size)
    assert abs(sample.mean() - two_point_regret(gap, horizon)) < 5 * error


def test_an_instance_keeps_its_gaps_exact():
    assert instance_of(GAP_FACTS, GAPS).gaps.tolist().count(0.0) == 1
