"""Tabular environments of gymnasium, read from their transition table ``P``.

``P[s][a]`` lists (probability, next state, reward, terminated). An absorbing state is appended,
and every terminated entry leads to it: some tables have live transitions out of states that end
an episode. As its reward is mapped like every other (0 becomes −low/(high − low)), each episode
has exactly H rewards, and the affine map of rewards leaves the order of policies as it was.

FrozenLake, CliffWalking and Taxi come with gymnasium; any id works whose environment has such a
``P`` and a law of first states, with an id as ``module:Name-v0`` also from other packages.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Literal, NamedTuple

from annotated_types import Ge

from harness.random.stream import Stream
from harness_mdp.agent import Facts
from harness_mdp.episodic import EpisodicTask, refuse_below
from harness_mdp.model import Model, Range, Row, mapped, model_of, refuse_wrong

__all__ = ["GymnasiumTask"]

_LAW_TOLERANCE = 1e-9


class Environment(NamedTuple):
    """What is read of an environment: raw rewards, the absorbing state last."""

    rows: list[list[Row]]
    starts: dict[int, float]
    range: Range
    limit: int | None  # steps of an episode


@dataclass(frozen=True, kw_only=True)
class GymnasiumTask(EpisodicTask):
    """A gymnasium environment as an episodic MDP of ``horizon`` steps.

    Parameters
    ----------
    id
        As for ``gymnasium.make``.
    horizon
        H; at most the environment's own limit on an episode.
    slippery
        Handed over as ``is_slippery``; ``None``: the environment's default.
    rewards
        ``mean``: (x, a) pays its mean reward; ``sampled``: the reward of the entry drawn.
    """

    id: str = "FrozenLake-v1"
    horizon: Annotated[int, Ge(1)] = 20
    slippery: bool | None = None
    rewards: Literal["mean", "sampled"] = "mean"

    def __post_init__(self) -> None:
        refuse_below(1, horizon=self.horizon)
        limit = self._environment().limit
        if limit is not None and self.horizon > limit:
            raise ValueError(
                f"{self.id} ends an episode after {limit} steps: horizon must be at most that,"
                f" got {self.horizon}"
            )

    def facts(self) -> Facts:
        """The environment's states and one absorbing state."""
        rows = self._environment().rows
        return Facts(
            states=len(rows),
            actions=len(rows[0]),
            horizon=self.horizon,
            episodes=self.episodes,
            is_stationary=True,
            branching=max(len(row) for of_state in rows for row in of_state),
        )

    def reward_range(self) -> Range:
        """Smallest and largest reward in ``P``, and 0, which the absorbing state pays."""
        return self._environment().range

    def instance(self, stream: Stream) -> Model:
        """The same for every seed; first states are drawn with the noise."""
        found = self._environment()
        return model_of(
            mapped([found.rows], found.range),
            self.horizon,
            found.starts,
            is_sampled=self.rewards == "sampled",
        )

    def inspect(self) -> None:
        """Nothing: the table was inspected when it was read."""

    def _environment(self) -> Environment:
        return _read(self.id, self.slippery)


@lru_cache(maxsize=16)
def _read(id: str, slippery: bool | None) -> Environment:
    """The environment's table, checked; ``ValueError`` says what is wrong with it."""
    wrapped = _make(id, {} if slippery is None else {"is_slippery": slippery})
    made, spec = wrapped.unwrapped, wrapped.spec
    table = getattr(made, "P", None)
    if table is None:
        space = " ".join(str(getattr(made, "observation_space", None)).split())
        raise ValueError(
            f"{id} has no transition table P (its observations are {space}): only tabular"
            " environments have an exact optimum"
        )
    law = getattr(made, "initial_state_distrib", None)
    if law is None:
        raise ValueError(f"{id} has no initial_state_distrib, the law of its first state")
    try:
        rows = _rows(table)
    except (TypeError, ValueError, LookupError) as error:
        raise ValueError(
            f"P of {id} is not [state][action] → (probability, next, reward, terminated): {error}"
        ) from error
    paid = [reward for of_state in rows for row in of_state for _, p, reward in row if p > 0.0]
    found = Range(float(min(paid)), float(max(paid)))
    if found.span == 0.0:
        raise ValueError(f"every reward of {id} is 0: there is nothing to learn")
    refuse_wrong([rows], len(rows), found.low, found.high)
    starts = {x: float(chance) for x, chance in enumerate(law) if chance > 0.0}
    if not abs(sum(starts.values()) - 1.0) <= _LAW_TOLERANCE:
        raise ValueError(f"the first state's law of {id} sums to {sum(starts.values()):.12g}")
    return Environment(rows, starts, found, spec.max_episode_steps if spec else None)


def _make(id: str, options: Mapping[str, Any]) -> Any:
    """The environment as gymnasium makes it."""
    try:
        import gymnasium
    except ImportError as error:
        raise ValueError(
            "mdp/gymnasium needs gymnasium, which is not installed: pip install 'algo-harness[mdp]'"
        ) from error
    with warnings.catch_warnings():
        # Advice on newer versions; a version that is refused raises.
        warnings.simplefilter("ignore")
        try:
            return gymnasium.make(id, **options)
        except (gymnasium.error.Error, ImportError, TypeError) as error:
            raise ValueError(f"gymnasium does not make {id!r}: {error}") from error


def _rows(table: Any) -> list[list[Row]]:
    """Rows with the absorbing state appended."""
    states = len(table)
    actions = len(table[0])
    rows: list[list[Row]] = []
    for x in range(states):
        if len(table[x]) != actions:
            raise ValueError(f"state {x} has {len(table[x])} actions, state 0 has {actions}")
        rows.append(
            [
                [
                    (states if terminated else int(y), float(chance), float(reward))
                    for chance, y, reward, terminated in table[x][a]
                ]
                for a in range(actions)
            ]
        )
    rows.append([[(states, 1.0, 0.0)] for _ in range(actions)])
    return rows
