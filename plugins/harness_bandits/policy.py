"""The kind ``Policy``: what a bandit task asks of a method, and the loop that plays it.

=======  ============  =====================================================
paper    here          what
=======  ============  =====================================================
K        ``arms``      number of arms
n        ``horizon``   number of rounds
I_t      ``arm``       arm played in round t = 1 … n, counted from 0
X_t      ``reward``    its reward
Δ_i      ``gaps``      (arms,) best mean minus the arm's mean
μ*       ``mu_star``   the best mean, where the task tells it
ε        ``gap``       a lower bound on the smallest positive gap, likewise
=======  ============  =====================================================

Source: Bubeck & Liu 2013; Bubeck, Perchet & Rigollet 2013.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from math import nan
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from harness import Method
from harness.kernels import parameters_tuple, static_functions

__all__ = [
    "BERNOULLI",
    "GAUSSIAN",
    "PRIOR_BETA",
    "PRIOR_NORMAL",
    "PRIOR_ONE_GOOD_ARM",
    "PRIOR_UNKNOWN",
    "Facts",
    "Played",
    "Policy",
    "play",
    "report_grid",
    "stop_if_out_of_range",
]

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]

# Facts.law
BERNOULLI = 0  # rewards in [0, 1]; of the tasks here, 0 or 1
GAUSSIAN = 1

# Facts.prior: the law of the means that the task tells, and what prior_a and prior_b are.
PRIOR_UNKNOWN = 0
PRIOR_BETA = 1  # independent Beta(prior_a, prior_b) means
PRIOR_ONE_GOOD_ARM = 2  # one arm, uniform, has mean (1 + prior_a)/2, the others (1 - prior_a)/2
PRIOR_NORMAL = 3  # independent normal means with mean prior_a and standard deviation prior_b


class Facts(NamedTuple):
    """All that a policy may know of the bandit before its first round.

    ``noise`` is the sub-Gaussian parameter of the rewards (1/2 on [0, 1], the standard
    deviation of normal ones). A number that the task does not tell is NaN.
    """

    arms: int
    horizon: int
    law: int = BERNOULLI
    noise: float = 0.5
    mu_star: float = nan
    gap: float = nan
    prior: int = PRIOR_UNKNOWN
    prior_a: float = nan
    prior_b: float = nan


@dataclass(frozen=True, kw_only=True)
class Policy(Method):
    """A rule that chooses the next arm from the rewards of the arms played so far.

    Subclasses define ``init``, ``select`` and ``update`` as plain functions of the class
    body (no ``self``): they become static, are compiled where they compile and run as plain
    Python where they don't, with the same results. A round is ``select``, then ``update``
    with the reward of the arm selected. They write into their own state's arrays only, and
    draw with :mod:`harness.random` at the address (key, t, lane). A subclass without
    parameters needs no ``@dataclass``.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        static_functions(cls, "init", "select", "update")

    @staticmethod
    def init(parameters: Any, facts: Facts, key: int) -> Any:
        """The state before round 1: a (named) tuple of arrays and numbers, or one array."""
        raise NotImplementedError

    @staticmethod
    def select(parameters: Any, state: Any, key: int, t: int) -> int:
        """The arm to play in round ``t`` (from 1), 0 … arms − 1."""
        raise NotImplementedError

    @staticmethod
    def update(parameters: Any, state: Any, arm: int, reward: float) -> None:
        """Learn the reward of the arm just played, by writing into the state's arrays."""
        raise NotImplementedError

    def parameters(self, facts: Facts) -> Any:
        """What the three functions get first: by default a NamedTuple of the fields.

        Override it for numbers that follow from fields and facts.
        """
        own = {each.name: getattr(self, each.name) for each in fields(self)}
        return parameters_tuple(type(self))(**own)

    def resolve(self, facts: Facts) -> Policy:
        """The policy that is played under ``facts``: itself, unless a parameter leaves it open.

        ``bandits/thompson`` with ``prior: task`` answers with the sampler of the task's prior.
        """
        return self

    def check(self, facts: Facts) -> None:
        """Refuse a bandit that the policy cannot serve: ``ValueError`` with the reason."""
        return


class Played(NamedTuple):
    """What the loop counts besides the regret; ``fault_round`` is 0 if nothing went wrong."""

    best_rounds: int
    fault_round: int
    fault_value: float


def play(
    init: Callable[..., Any],
    select: Callable[..., Any],
    update: Callable[..., None],
    reward: Callable[..., float],
    parameters: Any,
    facts: Facts,
    instance: Any,
    reward_key: int,
    key: int,
    grid: IntArray,
    regret: FloatArray,
) -> Played:
    """Play ``facts.horizon`` rounds of one instance.

    Parameters
    ----------
    init, select, update
        The policy.
    reward
        The task's ``reward(instance, reward_key, t, arm)``: a function of its arguments
        only, so that every policy meets the same reward at the same (t, arm).
    instance
        A NamedTuple with ``gaps``, (arms,) float64, 0 for every best arm.
    grid : (points,) int64
        Rounds at which the regret is written down; increasing, the last is the horizon.
    regret : (points,) float64
        Written: the pseudo-regret after each of these rounds.
    """
    state = init(parameters, facts, key)
    gaps = instance.gaps
    total, best_rounds, point = 0.0, 0, 0
    for t in range(1, facts.horizon + 1):
        arm = select(parameters, state, key, t)
        # Compiled code would read past the array in silence; NaN fails the comparison too.
        if not (0 <= arm < facts.arms) or int(arm) != arm:
            return Played(best_rounds, t, float(arm))
        index = int(arm)
        update(parameters, state, index, reward(instance, reward_key, t, index))
        gap = gaps[index]
        total += gap
        if gap == 0.0:
            best_rounds += 1
        if t == grid[point]:
            regret[point] = total
            point += 1
    return Played(best_rounds, 0, 0.0)


def stop_if_out_of_range(fault_round: int, fault_value: float, arms: int) -> None:
    """Raise ``ValueError`` with round and value, if the loop stopped at a wrong arm."""
    if fault_round:
        raise ValueError(
            f"the policy chose arm {fault_value:g} in round {fault_round}; arms are 0 … {arms - 1}"
        )


def report_grid(horizon: int) -> IntArray:
    """The rounds 10, 20, 50, 100, … below ``horizon``, and the horizon.

    >>> report_grid(120).tolist()
    [10, 20, 50, 100, 120]
    """
    rounds = []
    decade = 10
    while decade < horizon:
        rounds += [step * decade for step in (1, 2, 5) if step * decade < horizon]
        decade *= 10
    return np.array([*rounds, horizon], dtype=np.int64)
