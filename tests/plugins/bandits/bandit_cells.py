"""Cells, policies and small tools that the bandit tests share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from harness import Cell
from harness.random import uniform
from harness_bandits.policy import Policy


@dataclass
class Job:
    """What a cell asks of its executor; ``files`` are the data sets that are there."""

    suite_seed: int = 7
    task_name: str = "bandits/test"
    method_name: str = "bandits/test-policy"
    device: str = "cpu"
    threads: int = 1
    files: tuple[tuple[str, Path], ...] = ()

    def data(self, name):
        return dict(self.files)[name]


def cells(count, **job):
    shared = Job(**job)
    return [Cell(seed, shared) for seed in range(count)]


def outcomes(task, policy, count=1, **job):
    return list(task.evaluate(policy, cells(count, **job)))


def finals(task, policy, count, metric="regret"):
    return np.array([outcome.final[metric] for outcome in outcomes(task, policy, count)])


def z_score(sample, expected):
    """Distance of the sample's mean from ``expected`` in standard errors."""
    return (sample.mean() - expected) / (sample.std(ddof=1) / np.sqrt(sample.size))


class RandomArm(Policy):
    """Uniform play."""

    def init(parameters, facts, key):
        return np.array([facts.arms])

    def select(parameters, state, key, t):
        return int(uniform(key, t, 0) * state[0])

    def update(parameters, state, arm, reward):
        pass


@dataclass(frozen=True, kw_only=True)
class FixedArm(Policy):
    """The same arm for ever."""

    arm: int = 0

    def init(parameters, facts, key):
        return np.array([0])

    def select(parameters, state, key, t):
        return parameters.arm

    def update(parameters, state, arm, reward):
        pass


class Sums(NamedTuple):
    """Pulls and sums of rewards."""

    pulls: np.ndarray
    sums: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Greedy(Policy):
    """Each arm once, then the best mean, but for a share ``epsilon`` of random arms."""

    epsilon: float = 0.0

    def init(parameters, facts, key):
        return Sums(np.zeros(facts.arms), np.zeros(facts.arms))

    def select(parameters, state, key, t):
        arms = state.pulls.size
        if t <= arms:
            return t - 1
        if uniform(key, t, 0) < parameters.epsilon:
            return int(uniform(key, t, 1) * arms)
        best = 0
        for arm in range(1, arms):
            if state.sums[arm] * state.pulls[best] > state.sums[best] * state.pulls[arm]:
                best = arm
        return best

    def update(parameters, state, arm, reward):
        state.pulls[arm] += 1.0
        state.sums[arm] += reward


@dataclass(frozen=True, kw_only=True)
class Wild(Policy):
    """Arm 0, but ``value`` in round ``at``."""

    value: int = -1
    at: int = 3

    def init(parameters, facts, key):
        return np.array([0])

    def select(parameters, state, key, t):
        return parameters.value if t == parameters.at else 0

    def update(parameters, state, arm, reward):
        pass
