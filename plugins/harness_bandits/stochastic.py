"""What the bandit tasks with known means share: metrics, the guarantee's rate, the evaluation.

The regret recorded is the pseudo-regret ``sum_t Δ_{I_t}`` of section 2 of Bubeck & Liu 2013: it
adds true gaps, so its variance is the policy's and the instance's, not the rewards'. The mean
over cells estimates the Bayesian regret, one fresh instance a seed.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import sqrt
from time import process_time
from typing import Any, ClassVar, NamedTuple

import numpy as np

from harness import Cell, Method, Metric, Outcome, Task
from harness.kernels import coerce, specialise
from harness.random import uniform
from harness.random.stream import Stream
from harness_bandits.policy import (
    Facts,
    FloatArray,
    IntArray,
    Played,
    Policy,
    play,
    report_grid,
    stop_if_out_of_range,
)

__all__ = [
    "BEST_ARM_SHARE",
    "COMMON_METRICS",
    "GUARANTEE_CONSTANT",
    "REGRET",
    "REGRET_OVER_GUARANTEE_RATE",
    "STEPS_PER_SECOND",
    "Means",
    "StochasticBandit",
    "bernoulli_reward",
    "gaps_below",
    "playable",
    "refuse_below",
]

# Bubeck & Liu 2013, Theorem 1: 14 sqrt(n K) for rewards in [0, 1], which are 1/2-sub-Gaussian.
GUARANTEE_CONSTANT = 14.0
_NOISE_ON_UNIT_INTERVAL = 0.5
_CLOCK_TICK_S = 1e-9  # of process_time

REGRET = Metric(
    name="regret",
    unit="reward",
    axis="round",
    description="sum of the true gaps of the arms played (pseudo-regret)",
)
REGRET_OVER_GUARANTEE_RATE = Metric(
    name="regret_over_guarantee_rate",
    description="regret / (14 sqrt(n K)); 14 grows with the noise where rewards leave [0, 1]",
)
BEST_ARM_SHARE = Metric(
    name="best_arm_share",
    type="share",
    direction="higher",
    description="share of rounds in which an arm with gap 0 was played",
)
STEPS_PER_SECOND = Metric(
    name="steps_per_second",
    unit="rounds/s",
    direction="higher",
    is_cost=True,
    description="rounds a second of CPU time, compilation left out",
)
COMMON_METRICS = (REGRET, REGRET_OVER_GUARANTEE_RATE, BEST_ARM_SHARE, STEPS_PER_SECOND)


class Means(NamedTuple):
    """An instance that its arms' means describe."""

    means: FloatArray  # (arms,) in reward units
    gaps: FloatArray  # (arms,) 0 for every best arm


def gaps_below(means: FloatArray) -> Means:
    """The instance with these means; every arm that attains the maximum has gap exactly 0."""
    return Means(means, means.max() - means)


def bernoulli_reward(instance: Means, key: int, t: int, arm: int) -> float:
    """Reward 1 with probability ``means[arm]``, else 0; lane ``arm`` of round ``t``."""
    return 1.0 if uniform(key, t, arm) < instance.means[arm] else 0.0


