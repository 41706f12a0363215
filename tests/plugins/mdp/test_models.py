"""Optima against brute force, closed forms and value iteration; rows; the map of rewards."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mdp_cells import (
    Scripted,
    all_policies,
    random_model,
    random_rows,
    run_plain,
    value_iteration,
    value_of,
)

from harness.random.stream import Stream
from harness_mdp.chain import Chain
from harness_mdp.deep_sea import DeepSea
from harness_mdp.garnet import Garnet
from harness_mdp.gridworld import Gridworld
from harness_mdp.lock import CombinationLock
from harness_mdp.model import (
    Range,
    mapped,
    model_of,
    optimum_of,
    policy_value,
    refuse_wrong,
    refuse_wrong_model,
)
from harness_mdp.riverswim import RiverSwim


@pytest.fixture(autouse=True, scope="module")
def plain():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HARNESS_JIT", "0")
        yield


def instance(task, seed=0):
    return task.instance(Stream("task", seed))


def best_value(task, seed=0):
    return optimum_of(instance(task, seed)).v[0]


SIZES = st.sampled_from([(2, 2, 1), (2, 2, 2), (2, 2, 3), (3, 2, 2), (2, 3, 2), (1, 3, 3)])


@given(st.integers(0, 10**6), SIZES)
@settings(max_examples=25)
def test_the_optimum_is_the_best_of_all_policies(seed, sizes):
    states, actions, horizon = sizes
    model = random_model(seed, states, actions, horizon)
    every = [value_of(model, policy)[0] for policy in all_policies(states, actions, horizon)]
    assert optimum_of(model).v[0] == pytest.approx(np.max(every, axis=0), abs=1e-12)


# The model T1: two states, two actions, worked out by hand over all policies.
T1 = [
    [
        [[(0, 0.9, 0.1), (1, 0.1, 0.1)], [(0, 0.2, 0.0), (1, 0.8, 0.0)]],
        [[(0, 0.5, 0.6), (1, 0.5, 0.6)], [(1, 1.0, 0.5)]],
    ]
]


@pytest.mark.parametrize(("horizon", "best"), [(1, (0.1, 0.6)), (2, (0.5, 1.1)), (3, (0.98, 1.6))])
def test_the_optimum_of_a_hand_made_model(horizon, best):
    assert optimum_of(model_of(T1, horizon)).v[0] == pytest.approx(best)


def test_the_q_values_of_a_hand_made_model():
    assert optimum_of(model_of(T1, 3)).q[0] == pytest.approx(np.array([[0.66, 0.98], [1.4, 1.6]]))


@pytest.mark.parametrize(("horizon", "value"), [(2, (0.25, 0.95)), (3, (0.42, 1.2))])
def test_the_value_of_one_action_for_ever(horizon, value):
    model = model_of(T1, horizon)
    assert policy_value(model, np.zeros((horizon, 2)))[0] == pytest.approx(value)


@given(st.integers(0, 10**6), st.integers(0, 10**6))
@settings(max_examples=30)
def test_no_policy_has_more_than_the_optimum_and_the_greedy_one_has_it(seed, other):
    model = random_model(seed, 4, 3, 4)
    optimum = optimum_of(model)
    policy = np.random.default_rng(other).integers(0, 3, (4, 4))
    assert (policy_value(model, policy)[0] <= optimum.v[0] + 1e-12).all()
    assert policy_value(model, policy)[0] == pytest.approx(value_of(model, policy)[0], abs=1e-12)
    assert (policy_value(model, optimum.q.argmax(axis=2)) == optimum.v).all()


def test_the_gap_of_the_best_action_is_exactly_zero():
    optimum = optimum_of(random_model(3, 6, 4, 8))
    assert (optimum.v[:-1] - optimum.q.max(axis=2) == 0.0).all()


@given(st.integers(0, 10**6))
@settings(max_examples=20)
def test_permuting_states_permutes_the_optimum(seed):
    rows = random_rows(seed, 4, 2, 3, 3)
    order = np.random.default_rng(seed).permutation(4)
    moved = [
        [[[(int(order[y]), p, r) for y, p, r in row] for row in layer[x]] for x in range(4)]
        for layer in rows
    ]
    shuffled = [[layer[int(np.flatnonzero(order == x)[0])] for x in range(4)] for layer in moved]
    one, other = optimum_of(model_of(rows, 3)), optimum_of(model_of(shuffled, 3))
    assert other.v[:, order] == pytest.approx(one.v, abs=1e-12)


# Tasks


@pytest.mark.parametrize(
    ("horizon", "value"),
    [(5, 0.025), (10, 0.352383978), (20, 3.397263959151), (50, 16.072108259206)],
)
def test_the_optimum_of_riverswim(horizon, value):
    assert best_value(RiverSwim(horizon=horizon))[0] == pytest.approx(value, abs=1e-9)


def test_the_optimum_of_riverswim_one_state_up():
    assert best_value(RiverSwim())[1] == pytest.approx(4.052650628963, abs=1e-9)


@pytest.mark.parametrize(("action", "value"), [(1, 3.396636976154), (0, 0.1)])
def test_one_direction_in_riverswim(action, value):
    model = instance(RiverSwim())
    assert policy_value(model, np.full((20, 6), action))[0, 0] == pytest.approx(value, abs=1e-9)


@pytest.mark.parametrize(
    ("task", "value"),
    [
        (Chain(), 13.673879628822),
        (Chain(states=10), 8.126213296591),
        (Gridworld(), 10.679848349987),
        (Gridworld(size=4, horizon=10), 3.308916807582),
        (CombinationLock(horizon=12), 6.0),
        (CombinationLock(horizon=4, states=2, actions=5, code="per_step"), 2.0),
        (DeepSea(size=7), 1.0),
    ],
    ids=str,
)
def test_the_optimum_of_a_task(task, value):
    assert best_value(task)[0] == pytest.approx(value, abs=1e-9)


def test_the_sea_has_99_hundredths_in_raw_units():
    task = DeepSea(size=8)
    raw = task.reward_range()
    assert best_value(task)[0] * raw.span + 8 * raw.low == pytest.approx(0.99)


def test_every_mistake_in_the_locks_first_state_costs_half_the_horizon():
    task = CombinationLock(horizon=8)
    optimum = optimum_of(instance(task))
    gaps = optimum.v[:-1, :, None] - optimum.q
    assert np.sort(gaps[:4, 0], axis=1).tolist() == [[0.0, 4.0, 4.0]] * 4
    assert (optimum.v[:, 1:] == 0.0).all()


def test_locks_of_different_seeds_have_different_codes():
    codes = {int(instance(CombinationLock(), seed).reward[-1, 0].argmax()) for seed in range(20)}
    assert codes == {0, 1, 2}


def test_a_code_per_step_is_not_one_action():
    model = instance(CombinationLock(horizon=20, code="per_step"))
    assert len(set(model.reward[10:, 0].argmax(axis=1).tolist())) > 1


# Garnet


@given(st.integers(1, 7), st.integers(1, 3), st.integers(1, 4), st.data())
@settings(max_examples=25)
def test_a_garnet_row_has_b_distinct_sorted_successors_and_sums_to_one(states, actions, h, data):
    branching = data.draw(st.integers(1, states))
    task = Garnet(states=states, actions=actions, horizon=h, branching=branching)
    model = instance(task, seed=states)
    assert model.successor.shape == (h, states, actions, branching)
    assert (np.diff(model.successor, axis=3) > 0).all()
    assert ((model.successor >= 0) & (model.successor < states)).all()
    assert model.probability.sum(axis=3) == pytest.approx(1.0)
    assert (model.probability >= 0.0).all()
    assert (model.cumulative[..., -1] > 1.0).all()


def test_garnet_successors_and_probabilities_have_their_laws():
    model = instance(Garnet(states=6, actions=10, horizon=20, branching=3))
    often = np.bincount(model.successor.ravel(), minlength=6)
    rows = model.successor[..., 0].size
    # A state is in a row with probability 1/2; spacings of two cuts have variance 1/18.
    assert abs(often / rows - 0.5).max() < 5 * np.sqrt(0.25 / rows)
    assert model.probability.var() == pytest.approx(1 / 18, rel=0.1)
    assert model.reward.mean() == pytest.approx(0.5, abs=5 * np.sqrt(1 / 12 / rows))


def test_a_stationary_garnet_keeps_its_rows_once():
    assert instance(Garnet(stationary=True)).successor.shape[0] == 1


# The affine map of rewards


@given(st.integers(0, 10**6), st.floats(-50, 50), st.floats(0.01, 100))
@settings(max_examples=25)
def test_the_map_leaves_the_optimal_policy_and_scales_values(seed, low, span):
    rows = random_rows(seed, 3, 3, 3, 3)
    raw = [[[[(y, p, low + span * r) for y, p, r in row] for row in s] for s in la] for la in rows]
    before = optimum_of(model_of(raw, 3))
    after = optimum_of(model_of(mapped(raw, Range(low, low + span)), 3))
    assert after.v[0] * span + 3 * low == pytest.approx(before.v[0], rel=1e-9, abs=1e-9)
    assert (before.q.argmax(axis=2) == after.q.argmax(axis=2)).all()


# Bad rows


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ([(0, 0.5, 0.0)], "step 0, state 1, action 0 sum to 0.5, not to 1"),
        ([(0, 1.5, 0.0), (1, -0.5, 0.0)], "step 0, state 1, action 0 is negative: -0.5"),
        ([(0, 1.0, 1.25)], r"reward 1.25 at step 0, state 1, action 0 is outside \[0, 1\]"),
        ([(2, 1.0, 0.5)], "step 0, state 1, action 0 leads to state 2; states are 0 … 1"),
        ([(0, float("nan"), 0.5)], "sum to nan"),
        ([(0, 1.0, float("inf"))], "reward inf at step 0, state 1, action 0 is not finite"),
        ([(0, 1.0, float("nan"))], "reward nan at step 0, state 1, action 0 is not finite"),
    ],
)
def test_a_wrong_row_is_refused_by_place_and_value(row, message):
    with pytest.raises(ValueError, match=message):
        refuse_wrong([[[[(0, 1.0, 0.0)]], [row]]], 2, 0.0, 1.0)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("probability", 0.25, "step 1, state 0, action 1: probabilities sum to"),
        ("probability", np.nan, "step 1, state 0, action 1: probabilities sum to nan"),
        ("reward", 1.25, r"step 1, state 0, action 1: the mapped reward 1.25 is outside"),
        ("reward", -0.5, r"the mapped reward -0.5 is outside \[0, 1\]"),
        ("successor", 9, "leads to state 9; states are 0 … 2"),
    ],
)
def test_a_wrong_model_is_refused_by_place(field, value, message):
    model = random_model(1, 3, 2, 2)
    refuse_wrong_model(model)
    table = getattr(model, field).copy()
    table[(1, 0, 1, 0)[: table.ndim]] = value
    with pytest.raises(ValueError, match=message):
        refuse_wrong_model(model._replace(**{field: table}))


def test_a_negative_probability_is_refused():
    model = random_model(1, 3, 2, 2)
    table = model.probability.copy()
    table[1, 0, 1] = [1.5, -0.5, 0.0]
    with pytest.raises(ValueError, match=r"action 1: the smallest probability is -0\.5"):
        refuse_wrong_model(model._replace(probability=table))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Garnet(horizon=0), "horizon must be at least 1, got 0"),
        (lambda: Garnet(states=0), "states must be at least 1, got 0"),
        (lambda: Garnet(states=3, branching=4), "branching must lie in 1 … states = 3, got 4"),
        (lambda: CombinationLock(horizon=5), "the lock needs an even horizon, got 5"),
        (lambda: CombinationLock(states=1), "states must be at least 2, got 1"),
        (lambda: RiverSwim(start=6), "start must lie in 0 … 5, got 6"),
        (lambda: Chain(horizon=0), "horizon must be at least 1"),
        (lambda: Gridworld(size=1), "size must be at least 2"),
        (lambda: DeepSea(size=0), "size must be at least 2"),
    ],
)
def test_a_task_that_cannot_be_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


# Draws of the driver


def test_transitions_have_the_models_law():
    model = random_model(5, 4, 2, 3)
    run = run_plain(Scripted(np.zeros((3, 4), int)), model, 3000)
    first = [y for h, x, a, r, y in run.trace if h == 0]
    shares = np.bincount(first, minlength=4) / len(first)
    expected = np.zeros(4)
    np.add.at(expected, model.successor[0, 0, 0], model.probability[0, 0, 0])
    assert abs(shares - expected).max() < 5 * np.sqrt(0.25 / len(first))


def test_all_agents_meet_the_same_noise():
    model = random_model(6, 4, 2, 5)
    one = run_plain(Scripted(np.zeros((5, 4), int)), model, 50, key=1)
    other = run_plain(Scripted(np.zeros((5, 4), int)), model, 50, key=2)
    assert one.trace == other.trace


def test_the_noise_of_two_steps_is_not_the_same():
    # One row for all: successors of steps 2i and 2i + 1 come from the halves of one block.
    rows = [[[[(0, 0.5, 0.0), (1, 0.5, 0.0)]]] * 2]
    run = run_plain(Scripted(np.zeros((4, 2), int)), model_of(rows, 4), 2000)
    steps = np.array([y for *_, y in run.trace]).reshape(2000, 4)
    for one, other in pairwise(range(4)):
        assert abs(np.corrcoef(steps[:, one], steps[:, other])[0, 1]) < 5 / np.sqrt(2000)


def test_value_iteration_by_matrices_agrees_on_every_task():
    for task in (RiverSwim(), Chain(), Gridworld(), DeepSea(size=5), CombinationLock()):
        model = instance(task)
        assert optimum_of(model).v == pytest.approx(value_iteration(model), abs=1e-10)
