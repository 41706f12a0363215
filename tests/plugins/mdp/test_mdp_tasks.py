"""Tasks as the harness sees them: metrics, curves, streams, the kind, the hooks."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import numpy as np
import pytest
from mdp_cells import RowsTask, cells, outcomes

import harness_mdp
from harness import Task
from harness_mdp.agent import Agent, Facts
from harness_mdp.curves import growth_exponent, report_grid, slope_episodes
from harness_mdp.garnet import Garnet
from harness_mdp.lock import CombinationLock
from harness_mdp.riverswim import RiverSwim
from harness_mdp.theory import log_term
from harness_mdp.ucb_b import UCBBernstein
from harness_mdp.ucb_h import UCBHoeffding
from harness_mdp.ucbvi import UCBVIHoeffding
from harness_mdp.uniform import Uniform


@pytest.fixture(autouse=True, scope="module")
def plain():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HARNESS_JIT", "0")
        yield


# Hooks


def test_importing_the_plugin_imports_no_numpy():
    script = "import sys, harness_mdp; print([m in sys.modules for m in ('numpy', 'gymnasium')])"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert found.stdout.strip() == "[False, False]", found.stderr


def test_the_plugin_gives_its_kind_by_name():
    assert (harness_mdp.Agent, harness_mdp.Facts) == (Agent, Facts)
    with pytest.raises(AttributeError, match="has no attribute 'Policy'"):
        harness_mdp.Policy  # noqa: B018


@pytest.mark.parametrize("hook", ["harness_methods", "harness_tasks", "harness_kinds"])
def test_every_registered_name_lives_where_the_hook_says(hook):
    expected = Task if hook == "harness_tasks" else Agent
    for place in getattr(harness_mdp, hook)().values():
        module, _, name = place.partition(":")
        assert issubclass(getattr(import_module(module), name), expected)


@pytest.mark.parametrize("name", sorted(set(harness_mdp.harness_tasks()) - {"mdp/gymnasium"}))
def test_facts_are_those_of_the_instance(name):
    module, _, cls = harness_mdp.harness_tasks()[name].partition(":")
    task = getattr(import_module(module), cls)()
    facts, model = task.facts(), task.instance(cells(1)[0].task_stream)
    assert (facts.states, facts.actions) == model.reward.shape[1:]
    assert facts.horizon == model.horizon
    assert facts.is_stationary == (model.layers == 1)
    assert facts.branching >= model.successor.shape[3]


# Outcomes


def test_an_outcome_has_declared_metrics_only():
    for task in (RowsTask(episodes=120, audit="forward"), CombinationLock(episodes=20)):
        declared = {metric.name for metric in task.metrics}
        for outcome in outcomes(task, UCBHoeffding()):
            assert set(outcome.final) <= declared
            assert all(isinstance(value, float) for value in outcome.final.values())


def test_gaps_alone_give_no_exact_regret():
    (outcome,) = outcomes(RowsTask(episodes=120, regret="gaps"), UCBHoeffding())
    assert "regret_exact" not in outcome.final
    assert "regret_gaps" in outcome.final
    (both,) = outcomes(RowsTask(episodes=120), UCBHoeffding())
    assert both.final["regret_gaps"] == outcome.final["regret_gaps"]


def test_ratios_are_the_regret_over_the_papers_scales():
    (outcome,) = outcomes(RowsTask(episodes=500), Uniform())
    final, steps = outcome.final, 1500
    iota = np.log(3 * 2 * steps / 0.05)
    regret = final["regret_exact"]
    assert final["regret_over_h4"] == pytest.approx(regret / np.sqrt(81 * 6 * steps * iota))
    assert final["regret_over_h3"] == pytest.approx(regret / np.sqrt(27 * 6 * steps * iota))
    assert final["regret_over_lower"] == pytest.approx(regret / np.sqrt(9 * 6 * steps))


def test_the_papers_scales_on_the_garnet_of_twenty_states():
    facts = Garnet(episodes=10**6).facts()
    iota = log_term(facts, 0.05)
    assert iota == pytest.approx(24.189002, abs=1e-6)
    assert np.sqrt(20.0**4 * 80 * 2e7 * iota) == pytest.approx(7.86917e7, rel=1e-5)
    assert np.sqrt(20.0**3 * 80 * 2e7 * iota) == pytest.approx(1.75960e7, rel=1e-5)


def test_the_state_of_a_q_learner_is_counted_in_bytes():
    (outcome,) = outcomes(Garnet(episodes=2, regret="gaps"), UCBHoeffding())
    states, actions, horizon = 20, 4, 20
    table = 12 * states * actions * horizon + 8 * (horizon + 1) * states + 4 * horizon * states
    assert outcome.final["state_bytes"] == table
    (other,) = outcomes(Garnet(episodes=2, regret="gaps"), UCBBernstein())
    assert other.final["state_bytes"] == table + 24 * states * actions * horizon


def test_memory_grows_like_s_without_a_model_and_like_s_squared_with_one():
    sizes = [40, 80, 160]

    def slope(agent):
        found = [
            outcomes(
                Garnet(states=states, horizon=2, branching=2, episodes=1, regret="gaps"), agent
            )[0].final["state_bytes"]
            for states in sizes
        ]
        return np.polyfit(np.log(sizes), np.log(found), 1)[0]

    assert slope(UCBHoeffding()) == pytest.approx(1.0, abs=1e-9)
    assert slope(UCBVIHoeffding()) > 1.9


# Curves


@pytest.mark.parametrize(
    ("episodes", "points"), [(1, 200), (7, 200), (10**4, 200), (5 * 10**5, 200), (10**4, 1)]
)
def test_a_grid_increases_to_the_last_episode_and_has_the_slopes_points(episodes, points):
    grid = report_grid(episodes, points)
    assert (np.diff(grid) > 0).all()
    assert grid[-1] == episodes
    assert set(slope_episodes(episodes)) <= set(grid)


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_the_growth_exponent_of_a_power_is_the_power(power):
    grid = report_grid(10_000, 200)
    assert growth_exponent(grid, 3.0 * grid.astype(float) ** power) == pytest.approx(
        power, abs=1e-9
    )


def test_no_exponent_is_told_where_there_is_none():
    assert growth_exponent(report_grid(50, 20), np.ones(report_grid(50, 20).size)) is None
    grid = report_grid(1000, 20)
    assert growth_exponent(grid, np.zeros(grid.size)) is None


def test_uniform_play_grows_with_exponent_one():
    (outcome,) = outcomes(RiverSwim(episodes=100), Uniform())
    assert outcome.final["growth_exponent"] == pytest.approx(1.0, abs=1e-9)


# Streams and jobs


def test_a_cell_alone_and_in_a_job_agree():
    task = Garnet(states=4, actions=2, branching=2, horizon=3, episodes=30)
    together = outcomes(task, UCBHoeffding(c=0.05), 4)[-1]
    alone = next(task.evaluate(UCBHoeffding(c=0.05), cells(4)[-1:]))
    assert together.curves["regret_exact"][1].tolist() == alone.curves["regret_exact"][1].tolist()


def test_watched_episodes_use_no_noise_of_the_agents_own():
    task = Garnet(states=4, actions=2, branching=2, horizon=3, episodes=30)
    warm = Garnet(states=4, actions=2, branching=2, horizon=3, episodes=30, warm=2)
    one, other = (outcomes(each, Uniform())[0] for each in (task, warm))
    assert one.curves["regret_gaps"][1].tolist() == other.curves["regret_gaps"][1].tolist()


def test_a_planner_has_counted_what_it_watched():
    task = Garnet(states=4, actions=2, branching=2, horizon=3, episodes=1, warm=3)
    cold = Garnet(states=4, actions=2, branching=2, horizon=3, episodes=1)
    agent = UCBVIHoeffding(scale=0.001)
    assert outcomes(task, agent)[0].final != outcomes(cold, agent)[0].final


# Refusals


def test_an_audit_needs_exact_regret_and_a_deterministic_policy():
    for task, agent in (
        (Garnet(audit="forward", regret="gaps"), UCBHoeffding()),
        (Garnet(audit="forward"), Uniform()),
    ):
        with pytest.raises(ValueError, match="audit needs regret: exact"):
            task.check(agent)


class Wide(RowsTask):
    """Tells fewer successors than there are."""

    def facts(self):
        return super().facts()._replace(branching=1)


def test_a_model_wider_than_its_facts_is_refused():
    with pytest.raises(ValueError, match="a row has 3 successors, the task's facts say 1"):
        outcomes(Wide(), UCBHoeffding())


class Broken(RiverSwim):
    """A river whose first row sums to .9."""

    def instance(self, stream):
        model = super().instance(stream)
        model.probability[0, 0, 0, 0] = 0.9
        return model


def test_a_wrong_row_is_refused_at_planning():
    with pytest.raises(ValueError, match=r"step 0, state 0, action 0: probabilities sum to 0.9"):
        Broken().check(UCBHoeffding())