class StochasticBandit(Task):
    """A bandit whose arms have fixed means that the task knows and the policy doesn't.

    A subclass gives ``facts``, ``instance`` and ``reward``, and what it knows of its gaps:
    methods ask these when they state their guarantees.
    """

    accepts: ClassVar[type[Method]] = Policy
    metrics: ClassVar[tuple[Metric, ...]] = COMMON_METRICS
    reward: ClassVar[Callable[[Any, int, int, int], float]]

    @abstractmethod
    def facts(self) -> Facts:
        """What a policy may know before the first round."""

    @abstractmethod
    def instance(self, stream: Stream) -> Any:
        """One instance, a NamedTuple with ``gaps``, drawn from ``stream`` alone."""

    @abstractmethod
    def largest_gap(self) -> float | None:
        """No instance has a larger gap; ``None`` where gaps have no limit."""

    def fixed_gaps(self) -> tuple[float, ...] | None:
        """The gaps, 0 included, if every instance has the same up to the order of arms."""
        return None

    def mean_gap(self) -> float | None:
        """Expected gap of an arm chosen at random: what uniform play pays a round, exactly."""
        gaps = self.fixed_gaps()
        return None if gaps is None else sum(gaps) / len(gaps)

    def trivial_regret(self) -> float | None:
        """Regret that no policy can exceed; a bound above it says nothing."""
        largest = self.largest_gap()
        return None if largest is None else self.facts().horizon * largest

    def check(self, method: Method) -> None:
        """Refuse a policy that cannot serve this task's facts."""
        playable(method, self.facts())

    def ratios(self, regret: float) -> Mapping[str, float]:
        """Metrics that are the regret over a number of the task's; subclasses add theirs."""
        facts = self.facts()
        constant = GUARANTEE_CONSTANT * facts.noise / _NOISE_ON_UNIT_INTERVAL
        rate = constant * sqrt(facts.horizon * facts.arms)
        return {"regret_over_guarantee_rate": regret / rate}

    def evaluate(self, method: Method, cells: Sequence[Cell]) -> Iterator[Outcome]:
        """Play one fresh instance a cell; the policy is compiled once for all of them."""
        facts = coerce(self.facts())
        policy = playable(method, facts)
        kernel = specialise(
            play,
            init=policy.init,
            select=policy.select,
            update=policy.update,
            reward=type(self).reward,
        )
        game = _Game(kernel, coerce(policy.parameters(facts)), facts, report_grid(facts.horizon))
        for number, cell in enumerate(cells):
            instance = coerce(self.instance(cell.task_stream.sub("instance")))
            if number == 0:
                game.warm_up(instance)
            yield self._outcome(cell, game, instance)

    def _outcome(self, cell: Cell, game: _Game, instance: Any) -> Outcome:
        reward_key = cell.task_stream.sub("rewards").key
        regret = np.zeros(game.grid.size)
        began = process_time()
        best_rounds, fault_round, fault_value = game.kernel(
            game.parameters,
            game.facts,
            instance,
            reward_key,
            cell.method_stream.key,
            game.grid,
            regret,
        )
        seconds = process_time() - began
        stop_if_out_of_range(fault_round, fault_value, game.facts.arms)
        total, horizon = float(regret[-1]), game.facts.horizon
        final = {
            "regret": total,
            "best_arm_share": best_rounds / horizon,
            "steps_per_second": horizon / max(seconds, _CLOCK_TICK_S),
            **self.ratios(total),
        }
        return Outcome(cell=cell, final=final, curves={"regret": (game.grid, regret)})


class _Game(NamedTuple):
    """What the cells of one job have in common."""

    kernel: Callable[..., Played]
    parameters: Any
    facts: Facts
    grid: IntArray

    def warm_up(self, instance: Any) -> None:
        """Play one round for nothing: a kernel compiles at its first call.

        Without it the speed of the first cell would be missing or wrong, depending on the
        worker that gets it.
        """
        one_round = self.facts._replace(horizon=1)
        self.kernel(self.parameters, one_round, instance, 0, 0, report_grid(1), np.zeros(1))


def playable(method: Method, facts: Facts) -> Policy:
    """The policy that is played under ``facts``; ``ValueError`` if it cannot serve them."""
    if not isinstance(method, Policy):
        raise ValueError(f"{type(method).__name__} is no bandit policy")
    method.check(facts)
    played = method.resolve(facts)
    if played is not method:
        played.check(facts)
    return played


def refuse_below(limit: float, **values: float) -> None:
    """Raise ``ValueError`` naming the first of ``values`` that is below ``limit``."""
    for name, value in values.items():
        if not value >= limit:
            raise ValueError(f"{name} must be at least {limit:g}, got {value!r}")
