"""Cells, models and small tools that the tests of episodic tasks share."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from harness import Cell
from harness_mdp import evaluation
from harness_mdp.agent import Agent, Facts
from harness_mdp.driver import Curves, World, play
from harness_mdp.episodic import EpisodicTask
from harness_mdp.model import Model, Optimum, model_of, optimum_of


@dataclass
class Job:
    """What a cell asks of its executor."""

    suite_seed: int = 7
    task_name: str = "mdp/test"
    method_name: str = "mdp/test-agent"
    device: str = "cpu"
    threads: int = 1

    def data(self, name) -> Path:
        raise KeyError(name)


def cells(count, **job):
    shared = Job(**job)
    return [Cell(seed, shared) for seed in range(count)]


def outcomes(task, agent, count=1, **job):
    return list(task.evaluate(agent, cells(count, **job)))


def finals(task, agent, count, metric):
    return np.array([outcome.final[metric] for outcome in outcomes(task, agent, count)])


def z_score(sample, expected=0.0):
    """Distance of the sample's mean from ``expected`` in standard errors."""
    return (sample.mean() - expected) / (sample.std(ddof=1) / np.sqrt(sample.size))


def random_rows(seed, states, actions, layers, width):
    """Rows of a random MDP with rewards in [0, 1]."""
    draw = np.random.default_rng(seed)
    rows = []
    for _ in range(layers):
        of_layer = []
        for _ in range(states):
            of_state = []
            for _ in range(actions):
                successors = draw.choice(states, size=min(width, states), replace=False)
                chances = draw.dirichlet(np.ones(successors.size))
                reward = draw.random()
                of_state.append([(int(y), float(p), reward) for y, p in zip(successors, chances)])  # noqa: B905
            of_layer.append(of_state)
        rows.append(of_layer)
    return rows


def random_model(seed, states, actions, horizon, width=3):
    return model_of(random_rows(seed, states, actions, horizon, width), horizon)


def dense(model: Model):
    """P (H, S, A, S) and r (H, S, A) by another way than the tasks' own sums."""
    layers, states, actions, width = model.successor.shape
    chances = np.zeros((layers, states, actions, states))
    for place in np.ndindex(layers, states, actions, width):
        chances[(*place[:3], model.successor[place])] += model.probability[place]
    repeat = model.horizon if layers == 1 else 1
    return np.repeat(chances, repeat, axis=0), np.repeat(model.reward, repeat, axis=0)


def value_of(model: Model, actions):
    """V (H + 1, S) of the deterministic policy ``actions`` (H, S), by matrix products."""
    chances, reward = dense(model)
    states = reward.shape[1]
    v = np.zeros((model.horizon + 1, states))
    pick = np.arange(states)
    for h in reversed(range(model.horizon)):
        chosen = np.asarray(actions[h])
        v[h] = reward[h][pick, chosen] + chances[h][pick, chosen] @ v[h + 1]
    return v


def value_iteration(model: Model):
    """V* (H + 1, S), by matrix products."""
    chances, reward = dense(model)
    v = np.zeros((model.horizon + 1, reward.shape[1]))
    for h in reversed(range(model.horizon)):
        v[h] = (reward[h] + chances[h] @ v[h + 1]).max(axis=1)
    return v


def all_policies(states, actions, horizon):
    for flat in product(range(actions), repeat=states * horizon):
        yield np.array(flat).reshape(horizon, states)


class Run(NamedTuple):
    """What the plain driver did."""

    played: Any
    state: Any
    curves: Curves
    ledger: evaluation.Ledger
    trace: list


def facts_of(model: Model, episodes):
    _, states, actions = model.reward.shape
    return Facts(
        states=states,
        actions=actions,
        horizon=model.horizon,
        episodes=episodes,
        is_stationary=model.layers == 1,
        branching=model.successor.shape[3],
    )


def run_plain(
    agent, model, episodes, planned=None, *, note=None, settle=None, audit=0, noise=11, key=12
):
    """Play ``agent`` by the driver as plain Python; every transition is kept in ``trace``."""
    facts = facts_of(model, episodes)
    parameters = agent.parameters(facts._replace(episodes=planned or episodes))
    state = agent.init(parameters, facts, key)
    ledger = evaluation.open_ledger(facts, model, is_mixture=agent.is_random(), audit=audit)
    curves = Curves(np.arange(1, episodes + 1), np.zeros(episodes), np.zeros(episodes))
    trace = []

    def update(parameters, state, h, x, a, r, y):
        trace.append((h, x, a, r, y))
        agent.update(parameters, state, h, x, a, r, y)

    random = agent.is_random()
    plan = agent.changes == "everywhere"
    default_note = evaluation.note_mixture if random else evaluation.note_policy
    default_settle = evaluation.settle_mixture if random else evaluation.settle_policy
    if plan:
        default_note, default_settle = evaluation.note_played, evaluation.settle_plan
    played = play(
        agent.begin,
        agent.act,
        update,
        agent.estimate,
        agent.mixture if random else agent.policy,
        note or default_note,
        settle or default_settle,
        parameters,
        state,
        facts,
        World(model, optimum_of(model), 1e-9, noise),
        ledger,
        key,
        curves,
    )
    return Run(played, state, curves, ledger, trace)


def walk(begin, act, update, estimate, parameters, state, key, sizes, trace, estimates):
    """A driver of little code: successors and rewards follow from h, x, a and k by arithmetic."""
    states, horizon = sizes
    for k in range(1, trace.shape[0] + 1):
        begin(parameters, state, key, k)
        x = k % states
        for h in range(horizon):
            a = int(act(parameters, state, key, k, h, x))
            y = (3 * x + 5 * a + h + k * k) % states
            update(parameters, state, h, x, a, ((x + a + h) % 4) / 4.0, y)
            trace[k - 1, h] = a
            estimates[k - 1, h] = estimate(parameters, state, h, x, a)
            x = y


class Scripted(Agent):
    """Plays the actions (H, S) given as ``parameters``."""

    def __init__(self, actions) -> None:
        object.__setattr__(self, "actions", np.asarray(actions))

    def parameters(self, facts):
        return self.actions

    def init(parameters, facts, key):
        return np.zeros(1)

    def act(parameters, state, key, k, h, x):
        return int(parameters[h, x])

    def update(parameters, state, h, x, a, r, y):
        pass

    def policy(parameters, state, h, x):
        return int(parameters[h, x])


@dataclass(frozen=True, kw_only=True)
class RowsTask(EpisodicTask):
    """The random MDP of a number."""

    number: int = 0
    states: int = 3
    actions: int = 2
    horizon: int = 3

    def facts(self):
        return Facts(self.states, self.actions, self.horizon, self.episodes, False, 3)

    def instance(self, stream):
        return random_model(self.number, self.states, self.actions, self.horizon)


def sampled_values(model: Model, optimum: Optimum, policy, episodes, seed):
    """Mean return of a deterministic policy by simulation with numpy's generator."""
    chances, reward = dense(model)
    draw = np.random.default_rng(seed)
    returns = np.zeros(episodes)
    for episode in range(episodes):
        x = 0
        for h in range(model.horizon):
            a = policy[h][x]
            returns[episode] += reward[h, x, a]
            x = draw.choice(reward.shape[1], p=chances[h, x, a])
    return returns
