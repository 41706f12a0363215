"""Environments of gymnasium: optima against figures and value iteration; what is refused."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from mdp_cells import outcomes, value_iteration

from harness_mdp import from_gymnasium
from harness_mdp.from_gymnasium import GymnasiumTask
from harness_mdp.model import optimum_of
from harness_mdp.uniform import Uniform

gymnasium = pytest.importorskip("gymnasium")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(autouse=True)
def plain(monkeypatch):
    monkeypatch.setenv("HARNESS_JIT", "0")
    from_gymnasium._read.cache_clear()


def mapped_value(task):
    """V* from the law of first states, in mapped units."""
    model = task.instance(None)
    law = np.diff(np.append(0.0, np.minimum(model.start_law, 1.0)))
    return float(law @ optimum_of(model).v[0, model.starts])


def raw_value(task):
    raw = task.reward_range()
    return mapped_value(task) * raw.span + task.horizon * raw.low


@pytest.mark.parametrize(
    ("horizon", "value"),
    [(10, 0.041406289692), (20, 0.1991327008), (50, 0.545908665346), (100, 0.744190287829)],
)
def test_the_optimum_of_frozen_lake(horizon, value):
    assert raw_value(GymnasiumTask(horizon=horizon)) == pytest.approx(value, abs=1e-9)


@pytest.mark.parametrize(("horizon", "value"), [(20, 0.002299137853), (200, 0.913220150202)])
def test_the_optimum_of_the_large_frozen_lake(horizon, value):
    task = GymnasiumTask(id="FrozenLake8x8-v1", horizon=horizon)
    assert raw_value(task) == pytest.approx(value, abs=1e-9)


def test_a_lake_that_is_not_slippery_is_crossed_surely():
    assert raw_value(GymnasiumTask(horizon=6, slippery=False)) == 1.0
    assert raw_value(GymnasiumTask(horizon=5, slippery=False)) == 0.0


@pytest.mark.parametrize(
    ("id", "horizon", "raw"),
    [
        ("CliffWalking-v1", 10, -10.0),
        ("CliffWalking-v1", 13, -13.0),
        ("CliffWalking-v1", 20, -13.0),
        ("CliffWalkingSlippery-v1", 20, -19.999563046686),
        ("Taxi-v4", 10, -6.263333333333),
        ("Taxi-v4", 20, 7.93),
    ],
)
def test_the_optimum_in_raw_units(id, horizon, raw):
    assert raw_value(GymnasiumTask(id=id, horizon=horizon)) == pytest.approx(raw, abs=1e-9)


@pytest.mark.parametrize(("id", "mapped"), [("CliffWalking-v1", 19.87), ("Taxi-v4", 6.931)])
def test_the_optimum_in_mapped_units(id, mapped):
    assert mapped_value(GymnasiumTask(id=id)) == pytest.approx(mapped, abs=1e-9)


def test_the_optimum_agrees_with_value_iteration_on_gymnasiums_own_table():
    table = gymnasium.make("FrozenLake-v1").unwrapped.P
    v = np.zeros((31, 16))
    for h in reversed(range(30)):
        for x in range(16):
            v[h, x] = max(
                sum(p * (r + (0.0 if done else v[h + 1, y])) for p, y, r, done in table[x][a])
                for a in range(4)
            )
    found = optimum_of(GymnasiumTask(horizon=30).instance(None)).v[0, :16]
    assert found == pytest.approx(v[0], abs=1e-12)


def test_matrix_value_iteration_agrees_on_taxi():
    model = GymnasiumTask(id="Taxi-v4", horizon=5).instance(None)
    assert optimum_of(model).v[0] == pytest.approx(value_iteration(model)[0], abs=1e-10)


def test_uniform_play_on_the_lake_loses_what_is_known():
    (outcome,) = outcomes(GymnasiumTask(episodes=10), Uniform())
    assert outcome.final["regret_exact"] / 10 == pytest.approx(0.18669, abs=5e-6)


def test_the_regret_in_raw_units_is_the_mapped_one_times_the_span():
    (outcome,) = outcomes(GymnasiumTask(id="CliffWalking-v1", episodes=3), Uniform())
    assert outcome.final["regret_raw"] == pytest.approx(100 * outcome.final["regret_exact"])
    assert outcome.final["regret_exact"] / 3 == pytest.approx(2.606, abs=5e-4)


def test_taxi_begins_in_all_its_states_with_equal_chances():
    model = GymnasiumTask(id="Taxi-v4").instance(None)
    assert model.starts.size == 300
    assert np.diff(model.start_law[:-1]) == pytest.approx(1 / 300)


def test_sampled_rewards_have_the_mean_rewards():
    mean = GymnasiumTask().instance(None)
    sampled = GymnasiumTask(rewards="sampled").instance(None)
    assert sampled.reward == pytest.approx(mean.reward)
    assert sampled.payoff.max() == 1.0
    (outcome,) = outcomes(GymnasiumTask(rewards="sampled", episodes=3), Uniform())
    assert outcome.final["regret_exact"] / 3 == pytest.approx(0.18669, abs=5e-6)


# Refused at planning


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"id": "FrozenLak-v1"}, "FrozenLake"),
        ({"id": "Taxi-v3"}, "Taxi-v4"),
        ({"id": "CartPole-v1"}, "no transition table P .*Box"),
        ({"id": "Blackjack-v1"}, "no transition table P"),
        ({"horizon": 101}, "ends an episode after 100 steps: horizon must be at most that"),
        ({"horizon": 0}, "horizon must be at least 1, got 0"),
        ({"id": "Taxi-v4", "slippery": True}, "does not make 'Taxi-v4'"),
        ({"id": "no_such_package:Thing-v0"}, "no_such_package"),
    ],
    ids=str,
)
def test_an_environment_that_cannot_serve_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        GymnasiumTask(**options)


def environment(table, law=(1.0, 0.0), limit=None):
    class Spec:
        max_episode_steps = limit

    class Made:
        P, initial_state_distrib, spec = table, np.array(law), Spec()

    Made.unwrapped = Made
    return Made


RIGHT = {
    0: {0: [(1.0, 1, 0.0, False)], 1: [(0.5, 0, 1.0, False), (0.5, 1, -1.0, True)]},
    1: {0: [(1.0, 1, 0.0, False)], 1: [(1.0, 0, 2.0, False)]},
}


@pytest.mark.parametrize(
    ("table", "law", "message"),
    [
        ({**RIGHT, 1: {0: [(0.9, 1, 0.0, False)], 1: []}}, (1, 0), "state 1, action 0 sum to 0.9"),
        ({**RIGHT, 1: {0: [(1.0, 7, 0.0, False)], 1: [(1, 0, 0, 0)]}}, (1, 0), "leads to state 7"),
        ({**RIGHT, 1: {0: [(1.0, 1, 0.0)], 1: []}}, (1, 0), r"is not \[state\]\[action\]"),
        ({**RIGHT, 1: {0: [(1.0, 1, 0.0, False)]}}, (1, 0), "state 1 has 1 actions"),
        (RIGHT, (0.5, 0.4), "law of Fake-v0 sums to 0.9"),
        ({0: {0: [(1.0, 0, 0.0, False)]}}, (1,), "every reward of Fake-v0 is 0"),
    ],
)
def test_a_wrong_table_is_refused(monkeypatch, table, law, message):
    monkeypatch.setattr(from_gymnasium, "_make", lambda id, options: environment(table, law))
    with pytest.raises(ValueError, match=message):
        GymnasiumTask(id="Fake-v0")


def test_a_terminated_entry_leads_to_the_absorbing_state(monkeypatch):
    monkeypatch.setattr(from_gymnasium, "_make", lambda id, options: environment(RIGHT))
    model = GymnasiumTask(id="Fake-v0", horizon=2).instance(None)
    assert model.successor[0, 0, 1].tolist() == [0, 2]
    # Raw rewards lie in [-1, 2], so the absorbing state's 0 becomes 1/3.
    assert model.reward[0, 2] == pytest.approx([1 / 3, 1 / 3])
    assert model.reward[0, 1, 1] == 1.0


def test_without_gymnasium_the_install_command_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "gymnasium", None)
    with pytest.raises(ValueError, match=r"pip install 'algo-harness\[mdp\]'"):
        GymnasiumTask()
