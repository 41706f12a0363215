"""Where a policy promises what, what theory says holds, and whom it does not serve."""

from __future__ import annotations

from dataclasses import dataclass
from math import log, sqrt
from typing import NamedTuple

import numpy as np
import pytest
from bandit_cells import FixedArm
from hypothesis import given, settings
from hypothesis import strategies as st
from method_runs import bernoulli_facts, normal_facts, regrets

from harness.random import uniform
from harness_bandits.bernoulli import Bernoulli
from harness_bandits.bpr import BPRPolicy1, BPRPolicy2
from harness_bandits.epsilon_greedy import EpsilonGreedy
from harness_bandits.gaussian import Gaussian
from harness_bandits.kl_ucb import KLUCB
from harness_bandits.known_gap import KnownGap
from harness_bandits.lower_bound import LowerBoundPrior
from harness_bandits.moss import MOSS
from harness_bandits.plain_thompson import PlainThompson
from harness_bandits.policy import PRIOR_BETA, Policy
from harness_bandits.thompson import Thompson
from harness_bandits.ucb1 import UCB1
from harness_bandits.uniform import Uniform

UNIFORM = Bernoulli(arms=10, horizon=10_000)
SKEWED = Bernoulli(arms=10, horizon=10_000, prior="beta", a=1.0, b=9.0)
FIXED = Bernoulli(arms=2, horizon=100, prior="fixed", means=(0.5, 0.25))
TWO_GAPS = KnownGap(gaps=(0.0, 0.2), epsilon=0.2, horizon=100_000)
TEN_GAPS = KnownGap(gaps=(0.0, *[0.2] * 9), epsilon=0.1, horizon=100_000)


def promised(policy, task):
    """Values of the guarantees by name."""
    bounds = policy.guarantees(task)
    assert all(bound.metric == "regret" and bound.source for bound in bounds)
    assert all(bound.holds == "in_expectation" for bound in bounds)
    return {bound.name: bound.value for bound in bounds}


# Theorem 1: the task's own prior, rewards in [0, 1].


@pytest.mark.parametrize(
    ("policy", "task"),
    [
        (Thompson(), UNIFORM),
        (Thompson(prior="task"), UNIFORM),
        (PlainThompson(), UNIFORM),
        (Thompson(a0=1.0, b0=9.0), SKEWED),
        (Thompson(prior="task"), SKEWED),
        (Thompson(prior="task"), LowerBoundPrior(arms=10, horizon=10_000)),
    ],
)
def test_thompson_with_the_tasks_prior_promises_theorem_1(policy, task):
    assert promised(policy, task) == {"": pytest.approx(14 * sqrt(10 * 10_000))}


@pytest.mark.parametrize(
    ("policy", "task"),
    [
        (Thompson(), SKEWED),
        (Thompson(a0=2.0), UNIFORM),
        (Thompson(), LowerBoundPrior()),
        (Thompson(), FIXED),
        (Thompson(prior="task"), Gaussian()),
        (Thompson(prior="flat-gaussian"), Gaussian()),
        (KLUCB(), UNIFORM),
        (UCB1(), UNIFORM),
        (MOSS(), Gaussian()),
    ],
)
def test_nothing_is_promised_beyond_a_theorems_conditions(policy, task):
    assert promised(policy, task) == {}


def test_the_bound_is_vacuous_while_it_exceeds_the_trivial_regret():
    # 14 sqrt(nK) < n from n = 196 K on; under the lower-bound prior never: n ε = sqrt(nK)/4.
    def is_vacuous(task):
        (bound,) = Thompson(prior="task").guarantees(task)
        return bound.is_vacuous

    assert [is_vacuous(Bernoulli(arms=10, horizon=n)) for n in (1960, 1961)] == [True, False]
    assert is_vacuous(LowerBoundPrior(arms=10, horizon=100_000))


