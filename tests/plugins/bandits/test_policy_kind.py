"""The kind and its loop: what policies may rely on, and what stops them."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import FrozenInstanceError, dataclass, fields
from importlib import import_module
from importlib.util import find_spec
from math import nan

import numpy as np
import pytest
from bandit_cells import FixedArm, Greedy, RandomArm, Wild, cells, outcomes
from hypothesis import given, settings
from hypothesis import strategies as st

import harness_bandits
from harness import Task
from harness.kernels import take_modes
from harness.random.stream import Stream
from harness_bandits.bernoulli import Bernoulli
from harness_bandits.digits import Digits
from harness_bandits.gaussian import Gaussian
from harness_bandits.known_gap import KnownGap
from harness_bandits.lower_bound import HardFamily, LowerBoundPrior
from harness_bandits.policy import Facts, Policy, play, report_grid

TASKS = [
    Bernoulli(arms=4, horizon=300),
    LowerBoundPrior(arms=3, horizon=300),
    HardFamily(arms=3, horizon=300),
    Gaussian(arms=4, horizon=300),
    KnownGap(horizon=300),
    Digits(horizon=300),
]
POLICIES = [RandomArm(), FixedArm(arm=1), Greedy(), Greedy(epsilon=0.2)]


def kind_of(value):
    return type(value).__name__


# The class


def test_a_subclass_without_fields_needs_no_decorator():
    assert fields(RandomArm()) == ()
    assert RandomArm() == RandomArm()
    assert len({RandomArm(), RandomArm(), FixedArm()}) == 2
    assert repr(RandomArm()) == "RandomArm()"


def test_a_policy_with_fields_is_frozen():
    with pytest.raises(FrozenInstanceError):
        FixedArm().arm = 3


def test_functions_of_the_class_body_need_no_self():
    assert FixedArm(arm=2).select is FixedArm.select
    assert RandomArm().init((), Facts(arms=3, horizon=5), 1).tolist() == [3]


def test_parameters_are_the_fields_unless_told_otherwise():
    parameters = Greedy(epsilon=0.25).parameters(Facts(arms=3, horizon=5))
    assert parameters._asdict() == {"epsilon": 0.25}
    assert RandomArm().parameters(Facts(arms=3, horizon=5)) == ()


def test_a_policy_resolves_to_itself_and_promises_nothing_by_default():
    policy = Greedy()
    assert policy.resolve(Facts(arms=3, horizon=5)) is policy
    assert policy.guarantees(Bernoulli()) == ()


class OnlyTwoArms(Policy):
    """Refuses more than two arms."""

    def check(self, facts):
        if facts.arms != 2:
            raise ValueError(f"two arms are needed, the task has {facts.arms}")


class Delegating(RandomArm):
    """Leaves to the facts which policy is played."""

    def resolve(self, facts):
        return OnlyTwoArms()


@pytest.mark.parametrize("policy", [OnlyTwoArms(), Delegating()], ids=kind_of)
def test_a_task_refuses_what_the_policy_or_its_resolution_refuses(policy):
    Bernoulli(arms=2).check(policy)
    with pytest.raises(ValueError, match="two arms are needed, the task has 10"):
        Bernoulli().check(policy)


def test_importing_the_plugin_imports_no_numpy():
    script = "import sys, harness_bandits; print('numpy' in sys.modules, 'numba' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert found.stdout.split() == ["False", "False"], found.stderr


def test_the_plugin_gives_its_kind_by_name_and_nothing_else():
    assert harness_bandits.Policy is Policy
    assert harness_bandits.Facts is Facts
    with pytest.raises(AttributeError, match="has no attribute 'Agent'"):
        harness_bandits.Agent  # noqa: B018


@pytest.mark.parametrize("hook", ["harness_methods", "harness_tasks", "harness_kinds"])
def test_every_registered_name_lives_where_the_hook_says(hook):
    expected = Task if hook == "harness_tasks" else Policy
    for place in getattr(harness_bandits, hook)().values():
        module, _, name = place.partition(":")
        assert issubclass(getattr(import_module(module), name), expected)


@pytest.mark.parametrize("name", sorted(harness_bandits.harness_tasks()))
def test_every_task_can_be_made_without_parameters(name):
    module, _, cls = harness_bandits.harness_tasks()[name].partition(":")
    task = getattr(import_module(module), cls)()
    assert task.facts().horizon >= 1
    assert task.accepts is Policy


# The loop


@given(st.integers(1, 10**6))
def test_the_grid_is_one_two_five_and_ends_at_the_horizon(horizon):
    grid = report_grid(horizon).tolist()
    assert grid == sorted(set(grid))
    assert grid[-1] == horizon
    assert all(str(point).rstrip("0") in {"1", "2", "5"} for point in grid[:-1])
    assert len(grid) == 1 + sum(
        step * 10**power < horizon for power in range(1, 7) for step in (1, 2, 5)
    )


class Instance:
    """Gaps only, for a loop without a task."""

    def __init__(self, gaps):
        self.gaps = np.array(gaps)


def played(policy, gaps, horizon):
    """Final regret, its curve, and how often each arm was played, by the plain loop."""
    facts, pulls = Facts(arms=len(gaps), horizon=horizon), np.zeros(len(gaps), int)
    grid = report_grid(horizon)
    regret = np.zeros(grid.size)

    def update(parameters, state, arm, reward):
        pulls[arm] += 1
        policy.update(parameters, state, arm, reward)

    def reward(instance, key, t, arm):
        return 1.0 - instance.gaps[arm]

    parameters = policy.parameters(facts)
    functions = (policy.init, policy.select, update, reward)
    found = play(*functions, parameters, facts, Instance(gaps), 1, 2, grid, regret)
    return found, regret, pulls


@given(
    st.sampled_from(POLICIES),
    st.lists(st.floats(0, 1), min_size=1, max_size=5).map(lambda gaps: [0.0, *gaps]),
    st.integers(1, 60),
)
@settings(deadline=None, max_examples=50)
def test_regret_is_the_sum_of_gaps_over_pulls(policy, gaps, horizon):
    found, regret, pulls = played(policy, gaps, horizon)
    assert found.fault_round == 0
    assert pulls.sum() == horizon
    assert regret[-1] == pytest.approx(float(pulls @ np.array(gaps)), abs=1e-9)
    assert found.best_rounds == pulls[np.array(gaps) == 0.0].sum()
    assert (np.diff(regret) >= 0.0).all()
    assert regret[-1] <= horizon * max(gaps) + 1e-9


@pytest.mark.parametrize("task", TASKS, ids=kind_of)
def test_the_curve_ends_at_the_final_regret_and_never_falls(task):
    for outcome in outcomes(task, RandomArm(), count=3):
        at, regret = outcome.curves["regret"]
        assert at.tolist() == [10, 20, 50, 100, 200, 300]
        assert regret[-1] == outcome.final["regret"]
        assert (np.diff(regret) >= 0.0).all()


def test_a_point_of_the_curve_is_the_regret_of_the_shorter_horizon():
    long = outcomes(Bernoulli(horizon=300), Greedy())[0].curves["regret"]
    short = outcomes(Bernoulli(horizon=100), Greedy())[0].final["regret"]
    assert long[1][long[0].tolist().index(100)] == short


@pytest.mark.parametrize("task", TASKS, ids=kind_of)
def test_an_outcome_has_declared_metrics_only(task):
    declared = {metric.name for metric in task.metrics}
    final = outcomes(task, RandomArm())[0].final
    assert set(final) <= declared
    assert declared - set(final) <= {"regret_over_lemma"}
    assert all(isinstance(value, float) for value in final.values())


def test_speed_is_measured_in_every_cell_without_compilation():
    found = outcomes(Bernoulli(horizon=20_000), RandomArm(), count=5)
    speeds = [outcome.final["steps_per_second"] for outcome in found]
    # Compiling takes 0.5 s and more: counted in, the first would be 1,000 times slower.
    assert 0.0 < max(speeds) < 100 * min(speeds)


# What stops a policy


@pytest.mark.parametrize("value", [-1, 10, 2**40])
@pytest.mark.parametrize("jit", ["0", "1"])
def test_an_arm_out_of_range_stops_the_cell_with_round_and_value(monkeypatch, value, jit):
    monkeypatch.setenv("HARNESS_JIT", jit)
    message = f"arm {value:g} in round 3; arms are 0 … 9".replace("+", r"\+")
    with pytest.raises(ValueError, match=message):
        outcomes(Bernoulli(horizon=20), Wild(value=value))


@dataclass(frozen=True, kw_only=True)
class WildFloat(Wild):
    """Chooses numbers that are no arms."""

    value: float = nan

    def select(parameters, state, key, t):
        return parameters.value if t == parameters.at else 0.0


@pytest.mark.parametrize("value", [nan, 0.5])
@pytest.mark.parametrize("jit", ["0", "1"])
def test_a_number_that_is_no_arm_stops_the_cell(monkeypatch, value, jit):
    monkeypatch.setenv("HARNESS_JIT", jit)
    with pytest.raises(ValueError, match=f"arm {value:g} in round 3"):
        outcomes(Bernoulli(horizon=20), WildFloat(value=value))


class WildOnOddKeys(RandomArm):
    """Arm 0, or 99 where the key is odd."""

    def init(parameters, facts, key):
        return np.array([key % 2])

    def select(parameters, state, key, t):
        return 99 if state[0] == 1 else 0


def test_a_fault_in_one_cell_leaves_the_cells_before_it():
    by_parity = sorted(cells(20), key=lambda cell: cell.method_stream.key % 2)
    good = sum(cell.method_stream.key % 2 == 0 for cell in by_parity)
    walk = Bernoulli(horizon=20).evaluate(WildOnOddKeys(), by_parity)
    assert 0 < good < 20
    assert [next(walk).cell for _ in range(good)] == by_parity[:good]
    with pytest.raises(ValueError, match="arm 99 in round 1"):
        next(walk)


# Compiled and plain


@pytest.mark.skipif(find_spec("numba") is None, reason="numba is not installed")
@pytest.mark.parametrize("task", TASKS, ids=kind_of)
@pytest.mark.parametrize("policy", [RandomArm(), Greedy(epsilon=0.2)], ids=kind_of)
def test_compiled_and_plain_loops_agree_to_the_bit(monkeypatch, task, policy):
    take_modes()
    compiled = outcomes(task, policy, count=2)
    assert take_modes() == {"compiled"}
    monkeypatch.setenv("HARNESS_JIT", "0")
    plain = outcomes(task, policy, count=2)
    assert take_modes() == {"plain"}
    for one, other in zip(compiled, plain, strict=True):
        assert one.curves["regret"][1].tolist() == other.curves["regret"][1].tolist()
        assert one.final["best_arm_share"] == other.final["best_arm_share"]


# Paired streams


def rewards_met(task, policy, seed, horizon=40):
    """(round, arm) → reward of a run, and the instance's gaps."""
    stream, met = Stream("task", 7, "bandits/test", seed), {}
    instance = task.instance(stream.sub("instance"))
    key = stream.sub("rewards").key

    def update(parameters, state, arm, reward):
        met[sum(1 for _ in met) + 1, arm] = reward
        policy.update(parameters, state, arm, reward)

    facts = task.facts()._replace(horizon=horizon)
    grid = report_grid(horizon)
    functions = (policy.init, policy.select, update, type(task).reward)
    play(*functions, policy.parameters(facts), facts, instance, key, 3, grid, np.zeros(grid.size))
    return met, instance.gaps.tolist()


@given(
    st.sampled_from(TASKS), st.sampled_from(POLICIES), st.sampled_from(POLICIES), st.integers(0, 99)
)
@settings(deadline=None, max_examples=60)
def test_changing_the_method_never_changes_the_instance_or_a_reward(task, one, other, seed):
    here, gaps_here = rewards_met(task, one, seed)
    there, gaps_there = rewards_met(task, other, seed)
    assert gaps_here == gaps_there
    for place in here.keys() & there.keys():
        assert here[place] == there[place]


@given(st.integers(0, 50), st.integers(1, 400))
@settings(deadline=None, max_examples=20)
def test_a_cell_alone_and_in_a_job_agree(seed, horizon):
    task = Bernoulli(arms=3, horizon=horizon)
    together = [*task.evaluate(Greedy(), cells(seed + 1))][-1]
    alone = next(task.evaluate(Greedy(), cells(seed + 1)[-1:]))
    assert together.curves["regret"][1].tolist() == alone.curves["regret"][1].tolist()


def test_the_methods_stream_is_another_for_each_seed_and_each_method():
    keys = {cell.method_stream.key for cell in cells(20)}
    others = {cell.method_stream.key for cell in cells(20, method_name="bandits/other")}
    assert len(keys | others) == 40
