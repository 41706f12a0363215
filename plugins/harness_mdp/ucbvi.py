"""UCBVI: optimistic value iteration on the empirical model, planned anew before each episode.

=======  ============  =====================================================
paper    here          what
=======  ============  =====================================================
N        ``visits``    visits to (x, a), over all steps where pooled
N'       ``arrivals``  visits to a state at a step
L        ``log``       ln(5SAT/δ)
b        ``bonus``     CH: 7HL/√N
                       BF: √(8L Var(V)/N) + 14HL/(3N)
                       + √((8/N) Σ P̂ min{100²H³S²AL²/N', H²})
=======  ============  =====================================================

Q is the smallest of its value an episode before, H, and r + P̂V + b; H where nothing was seen.
The third term of BF is 0 at the last step, after which V is 0.

The source counts over all steps, since its P is the same at each; on other tasks each step is
counted by itself, which costs a factor √H.

Source: Azar, Osband & Munos 2017, Algorithms 1 to 4, Theorems 1 and 2.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from annotated_types import Ge, Gt, Interval

from harness import Bound, Task
from harness_mdp.agent import Agent, Facts, FloatArray
from harness_mdp.counts import (
    count,
    counted_layer,
    dense_sum,
    first_best,
    listed_sum,
    new_counts,
    refuse_large,
    seen_spread,
)
from harness_mdp.theory import regret_guarantee, ucbvi_log

__all__ = ["UCBVIBernstein", "UCBVIHoeffding"]


class Parameters(NamedTuple):
    """Constants of the bonus, computed once as floats."""

    horizon: float
    scale: float
    log: float
    arrival: float  # 100² H³S²A L²
    is_pooled: bool
    has_lists: bool
    is_simplified: bool


@dataclass(frozen=True, kw_only=True)
class _UCBVI(Agent):
    """What both bonuses share.

    Parameters
    ----------
    scale
        Of the whole bonus; 1 is the source's.
    delta
        Failure probability.
    pooled
        Count over all steps where the task is stationary.
    planning
        ``dense``: a place for each of S successors; ``lists``: for those seen.
    max_bytes
        Counts larger than this are refused.
    """

    changes = "everywhere"

    scale: Annotated[float, Ge(0)] = 1.0
    delta: Annotated[float, Interval(gt=0, lt=1)] = 0.05
    pooled: bool = True
    planning: Literal["dense", "lists"] = "dense"
    max_bytes: Annotated[int, Gt(0)] = 2**30

    def check(self, facts: Facts) -> None:
        lists = self.planning == "lists"
        refuse_large(facts, pooled=self.pooled, lists=lists, limit=self.max_bytes)

    def parameters(self, facts: Facts) -> Parameters:
        horizon, log = float(facts.horizon), ucbvi_log(facts, self.delta)
        size = float(facts.states) * facts.states * facts.actions
        return Parameters(
            horizon=horizon,
            scale=self.scale,
            log=log,
            arrival=1e4 * horizon**3 * size * log * log,
            is_pooled=self.pooled,
            has_lists=self.planning == "lists",
            is_simplified=getattr(self, "bonus", "source") == "rlberry",
        )

    def _has_theorem(self, facts: Facts) -> bool:
        return facts.is_stationary and self.pooled and self.scale == 1.0

    def init(parameters, facts, key):
        return new_counts(facts, pooled=parameters.is_pooled, lists=parameters.has_lists)

    def act(parameters, state, key, k, h, x):
        return int(state.greedy[h, x])

    def update(parameters, state, h, x, a, r, y):
        count(state, h, x, a, r, y)

    def policy(parameters, state, h, x):
        return int(state.greedy[h, x])


@dataclass(frozen=True, kw_only=True)
class UCBVIHoeffding(_UCBVI):
    """UCBVI with the Chernoff-Hoeffding bonus.

    Parameters
    ----------
    bonus
        ``source``, or ``rlberry``: √(1/N) + (H − h)/N, at most H − h, which rlberry-scool's
        UCBVIAgent uses; there for comparing speed on the same work.
    """

    bonus: Literal["source", "rlberry"] = "source"

    def guarantees(self, task: Task, facts: Facts | None = None) -> Sequence[Bound]:
        known = task.facts() if facts is None else facts
        if not self._has_theorem(known) or self.bonus != "source":
            return ()
        h, size = float(known.horizon), float(known.states * known.actions)
        log = ucbvi_log(known, self.delta) + math.log(known.horizon)
        value = 20.0 * h**1.5 * log * math.sqrt(size * known.episodes)
        value += 250.0 * h * h * known.states * size * log * log
        source = "Azar et al. 2017, Theorem 1"
        return (regret_guarantee(known, value, self.delta, source),)

    def begin(parameters, state, key, k):
        transitions, successor, known = state.transitions, state.successor, state.known
        for back in range(state.q.shape[0]):
            h = state.q.shape[0] - 1 - back
            layer, after = counted_layer(state.visits, h), state.v[h + 1]
            for x in range(state.q.shape[1]):
                for a in range(state.q.shape[2]):
                    visits = state.visits[layer, x, a]
                    if visits > 0:
                        if parameters.has_lists:
                            places = known[layer, x, a]
                            mean = listed_sum(transitions, successor, places, after, layer, x, a)
                        else:
                            mean = dense_sum(transitions, after, layer, x, a)
                        bonus = hoeffding_bonus(parameters, h, float(visits))
                        value = (state.reward[layer, x, a] + mean) / visits + bonus
                        state.q[h, x, a] = min(state.q[h, x, a], parameters.horizon, value)
                best = first_best(state.q, h, x)
                state.greedy[h, x] = best
                state.v[h, x] = state.q[h, x, best]


@dataclass(frozen=True, kw_only=True)
class UCBVIBernstein(_UCBVI):
    """UCBVI with the Bernstein-Freedman bonus."""

    def guarantees(self, task: Task, facts: Facts | None = None) -> Sequence[Bound]:
        known = task.facts() if facts is None else facts
        if not self._has_theorem(known):
            return ()
        h, size = float(known.horizon), float(known.states * known.actions)
        log = ucbvi_log(known, self.delta) + math.log(known.horizon)
        value = 30.0 * h * log * math.sqrt(size * known.episodes)
        value += 2500.0 * h * h * known.states * size * log * log
        value += 4.0 * h**1.5 * math.sqrt(known.episodes * log)
        source = "Azar et al. 2017, Theorem 2"
        return (regret_guarantee(known, value, self.delta, source),)

    def begin(parameters, state, key, k):
        transitions, successor, known = state.transitions, state.successor, state.known
        steps = state.q.shape[0]
        for back in range(steps):
            h = steps - 1 - back
            layer, after = counted_layer(state.visits, h), state.v[h + 1]
            for x in range(state.q.shape[1]):
                for a in range(state.q.shape[2]):
                    visits = float(state.visits[layer, x, a])
                    if visits > 0.0:
                        row = (layer, x, a)
                        if parameters.has_lists:
                            places = known[layer, x, a]
                            total = listed_sum(transitions, successor, places, after, *row)
                        else:
                            total = dense_sum(transitions, after, *row)
                        mean = total / visits
                        spread = seen_spread(transitions, successor, known, after, mean, *row)
                        ahead = 0.0
                        if h + 1 < steps:
                            arrivals = state.arrivals[h + 1]
                            rare = rarity(parameters, transitions, successor, known, arrivals, *row)
                            ahead = rare / visits
                        bonus = bernstein_bonus(parameters, spread / visits, ahead, visits)
                        value = state.reward[layer, x, a] / visits + mean + bonus
                        state.q[h, x, a] = min(state.q[h, x, a], parameters.horizon, value)
                best = first_best(state.q, h, x)
                state.greedy[h, x] = best
                state.v[h, x] = state.q[h, x, best]


def hoeffding_bonus(parameters: Parameters, h: int, visits: float) -> float:
    """7HL/√N, or the peer's."""
    if parameters.is_simplified:
        left = parameters.horizon - h
        return min(left, parameters.scale * math.sqrt(1.0 / visits) + left / visits)
    return parameters.scale * 7.0 * parameters.horizon * parameters.log / math.sqrt(visits)


def bernstein_bonus(parameters: Parameters, spread: float, ahead: float, visits: float) -> float:
    """The three terms of BF; ``ahead`` is Σ P̂ min{100²H³S²AL²/N', H²}."""
    bonus = math.sqrt(8.0 * parameters.log * spread / visits)
    bonus += 14.0 * parameters.horizon * parameters.log / (3.0 * visits)
    return parameters.scale * (bonus + math.sqrt(8.0 / visits * ahead))


def rarity(
    parameters: Parameters,
    transitions: FloatArray,
    successor: npt.NDArray[np.int32],
    known: npt.NDArray[np.int32],
    arrivals: npt.NDArray[np.int32],
    layer: int,
    x: int,
    a: int,
) -> float:
    """Sum over the transitions seen of min{100²H³S²AL²/N', H²}; H² where N' is 0."""
    total, most = 0.0, parameters.horizon * parameters.horizon
    for j in range(known[layer, x, a]):
        seen = transitions[layer, x, a, j]
        if seen > 0.0:
            count = arrivals[successor[layer, x, a, j] if successor.size > 0 else j]
            total += seen * (min(most, parameters.arrival / count) if count > 0 else most)
    return total
