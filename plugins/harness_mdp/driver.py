"""The loop that plays an agent: episodes of exactly H steps, regret, first reward, optimism.

The noise of the environment is a function of (k, h), not of how many numbers the agent drew, so
all agents meet the same noise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from harness.random import integer, uniform, uniform_pair
from harness_mdp.agent import Facts, FloatArray, IntArray
from harness_mdp.evaluation import FAULT, NOT_THE_POLICY, Ledger
from harness_mdp.model import Model, Optimum, layered

__all__ = ["Curves", "Played", "explore", "play"]

# Lane of the draw of an episode's first state; steps use the lanes from 0.
_START_LANE = 1 << 20


class Curves(NamedTuple):
    """What is written down at the episodes of ``grid``, which increases and ends with K."""

    grid: IntArray  # (points,)
    exact: FloatArray  # (points,) sum of V*(x_1) − V^π(x_1)
    gaps: FloatArray  # (points,) sum of the gaps of the actions taken


class Played(NamedTuple):
    """What the loop counts besides; ``fault_episode`` is 0 if nothing went wrong."""

    best_possible: float  # sum of V*(x_1)
    first_reward: int  # first episode with a return above ``Facts``' threshold; 0: none
    deepest_violation: float  # largest Q* − Q of an updated entry
    fault_episode: int
    fault_step: int
    fault_value: float


def first_state(model: Model, key: int, k: int) -> int:
    """The state in which episode ``k`` begins."""
    if model.starts.size == 1:
        return int(model.starts[0])
    place, u = 0, uniform(key, k, _START_LANE)
    while u >= model.start_law[place]:
        place += 1
    return int(model.starts[place])


def play(
    begin: Callable[..., None],
    act: Callable[..., int],
    update: Callable[..., None],
    estimate: Callable[..., float],
    describe: Callable[..., Any],
    note: Callable[..., None],
    settle: Callable[..., float],
    parameters: Any,
    state: Any,
    facts: Facts,
    model: Model,
    optimum: Optimum,
    ledger: Ledger,
    least_return: float,
    noise_key: int,
    key: int,
    curves: Curves,
) -> Played:
    """Play ``facts.episodes`` episodes.

    Parameters
    ----------
    begin, act, update, estimate
        The agent; ``describe`` is its ``policy`` or its ``mixture``.
    note, settle
        How its policy is evaluated (:mod:`harness_mdp.evaluation`).
    least_return
        An episode whose rewards sum to more counts as one with reward.
    """
    exact, gaps, best_possible, spare = 0.0, 0.0, 0.0, 0.0
    first_reward, deepest, point = 0, 0.0, 0
    for k in range(1, facts.episodes + 1):
        begin(parameters, state, key, k)
        x = first_state(model, noise_key, k)
        best = optimum.v[0, x]
        best_possible += best
        exact += best - settle(describe, parameters, state, model, ledger, x)
        paid = 0.0
        for h in range(facts.horizon):
            a = act(parameters, state, key, k, h, x)
            # Compiled code would read past the array in silence; NaN fails the comparison too.
            if not (0 <= a < facts.actions) or int(a) != a:
                return Played(best_possible, first_reward, deepest, k, h, float(a))
            action = int(a)
            if h & 1 == 0:
                u, spare = uniform_pair(noise_key, k, h >> 1)
            else:
                u = spare
            layer, j = layered(model, h), 0
            while u >= model.cumulative[layer, x, action, j]:
                j += 1
            y = int(model.successor[layer, x, action, j])
            r = model.reward[layer, x, action]
            if model.payoff.size > 0:
                r = model.payoff[layer, x, action, j]
            update(parameters, state, h, x, action, r, y)
            paid += r
            q = optimum.q[h, x, action]
            gaps += optimum.v[h, x] - q
            deepest = max(deepest, q - estimate(parameters, state, h, x, action))
            note(describe, parameters, state, model, ledger, h, x, action)
            x = y
        if ledger.counts[FAULT] > 0:
            return Played(
                best_possible, first_reward, deepest, k, ledger.counts[FAULT] - 1, NOT_THE_POLICY
            )
        if first_reward == 0 and paid > least_return:
            first_reward = k
        if k == curves.grid[point]:
            curves.exact[point] = exact
            curves.gaps[point] = gaps
            point += 1
    return Played(best_possible, first_reward, deepest, 0, 0, 0.0)


def explore(
    update: Callable[..., None],
    parameters: Any,
    state: Any,
    facts: Facts,
    model: Model,
    noise_key: int,
    episodes: int,
) -> None:
    """Let the agent watch ``episodes`` episodes of uniform play, before the first of its own.

    They are numbered after the last one, so that they use up no noise that the agent meets.
    """
    for k in range(facts.episodes + 1, facts.episodes + episodes + 1):
        x = first_state(model, noise_key, k)
        for h in range(facts.horizon):
            a = integer(noise_key, k, h, facts.actions)
            layer, j, u = layered(model, h), 0, uniform(noise_key, k, h)
            while u >= model.cumulative[layer, x, a, j]:
                j += 1
            y = int(model.successor[layer, x, a, j])
            update(parameters, state, h, x, a, model.reward[layer, x, a], y)
            x = y
