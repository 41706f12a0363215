"""Exact regret: incremental against full evaluation, gaps against values, what stops an agent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mdp_cells import (
    Scripted,
    facts_of,
    finals,
    outcomes,
    random_model,
    run_plain,
    value_of,
    z_score,
)

from harness.random import integer
from harness_mdp import evaluation
from harness_mdp.agent import Agent
from harness_mdp.epsilon_greedy import EpsilonGreedy
from harness_mdp.evaluation import MISMATCHES, settle_policy
from harness_mdp.garnet import Garnet
from harness_mdp.lock import CombinationLock
from harness_mdp.model import model_of, optimum_of, policy_value
from harness_mdp.optimistic import Optimistic
from harness_mdp.riverswim import RiverSwim
from harness_mdp.rlsvi import RLSVI
from harness_mdp.ucb_h import UCBHoeffding
from harness_mdp.uniform import Uniform

SMALL = Garnet(states=5, actions=3, branching=3, horizon=5)


@pytest.fixture
def plain(monkeypatch):
    monkeypatch.setenv("HARNESS_JIT", "0")


def recorded_policies(agent, model, episodes):
    """The greedy table of every episode, and the run."""
    tables = []

    def settle(policy, parameters, state, model, ledger, x):
        table = [
            [agent.policy(parameters, state, h, s) for s in range(model.reward.shape[1])]
            for h in range(model.horizon)
        ]
        tables.append(np.array(table))
        rule = evaluation.settle_plan if agent.changes == "everywhere" else evaluation.settle_policy
        return rule(policy, parameters, state, model, ledger, x)

    return tables, run_plain(agent, model, episodes, settle=settle)


@given(st.integers(0, 10**6))
@settings(max_examples=10)
def test_an_optimal_policy_has_no_regret(seed):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HARNESS_JIT", "0")
        model = random_model(seed, 4, 3, 4)
        run = run_plain(Scripted(optimum_of(model).q.argmax(axis=2)), model, 10)
    assert (run.curves.exact == 0.0).all()
    assert (run.curves.gaps == 0.0).all()


@given(st.integers(0, 10**6))
@settings(max_examples=10)
def test_no_policy_has_negative_regret(seed):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HARNESS_JIT", "0")
        model = random_model(seed, 4, 3, 4)
        policy = np.random.default_rng(seed).integers(0, 3, (4, 4))
        run = run_plain(Scripted(policy), model, 10)
        lost = optimum_of(model).v[0, 0] - value_of(model, policy)[0, 0]
    assert run.curves.exact == pytest.approx(lost * np.arange(1, 11), abs=1e-12)
    assert (np.diff(run.curves.gaps) >= 0.0).all()


@pytest.mark.parametrize("agent", [UCBHoeffding(c=0.02), RLSVI(scale=0.01)], ids=str)
def test_the_exact_regret_is_that_of_each_episodes_policy(plain, agent):
    model = random_model(4, 5, 3, 5)
    tables, run = recorded_policies(agent, model, 80)
    best = optimum_of(model).v[0, 0]
    lost = [best - value_of(model, table)[0, 0] for table in tables]
    assert run.curves.exact == pytest.approx(np.cumsum(lost), rel=1e-12)
    assert len({table.tobytes() for table in tables}) > 20


@given(st.integers(0, 10**6), st.integers(1, 70))
@settings(max_examples=12)
def test_incremental_values_are_the_full_ones_bit_for_bit(seed, states):
    # More than 62 states need a second word of each mask.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HARNESS_JIT", "0")
        model = random_model(seed, states, 3, 4)
        tables, run = recorded_policies(UCBHoeffding(c=0.01), model, 25)
        full = [policy_value(model, table) for table in tables]
        best = optimum_of(model).v[0, 0]
    assert run.curves.exact.tolist() == np.cumsum([best - v[0, 0] for v in full]).tolist()
    assert (run.ledger.value == full[-1]).all()


AUDITED = [
    (Garnet(episodes=500, audit="forward"), UCBHoeffding(c=0.01)),
    (RiverSwim(episodes=500, audit="forward"), UCBHoeffding(c=0.01)),
    (CombinationLock(horizon=12, episodes=500, audit="forward"), UCBHoeffding(c=0.01)),
    (Garnet(states=70, horizon=5, episodes=50, audit="forward"), UCBHoeffding(c=0.01)),
]


@pytest.mark.parametrize(
    ("task", "agent"), AUDITED, ids=["garnet", "riverswim", "lock", "two words"]
)
def test_an_audit_finds_no_other_bit(task, agent):
    assert finals(task, agent, 2, "mismatches").tolist() == [0.0, 0.0]


def test_an_audit_that_sums_the_other_way_finds_other_bits():
    task = Garnet(episodes=500, audit="backward")
    assert finals(task, UCBHoeffding(c=0.01), 2, "mismatches").min() > 400


def forgetful(policy, parameters, state, model, ledger, x):
    """Computes changed entries only, not those above them."""
    if ledger.marks.counts[evaluation.DEEPEST] == model.horizon:
        return settle_policy(policy, parameters, state, model, ledger, x)
    value = ledger.value.copy()
    changed = [(h, s) for h in range(5) for s in range(5) if (ledger.marks.changed[h, 0] >> s) & 1]
    settle_policy(policy, parameters, state, model, ledger._replace(audit=0), x)
    for h in range(5):
        for s in range(5):
            if (h, s) not in changed:
                ledger.value[h, s] = value[h, s]
            else:
                ledger.value[h, s] = evaluation._row_value(ledger.rows, value, h, s)
    evaluation._hold_against_full(model, ledger)
    return ledger.value[0, x]


def test_an_evaluation_that_does_not_propagate_is_found_out(plain):
    model = random_model(2, 5, 3, 5)
    right = run_plain(UCBHoeffding(c=0.02), model, 200, audit=evaluation.AUDIT_FORWARD)
    wrong = run_plain(
        UCBHoeffding(c=0.02), model, 200, settle=forgetful, audit=evaluation.AUDIT_FORWARD
    )
    assert right.ledger.marks.counts[MISMATCHES] == 0
    assert wrong.ledger.marks.counts[MISMATCHES] > 100
    assert wrong.curves.exact[-1] != pytest.approx(right.curves.exact[-1], rel=0.01)


# The sum of gaps


def differences(model_seeds, agent, episodes, **options):
    found = []
    for seed in model_seeds:
        run = run_plain(agent, random_model(seed, 4, 3, 4), episodes, noise=seed, **options)
        found.append(run.curves.gaps[-1] - run.curves.exact[-1])
    return np.array(found)


@pytest.mark.parametrize(
    "agent", [UCBHoeffding(c=0.05), EpsilonGreedy(), Optimistic(ties="random")], ids=str
)
def test_the_sum_of_gaps_is_unbiased_for_the_exact_regret(plain, agent):
    # Four standard errors of 40 runs: a false alarm in 3 of 10,000.
    assert abs(z_score(differences(range(40), agent, 60))) < 4


class Boaster(EpsilonGreedy):
    """ε-greedy that reports its greedy policy as its own."""

    def mixture(parameters, state, h, x, weights):
        best = state.q[h, x, state.greedy[h, x]]
        ties = (state.q[h, x] == best).sum()
        for action in range(weights.size):
            # A trace of every action, or the driver would see that others are played.
            weights[action] = 1e-9 + (1.0 / ties if state.q[h, x, action] == best else 0.0)


def test_a_policy_reported_without_its_exploration_is_found_biased(plain):
    agent = Boaster(epsilon=0.3)
    assert z_score(differences(range(40), agent, 60)) > 8


def test_the_regret_of_uniform_play_is_known_exactly(plain):
    (outcome,) = outcomes(RiverSwim(episodes=200), Uniform())
    model = RiverSwim().instance(None)
    value = policy_value(model, np.full((20, 6, 2), 0.5))[0, 0]
    lost = 200 * (optimum_of(model).v[0, 0] - value)
    assert outcome.final["regret_exact"] == pytest.approx(lost, rel=1e-12)


def test_a_mixtures_value_is_that_of_its_weights(plain):
    model = random_model(5, 4, 3, 4)
    agent, weights = EpsilonGreedy(), []

    def settle(mixture, parameters, state, model, ledger, x):
        table = np.zeros((4, 4, 3))
        for h in range(4):
            for s in range(4):
                mixture(parameters, state, h, s, table[h, s])
        weights.append(policy_value(model, table)[0, 0])
        return evaluation.settle_mixture(mixture, parameters, state, model, ledger, x)

    run = run_plain(agent, model, 60, settle=settle)
    best = optimum_of(model).v[0, 0]
    assert run.curves.exact.tolist() == np.cumsum([best - each for each in weights]).tolist()


# Optimism


def test_at_theorys_scale_optimism_holds_in_every_run():
    task = Garnet(states=5, actions=3, branching=3, horizon=5, episodes=500, regret="gaps")
    # p = .05 a run; 0 of 60 seen. More than 12 of 60 has probability below 1e-5.
    assert finals(task, UCBHoeffding(c=1.0), 60, "optimism_violated").sum() <= 12


def test_without_a_bonus_optimism_is_violated():
    task = Garnet(states=5, actions=3, branching=3, horizon=5, episodes=500, regret="gaps")
    assert finals(task, UCBHoeffding(c=0.0), 60, "optimism_violated").sum() > 50


def test_the_deepest_violation_is_that_of_an_updated_entry(plain):
    model = random_model(7, 4, 2, 3)
    agent, lowest = UCBHoeffding(c=0.001), [0.0]
    best = optimum_of(model)
    facts = facts_of(model, 300)
    run = run_plain(agent, model, 300)
    parameters, state = agent.parameters(facts), agent.init(agent.parameters(facts), facts, 0)
    for h, x, a, r, y in run.trace:
        agent.update(parameters, state, h, x, a, r, y)
        lowest.append(best.q[h, x, a] - state.q[h, x, a])
    assert run.played.deepest_violation == max(lowest) > 0.0


# First reward


def test_the_first_reward_on_the_lock_follows_its_closed_form(plain):
    task = CombinationLock(horizon=4, episodes=200, regret="gaps")
    found = finals(task, EpsilonGreedy(), 100, "first_reward")
    # Geometric with mean 16.2; four standard errors of 100 runs.
    assert abs(found.mean() - 16.2) < 4 * 15.7 / 10


def test_a_run_without_reward_is_censored_at_its_last_episode(plain):
    task = CombinationLock(horizon=12, episodes=3, regret="gaps")
    (outcome,) = outcomes(task, UCBHoeffding())
    assert outcome.final["first_reward"] == 3.0
    assert outcome.censored == {"first_reward", "first_reward_over_chance"}


# What stops an agent


@dataclass(frozen=True, kw_only=True)
class Wild(Agent):
    """Action 0, but ``value`` at step 1 of episode 3."""

    value: float = -1.0

    def init(parameters, facts, key):
        return np.zeros(1)

    def act(parameters, state, key, k, h, x):
        return parameters.value if (k, h) == (3, 1) else 0.0

    def update(parameters, state, h, x, a, r, y):
        pass

    def policy(parameters, state, h, x):
        return 0


@pytest.mark.parametrize("value", [-1.0, 3.0, 0.5, float("nan"), 2.0**40])
def test_an_action_out_of_range_stops_the_cell_with_its_place(plain, value):
    place = r"at step 1 of episode 3; actions are 0 … 2"
    with pytest.raises(ValueError, match=place):
        outcomes(Garnet(states=5, actions=3, branching=3, horizon=5, episodes=9), Wild(value=value))


class Liar(Wild):
    """Plays another action than its policy's."""

    def act(parameters, state, key, k, h, x):
        return integer(key, k, h, 2)


class Lost(Wild):
    """Reports an action that is none."""

    def act(parameters, state, key, k, h, x):
        return 0

    def policy(parameters, state, h, x):
        return 7


@pytest.mark.parametrize("agent", [Liar(), Lost()], ids=["liar", "lost"])
def test_an_action_that_is_not_the_policys_stops_the_cell(plain, agent):
    with pytest.raises(ValueError, match=r"not its policy's at step \d of episode \d+"):
        outcomes(SMALL, agent)


def test_compiled_code_stops_at_a_wrong_action_too():
    task = Garnet(states=5, actions=3, branching=3, horizon=5, regret="gaps")
    with pytest.raises(ValueError, match="chose action 9 at step 1 of episode 3"):
        outcomes(task, Wild(value=9.0))


def test_with_rewards_of_zero_nothing_is_lost(plain):
    rows = [[[[(0, 0.5, 0.0), (1, 0.5, 0.0)], [(1, 1.0, 0.0)]]] * 2]
    run = run_plain(UCBHoeffding(), model_of(rows, 3), 20)
    assert (run.curves.exact == 0.0).all()
    assert run.played.first_reward == 0