def discrete_thompson(table):
    """Thompson sampling under the uniform prior on the rows of ``table``, exact posterior."""

    class Parameters(NamedTuple):
        means: np.ndarray  # (hypotheses, arms)

    @dataclass(frozen=True, kw_only=True)
    class Discrete(Policy):
        def parameters(self, facts):
            return Parameters(table)

        def init(parameters, facts, key):
            return np.ones(parameters.means.shape[0])

        def select(parameters, state, key, t):
            left = uniform(key, t, 0) * state.sum()
            row = 0
            while row < state.size - 1 and left >= state[row]:
                left -= state[row]
                row += 1
            return parameters.means[row].argmax()

        def update(parameters, state, arm, reward):
            mean = parameters.means[:, arm]
            state *= mean if reward == 1.0 else 1.0 - mean
            state /= state.sum()

    return Discrete()


def exceeds(sample, bound):
    """Whether the mean cannot be shown to obey the bound by three standard errors."""
    return sample.mean() + 3 * sample.std(ddof=1) / sqrt(sample.size) > bound


@settings(max_examples=15, deadline=None, derandomize=True)
@given(
    arms=st.integers(2, 8),
    a=st.integers(1, 9),
    b=st.integers(1, 9),
    horizon=st.sampled_from([200, 2000]),
    seed=st.integers(0, 10**6),
)
def test_bayesian_regret_under_any_beta_prior_obeys_theorem_1(arms, a, b, horizon, seed):
    facts = bernoulli_facts(arms, horizon, prior=PRIOR_BETA, prior_a=float(a), prior_b=float(b))
    instances = np.random.default_rng(seed).beta(a, b, size=(40, arms))
    sample = regrets(Thompson(prior="task"), facts, instances)
    assert not exceeds(sample, 14 * sqrt(horizon * arms))


@settings(max_examples=5, deadline=None, derandomize=True)
@given(
    table=st.integers(2, 8).flatmap(
        lambda arms: st.lists(
            st.lists(st.floats(0, 1), min_size=arms, max_size=arms), min_size=2, max_size=4
        )
    ),
    seed=st.integers(0, 10**6),
)
def test_bayesian_regret_under_any_discrete_prior_obeys_theorem_1(table, seed):
    table = np.array(table)
    rows = np.random.default_rng(seed).integers(len(table), size=40)
    facts = bernoulli_facts(table.shape[1], 200)
    sample = regrets_in_python(discrete_thompson(table), facts, table[rows])
    assert not exceeds(sample, 14 * sqrt(facts.horizon * facts.arms))


def regrets_in_python(policy, facts, instances):
    """Regrets without compiling: a policy made in a test would be compiled for each table."""
    regret = np.zeros(len(instances))
    rng = np.random.default_rng(9)
    for seed, means in enumerate(instances):
        parameters = policy.parameters(facts)
        state = policy.init(parameters, facts, seed)
        for t in range(1, facts.horizon + 1):
            arm = int(policy.select(parameters, state, seed, t))
            regret[seed] += means.max() - means[arm]
            policy.update(parameters, state, arm, float(rng.random() < means[arm]))
    return regret


@pytest.mark.parametrize("policy", [FixedArm(arm=4), Uniform()], ids=["fixed arm", "uniform"])
def test_a_policy_that_learns_nothing_breaks_theorem_1(policy):
    facts = bernoulli_facts(10, 3_000)
    best = np.random.default_rng(2).integers(10, size=1_000)
    instances = (best[:, None] == np.arange(10)).astype(float)
    sample = regrets(policy, facts, instances)
    assert exceeds(sample, 14 * sqrt(3_000 * 10))
    # Not by chance: the lower end is above the bound too.
    assert sample.mean() - 3 * sample.std(ddof=1) / sqrt(sample.size) > 14 * sqrt(3_000 * 10)


# Known gaps, and the other rivals.


def test_bounds_for_two_arms_with_a_known_gap_are_the_worked_ones():
    thompson = promised(Thompson(prior="known-gap"), TWO_GAPS)
    assert thompson == {
        "": pytest.approx(0.2 + 4 * log(2) / 0.2),
        "recalled": pytest.approx(2890.2),
    }
    assert promised(BPRPolicy1(), TWO_GAPS) == {"": pytest.approx(80.2)}
    square, logarithmic = BPRPolicy2(), BPRPolicy2(potential="log")
    assert promised(square, TWO_GAPS)[""] == pytest.approx(569.1, abs=0.05)
    assert promised(logarithmic, TWO_GAPS) == {"": pytest.approx(343.7, abs=0.05)}


