"""Playing policies on given instances, many at a time, and in given states."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

from harness.kernels import specialise
from harness.random import beta, uniform
from harness_bandits.gaussian import NoisyMeans, normal_reward
from harness_bandits.policy import BERNOULLI, GAUSSIAN, Facts, play, report_grid
from harness_bandits.stochastic import bernoulli_reward, gaps_below


def bernoulli_facts(arms, horizon, **known):
    return Facts(arms=arms, horizon=horizon, **known)


def normal_facts(arms, horizon, **known):
    return Facts(arms=arms, horizon=horizon, law=GAUSSIAN, noise=1.0, **known)


def instance_of(facts, means):
    """The instance of the facts' law with these means."""
    bare = gaps_below(np.asarray(means, dtype=np.float64))
    if facts.law == BERNOULLI:
        return bare
    return NoisyMeans(means=bare.means, gaps=bare.gaps, noise=facts.noise)


def kernel_of(policy, law):
    reward = bernoulli_reward if law == BERNOULLI else normal_reward
    return _kernel(policy.init, policy.select, policy.update, reward)


@cache
def _kernel(init, select, update, reward):
    return specialise(play, init=init, select=select, update=update, reward=reward)


class Run(NamedTuple):
    """One run: the regret's curve, and rounds in which a best arm was played."""

    curve: np.ndarray
    best_rounds: int


def run(policy, facts, means, seed, plain=False):
    """One run; rewards and the policy's draws have keys of their own."""
    played = policy.resolve(facts)
    kernel = kernel_of(played, facts.law)
    grid = report_grid(facts.horizon)
    curve = np.zeros(grid.size)
    answer = (kernel.plain if plain else kernel)(
        played.parameters(facts),
        facts,
        instance_of(facts, means),
        2 * seed + 1,
        1_000_003 * seed + 2,
        grid,
        curve,
    )
    assert answer.fault_round == 0
    return Run(curve, answer.best_rounds)


def regrets(policy, facts, instances):
    """Final regret on each of ``instances`` (rows of means), one seed a row."""
    return np.array([run(policy, facts, m, seed).curve[-1] for seed, m in enumerate(instances)])


def z_of_difference(one, other):
    """Difference of two independent samples' means in standard errors."""
    error = np.sqrt(one.var(ddof=1) / one.size + other.var(ddof=1) / other.size)
    return (one.mean() - other.mean()) / error


# Drivers beside ``play``; their leading arguments are functions.


def choose_often(select, parameters, state, key, first, counts, rounds):
    """Count the arms selected in one state, in rounds ``first`` + 1, … without updates."""
    for t in range(first + 1, first + rounds + 1):
        counts[select(parameters, state, key, t)] += 1


def choices(policy, facts, state, rounds, first=0, seed=5):
    """How often each arm is selected in ``state``."""
    kernel = specialise(choose_often, select=policy.select)
    counts = np.zeros(facts.arms, dtype=np.int64)
    kernel(policy.parameters(facts), state, seed, first, counts, rounds)
    return counts


def play_many(init, select, update, parameters, facts, key, runs, regret):
    """Fresh Bernoulli instances, uniform prior; the regret of each run."""
    means = np.zeros(facts.arms)
    for seed in range(runs):
        for arm in range(facts.arms):
            means[arm] = uniform(key + 1, seed, arm)
        best = means.max()
        state = init(parameters, facts, key)
        total = 0.0
        for t in range(1, facts.horizon + 1):
            # Rounds of all runs have addresses of their own under one key.
            arm = select(parameters, state, key, seed * facts.horizon + t)
            won = uniform(key + 2, seed * facts.horizon + t, arm) < means[arm]
            update(parameters, state, arm, 1.0 if won else 0.0)
            total += best - means[arm]
        regret[seed] = total


class Pairs(NamedTuple):
    """Sums over rounds of two differences and of their squares; 0: no threshold, 1: with one."""

    rounds: np.ndarray  # (2,)
    gaps: np.ndarray  # (2,) screened less plain
    gaps_squared: np.ndarray  # (2,)
    leaders: np.ndarray  # (2,) indicator of the leader, screened less plain
    leaders_squared: np.ndarray  # (2,)


def play_in_pairs(init, select, update, parameters, facts, instance, key, pairs):
    """Play the screened sampler; beside it draw from the same posterior by plain Betas."""
    state = init(parameters, facts, key)
    for t in range(1, facts.horizon + 1):
        group, leader = state.clock[2], state.clock[0]
        arm = select(parameters, state, key, t)
        other, largest = 0, -1.0
        for k in range(facts.arms):
            draw = beta(key + 1, t, k, state.wins[k], state.losses[k])
            if draw > largest:
                other, largest = k, draw
        gap = instance.gaps[arm] - instance.gaps[other]
        led = (1.0 if arm == leader else 0.0) - (1.0 if other == leader else 0.0)
        pairs.rounds[group] += 1.0
        pairs.gaps[group] += gap
        pairs.gaps_squared[group] += gap * gap
        pairs.leaders[group] += led
        pairs.leaders_squared[group] += led * led
        update(parameters, state, arm, bernoulli_reward(instance, key + 2, t, arm))


def pairs_of(policy, instances, horizon):
    """The sums over runs of ``horizon`` rounds on each of ``instances``."""
    pairs = Pairs(*(np.zeros(2) for _ in Pairs._fields))
    kernel = specialise(play_in_pairs, init=policy.init, select=policy.select, update=policy.update)
    for seed, means in enumerate(instances):
        facts = bernoulli_facts(len(means), horizon)
        instance = instance_of(facts, means)
        kernel(policy.parameters(facts), facts, instance, 10 * seed + 1, pairs)
    return pairs


def paired_z(pairs):
    """|z| of both differences in both groups."""
    assert pairs.rounds.min() > 20_000
    of_gaps = pairs.gaps / np.sqrt(pairs.gaps_squared)
    of_leaders = pairs.leaders / np.sqrt(pairs.leaders_squared)
    return np.abs([*of_gaps, *of_leaders])
