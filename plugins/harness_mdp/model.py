"""An episodic MDP as arrays: sparse rows, its optimum, and the value of a policy.

Rows are padded to the width b of the widest and sorted by successor; padding has probability 0.
A stationary MDP keeps its rows once (one layer), another keeps H layers. All sums run over a row
in this order with one accumulator, so that values of one policy agree to the bit however they
were reached; matrix products would not.

Source: Jin et al. 2018, section 2.
"""

from __future__ import annotations

from math import isfinite
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from harness.kernels import specialise
from harness_mdp.agent import FloatArray

__all__ = [
    "Model",
    "Optimum",
    "Range",
    "Row",
    "expected",
    "layered",
    "mapped",
    "model_of",
    "optimum_of",
    "policy_value",
    "refuse_wrong",
    "refuse_wrong_model",
    "solve",
]

# Above every uniform: the scan for a successor always ends in the row's last real entry.
_BEYOND = 2.0
_SUM_TOLERANCE = 1e-9


class Model(NamedTuple):
    """Transitions, mean rewards in [0, 1], and the law of the first state.

    ``payoff`` has the reward of each entry where rewards are drawn with the transition, and is
    empty where the mean reward is paid.
    """

    successor: npt.NDArray[np.int32]  # (layers, S, A, b)
    probability: npt.NDArray[np.float64]  # (layers, S, A, b)
    cumulative: npt.NDArray[np.float64]  # (layers, S, A, b), 2.0 from the last real entry on
    reward: npt.NDArray[np.float64]  # (layers, S, A)
    payoff: npt.NDArray[np.float64]  # (layers, S, A, b), or empty
    starts: npt.NDArray[np.int32]  # (m,)
    start_law: npt.NDArray[np.float64]  # (m,) cumulative, last 2.0
    horizon: int
    layers: int  # 1, or the horizon


class Range(NamedTuple):
    """Raw rewards lie in [low, high]; r' = (r − low)/(high − low) is what agents see."""

    low: float = 0.0
    high: float = 1.0

    @property
    def span(self) -> float:
        """Raw units of one mapped unit."""
        return self.high - self.low


class Optimum(NamedTuple):
    """Q* and V* of every step; V* is 0 after the last."""

    q: npt.NDArray[np.float64]  # (H, S, A)
    v: npt.NDArray[np.float64]  # (H + 1, S)


Row = list[tuple[int, float, float]]  # (successor, probability, reward of the entry)


def layered(layers: int, h: int) -> int:
    """The layer that holds the rows of step ``h``."""
    return h if layers > 1 else 0


# Here and in the planners, inner functions take arrays, not the record that holds them: handed a
# record of nine arrays, compiled code counts references to each, which cost UCBVI ten times its
# arithmetic.
def expected(
    probability: FloatArray,
    successor: npt.NDArray[np.int32],
    values: FloatArray,
    layer: int,
    x: int,
    a: int,
) -> float:
    """Mean of ``values`` (S,) over the successors of (x, a)."""
    total = 0.0
    for j in range(successor.shape[3]):
        total += probability[layer, x, a, j] * values[successor[layer, x, a, j]]
    return total


def solve(model: Model, q: FloatArray, v: FloatArray) -> None:
    """Write Q* (H, S, A) and V* (H + 1, S), by backward induction."""
    states, actions = model.reward.shape[1], model.reward.shape[2]
    v[model.horizon, :] = 0.0
    for back in range(model.horizon):
        h = model.horizon - 1 - back
        layer, after = layered(model.layers, h), v[h + 1]
        for x in range(states):
            best = -1e300
            for a in range(actions):
                mean = expected(model.probability, model.successor, after, layer, x, a)
                value = model.reward[layer, x, a] + mean
                q[h, x, a] = value
                if value > best:
                    best = value
            v[h, x] = best


def evaluate_policy(model: Model, policy: FloatArray, v: FloatArray) -> None:
    """Write V of a policy given as probabilities (H, S, A)."""
    states, actions = model.reward.shape[1], model.reward.shape[2]
    v[model.horizon, :] = 0.0
    for back in range(model.horizon):
        h = model.horizon - 1 - back
        layer, after = layered(model.layers, h), v[h + 1]
        for x in range(states):
            total = 0.0
            for a in range(actions):
                if policy[h, x, a] > 0.0:
                    mean = expected(model.probability, model.successor, after, layer, x, a)
                    total += policy[h, x, a] * (model.reward[layer, x, a] + mean)
            v[h, x] = total


def optimum_of(model: Model) -> Optimum:
    """Q* and V* of ``model``."""
    _, states, actions = model.reward.shape
    q = np.empty((model.horizon, states, actions))
    v = np.empty((model.horizon + 1, states))
    specialise(solve)(model, q, v)
    return Optimum(q, v)


def policy_value(model: Model, policy: FloatArray) -> FloatArray:
    """V (H + 1, S) of a policy: (H, S) actions, or (H, S, A) probabilities."""
    _, states, actions = model.reward.shape
    if policy.ndim == 2:
        policy = np.eye(actions)[policy.astype(np.int64)]
    v = np.empty((model.horizon + 1, states))
    specialise(evaluate_policy)(model, np.ascontiguousarray(policy, np.float64), v)
    return v


