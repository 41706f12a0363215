"""The loop that plays an agent: episodes of exactly H steps, regret, first reward, optimism.

The noise of the environment is a function of (k, h), not of how many numbers the agent drew, so
all agents meet the same noise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from harness.random import integer, uniform, uniform_pair
from harness_mdp.agent import Facts, FloatArray, IntArray
from harness_mdp.evaluation import FAULT, NOT_THE_POLICY, Ledger
from harness_mdp.model import Model, Optimum, layered

__all__ = ["Curves", "Played", "World", "explore", "play"]

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
    first_reward: int  # first episode with a return above ``least_return``; 0: none
    deepest_violation: float  # largest Q* − Q of an updated entry
    fault_episode: int
    fault_step: int
    fault_value: float


class World(NamedTuple):
    """What the agent plays in, and cannot see."""

    model: Model
    optimum: Optimum
    least_return: float  # an episode whose rewards sum to more counts as one with reward
    noise_key: int


def first_state(starts: npt.NDArray[np.int32], law: FloatArray, key: int, k: int) -> int:
    """The state in which episode ``k`` begins."""
    if starts.size == 1:
        return int(starts[0])
    place, u = 0, uniform(key, k, _START_LANE)
    while u >= law[place]:
        place += 1
    return int(starts[place])


def drawn_entry(cumulative: FloatArray, layer: int, x: int, a: int, u: float) -> int:
    """The entry of a row that the uniform ``u`` falls into."""
    j = 0
    while u >= cumulative[layer, x, a, j]:
        j += 1
    return j


# One loop of some 50 lines, because an inner function that takes the records would count
# references to each of their arrays at every step.
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
    world: World,
    ledger: Ledger,
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
    """
    model, optimum, noise_key = world.model, world.optimum, world.noise_key
    exact, gaps, possible, spare = 0.0, 0.0, 0.0, 0.0
    first_reward, deepest, point = 0, 0.0, 0
    for k in range(1, facts.episodes + 1):
        begin(parameters, state, key, k)
        x = first_state(model.starts, model.start_law, noise_key, k)
        possible += optimum.v[0, x]
        exact += optimum.v[0, x] - settle(describe, parameters, state, model, ledger, x)
        paid = 0.0
        for h in range(facts.horizon):
            a = act(parameters, state, key, k, h, x)
            # Compiled code would read past the array in silence; NaN fails the comparison too.
            if not (0 <= a < facts.actions) or int(a) != a:
                return Played(possible, first_reward, deepest, k, h, float(a))
            action, layer, u = int(a), layered(model.layers, h), spare
            if h & 1 == 0:  # a block of the generator serves two steps
                u, spare = uniform_pair(noise_key, k, h >> 1)
            j = drawn_entry(model.cumulative, layer, x, action, u)
            y = int(model.successor[layer, x, action, j])
            r = model.reward[layer, x, action]
            if model.payoff.size > 0:
                r = model.payoff[layer, x, action, j]
            update(parameters, state, h, x, action, r, y)
            note(describe, parameters, state, ledger.marks, h, x, action)
            q = optimum.q[h, x, action]
            gaps += optimum.v[h, x] - q
            deepest = max(deepest, q - estimate(parameters, state, h, x, action))
            paid += r
            x = y
        if ledger.marks.counts[FAULT] > 0:
            step = ledger.marks.counts[FAULT] - 1
            return Played(possible, first_reward, deepest, k, step, NOT_THE_POLICY)
        if first_reward == 0 and paid > world.least_return:
            first_reward = k
        if k == curves.grid[point]:
            curves.exact[point], curves.gaps[point] = exact, gaps
            point += 1
    return Played(possible, first_reward, deepest, 0, 0, 0.0)


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
        x = first_state(model.starts, model.start_law, noise_key, k)
        for h in range(facts.horizon):
            a = integer(noise_key, k, h, facts.actions)
            layer = layered(model.layers, h)
            j = drawn_entry(model.cumulative, layer, x, a, uniform(noise_key, k, h))
            y = int(model.successor[layer, x, a, j])
            update(parameters, state, h, x, a, model.reward[layer, x, a], y)
            x = y