def test_bounds_for_ten_arms_with_a_known_gap_are_the_worked_ones():
    thompson = promised(Thompson(prior="known-gap"), TEN_GAPS)
    assert thompson == {"recalled": pytest.approx(3633.0, abs=0.05)}
    assert promised(BPRPolicy2(), TEN_GAPS) == {
        "": pytest.approx(6119.6, abs=0.05),
        "exact form": pytest.approx(5895.2, abs=0.05),
    }
    logarithmic = promised(BPRPolicy2(potential="log"), TEN_GAPS)
    assert logarithmic == {"": pytest.approx(6600.1, abs=0.05)}


def test_without_the_gap_policy_2_promises_a_logarithm_of_the_horizon():
    expected = 0.2 + 4 * log(20.1 * 100_000) / 0.2
    assert promised(BPRPolicy2(know_gap=False), TWO_GAPS) == {"": pytest.approx(expected)}


@pytest.mark.parametrize(
    ("policy", "task"),
    [
        (Thompson(prior="known-gap"), KnownGap(gaps=(0.0, 0.3), epsilon=0.2)),
        (BPRPolicy1(), KnownGap(gaps=(0.0, 0.3), epsilon=0.2)),
        (BPRPolicy1(), KnownGap(gaps=(0.0, 0.2), epsilon=0.2, noise=1.5)),
        (BPRPolicy2(), KnownGap(gaps=(0.0, 2.0), epsilon=1.5)),
        (BPRPolicy2(), KnownGap(gaps=(0.0, 0.2), epsilon=0.2, noise=1.5)),
    ],
)
def test_a_gap_not_known_exactly_or_too_much_noise_ends_the_promise(policy, task):
    assert promised(policy, task) == {}


def test_recalled_bounds_carry_a_name():
    assert promised(MOSS(), UNIFORM) == {"recalled": pytest.approx(49 * sqrt(100_000))}
    expected = 8 * log(100) / 0.25 + (1 + np.pi**2 / 3) * 0.25
    assert promised(UCB1(), FIXED) == {"recalled": pytest.approx(expected)}


@pytest.mark.parametrize(("task", "expected"), [(UNIFORM, 4090.909), (FIXED, 12.5)])
def test_uniform_play_states_its_exact_regret(task, expected):
    (bound,) = Uniform().guarantees(task)
    assert bound.role == "exact"
    assert bound.value == pytest.approx(expected, abs=1e-3)


# Whom a policy cannot serve.


@pytest.mark.parametrize(
    ("policy", "facts", "reason"),
    [
        (Thompson(), normal_facts(2, 10), "rewards in"),
        (PlainThompson(), normal_facts(2, 10), "rewards in"),
        (KLUCB(), normal_facts(2, 10), "rewards in"),
        (Thompson(prior="task"), bernoulli_facts(2, 10), "tells its prior"),
        (Thompson(prior="one-good-arm"), bernoulli_facts(2, 10), "one good arm"),
        (Thompson(prior="known-gap"), bernoulli_facts(2, 10), "best mean"),
        (Thompson(prior="known-gap"), normal_facts(3, 10, mu_star=0.0), "bound on the gaps"),
        (BPRPolicy1(), normal_facts(3, 10, mu_star=0.0, gap=0.1), "2 arms, this task has 3"),
        (BPRPolicy1(), normal_facts(2, 10, gap=0.1), "best mean"),
        (BPRPolicy2(), normal_facts(2, 10, mu_star=0.0, gap=0.0), "bound on the gaps"),
        (EpsilonGreedy(schedule="decreasing"), bernoulli_facts(2, 10), "give d"),
    ],
)
def test_a_bandit_that_a_policy_cannot_serve_is_refused_with_the_reason(policy, facts, reason):
    with pytest.raises(ValueError, match=reason):
        policy.check(facts)


def test_policy_2_without_a_gap_needs_only_the_best_mean():
    BPRPolicy2(know_gap=False).check(normal_facts(2, 10, mu_star=0.0))


def test_the_log_potential_needs_the_gap():
    with pytest.raises(ValueError, match="needs know_gap"):
        BPRPolicy2(potential="log", know_gap=False)
