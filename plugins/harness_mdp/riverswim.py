"""RiverSwim: a little reward downstream, a large one that needs a long swim against the current.

Action 0 swims left and arrives surely. Action 1 swims right: from the first state up with .6,
between up .35, stay .6, down .05, in the last state stay .6. Left in the first state pays .005,
right in the last one 1.

Source: Strehl & Littman 2008; probabilities of Osband's TabulaRL.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge

from harness.random.stream import Stream
from harness_mdp.agent import Facts
from harness_mdp.episodic import EpisodicTask, refuse_below
from harness_mdp.model import Model, Row, model_of

__all__ = ["RiverSwim"]

_SMALL = 0.005


@dataclass(frozen=True, kw_only=True)
class RiverSwim(EpisodicTask):
    """RiverSwim with ``states`` states.

    Parameters
    ----------
    states, horizon
        S and H.
    start
        First state of every episode.
    """

    states: Annotated[int, Ge(2)] = 6
    horizon: Annotated[int, Ge(1)] = 20
    start: Annotated[int, Ge(0)] = 0

    def __post_init__(self) -> None:
        refuse_below(2, states=self.states)
        refuse_below(1, horizon=self.horizon)
        if not 0 <= self.start < self.states:
            raise ValueError(f"start must lie in 0 … {self.states - 1}, got {self.start}")

    def facts(self) -> Facts:
        """Two actions, three successors at most."""
        return Facts(
            states=self.states,
            actions=2,
            horizon=self.horizon,
            episodes=self.episodes,
            is_stationary=True,
            branching=min(3, self.states),
        )

    def instance(self, stream: Stream) -> Model:
        """The same for every seed."""
        rows = [[self._left(x), self._right(x)] for x in range(self.states)]
        return model_of([rows], self.horizon, {self.start: 1.0})

    def _left(self, x: int) -> Row:
        return [(max(0, x - 1), 1.0, _SMALL if x == 0 else 0.0)]

    def _right(self, x: int) -> Row:
        last = self.states - 1
        if x == 0:
            return [(0, 0.4, 0.0), (1, 0.6, 0.0)]
        if x == last:
            return [(last - 1, 0.4, 1.0), (last, 0.6, 1.0)]
        return [(x - 1, 0.05, 0.0), (x, 0.6, 0.0), (x + 1, 0.35, 0.0)]
