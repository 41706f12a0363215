"""Steps that projected Langevin needs as the dimension grows: computed (box), measured (ball).

The chain starts at the centre, the target is uniform, and the distance is that of γ^n to the
uniform law on [0, 1] (Kolmogorov–Smirnov; γ is the gauge). On the box the coordinates are
independent copies of one chain, so γ's law after k steps is that of one |x_1| to the power n and
powers of one matrix give it without drawing anything. On the ball |x| is itself a Markov chain:
r′ = min(R, √((r + s z)² + s² χ²_{n−1})).

The theorem's count stands beside as a guarantee that is vacuous: an order without a constant.

Source: Bubeck, Eldan & Lehec 2015 (the order); both chains derived.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Annotated, Any, ClassVar

import numpy as np
from annotated_types import Ge, Interval

from harness import Bound, Cell, Method, Metric, Outcome, Task
from harness_sampling.arrays import FloatArray
from harness_sampling.diagnostics import ks_distance, steps_to_accuracy
from harness_sampling.stationary import (
    boundary_share_of,
    flat_share,
    folded_chain,
    uniform_atom,
)
from harness_sampling.step_rule import BodyName, StepRule
from harness_sampling.theorem import order_bound, uniform_steps

__all__ = ["GrowthBall", "GrowthBox", "steps_on_ball", "steps_on_box"]

_GRID_RATIO = 1.02  # of the steps at which the ball's chains are looked at
_DOUBLINGS = 24  # of the box's matrix before giving up


def _metrics(kind: Any) -> tuple[Metric, ...]:
    return (
        Metric(name="iterations", type=kind, description="Steps until the gauge is within ε"),
        Metric(name="reached", type=kind, direction="higher", description="1 if ε was reached"),
        Metric(name="time", type=kind, direction="none", description="Iterations times the step"),
        Metric(name="step", type="exact", direction="none", description="η"),
        Metric(
            name="floor", type="exact", description="Share of the boundary: no distance is below"
        ),
    )


@dataclass(frozen=True, kw_only=True)
class _Growth(Task):
    """Steps until the gauge's law is within ε, for a step that a rule picks."""

    accepts: ClassVar[type[Method]] = StepRule
    body: ClassVar[BodyName]

    dimension: Annotated[int, Ge(2)] = 8
    epsilon: Annotated[float, Interval(gt=0, lt=1)] = 0.1

    @abstractmethod
    def iterations(self, step: float, generator: np.random.Generator) -> float | None:
        """Steps until ε; ``None``: never."""

    @property
    @abstractmethod
    def ratio(self) -> float:
        """R/r of the body."""

    @abstractmethod
    def floor(self, step: float) -> float:
        """Share of time on the boundary."""

    def bounds(self) -> Sequence[Bound]:
        """The theorem's order, beside the iterations."""
        steps = uniform_steps(self.dimension, self.ratio, self.epsilon)
        return order_bound("iterations", steps)

    def evaluate(self, method: StepRule, cells: Sequence[Cell]) -> Iterator[Outcome]:
        """One count of steps a cell."""
        step = method.step(self.body, self.dimension, self.epsilon)
        known = {
            "step": step,
            "floor": self.floor(step),
        }
        for cell in cells:
            found = self.iterations(step, cell.method_stream.numpy())
            final = {**known, "reached": float(found is not None)}
            if found is not None:
                final |= {"iterations": found, "time": found * step}
            yield Outcome(cell=cell, final=final)


@dataclass(frozen=True, kw_only=True)
class GrowthBox(_Growth):
    """Steps on [−1, 1]^n, computed: the same for every seed."""

    metrics: ClassVar[tuple[Metric, ...]] = _metrics("exact")
    body: ClassVar[BodyName] = "box"

    @property
    def ratio(self) -> float:
        """√n."""
        return sqrt(self.dimension)

    def floor(self, step: float) -> float:
        """1 − (1 − 2A)^n."""
        return boundary_share_of(self.dimension, 2 * uniform_atom(step))

    def iterations(self, step: float, generator: np.random.Generator) -> float | None:
        """By powers of the transition matrix."""
        found = steps_on_box(self.dimension, self.epsilon, step)
        return None if found is None else float(found)


@dataclass(frozen=True, kw_only=True)
class GrowthBall(_Growth):
    """Steps on the unit ball, measured on ``chains`` copies of the radial chain.

    Looked at on a grid of steps with ratio 1.02; reached where three looks in a row are.
    """

    metrics: ClassVar[tuple[Metric, ...]] = _metrics("real")
    body: ClassVar[BodyName] = "ball"

    chains: Annotated[int, Ge(100)] = 10_000
    most_steps: Annotated[int, Ge(1)] = 100_000

    @property
    def ratio(self) -> float:
        """1."""
        return 1.0

    def floor(self, step: float) -> float:
        """The flat boundary's share: curvature adds to it."""
        return flat_share(self.dimension, step)

    def iterations(self, step: float, generator: np.random.Generator) -> float | None:
        """By simulation."""
        return steps_on_ball(
            self.dimension, self.epsilon, step, self.chains, self.most_steps, generator
        )


def steps_on_box(dimension: int, epsilon: float, step: float) -> int | None:
    """First k at which γ^n is within ε on [−1, 1]^n; ``None``: the stationary law is not."""
    if boundary_share_of(dimension, 2 * uniform_atom(step)) > epsilon:
        return None
    grid, chain = folded_chain(step, 1.0)
    whole = slice(0, chain.size)
    law = chain.law_after(np.zeros(1), whole)[0]
    targets = grid.ends**dimension

    def is_near(law: FloatArray) -> bool:
        reached = np.concatenate(([0.0], law[:-1].reshape(grid.nodes.shape).sum(axis=1).cumsum()))
        # At the last end this is the left limit: the atom is seen.
        return bool(np.abs(reached**dimension - targets).max() <= epsilon)

    if is_near(law):
        return 1
    powers = [chain.block(whole, whole)]
    while not is_near(law @ powers[-1]):
        if len(powers) == _DOUBLINGS:
            return None
        powers.append(powers[-1] @ powers[-1])
    k = 1
    for exponent in range(len(powers) - 2, -1, -1):
        after = law @ powers[exponent]
        if not is_near(after):
            law, k = after, k + 2**exponent
    return k + 1


def steps_on_ball(
    dimension: int,
    epsilon: float,
    step: float,
    chains: int,
    most_steps: int,
    generator: np.random.Generator,
) -> float | None:
    """First k of a grid at which the γ^n of so many chains is within ε on the unit ball."""
    spread = sqrt(step)
    radius = np.zeros(chains)
    looks: list[int] = []
    distances: list[float] = []
    due = 1
    for k in range(1, most_steps + 1):
        along = radius + spread * generator.standard_normal(chains)
        aside = step * generator.chisquare(dimension - 1, chains)
        radius = np.minimum(1.0, np.sqrt(along * along + aside))
        if k < due:
            continue
        due = max(k + 1, int(k * _GRID_RATIO))
        looks.append(k)
        distances.append(ks_distance(radius**dimension, lambda u: u))
        if len(looks) >= 3 and max(distances[-3:]) <= epsilon:
            break
    return steps_to_accuracy(np.array(looks, float), np.array(distances), epsilon)
