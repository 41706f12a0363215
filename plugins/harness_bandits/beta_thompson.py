"""Thompson sampling for 0/1 rewards without drawing most of the Betas: the same law, faster.

=========  ==============  ==================================================
formula    here            what
=========  ==============  ==================================================
a, b       ``wins``, ``losses``  (arms,) posterior Beta(a, b), the prior included
f          density         of Beta(a, b): x^(a−1) (1−x)^(b−1) / B(a, b)
g          slope           of log f: (a−1)/x − (b−1)/(1−x)
p̄          ``tails``       (arms,) bound on the mass beyond the threshold
c          ``threshold``   between the leader's mean and the others'
Q          ``total``       sum of the tails
L          ``leader``      the most pulled arm
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
from harness.random import gamma, uniform, uniform_pair
from harness_bandits.plain_thompson import PlainThompson, beta_guarantees, need_bernoulli
from harness_bandits.policy import Facts, Policy

__all__ = ["BetaThompson"]

# Lanes of a round's draws: the screen's uniforms, then two gammas an arm and attempt.
SCREEN = 0
GAMMAS = 1

# A threshold is kept while it decides most rounds: no tail and not all of them above one half,
# and their sum not much above what it was when the threshold was placed. Tuned by speed at
# 10 arms, 10^4 to 10^5 rounds; any value gives the same law.
LARGEST_TAIL = 0.5
GROWTH = 1.5
GROWTH_SLACK = 0.002
LEAST_PATIENCE = 16
PULLS_PER_PATIENCE = 16

# A flat density has span 0, where mass and proposal are limits; expm1 and log1p are exact here.
LEAST_SPAN = 1e-12


class Parameters(NamedTuple):
    """The prior, and the logarithm of its Beta function."""

    a0: float
    b0: float
    log_beta: float


class Screen(NamedTuple):
    """The cached threshold and when to place it anew; arrays of one number, to be written."""

    threshold: npt.NDArray[np.float64]  # (1,)
    log_below: npt.NDArray[np.float64]  # (1,) log c
    log_above: npt.NDArray[np.float64]  # (1,) log(1 - c)
    total: npt.NDArray[np.float64]  # (1,) sum of the tails
    limit: npt.NDArray[np.float64]  # (1,) the total from which on c is placed anew
    leader: npt.NDArray[np.int64]  # (1,)
    patience: npt.NDArray[np.int64]  # (1,) rounds until c is placed anew
    is_valid: npt.NDArray[np.bool_]  # (1,)


class State(NamedTuple):
    """Posterior of one lane, updated in place."""

    wins: npt.NDArray[np.float64]  # (arms,) prior included
    losses: npt.NDArray[np.float64]  # (arms,) prior included
    log_betas: npt.NDArray[np.float64]  # (arms,) log B(wins, losses)
    tails: npt.NDArray[np.float64]  # (arms,) at the threshold, while it is valid
    screen: Screen


class Draw(NamedTuple):
    """A Beta variate, with its complement and both logarithms accurate near 0 and 1."""

    value: float
    complement: float
    log_value: float
    log_complement: float


class Tail(NamedTuple):
    """A bound on the mass above a draw, and the exponential that proposes there.

    Proposals are ``value + complement * E / span`` with E exponential, cut off at ``span``
    (mass ``share``); ``mass`` is 1 where the arm is drawn outright.
    """

    mass: float
    span: float
    share: float


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
        return State(
            np.full(arms, parameters.a0),
            np.full(arms, parameters.b0),
            np.full(arms, parameters.log_beta),
            np.zeros(arms),
            Screen(
                np.zeros(1),
                np.zeros(1),
                np.zeros(1),
                np.zeros(1),
                np.zeros(1),
                np.zeros(1, np.int64),
                np.full(1, LEAST_PATIENCE),
                np.zeros(1, np.bool_),
            ),
        )

    def select(parameters, state, key, t):
        w = uniform(key, t, SCREEN)
        if not state.screen.is_valid[0]:
            return _by_leaders_draw(state, key, t, w)
        if w >= state.screen.total[0]:
            return state.screen.leader[0]
        return _by_threshold(state, key, t, w)

    def update(parameters, state, arm, reward):
        _learn(state, arm, reward)
        screen = state.screen
        leader = screen.leader[0]
        overtaken = _pulls(state, arm) > _pulls(state, leader)
        if overtaken:
            screen.leader[0] = arm
        screen.patience[0] -= 1
        if screen.is_valid[0]:
            tail = _tail_at_threshold(state, arm)
            screen.total[0] += tail - state.tails[arm]
            state.tails[arm] = tail
            stale = tail > LARGEST_TAIL or screen.total[0] > screen.limit[0]
            if overtaken or stale or screen.patience[0] <= 0:
                _place_threshold(state)
        elif screen.patience[0] <= 0:
            _place_threshold(state)


def _log_beta(a, b):
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def _pulls(state, arm):
    return state.wins[arm] + state.losses[arm]


def _learn(state, arm, reward):
    """Enter one reward: B(a+1, b) = B(a, b) a/(a+b), B(a, b+1) = B(a, b) b/(a+b)."""
    a, b = state.wins[arm], state.losses[arm]
    if reward == 1.0:
        state.log_betas[arm] += math.log(a / (a + b))
    elif reward == 0.0:
        state.log_betas[arm] += math.log(b / (a + b))
    else:
        state.log_betas[arm] = _log_beta(a + reward, b + 1.0 - reward)
    state.wins[arm] = a + reward
    state.losses[arm] = b + (1.0 - reward)


# The threshold: where it lies, and the masses beyond it.


def _place_threshold(state):
    """Put c at the same distance, in standard deviations, from the leader and its nearest rival."""
    screen = state.screen
    leader = screen.leader[0]
    screen.patience[0] = LEAST_PATIENCE + int(_pulls(state, leader)) // PULLS_PER_PATIENCE
    distance = _distance_to_nearest(state, leader)
    # Less than one deviation: nearly every round would be walked, and tails bound badly.
    screen.is_valid[0] = distance >= 1.0
    if distance < 1.0:
        return
    threshold = _mean(state, leader) - distance * _sd(state, leader)
    screen.threshold[0] = threshold
    screen.log_below[0] = math.log(threshold)
    screen.log_above[0] = math.log1p(-threshold)
    total = 0.0
    for arm in range(state.tails.size):
        tail = _tail_at_threshold(state, arm)
        state.tails[arm] = tail
        total += tail
        if tail > LARGEST_TAIL or total > LARGEST_TAIL:
            screen.is_valid[0] = False
            return
    screen.total[0] = total
    screen.limit[0] = min(LARGEST_TAIL, GROWTH * total + GROWTH_SLACK)


def _mean(state, arm):
    return state.wins[arm] / _pulls(state, arm)


def _sd(state, arm):
    mean = _mean(state, arm)
    return math.sqrt(mean * (1.0 - mean) / (_pulls(state, arm) + 1.0))


def _distance_to_nearest(state, leader):
    """Smallest (difference of means) / (sum of deviations), or what is below 1 and found first."""
    mean, sd = _mean(state, leader), _sd(state, leader)
    distance = math.inf
    for arm in range(state.wins.size):
        if arm != leader:
            distance = min(distance, (mean - _mean(state, arm)) / (sd + _sd(state, arm)))
            if distance < 1.0:
                return distance
    return distance


def _tail_at_threshold(state, arm):
    """p̄ = f(c)/s, on the side of c that matters: below for the leader, above for the others."""
    screen = state.screen
    a, b, c = state.wins[arm], state.losses[arm], screen.threshold[0]
    # s c (1 - c); where it is not positive, c lies on the rising side and nothing is bounded.
    fall = (b - 1.0) * c - (a - 1.0) * (1.0 - c)
    if arm == screen.leader[0]:
        fall = -fall
    if fall <= 0.0:
        return 1.0
    mass = a * screen.log_below[0] + b * screen.log_above[0] - state.log_betas[arm]
    return math.exp(mass) / fall


# Rounds that the cached threshold did not decide at once.


def _by_threshold(state, key, t, w):
    """The arm with the largest draw, by flags at the cached threshold."""
    leader = state.screen.leader[0]
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
    leader = state.screen.leader[0]
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
    c = screen.threshold[0]
    a, b = state.wins[arm] - 1.0, state.losses[arm] - 1.0
    steepness = b / (1.0 - c) - a / c  # negative for the leader: its tail is below c
    rate = -math.log(u)
    draw = c + rate / steepness
    if draw <= 0.0 or draw >= 1.0:
        return -1.0
    gain = a * (math.log(draw) - screen.log_below[0])
    gain += b * (math.log1p(-draw) - screen.log_above[0])
    return draw if accept < math.exp(gain + rate) else -1.0


def _drawn_beyond(state, key, t, arm, above):
    """A draw of ``arm`` given that it is above c, or given that it is not."""
    attempt = 0
    while True:
        draw = _drawn(state, key, t, arm, attempt)
        if (draw.value > state.screen.threshold[0]) == above:
            return draw.value
        attempt += 1


def _drawn(state, key, t, arm, attempt):
    """The Beta variate of ``arm``; every attempt has lanes of its own."""
    lane = GAMMAS + 2 * (arm + attempt * state.wins.size)
    x = gamma(key, t, lane, state.wins[arm])
    y = gamma(key, t, lane + 1, state.losses[arm])
    both = x + y
    value, complement = x / both, y / both
    return Draw(value, complement, math.log(value), math.log(complement))


# Rounds without a threshold: the leader is drawn, and the others flagged above its draw.


def _by_leaders_draw(state, key, t, w):
    """The arm with the largest draw, by flags above the leader's."""
    leader = state.screen.leader[0]
    mark = _drawn(state, key, t, leader, 0)
    if _none_above(state, leader, mark, w):
        return leader
    winner, unflagged, number = leader, 1.0, 0
    for arm in range(state.wins.size):
        if arm == leader:
            continue
        tail = _tail_above(state, arm, mark)
        if tail.mass >= 1.0:
            rival = _drawn(state, key, t, arm, 0)
            if rival.value > mark.value:
                mark, winner = rival, arm
            continue
        unflagged *= 1.0 - tail.mass
        if 1.0 - unflagged <= w:
            continue
        u, accept = uniform_pair(key, t, SCREEN, number + 1)
        rival = _proposed(state, arm, mark, tail, u, accept)
        if rival.value > mark.value:
            mark, winner = rival, arm
        number += 2
        unflagged, w = 1.0, uniform(key, t, SCREEN, number)
    return winner


