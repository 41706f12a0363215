"""The screened Beta sampler chooses with Thompson sampling's probabilities, exactly.

False alarms: every random statement is at most 1e-6 likely to fail if it is true (|z| < 5,
χ² p-values above 1e-6), and seeds are fixed.
"""

from __future__ import annotations

import sys
from fractions import Fraction
from functools import cache
from importlib import import_module
from inspect import getsource
from math import comb, lgamma

import numpy as np
import pytest
from method_runs import (
    bernoulli_facts,
    choices,
    paired_z,
    pairs_of,
    play_many,
    regrets,
    z_of_difference,
)
from scipy.special import betaln
from scipy.stats import beta as beta_law
from scipy.stats import chisquare

from harness.kernels import specialise
from harness_bandits import beta_thompson
from harness_bandits.beta_thompson import BetaThompson
from harness_bandits.plain_thompson import PlainThompson, State
from harness_bandits.thompson import Thompson

# Posteriors (a, b) and the probability that each arm's draw is the largest.
EARLY = ((1, 2, 3, 1, 2), (1, 1, 2, 2, 2))
MID = ((60, 20, 12, 9, 5), (30, 20, 15, 14, 13))
TIGHT = ((5001, 4801, 50, 10), (5001, 4901, 60, 20))
LATE = ((900, 40, 25, 12, 6, 5, 4, 3, 2, 1), (300, 24, 20, 12, 9, 8, 8, 7, 7, 6))
AT_THE_EDGE = ((200, 5, 3, 2, 1), (1, 1, 1, 1, 1))
LOW = ((3, 2, 1, 1), (2000, 900, 700, 50))
FLAT = ((1, 1), (1, 1))
PERMUTED = ((5, 20, 60, 9, 12), (13, 20, 30, 14, 15))
POSTERIORS = {
    "early": EARLY,
    "mid": MID,
    "tight": TIGHT,
    "late": LATE,
    "edge": AT_THE_EDGE,
    "low": LOW,
    "flat": FLAT,
    "permuted": PERMUTED,
}
WORKED = [
    (EARLY, (0.2030303, 0.4060606, 0.2181818, 0.0484848, 0.1242424)),
    (MID, (0.939634, 0.0344809, 0.0178423, 0.0072147, 0.0008282)),
    (TIGHT, (0.6216414, 0.188278, 0.1620406, 0.02804)),
]
DRAWS = 1_000_000


def arm_probabilities(a, b):
    """∫ f_i Π F_j by Gauss–Legendre on panels that follow every arm's quantiles."""
    laws = [beta_law(x, y) for x, y in zip(a, b, strict=True)]
    levels = np.concatenate([np.logspace(-14, -1, 40), np.linspace(0.1, 0.9, 40)])
    edges = [0.0, 1.0]
    for law in laws:
        edges = np.concatenate([edges, law.ppf(levels), law.isf(levels)])
    edges = np.unique(edges)
    nodes, weights = np.polynomial.legendre.leggauss(8)
    middle, half = (edges[1:] + edges[:-1]) / 2, (edges[1:] - edges[:-1]) / 2
    x = (middle[:, None] + half[:, None] * nodes).ravel()
    w = (half[:, None] * weights).ravel()
    below = np.array([law.cdf(x) for law in laws])
    density = np.array([law.pdf(x) for law in laws])
    others = [np.delete(below, arm, axis=0).prod(axis=0) for arm in range(len(a))]
    return np.array([(w * density[arm] * others[arm]).sum() for arm in range(len(a))])


def state_at(a, b, has_threshold):
    facts = bernoulli_facts(len(a), 10)
    policy = BetaThompson()
    state = policy.init(policy.parameters(facts), facts, 0)
    state.wins[:], state.losses[:], state.log_betas[:] = a, b, betaln(a, b)
    state.clock[beta_thompson.LEADER] = np.argmax(np.add(a, b))
    if has_threshold:
        beta_thompson._place_threshold(state)
        assert state.clock[beta_thompson.IS_SET]
    return policy, facts, state


