"""Thompson sampling for 0/1 rewards without drawing most of the Betas: the same law, faster.

=========  ==============  ==================================================
formula    here            what
=========  ==============  ==================================================
a, b       ``wins``, ``losses``  (arms,) posterior Beta(a, b), the prior included
f          density         of Beta(a, b): x^(a−1) (1−x)^(b−1) / B(a, b)
g          slope           of log f: (a−1)/x − (b−1)/(1−x)
p̄          ``tails``       (arms,) bound on the mass beyond the threshold
c          ``THRESHOLD``   between the leader's mean and the others'
Q          ``TOTAL``       sum of the tails
L          ``LEADER``      the most pulled arm
=========  ==============  ==================================================

With a, b ≥ 1 the density is log-concave, so beyond a point x on the falling side, s = |g(x)|,
``f(y) ≤ f(x) e^{−s|y−x|}`` and the mass beyond is at most ``p̄ = f(x)/s``. Thinning is exact: with
probability p̄ propose ``y = x ± E/s``, accept with ``f(y)/f(x) e^{s|y−x|}``. Accepted means
"beyond x, with value y", anything else "not beyond".

One uniform w serves the flags of all arms in turn: π ← π(1 − p̄) an arm, the arm at which 1 − π
first exceeds w is flagged, and the rest go on with a fresh w. As 1 − Π(1 − p̄) ≤ Σ p̄,
*w ≥ Σ p̄ proves that no arm is flagged*, with no further work.

- **By threshold**, where posteriors are apart: tails at a cached c (the leader's below it, the
  others' above). No flag: the leader has the largest draw.
- **By the leader's draw**, where they are not: draw the leader's θ, tails of the others above it.

A tail that decides whether to walk must be the number that the walk flags with, or a larger one;
otherwise the arms' probabilities are wrong.

Rounds a second of one core at 10 arms, one compiled loop: see ``benchmarks/``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, NamedTuple

import numpy as np
import numpy.typing as npt
from annotated_types import Gt

from harness import Bound, Task
from harness.random import beta, uniform, uniform_pair
from harness_bandits.plain_thompson import PlainThompson, beta_guarantees, need_bernoulli
from harness_bandits.policy import Facts, Policy

__all__ = ["BetaThompson"]

# Lane of the screen's uniforms; Betas have the lane of their arm.
SCREEN = 0

# A threshold is kept while it decides most rounds: no tail and not all of them above one half,
# and their sum not much above what it was when the threshold was placed. Tuned by speed at
# 10 arms, 10^4 to 10^5 rounds; any value gives the same law.
LARGEST_TAIL = 0.5
GROWTH = 1.5
GROWTH_SLACK = 0.002
LEAST_PATIENCE = 16
PULLS_PER_PATIENCE = 16

# The smallest normal float, and half the distance from 1 to its neighbour below.
LEAST_VALUE = 2.0**-1022
LEAST_COMPLEMENT = 2.0**-54

# Probability with which an arm is flagged whose mass is at most this: small enough to be rare,
# large enough that most arms fall under it.
FAR = 1e-3
LOG_FAR = math.log(FAR)

# A flat density has span 0, where mass and proposal are limits; expm1 and log1p are exact here.
LEAST_SPAN = 1e-12


class Parameters(NamedTuple):
    """The prior, and the logarithm of its Beta function."""

    a0: float
    b0: float
    log_beta: float


class State(NamedTuple):
    """Posterior of one lane and its screen, updated in place.

    Two arrays of numbers of one kind rather than a record of eight arrays of one: compiled code
    counts references to every array that it takes out of a record, which halved the speed.
    """

    wins: npt.NDArray[np.float64]  # (arms,) prior included
    losses: npt.NDArray[np.float64]  # (arms,) prior included
    log_betas: npt.NDArray[np.float64]  # (arms,) log B(wins, losses)
    tails: npt.NDArray[np.float64]  # (arms,) at the threshold, while there is one
    screen: npt.NDArray[np.float64]  # (5,) THRESHOLD … LIMIT
    clock: npt.NDArray[np.int64]  # (3,) LEADER … IS_SET


# Places in State.screen: c, its logarithm, that of 1 - c, the sum of the tails, and the sum from
# which on c is placed anew.
THRESHOLD, LOG_BELOW, LOG_ABOVE, TOTAL, LIMIT = range(5)

# Places in State.clock: the most pulled arm, rounds until c is placed anew, whether c is set.
LEADER, PATIENCE, IS_SET = range(3)


class Draw(NamedTuple):
    """A Beta variate, its complement, and the logarithms of both."""

    value: float
    complement: float
    log_value: float
    log_complement: float


@dataclass(frozen=True, kw_only=True)
class BetaThompson(Policy):
    """Thompson sampling with Beta(a0, b0) priors, most Betas proved irrelevant.

    Parameters
    ----------
    a0, b0
        The prior of each arm's mean; below 1 every Beta is drawn
        (:class:`~harness_bandits.plain_thompson.PlainThompson`).
    """

    a0: Annotated[float, Gt(0)] = 1.0
    b0: Annotated[float, Gt(0)] = 1.0

    def resolve(self, facts: Facts) -> Policy:
        if min(self.a0, self.b0) < 1.0:
            return PlainThompson(a0=self.a0, b0=self.b0)
        return self

    def check(self, facts: Facts) -> None:
        need_bernoulli(facts)

    def parameters(self, facts: Facts) -> Parameters:
        return Parameters(self.a0, self.b0, _log_beta(self.a0, self.b0))

    def guarantees(self, task: Task, facts: Facts | None = None) -> Sequence[Bound]:
        return beta_guarantees(task, facts, self.a0, self.b0)

    def init(parameters, facts, key):
        arms = facts.arms
        clock = np.zeros(3, np.int64)
        clock[PATIENCE] = LEAST_PATIENCE
        return State(
            np.full(arms, parameters.a0),
            np.full(arms, parameters.b0),
            np.full(arms, parameters.log_beta),
            np.zeros(arms),
            np.zeros(5),
            clock,
        )

    def select(parameters, state, key, t):
        w = uniform(key, t, SCREEN)
        if not state.clock[IS_SET]:
            return _by_leaders_draw(state, key, t, w)
        if w >= state.screen[TOTAL]:
            return int(state.clock[LEADER])
        return _by_threshold(state, key, t, w)

    def update(parameters, state, arm, reward):
        a, b = state.wins[arm], state.losses[arm]
        log_beta = _raised_log_beta(a, b, state.log_betas[arm], reward)
        a, b = a + reward, b + (1.0 - reward)
        state.wins[arm], state.losses[arm], state.log_betas[arm] = a, b, log_beta
        leader = int(state.clock[LEADER])
        is_stale = a + b > state.wins[leader] + state.losses[leader]
        if is_stale:
            state.clock[LEADER] = arm
        if state.clock[IS_SET]:
            tail = _tail(a, b, log_beta, state.screen, arm == leader)
            total = state.screen[TOTAL] + (tail - state.tails[arm])
            state.tails[arm], state.screen[TOTAL] = tail, total
            is_stale = is_stale or tail > LARGEST_TAIL or total > state.screen[LIMIT]
        else:
            is_stale = False
        state.clock[PATIENCE] -= 1
        if is_stale or state.clock[PATIENCE] <= 0:
            _place_threshold(state)


def _log_beta(a, b):
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def _raised_log_beta(a, b, log_beta, reward):
    """Log B after one reward: B(a+1, b) = B(a, b) a/(a+b), B(a, b+1) = B(a, b) b/(a+b)."""
    if reward == 1.0:
        return log_beta + math.log(a / (a + b))
    if reward == 0.0:
        return log_beta + math.log(b / (a + b))
    return _log_beta(a + reward, b + 1.0 - reward)


# The threshold: where it lies, and the masses beyond it.


def _place_threshold(state):
    """Put c at the same distance, in standard deviations, from the leader and its nearest rival."""
    leader = int(state.clock[LEADER])
    pulls = int(state.wins[leader] + state.losses[leader])
    state.clock[PATIENCE] = LEAST_PATIENCE + pulls // PULLS_PER_PATIENCE
    distance = _distance_to_nearest(state, leader)
    # Less than one deviation: nearly every round would be walked, and tails bound badly.
    state.clock[IS_SET] = distance >= 1.0
    if distance < 1.0:
        return
    screen = state.screen
    a, b = state.wins[leader], state.losses[leader]
    threshold = a / (a + b) - distance * _sd(a, b)
    screen[THRESHOLD] = threshold
    screen[LOG_BELOW], screen[LOG_ABOVE] = math.log(threshold), math.log1p(-threshold)
    total = 0.0
    for arm in range(state.tails.size):
        a, b, log_beta = state.wins[arm], state.losses[arm], state.log_betas[arm]
        tail = _tail(a, b, log_beta, screen, arm == leader)
        state.tails[arm] = tail
        total += tail
        if tail > LARGEST_TAIL or total > LARGEST_TAIL:
            state.clock[IS_SET] = 0
            return
    screen[TOTAL] = total
    screen[LIMIT] = min(LARGEST_TAIL, GROWTH * total + GROWTH_SLACK)


def _sd(a, b):
    mean = a / (a + b)
    return math.sqrt(mean * (1.0 - mean) / (a + b + 1.0))


def _distance_to_nearest(state, leader):
    """Smallest (difference of means) / (sum of deviations), or what is below 1 and found first."""
    a, b = state.wins[leader], state.losses[leader]
    mean, sd = a / (a + b), _sd(a, b)
    distance = math.inf
    for arm in range(state.wins.size):
        if arm != leader:
            a, b = state.wins[arm], state.losses[arm]
            distance = min(distance, (mean - a / (a + b)) / (sd + _sd(a, b)))
            if distance < 1.0:
                return distance
    return distance


def _tail(a, b, log_beta, screen, is_leader):
    """p̄ = f(c)/s, on the side of c that matters: below for the leader, above for the others."""
    c = screen[THRESHOLD]
    # s c (1 - c); where it is not positive, c lies on the rising side and nothing is bounded.
    fall = (b - 1.0) * c - (a - 1.0) * (1.0 - c)
    if is_leader:
        fall = -fall
    if fall <= 0.0:
        return 1.0
    return math.exp(a * screen[LOG_BELOW] + b * screen[LOG_ABOVE] - log_beta) / fall


# Rounds that the cached threshold did not decide at once.


def _by_threshold(state, key, t, w):
    """The arm with the largest draw, by flags at the cached threshold."""
    leader = int(state.clock[LEADER])
    low, rival, high = _flagged(state, key, t, w)
    if rival >= 0:
        if low >= 0.0:
            return rival
        own = _drawn_beyond(state, key, t, leader, True)
        return leader if own > high else rival
    if low < 0.0:
        return leader
    winner = leader
    for arm in range(state.wins.size):
        if arm != leader:
            draw = _drawn_beyond(state, key, t, arm, False)
            if draw > low:
                low, winner = draw, arm
    return winner


def _flagged(state, key, t, w):
    """Walk all arms with flags at c.

    Returns the leader's draw if it is below c, else −1; the arm with the largest draw above
    c, else −1; and that draw.
    """
    leader = int(state.clock[LEADER])
    low, rival, high = -1.0, -1, -1.0
    unflagged, number = 1.0, 0
    for arm in range(state.tails.size):
        unflagged *= 1.0 - state.tails[arm]
        if 1.0 - unflagged <= w:
            continue
        u, accept = uniform_pair(key, t, SCREEN, number + 1)
        draw = _thinned(state, arm, u, accept)
        if draw >= 0.0:
            if arm == leader:
                low = draw
            elif draw > high:
                rival, high = arm, draw
        number += 2
        unflagged, w = 1.0, uniform(key, t, SCREEN, number)
    return low, rival, high


def _thinned(state, arm, u, accept):
    """The draw of a flagged arm beyond c, or −1 where the proposal is rejected."""
    screen = state.screen
    c = screen[THRESHOLD]
    a, b = state.wins[arm] - 1.0, state.losses[arm] - 1.0
    steepness = b / (1.0 - c) - a / c  # negative for the leader: its tail is below c
    rate = -math.log(u)
    draw = c + rate / steepness
    if draw <= 0.0 or draw >= 1.0:
        return -1.0
    gain = a * (math.log(draw) - screen[LOG_BELOW])
    gain += b * (math.log1p(-draw) - screen[LOG_ABOVE])
    return draw if accept < math.exp(gain + rate) else -1.0


def _drawn_beyond(state, key, t, arm, above):
    """A draw of ``arm`` given that it is above c, or given that it is not."""
    attempt = 0
    while True:
        draw = beta(key, t, arm, state.wins[arm], state.losses[arm], attempt)
        if (draw > state.screen[THRESHOLD]) == above:
            return draw
        attempt += 1


# Rounds without a threshold: the leader is drawn, and the others flagged above its draw.


def _by_leaders_draw(state, key, t, w):
    """The arm with the largest draw, by flags above the leader's."""
    leader = int(state.clock[LEADER])
    mark, winner = _drawn(state, key, t, leader), leader
    unflagged, number = 1.0, 0
    for arm in range(state.wins.size):
        if arm == leader:
            continue
        bound = _bound_above(state, arm, mark)
        if bound >= 1.0:
            rival = _drawn(state, key, t, arm)
            if rival.value > mark.value:
                mark, winner = rival, arm
            continue
        unflagged *= 1.0 - bound
        if 1.0 - unflagged <= w:
            continue
        u, accept = uniform_pair(key, t, SCREEN, number + 1)
        rival = _proposed_above(state, arm, mark, u, accept * bound)
        if rival.value > mark.value:
            mark, winner = rival, arm
        number += 2
        unflagged, w = 1.0, uniform(key, t, SCREEN, number)
    return winner


