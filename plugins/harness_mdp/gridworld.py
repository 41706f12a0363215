"""A square of n × n cells with reward in the far corner, which does not end the episode.

Actions are up, right, down, left. With probability ``success`` the move goes where it should,
else in a direction drawn from all four; walls keep the place. Any action in the corner pays 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Interval

from harness.random.stream import Stream
from harness_mdp.agent import Facts
from harness_mdp.episodic import EpisodicTask, refuse_below
from harness_mdp.model import Model, Row, model_of

__all__ = ["Gridworld"]

_MOVES = ((-1, 0), (0, 1), (1, 0), (0, -1))  # up, right, down, left: (row, column)


@dataclass(frozen=True, kw_only=True)
class Gridworld(EpisodicTask):
    """A grid of ``size`` × ``size`` cells; state ``row · size + column``.

    Parameters
    ----------
    size, horizon
        n and H.
    success
        Probability that a move is not left to chance.
    """

    size: Annotated[int, Ge(2)] = 5
    horizon: Annotated[int, Ge(1)] = 20
    success: Annotated[float, Interval(ge=0, le=1)] = 0.9

    def __post_init__(self) -> None:
        refuse_below(2, size=self.size)
        refuse_below(1, horizon=self.horizon)

    def facts(self) -> Facts:
        """Four actions, four successors."""
        return Facts(
            states=self.size * self.size,
            actions=len(_MOVES),
            horizon=self.horizon,
            episodes=self.episodes,
            is_stationary=True,
            branching=len(_MOVES),
        )

    def instance(self, stream: Stream) -> Model:
        """The same for every seed."""
        cells = range(self.size * self.size)
        rows = [[self._row(cell, action) for action in range(len(_MOVES))] for cell in cells]
        return model_of([rows], self.horizon)

    def _row(self, cell: int, action: int) -> Row:
        reward = 1.0 if cell == self.size * self.size - 1 else 0.0
        by_chance = (1.0 - self.success) / len(_MOVES)
        chances = [by_chance] * len(_MOVES)
        chances[action] += self.success
        return [(self._neighbour(cell, move), p, reward) for move, p in enumerate(chances)]

    def _neighbour(self, cell: int, move: int) -> int:
        row, column = divmod(cell, self.size)
        down, right = _MOVES[move]
        row = min(self.size - 1, max(0, row + down))
        column = min(self.size - 1, max(0, column + right))
        return row * self.size + column
