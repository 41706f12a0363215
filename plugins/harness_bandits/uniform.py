"""Uniform play: an arm at random, whatever was seen.

Costs ``n * (best mean - average mean)`` in expectation, exactly: the reference that every claim
about learning is held against.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from harness import Bound, Task
from harness.random import integer
from harness_bandits.policy import Facts, Policy

__all__ = ["Uniform"]


class State(NamedTuple):
    """Uniform play remembers the number of arms only."""

    arms: int


@dataclass(frozen=True, kw_only=True)
class Uniform(Policy):
    """Play each arm with the same probability in every round."""

    def guarantees(self, task: Task, facts: Facts | None = None) -> Sequence[Bound]:
        mean_gap = getattr(task, "mean_gap", None)
        gap = mean_gap() if mean_gap else None
        if gap is None:
            return ()
        known = task.facts() if facts is None else facts
        value = known.horizon * gap
        source = "linearity of expectation"
        return (
            Bound(
                metric="regret", role="exact", value=value, holds="in_expectation", source=source
            ),
        )

    def init(parameters, facts, key):
        return State(facts.arms)

    def select(parameters, state, key, t):
        return integer(key, t, 0, state.arms)

    def update(parameters, state, arm, reward):
        pass
