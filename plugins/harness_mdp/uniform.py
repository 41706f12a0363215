"""Uniform play: an action at random, whatever was seen.

Its regret is exactly K times V* less the value of the uniform policy: the reference that every
claim about learning is held against.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness import Bound, Task
from harness.random import integer
from harness_mdp.agent import Agent, Facts
from harness_mdp.epsilon_greedy import EpsilonGreedy

__all__ = ["Uniform"]


@dataclass(frozen=True, kw_only=True)
class Uniform(Agent):
    """Play each action with the same probability at every step."""

    def is_random(self) -> bool:
        return True

    def guarantees(self, task: Task, facts: Facts | None = None) -> Sequence[Bound]:
        """On the lock, exactly when the first reward comes, as for ε-greedy."""
        return EpsilonGreedy(epsilon=1.0).guarantees(task, facts)

    def init(parameters, facts, key):
        return np.array([facts.actions])

    def act(parameters, state, key, k, h, x):
        return integer(key, k, h, state[0])

    def update(parameters, state, h, x, a, r, y):
        pass

    def mixture(parameters, state, h, x, weights):
        for action in range(weights.size):
            weights[action] = 1.0 / weights.size
