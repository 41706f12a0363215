"""The combination lock: H/2 right actions in a row, or nothing.

=======  ==============  ====================================================
paper    here            what
=======  ==============  ====================================================
s*       state 0         where every episode starts
a*       ``code``        the one action that stays in s* while h < H/2
p_1      ``chance``      that uniform actions meet a reward in one episode
=======  ==============  ====================================================

Any other action leaves s* for good. In the second half states stay, and (s*, a*) pays 1 a step:
V* = H/2, and every mistake in s* costs exactly H/2.

Source: Jin et al. 2018, Appendix A (where "r_H" must read r_h).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge

from harness import Metric
from harness.random import integer
from harness.random.stream import Stream
from harness_mdp.agent import Facts
from harness_mdp.episodic import EpisodicTask, refuse_below
from harness_mdp.metrics import METRICS
from harness_mdp.model import Model, Row, model_of

__all__ = ["CombinationLock"]

FIRST_REWARD_OVER_CHANCE = Metric(
    name="first_reward_over_chance",
    description="first_reward over the mean that uniform actions take",
)


@dataclass(frozen=True, kw_only=True)
class CombinationLock(EpisodicTask):
    """The lock of the paper's Appendix A; the right action is drawn for each seed.

    Parameters
    ----------
    states, actions, horizon
        S ≥ 2, A, and an even H.
    code
        ``same``: one right action; ``per_step``: one drawn for each step.
    """

    metrics: ClassVar[tuple[Metric, ...]] = (*METRICS, FIRST_REWARD_OVER_CHANCE)
    is_fixed: ClassVar[bool] = False

    states: Annotated[int, Ge(2)] = 3
    actions: Annotated[int, Ge(1)] = 3
    horizon: Annotated[int, Ge(2)] = 10
    code: Literal["same", "per_step"] = "same"

    def __post_init__(self) -> None:
        refuse_below(2, states=self.states, horizon=self.horizon)
        refuse_below(1, actions=self.actions)
        if self.horizon % 2:
            raise ValueError(f"the lock needs an even horizon, got {self.horizon}")

    def facts(self) -> Facts:
        """Sizes; rows differ between the halves of an episode."""
        return Facts(
            states=self.states,
            actions=self.actions,
            horizon=self.horizon,
            episodes=self.episodes,
            branching=max(1, self.states - 1),
        )

    def chance(self) -> float:
        """p_1 = A^(−H/2) (1 − (1 − 1/A)^(H/2))."""
        half, one = self.horizon // 2, 1.0 / self.actions
        return float(one**half * (1.0 - (1.0 - one) ** half))

    def episodes_by_chance(self) -> float:
        """Mean of the first episode with reward, under uniform actions in s*."""
        return 1.0 / self.chance()

    def instance(self, stream: Stream) -> Model:
        """A code drawn from ``stream``."""
        fixed, rows = integer(stream.key, 0, 0, self.actions), []
        for h in range(self.horizon):
            right = fixed
            if self.code == "per_step":
                right = integer(stream.key, h, 1, self.actions)
            of_step = self._first_half if h < self.horizon // 2 else self._second_half
            rows.append(
                [[of_step(x, a == right) for a in range(self.actions)] for x in range(self.states)]
            )
        return model_of(rows, self.horizon)

    def extra(self, final: Mapping[str, float]) -> Mapping[str, float]:
        """How much longer than chance the first reward took."""
        return {"first_reward_over_chance": final["first_reward"] * self.chance()}

    def _censored(self) -> frozenset[str]:
        return frozenset({"first_reward", "first_reward_over_chance"})

    def _first_half(self, x: int, is_right: bool) -> Row:
        if x == 0 and is_right:
            return [(0, 1.0, 0.0)]
        others = self.states - 1
        return [(y, 1.0 / others, 0.0) for y in range(1, self.states)]

    def _second_half(self, x: int, is_right: bool) -> Row:
        return [(x, 1.0, 1.0 if x == 0 and is_right else 0.0)]
