"""A chain of states: little on the left, much on the right, and moves that fail.

Action 0 goes left, 1 right; with probability ``fail`` the move goes the other way. The last state
pays 1, the first .05, whatever the action.

Source: the chain of rlberry-scool.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Interval

from harness.random.stream import Stream
from harness_mdp.agent import Facts
from harness_mdp.episodic import EpisodicTask, refuse_below
from harness_mdp.model import Model, Row, model_of

__all__ = ["Chain"]

_SMALL = 0.05


@dataclass(frozen=True, kw_only=True)
class Chain(EpisodicTask):
    """A chain of ``states`` states.

    Parameters
    ----------
    states, horizon
        S and H.
    fail
        Probability that a move goes the other way.
    """

    states: Annotated[int, Ge(2)] = 5
    horizon: Annotated[int, Ge(1)] = 20
    fail: Annotated[float, Interval(ge=0, le=1)] = 0.1

    def __post_init__(self) -> None:
        refuse_below(2, states=self.states)
        refuse_below(1, horizon=self.horizon)

    def facts(self) -> Facts:
        """Two actions, two successors."""
        return Facts(
            states=self.states,
            actions=2,
            horizon=self.horizon,
            episodes=self.episodes,
            is_stationary=True,
            branching=2,
        )

    def instance(self, stream: Stream) -> Model:
        """The same for every seed."""
        rows = [[self._row(x, -1), self._row(x, 1)] for x in range(self.states)]
        return model_of([rows], self.horizon)

    def _row(self, x: int, move: int) -> Row:
        last = self.states - 1
        reward = 1.0 if x == last else _SMALL if x == 0 else 0.0
        there, back = (min(last, max(0, x + step)) for step in (move, -move))
        return [(there, 1.0 - self.fail, reward), (back, self.fail, reward)]