def p_value(counts, probabilities):
    """χ² test, arms expected less than 20 times joined with the likeliest."""
    expected = probabilities / probabilities.sum() * counts.sum()
    rare = expected < 20
    likeliest = expected.argmax()
    observed, expected = counts.astype(float), expected.copy()
    for values in (observed, expected):
        values[likeliest] += values[rare].sum()
    return chisquare(observed[~rare], expected[~rare]).pvalue


@pytest.mark.parametrize(("posterior", "printed"), WORKED)
def test_quadrature_gives_the_worked_arm_probabilities(posterior, printed):
    assert arm_probabilities(*posterior) == pytest.approx(printed, abs=1e-6)


@pytest.mark.parametrize("name", POSTERIORS)
def test_choices_by_the_leaders_draw_have_the_exact_probabilities(name):
    counts = choices(*state_at(*POSTERIORS[name], has_threshold=False), DRAWS)
    assert p_value(counts, arm_probabilities(*POSTERIORS[name])) > 1e-6


@pytest.mark.parametrize("name", ["mid", "late", "permuted"])
def test_choices_by_the_threshold_have_the_exact_probabilities(name):
    counts = choices(*state_at(*POSTERIORS[name], has_threshold=True), DRAWS)
    assert p_value(counts, arm_probabilities(*POSTERIORS[name])) > 1e-6


def test_tails_a_tenth_too_small_are_noticed_by_the_chi_square_test():
    policy, facts, state = state_at(*MID, has_threshold=True)
    state.tails[:] *= 0.9
    state.screen[beta_thompson.TOTAL] *= 0.9
    counts = choices(policy, facts, state, DRAWS)
    assert p_value(counts, arm_probabilities(*MID)) < 1e-6


def test_plain_betas_below_one_have_the_exact_probabilities():
    a, b = (0.5, 1.5, 2.5), (0.5, 0.5, 3.5)
    facts = bernoulli_facts(3, 10)
    state = State(np.array(a), np.array(b))
    counts = choices(PlainThompson(), facts, state, 200_000)
    draws = np.random.default_rng(1).beta(a, b, size=(4_000_000, 3))
    expected = np.bincount(draws.argmax(axis=1), minlength=3) / 4_000_000
    error = np.sqrt(expected * (1 - expected) * (1 / 200_000 + 1 / 4_000_000))
    assert np.all(np.abs(counts / 200_000 - expected) < 5 * error)


# Bounds and the masses that they bound.


def test_tails_bound_the_masses_beyond_the_threshold_in_every_round():
    facts, means = bernoulli_facts(6, 1_500), np.linspace(0.2, 0.8, 6)
    policy, rng = BetaThompson(), np.random.default_rng(8)
    parameters = policy.parameters(facts)
    state = policy.init(parameters, facts, 0)
    with_threshold = 0
    for t in range(1, facts.horizon + 1):
        arm = policy.select(parameters, state, 9, t)
        policy.update(parameters, state, arm, float(rng.random() < means[arm]))
        if not state.clock[beta_thompson.IS_SET]:
            continue
        with_threshold += 1
        laws = beta_law(state.wins, state.losses)
        threshold = state.screen[beta_thompson.THRESHOLD]
        mass = laws.sf(threshold)
        leader = state.clock[beta_thompson.LEADER]
        mass[leader] = laws.cdf(threshold)[leader]
        assert np.all(mass <= state.tails * (1 + 1e-9))
        assert np.all(state.tails <= beta_thompson.LARGEST_TAIL)
        assert state.screen[beta_thompson.TOTAL] == pytest.approx(state.tails.sum(), abs=1e-12)
    assert with_threshold > 500


def test_bounds_above_a_mark_bound_the_masses_there():
    rng = np.random.default_rng(10)
    for _ in range(2_000):
        a, b = 1 + 10 ** rng.uniform(-3, 3, size=2)
        _, _, state = state_at((a, 1), (b, 1), has_threshold=False)
        value = beta_law(a, b).ppf(rng.uniform(0.01, 0.999999))
        mark = beta_thompson.Draw(value, 1 - value, np.log(value), np.log1p(-value))
        bound = beta_thompson._bound_above(state, 0, mark)
        assert beta_law(a, b).sf(value) <= bound * (1 + 1e-9)


