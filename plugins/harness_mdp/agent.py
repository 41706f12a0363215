"""The kind ``Agent``: what an episodic task asks of a method.

=======  ============  =====================================================
paper    here          what
=======  ============  =====================================================
S, A     ``states``, ``actions``  sizes; both are counted from 0
H        ``horizon``   steps of an episode, h = 0 … H − 1 here
K        ``episodes``  number of episodes, k = 1 … K
T = KH                 steps in all
x, a, y  the same      state, action, next state
π_k      ``policy``    fixed before episode k
Q, V     ``q``, ``v``  estimates; rewards lie in [0, 1], values in [0, H]
=======  ============  =====================================================

Source: Jin, Allen-Zhu, Bubeck & Jordan 2018, section 2.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import inf
from typing import Any, ClassVar, Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from harness import Method
from harness.kernels import parameters_tuple, static_functions

__all__ = ["Agent", "Facts", "FloatArray", "IntArray"]

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]


class Facts(NamedTuple):
    """All that an agent may know of the MDP before its first episode.

    ``branching`` is the largest number of successors of a row: it sizes lists, it tells no
    probability. ``is_stationary``: transitions and rewards are the same at every step.
    """

    states: int
    actions: int
    horizon: int
    episodes: int
    is_stationary: bool = False
    branching: int = 0


@dataclass(frozen=True, kw_only=True)
class Agent(Method):
    """A rule that chooses actions from the transitions of the episodes so far.

    Subclasses define the functions below as plain functions of the class body (no ``self``):
    they become static, are compiled where they compile and run as plain Python where they
    don't, with the same results. An episode is ``begin``, then H times ``act`` and ``update``.
    They write into their own state's arrays only, and draw with :mod:`harness.random` at the
    address (key, k, lane).

    The policy of an episode is fixed before it begins: ``update`` may change ``policy`` at the
    state just left (step h, state x) or at steps above h, never below.
    """

    # "visited": the policy changes only at visited (h, x); "everywhere": ``begin`` plans anew.
    changes: ClassVar[Literal["visited", "everywhere"]] = "visited"

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        static_functions(cls, "init", "begin", "act", "update", "policy", "mixture", "estimate")

    @staticmethod
    def init(parameters: Any, facts: Facts, key: int) -> Any:
        """The state before episode 1: a NamedTuple of arrays, or one array. Always plain."""
        raise NotImplementedError

    @staticmethod
    def begin(parameters: Any, state: Any, key: int, k: int) -> None:
        """Prepare episode ``k`` (from 1); planners plan here."""

    @staticmethod
    def act(parameters: Any, state: Any, key: int, k: int, h: int, x: int) -> int:
        """The action at step ``h`` in state ``x``, 0 … actions − 1."""
        raise NotImplementedError

    @staticmethod
    def update(parameters: Any, state: Any, h: int, x: int, a: int, r: float, y: int) -> None:
        """Learn one transition, by writing into the state's arrays."""
        raise NotImplementedError

    @staticmethod
    def policy(parameters: Any, state: Any, h: int, x: int) -> int:
        """The action of the current policy; for agents with ``is_random()`` false."""
        raise NotImplementedError

    @staticmethod
    def mixture(parameters: Any, state: Any, h: int, x: int, weights: FloatArray) -> None:
        """Write the probability of each action; for agents with ``is_random()`` true."""
        raise NotImplementedError

    @staticmethod
    def estimate(parameters: Any, state: Any, h: int, x: int, a: int) -> float:
        """The estimate of Q just updated; infinite where there is none to compare with Q*."""
        return inf

    def is_random(self) -> bool:
        """Whether the policy of an episode is a mixture over actions."""
        return False

    def has_estimate(self) -> bool:
        """Whether ``estimate`` claims to be optimistic."""
        return False

    def parameters(self, facts: Facts) -> Any:
        """What the functions get first: by default a NamedTuple of the fields."""
        own = {each.name: getattr(self, each.name) for each in fields(self)}
        return parameters_tuple(type(self))(**own)

    def check(self, facts: Facts) -> None:
        """Refuse an MDP that the agent cannot serve: ``ValueError`` with the reason."""
        return
