"""DeepSea: N steps to the right pay 1 at the end and cost .01/N each; the map of actions is hidden.

An N × N grid, one row down a step. "Right" in the last column, reachable in the last row only,
finds the treasure. Which action is "right" is a fair coin in each cell. V* = .99 in raw units.

Source: Osband, Doron et al. 2020 (bsuite).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge

from harness.random import integer
from harness.random.stream import Stream
from harness_mdp.agent import Facts
from harness_mdp.episodic import EpisodicTask, refuse_below
from harness_mdp.model import Model, Range, Row, mapped, model_of

__all__ = ["DeepSea"]

_COST = 0.01  # of N steps to the right


@dataclass(frozen=True, kw_only=True)
class DeepSea(EpisodicTask):
    """DeepSea of ``size`` N: N² states, H = N.

    Parameters
    ----------
    size
        N.
    """

    is_fixed: ClassVar[bool] = False

    size: Annotated[int, Ge(2)] = 10

    def __post_init__(self) -> None:
        refuse_below(2, size=self.size)

    def facts(self) -> Facts:
        """N² states; moves are sure."""
        return Facts(
            states=self.size * self.size,
            actions=2,
            horizon=self.size,
            episodes=self.episodes,
            is_stationary=True,
            branching=1,
        )

    def reward_range(self) -> Range:
        """From the cost of a step to the right, to the treasure less that cost."""
        return Range(-_COST / self.size, 1.0 - _COST / self.size)

    def instance(self, stream: Stream) -> Model:
        """The map of actions, drawn from ``stream``."""
        cells = self.size * self.size
        right = [integer(stream.key, cell, 0, 2) for cell in range(cells)]
        rows = [[self._row(cell, a == right[cell]) for a in (0, 1)] for cell in range(cells)]
        return model_of(mapped([rows], self.reward_range()), self.size)

    def _row(self, cell: int, is_right: bool) -> Row:
        row, column = divmod(cell, self.size)
        last = self.size - 1
        if not is_right:
            return [(min(row + 1, last) * self.size + max(column - 1, 0), 1.0, 0.0)]
        reward = -_COST / self.size + (1.0 if column == last else 0.0)
        return [(min(row + 1, last) * self.size + min(column + 1, last), 1.0, reward)]