def model_of(
    rows: list[list[list[Row]]],
    horizon: int,
    starts: dict[int, float] | None = None,
    *,
    is_sampled: bool = False,
) -> Model:
    """The model with ``rows[layer][state][action]``, lists of (successor, probability, reward).

    Entries with one successor are joined unless rewards are sampled. ``starts`` gives the law of
    the first state; state 0 unless said.
    """
    joined = [
        [[_join(row, is_sampled=is_sampled) for row in of_state] for of_state in of_layer]
        for of_layer in rows
    ]
    successor, probability, cumulative, payoff = _padded(joined)
    first = starts or {0: 1.0}
    law = np.cumsum([first[x] for x in sorted(first)])
    law[-1] = _BEYOND
    return Model(
        successor=successor,
        probability=probability,
        cumulative=cumulative,
        reward=(probability * payoff).sum(axis=3),
        payoff=payoff if is_sampled else np.zeros((0, 0, 0, 0)),
        starts=np.array(sorted(first), np.int32),
        start_law=law,
        horizon=horizon,
        layers=len(rows),
    )


def _padded(rows: list[list[list[Row]]]) -> tuple[Any, FloatArray, FloatArray, FloatArray]:
    """Successors, probabilities, their sums and rewards of rows, each (layers, S, A, b)."""
    width = max(len(row) for layer in rows for of_state in layer for row in of_state)
    shape = (len(rows), len(rows[0]), len(rows[0][0]), width)
    successor, cumulative = np.zeros(shape, np.int32), np.full(shape, _BEYOND)
    probability, payoff = np.zeros(shape), np.zeros(shape)
    for place in np.ndindex(*shape[:3]):
        row = rows[place[0]][place[1]][place[2]]
        total = 0.0
        for j, (y, chance, reward) in enumerate(row):
            total += chance
            successor[place][j], probability[place][j], payoff[place][j] = y, chance, reward
            if j + 1 < len(row):
                cumulative[place][j] = total
        successor[place][len(row) :] = row[-1][0]
    return successor, probability, cumulative, payoff


def mapped(rows: list[list[list[Row]]], raw: Range) -> list[list[list[Row]]]:
    """Rows with every reward mapped to [0, 1]: r' = (r − low)/(high − low)."""
    return [
        [
            [[(y, p, (reward - raw.low) / raw.span) for y, p, reward in row] for row in of_state]
            for of_state in of_layer
        ]
        for of_layer in rows
    ]


def _join(row: Row, *, is_sampled: bool) -> Row:
    """Entries sorted by successor, without those of probability 0; equal ones summed."""
    merged: dict[tuple[int, float | None], tuple[float, float]] = {}
    for y, chance, reward in row:
        key = (int(y), float(reward) if is_sampled else None)
        before, paid = merged.get(key, (0.0, 0.0))
        merged[key] = (before + chance, paid + chance * reward)
    kept = [(y, chance, paid / chance) for (y, _), (chance, paid) in merged.items() if chance > 0.0]
    return sorted(kept)


def refuse_wrong(rows: list[list[list[Row]]], states: int, low: float, high: float) -> None:
    """Raise ``ValueError`` naming the first wrong row: its sum, a chance, a reward, a successor."""
    for layer, of_layer in enumerate(rows):
        for x, of_state in enumerate(of_layer):
            for a, row in enumerate(of_state):
                where = f"step {layer}, state {x}, action {a}"
                total = sum(chance for _, chance, _ in row)
                if not abs(total - 1.0) <= _SUM_TOLERANCE:
                    raise ValueError(f"probabilities at {where} sum to {total:.12g}, not to 1")
                for y, chance, reward in row:
                    if chance < 0.0:
                        raise ValueError(f"a probability at {where} is negative: {chance!r}")
                    if not 0 <= y < states:
                        raise ValueError(f"{where} leads to state {y}; states are 0 … {states - 1}")
                    if not isfinite(reward):
                        raise ValueError(f"the reward {reward!r} at {where} is not finite")
                    if chance > 0.0 and not low <= reward <= high:
                        raise ValueError(
                            f"the reward {reward!r} at {where} is outside [{low:g}, {high:g}]"
                        )


def refuse_wrong_model(model: Model) -> None:
    """Raise ``ValueError`` naming the first wrong row of a model whose rewards are mapped."""
    sums = model.probability.sum(axis=3)
    found = (
        ("probabilities sum to {:.12g}, not to 1", sums, abs(sums - 1.0) <= _SUM_TOLERANCE),
        ("the smallest probability is {:g}", model.probability.min(axis=3), None),
        ("the mapped reward {:.12g} is outside [0, 1]", model.reward, _is_unit(model.reward)),
    )
    for message, values, is_right in found:
        wrong = np.argwhere(~(values >= 0.0 if is_right is None else is_right))
        if wrong.size:
            layer, x, a = (int(each) for each in wrong[0])
            what = message.format(float(values[layer, x, a]))
            raise ValueError(f"step {layer}, state {x}, action {a}: {what}")
    states = model.reward.shape[1]
    highest = int(max(model.successor.max(), model.starts.max()))
    if highest >= states or min(model.successor.min(), model.starts.min()) < 0:
        raise ValueError(f"the model leads to state {highest}; states are 0 … {states - 1}")


def _is_unit(reward: FloatArray) -> npt.NDArray[np.bool_]:
    return (reward >= -_SUM_TOLERANCE) & (reward <= 1.0 + _SUM_TOLERANCE)
