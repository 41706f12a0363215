"""Garnet MDPs: every row has b successors drawn at random, with random probabilities.

=======  ==============  ====================================================
paper    here            what
=======  ==============  ====================================================
b        ``branching``   distinct successors of each (h, x, a), uniform
p        ``spacings``    spacings of b − 1 uniform cuts: Dirichlet(1, …, 1)
r        ``reward``      uniform on [0, 1]
=======  ==============  ====================================================

Source: Archibald, McKinnon & Thomas 1995; here with rows of their own at every step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import numpy.typing as npt
from annotated_types import Ge

from harness.kernels import specialise
from harness.random import integer, uniform
from harness.random.stream import Stream
from harness_mdp.agent import Facts, FloatArray
from harness_mdp.episodic import EpisodicTask, refuse_below
from harness_mdp.model import Model

__all__ = ["Garnet"]

_BEYOND = 2.0  # above every uniform
_REWARD_LANE = 1 << 20  # lanes below are cuts


@dataclass(frozen=True, kw_only=True)
class Garnet(EpisodicTask):
    """A random MDP a seed.

    Parameters
    ----------
    states, actions, branching, horizon
        S, A, b and H.
    stationary
        The same rows at every step; otherwise drawn for each.
    """

    is_fixed: ClassVar[bool] = False

    states: Annotated[int, Ge(1)] = 20
    actions: Annotated[int, Ge(1)] = 4
    branching: Annotated[int, Ge(1)] = 5
    horizon: Annotated[int, Ge(1)] = 20
    stationary: bool = False

    def __post_init__(self) -> None:
        refuse_below(1, states=self.states, actions=self.actions, horizon=self.horizon)
        if not 1 <= self.branching <= self.states:
            raise ValueError(
                f"branching must lie in 1 … states = {self.states}, got {self.branching}"
            )

    def facts(self) -> Facts:
        """Sizes, and whether rows are the same at every step."""
        return Facts(
            states=self.states,
            actions=self.actions,
            horizon=self.horizon,
            episodes=self.episodes,
            is_stationary=self.stationary or self.horizon == 1,
            branching=self.branching,
        )

    def instance(self, stream: Stream) -> Model:
        """Rows drawn in a compiled loop: plain numpy took 50 ms of each cell."""
        layers = 1 if self.stationary else self.horizon
        rows = layers * self.states * self.actions
        successor = np.empty((rows, self.branching), np.int32)
        probability = np.empty((rows, self.branching))
        cumulative = np.empty((rows, self.branching))
        reward = np.empty(rows)
        draw = specialise(draw_rows)
        draw(stream.key, self.states, successor, probability, cumulative, reward)
        shape = (layers, self.states, self.actions)
        return Model(
            successor=successor.reshape(*shape, self.branching),
            probability=probability.reshape(*shape, self.branching),
            cumulative=cumulative.reshape(*shape, self.branching),
            reward=reward.reshape(shape),
            payoff=np.zeros((0, 0, 0, 0)),
            starts=np.zeros(1, np.int32),
            start_law=np.full(1, _BEYOND),
            horizon=self.horizon,
            layers=layers,
        )


def draw_rows(
    key: int,
    states: int,
    successor: npt.NDArray[np.int32],
    probability: FloatArray,
    cumulative: FloatArray,
    reward: FloatArray,
) -> None:
    """Write every row: distinct sorted successors, spacings, their sums, a reward."""
    width = successor.shape[1]
    for row in range(successor.shape[0]):
        reward[row] = uniform(key, row, _REWARD_LANE)
        _draw_successors(key, states, row, successor)
        for j in range(width - 1):  # sorted by insertion
            _insert(cumulative, row, j, uniform(key, row, j))
        cumulative[row, width - 1] = 1.0
        before = 0.0
        for j in range(width):
            probability[row, j] = cumulative[row, j] - before
            before = cumulative[row, j]
        cumulative[row, width - 1] = _BEYOND


def _draw_successors(key: int, states: int, row: int, successor: npt.NDArray[np.int32]) -> None:
    """Floyd's algorithm: a uniform subset of the states in as many draws as it has members."""
    width = successor.shape[1]
    for j in range(width):
        highest = states - width + j
        chosen = integer(key, row, j, highest + 1)
        for before in range(j):
            if successor[row, before] == chosen:
                chosen = highest
                break
        _insert(successor, row, j, chosen)


def _insert(table: npt.NDArray[np.generic], row: int, count: int, value: float) -> None:
    """Insert ``value`` into the first ``count`` sorted entries of a row."""
    place = count
    while place > 0 and table[row, place - 1] > value:
        table[row, place] = table[row, place - 1]
        place -= 1
    table[row, place] = value