# The paired test: play by the screen, draw beside it from the same posterior by plain Betas.

HORIZON = 20_000
INSTANCES = [
    *[np.linspace(0.1, 0.9, 10)] * 4,
    *np.random.default_rng(3).random((10, 10)),
    *[np.linspace(0.001, 0.03, 10)] * 4,
    *[np.array([0.5, 0.48])] * 6,
]


def test_screened_and_plain_choices_agree_along_a_run():
    assert paired_z(pairs_of(BetaThompson(), INSTANCES, HORIZON)).max() < 5.0


def test_tails_a_tenth_too_small_are_noticed_by_the_paired_test(tmp_path, monkeypatch):
    source = getsource(beta_thompson)
    for exact, planted in (
        ("- log_beta) / fall", "- log_beta) / fall * 0.9"),
        ("return -math.expm1(-span) / span", "return -math.expm1(-span) / span * 0.9"),
    ):
        assert source.count(exact) == 1
        source = source.replace(exact, planted)
    (tmp_path / "planted_thompson.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    planted = import_module("planted_thompson").BetaThompson()
    monkeypatch.delitem(sys.modules, "planted_thompson", raising=False)
    assert paired_z(pairs_of(planted, INSTANCES, HORIZON)).max() > 8.0


# Regret.


def numpy_thompson(means, horizon, lanes, seed):
    """Thompson sampling with uniform priors, as one would write it; the regret of each lane."""
    rng = np.random.default_rng(seed)
    means = np.asarray(means)
    wins, losses = np.ones((lanes, means.size)), np.ones((lanes, means.size))
    lane, regret = np.arange(lanes), np.zeros(lanes)
    for _ in range(horizon):
        arm = rng.beta(wins, losses).argmax(axis=1)
        won = rng.random(lanes) < means[arm]
        wins[lane, arm] += won
        losses[lane, arm] += ~won
        regret += means.max() - means[arm]
    return regret


@pytest.mark.parametrize("means", [np.linspace(0.1, 0.9, 10), (0.9, 0.88, 0.5)], ids=["10", "3"])
@pytest.mark.parametrize("policy", [BetaThompson(), PlainThompson()], ids=["screened", "plain"])
def test_regret_is_that_of_an_independent_thompson_sampling(policy, means):
    theirs = numpy_thompson(means, 500, 1_000, seed=4)
    ours = regrets(policy, bernoulli_facts(len(means), 500), [means] * 3_000)
    assert abs(z_of_difference(ours, theirs)) < 5.0


def win_probability(a, b, c, d):
    """P(Beta(a, b) > Beta(c, d)) for whole parameters."""

    def whole_beta(x, y):
        return Fraction(1, x * comb(x + y - 1, x))

    terms = (
        Fraction(whole_beta(c + i, b + d), (b + i) * whole_beta(1 + i, b) * whole_beta(c, d))
        for i in range(a)
    )
    return sum(terms)


@pytest.mark.parametrize(
    ("shapes", "printed"),
    [
        ((1, 1, 1, 1), "1/2"),
        ((2, 1, 1, 1), "2/3"),
        ((2, 1, 1, 2), "5/6"),
        ((3, 1, 2, 2), "4/5"),
        ((3, 2, 2, 1), "2/5"),
        ((2, 2, 1, 1), "1/2"),
        ((10, 5, 8, 8), "52918/63365"),
    ],
)
def test_one_beta_exceeds_another_with_the_worked_probability(shapes, printed):
    assert win_probability(*shapes) == Fraction(printed)


def exact_bayesian_regret(horizon):
    """Two arms, uniform priors, by dynamic programming over (wins, losses) of both."""

    @cache
    def gain(a, b, c, d, left):
        if left == 0:
            return 0
        first = win_probability(a, b, c, d)
        value = 0
        if first:
            mean = Fraction(a, a + b)
            value += first * mean * (1 + gain(a + 1, b, c, d, left - 1))
            value += first * (1 - mean) * gain(a, b + 1, c, d, left - 1)
        mean = Fraction(c, c + d)
        value += (1 - first) * mean * (1 + gain(a, b, c + 1, d, left - 1))
        value += (1 - first) * (1 - mean) * gain(a, b, c, d + 1, left - 1)
        return value

    return Fraction(2, 3) * horizon - gain(1, 1, 1, 1, horizon)


def rounded_bayesian_regret(horizon):
    """The same in floating point, symmetric states merged: for horizons of dozens of rounds."""

    @cache
    def log_beta(x, y):
        return lgamma(x) + lgamma(y) - lgamma(x + y)

    @cache
    def first_wins(a, b, c, d):
        i = np.arange(a)
        logs = betaln(c + i, b + d) - np.log(b + i) - betaln(1 + i, b) - log_beta(c, d)
        return float(np.exp(logs).sum())

    @cache
    def gain(a, b, c, d):
        if a + b + c + d == horizon + 4:
            return 0.0
        if (a, b) > (c, d):
            return gain(c, d, a, b)
        first, mean, other = first_wins(a, b, c, d), a / (a + b), c / (c + d)
        one = mean * (1 + gain(a + 1, b, c, d)) + (1 - mean) * gain(a, b + 1, c, d)
        two = other * (1 + gain(a, b, c + 1, d)) + (1 - other) * gain(a, b, c, d + 1)
        return first * one + (1 - first) * two

    return 2 / 3 * horizon - gain(1, 1, 1, 1)


def test_dynamic_programming_gives_the_worked_regrets():
    printed = ["1/6", "11/36", "61/144", "7577/14400", "66631/108000"]
    assert [exact_bayesian_regret(n) for n in range(1, 6)] == [Fraction(each) for each in printed]
    assert rounded_bayesian_regret(10) == pytest.approx(0.9621224832, abs=1e-10)
    assert rounded_bayesian_regret(15) == pytest.approx(1.2078599606, abs=1e-10)


@pytest.mark.parametrize("policy", [BetaThompson(), PlainThompson()], ids=["screened", "plain"])
@pytest.mark.parametrize("horizon", [5, 24])
def test_bayesian_regret_of_two_arms_is_the_exact_one(policy, horizon):
    facts, runs = bernoulli_facts(2, horizon), 100_000
    regret = np.zeros(runs)
    kernel = specialise(play_many, init=policy.init, select=policy.select, update=policy.update)
    kernel(policy.parameters(facts), facts, 11, runs, regret)
    error = regret.std(ddof=1) / np.sqrt(runs)
    assert abs(regret.mean() - rounded_bayesian_regret(horizon)) < 5 * error


# The posterior, and which sampler serves which prior.


def test_the_running_beta_function_is_that_of_the_posterior():
    facts = bernoulli_facts(2, 10)
    policy = BetaThompson(a0=2.5, b0=1.5)
    parameters = policy.parameters(facts)
    state = policy.init(parameters, facts, 0)
    rng = np.random.default_rng(6)
    for reward in [*(rng.random(400) < 0.7).astype(float), 0.25, 1.0]:
        policy.update(parameters, state, 1, float(reward))
    assert state.log_betas == pytest.approx(betaln(state.wins, state.losses), abs=1e-9)
    assert state.wins[1] + state.losses[1] == pytest.approx(4.0 + 402.0)


@pytest.mark.parametrize(("a0", "b0"), [(0.5, 1.0), (1.0, 0.2)])
def test_priors_below_one_are_served_by_plain_betas(a0, b0):
    served = Thompson(a0=a0, b0=b0).resolve(bernoulli_facts(2, 10))
    assert served == PlainThompson(a0=a0, b0=b0)


def test_most_rounds_at_ten_arms_are_played_with_a_threshold():
    rounds = pairs_of(BetaThompson(), [np.linspace(0.1, 0.9, 10)], HORIZON).rounds
    assert rounds[1] > 0.7 * HORIZON