def _drawn(state, key, t, arm):
    """The Beta variate of ``arm``, kept off 0 and 1, where its logarithms end."""
    value = beta(key, t, arm, state.wins[arm], state.losses[arm])
    value = max(LEAST_VALUE, value)
    complement = max(LEAST_COMPLEMENT, 1.0 - value)
    return Draw(value, complement, math.log(value), math.log(complement))


def _bound_above(state, arm, mark):
    """A bound on P(draw of ``arm`` > mark); 1 where the mode is above, so that nothing bounds.

    f(m)(1 − m) bounds the mass too, and its logarithm costs two multiply-adds: where that is
    small, the bound is a constant and no exponential is taken.
    """
    a, b = state.wins[arm] - 1.0, state.losses[arm] - 1.0
    if a * mark.complement > b * mark.value:
        return 1.0
    log_box = _log_box(state, arm, mark)
    if log_box <= LOG_FAR:
        return FAR
    return math.exp(log_box) * _share(a, b, mark)


def _log_box(state, arm, mark):
    """Log of f(m)(1 − m): the density at the mark, carried on to 1."""
    a, b = state.wins[arm] - 1.0, state.losses[arm]
    return a * mark.log_value + b * mark.log_complement - state.log_betas[arm]


def _share(a, b, mark):
    """Mass of the exponential envelope on (m, 1) in f(m)(1 − m): (1 − e^−span) / span."""
    span = _span(a, b, mark)
    return -math.expm1(-span) / span


def _span(a, b, mark):
    """Fall of the log-density from the mark to 1, at its slope there: s (1 − m)."""
    return max(LEAST_SPAN, b - a * mark.complement / mark.value)


def _proposed_above(state, arm, mark, u, accept):
    """The draw of a flagged arm above ``mark``, or ``mark`` where the proposal is rejected.

    ``accept`` is uniform below the probability with which the arm was flagged.
    """
    a, b = state.wins[arm] - 1.0, state.losses[arm] - 1.0
    mass = math.exp(_log_box(state, arm, mark)) * _share(a, b, mark)
    span = _span(a, b, mark)
    rate = -math.log1p(u * math.expm1(-span))
    step = rate / span
    value, complement = mark.value + mark.complement * step, mark.complement * (1.0 - step)
    if complement <= 0.0:
        return mark
    rival = Draw(value, complement, math.log(value), math.log(complement))
    gain = a * (rival.log_value - mark.log_value) + b * (rival.log_complement - mark.log_complement)
    return rival if accept < mass * math.exp(gain + rate) else mark