def _none_above(state, leader, mark, w):
    """Whether w proves that no arm is flagged above ``mark``: the masses sum to at most w."""
    arms = state.wins.size
    share = w / (arms - 1)
    log_share = math.log(share)
    total = 0.0
    for arm in range(arms):
        if arm == leader:
            continue
        if _is_rising(state, arm, mark):
            return False
        # mass <= f(m) (1 - m), whose logarithm costs two multiply-adds.
        total += share if _log_box(state, arm, mark) <= log_share else _mass(state, arm, mark)
        if total > w:
            return False
    return True


def _mass(state, arm, mark):
    return _tail_above(state, arm, mark).mass


def _is_rising(state, arm, mark):
    """Whether the mode lies above ``mark``, where nothing bounds the tail."""
    a, b = state.wins[arm] - 1.0, state.losses[arm] - 1.0
    return a * mark.complement > b * mark.value


def _log_box(state, arm, mark):
    """Log of f(m)(1 − m): the density at the mark, carried on to 1."""
    a, b = state.wins[arm] - 1.0, state.losses[arm]
    return a * mark.log_value + b * mark.log_complement - state.log_betas[arm]


def _tail_above(state, arm, mark):
    """The mass above ``mark`` under the exponential envelope, cut off at 1."""
    if _is_rising(state, arm, mark):
        return Tail(1.0, 0.0, 0.0)
    a, b = state.wins[arm] - 1.0, state.losses[arm] - 1.0
    box = math.exp(_log_box(state, arm, mark))
    span = max(LEAST_SPAN, b - a * mark.complement / mark.value)  # s (1 - m)
    share = -math.expm1(-span)
    return Tail(box * share / span, span, share)


def _proposed(state, arm, mark, tail, u, accept):
    """The draw of a flagged arm above ``mark``, or ``mark`` where the proposal is rejected."""
    a, b = state.wins[arm] - 1.0, state.losses[arm] - 1.0
    rate = -math.log1p(-u * tail.share)
    step = rate / tail.span
    value, complement = mark.value + mark.complement * step, mark.complement * (1.0 - step)
    if complement <= 0.0:
        return mark
    rival = Draw(value, complement, math.log(value), math.log(complement))
    gain = a * (rival.log_value - mark.log_value) + b * (rival.log_complement - mark.log_complement)
    return rival if accept < math.exp(gain + rate) else mark
