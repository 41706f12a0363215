"""Hit-and-run: a random line through the point, then the target's own law on its chord.

No step, no bias: reversible with the target as stationary law. Along coordinates in cyclic order it
leaves the target invariant without being reversible.

Source: Smith 1984; Lovász & Vempala 2006.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from harness.random import fill_normals, integer
from harness_sampling.arrays import FloatArray, IntArray
from harness_sampling.flat import all_finite, flatten, move, widen
from harness_sampling.sampler import Facts, Sampler
from harness_sampling.serving import refuse_unserved

if TYPE_CHECKING:
    from harness_sampling.problem import Body, Target

__all__ = ["CoordinateHitAndRun", "HitAndRun"]

_DIRECTION = 0  # tag of the draws
_AXIS = 3  # draw of the scalar address


class HitAndRunState(NamedTuple):
    """Room for directions and chords."""

    noise: npt.NDArray[np.float32]  # (chains, n)
    directions: FloatArray  # (chains, n)
    axes: IntArray  # (chains,)
    low: FloatArray  # (chains,)
    high: FloatArray  # (chains,)
    t: FloatArray  # (chains,)


def _room(facts: Facts) -> HitAndRunState:
    shape = (facts.chains, facts.dimension)
    return HitAndRunState(
        np.zeros(shape, np.float32),
        np.zeros(shape),
        np.zeros(facts.chains, np.int64),
        np.zeros(facts.chains),
        np.zeros(facts.chains),
        np.zeros(facts.chains),
    )


class Orders(NamedTuple):
    """How coordinates follow each other."""

    is_cyclic: bool


@dataclass(frozen=True, kw_only=True)
class HitAndRun(Sampler):
    """Along directions that are uniform on the sphere."""

    def check(self, body: Body, target: Target) -> None:
        """Refuse a body without chords."""
        refuse_unserved("sampling/hit-and-run", body, target)

    def state(self, facts: Facts) -> HitAndRunState:
        return _room(facts)

    def step(parameters, facts, k, key, state, x, oracles, target, body):
        size = x.size
        directions = state.directions.reshape(size)
        fill_normals(state.noise, key, k, _DIRECTION)
        widen(directions, state.noise.reshape(size))
        if facts.flat < facts.dimension:
            flatten(state.directions)
        oracles.chords(body, x, state.directions, state.low, state.high)
        oracles.along(target, x, state.directions, state.low, state.high, key, k, state.t)
        if not all_finite(state.t):
            return False
        move(x.reshape(size), directions, state.t)
        oracles.follow(body, x, state.t)
        return True


@dataclass(frozen=True, kw_only=True)
class CoordinateHitAndRun(Sampler):
    """Along one coordinate a step.

    Parameters
    ----------
    order
        ``cyclic``: coordinates in turn, the same for all chains; ``random``: each chain draws its
        own.
    """

    order: Literal["cyclic", "random"] = "cyclic"

    def check(self, body: Body, target: Target) -> None:
        """Refuse a body without chords along coordinates."""
        refuse_unserved("sampling/coordinate-hit-and-run", body, target)

    def parameters(self, facts: Facts) -> Orders:
        return Orders(self.order == "cyclic")

    def state(self, facts: Facts) -> HitAndRunState:
        return _room(facts)

    def step(parameters, facts, k, key, state, x, oracles, target, body):
        n = facts.dimension
        if parameters.is_cyclic:
            # Directions are e_j: only the last one and the next one change.
            before, j = (k - 2) % n, (k - 1) % n
            for c in range(x.shape[0]):
                state.directions[c, before] = 0.0
                state.directions[c, j] = 1.0
                state.axes[c] = j
        else:
            for c in range(x.shape[0]):
                state.directions[c, state.axes[c]] = 0.0
                j = integer(key, k, c, n, _AXIS)
                state.directions[c, j] = 1.0
                state.axes[c] = j
        oracles.axis_chords(body, x, state.axes, state.low, state.high)
        oracles.along(target, x, state.directions, state.low, state.high, key, k, state.t)
        if not all_finite(state.t):
            return False
        for c in range(x.shape[0]):
            x[c, state.axes[c]] += state.t[c]
        oracles.follow(body, x, state.t)
        return True
