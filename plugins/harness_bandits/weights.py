"""A posterior over the hypotheses "arm i is best": a log-weight an arm, one moving a round.

Weights are kept as ``exp(score − reference)``, so that a round costs one exponential. The
reference moves when a weight would leave what exponentials can say: powers of the odds would
overflow after some hundred rewards.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Weights", "drawn_arm", "equal_weights", "set_score"]

# How far a score may rise above the reference, and the total sink below it, before the
# reference moves: e^±30 leaves all weights that matter far from overflow and underflow.
REACH = 30.0


class Weights(NamedTuple):
    """Scores (log-weights, up to a common term) of one lane."""

    scores: npt.NDArray[np.float64]  # (arms,)
    weights: npt.NDArray[np.float64]  # (arms,) exp(score - reference)
    reference: npt.NDArray[np.float64]  # (1,)


def equal_weights(arms: int) -> Weights:
    """Every arm is best with probability 1 / arms."""
    return Weights(np.zeros(arms), np.ones(arms), np.zeros(1))


def set_score(state: Weights, arm: int, score: float) -> None:
    """Give ``arm`` a new log-weight."""
    state.scores[arm] = score
    excess = score - state.reference[0]
    if excess > REACH:
        _move_reference(state)
    else:
        state.weights[arm] = math.exp(excess)


def drawn_arm(state: Weights, u: float) -> int:
    """An arm with its posterior probability, by a uniform number."""
    arms = state.weights.size
    total = _total(state)
    if total < math.exp(-REACH):
        _move_reference(state)
        total = _total(state)
    left = u * total
    for arm in range(arms - 1):
        left -= state.weights[arm]
        if left < 0.0:
            return arm
    return arms - 1


def _total(state):
    total = 0.0
    for arm in range(state.weights.size):
        total += state.weights[arm]
    return total


def _move_reference(state):
    largest = state.scores[0]
    for arm in range(1, state.scores.size):
        largest = max(largest, state.scores[arm])
    state.reference[0] = largest
    for arm in range(state.scores.size):
        state.weights[arm] = math.exp(state.scores[arm] - largest)
