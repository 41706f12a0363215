"""The volume of a body by Gaussian cooling, with the exact volume as truth.

A batch of chains is carried from phase to phase; each phase discards ``burn`` · n² steps and
averages over ``length`` · n² more. One run gives one number, log(V̂/V).

A run that is too short gives a volume too small, because the chains lag behind the growing
Gaussian; a sampler whose law is too wide gives one too large. The two can cancel: look at the
error against ``length``, not at one length.

Source: Cousins & Vempala (the routine); Bubeck, Eldan & Lehec 2015, the experiment as remembered.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import exp, expm1, log, sqrt
from typing import Annotated, ClassVar, Literal, NamedTuple

import numpy as np
from annotated_types import Ge, Gt, Interval

from harness import Bound, Cell, Method, Metric, Outcome, Task
from harness.random.stream import Stream
from harness_sampling.arrays import FloatArray
from harness_sampling.box import Box
from harness_sampling.box_ball import BoxBall
from harness_sampling.chains import Chains
from harness_sampling.cooling import first_volume, inverse_schedule, predicted_log_error
from harness_sampling.flat import dot
from harness_sampling.gaussian import Gaussian
from harness_sampling.guards import require_finite
from harness_sampling.problem import Body, facts_of
from harness_sampling.projected_langevin import ProjectedLangevin
from harness_sampling.sampler import Sampler
from harness_sampling.serving import check_served
from harness_sampling.volumes import log_volume_of_box, log_volume_of_box_and_ball

__all__ = ["Volume"]

_LOOKS = 50  # at the boundary, in the last phase
_ON_BOUNDARY = 1 - 1e-9  # gauge from which a point counts as on it

_METRICS = (
    Metric(name="log_error", direction="none", description="log(V̂/V), signed"),
    Metric(name="error", description="|log(V̂/V)|"),
    Metric(name="relative_error", direction="none", description="V̂/V − 1"),
    Metric(
        name="boundary_share",
        direction="none",
        description="Share of the last phase's draws on the boundary",
    ),
    Metric(name="phases", type="exact", direction="none", description="Gaussians in a run"),
    Metric(name="gradients", direction="none", description="Calls of the gradient"),
    Metric(name="projections", direction="none", description="Calls of the projection"),
    Metric(name="memberships", direction="none", description="Calls of the membership test"),
    Metric(name="chords", direction="none", description="Calls of the chord"),
    Metric(name="seconds", unit="s", is_cost=True, description="CPU time in the chains' driver"),
)


class Tally(NamedTuple):
    """Sums of one phase's ratio."""

    growth: FloatArray  # (1,) a_i − a_{i+1}; 0 while nothing is counted
    sums: FloatArray  # (chains,) of exp(growth · |x|²)


def tally(record, body, x, k):
    """Add each chain's weight."""
    if record.growth[0] == 0.0:
        return
    for c in range(x.shape[0]):
        record.sums[c] += exp(record.growth[0] * dot(x[c], x[c]))


class _Run(NamedTuple):
    """What one run gave."""

    log_volume: float
    boundary_share: float
    counts: Mapping[str, int]
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Volume(Task):
    """Estimate the volume of [−1, 1]^n, or of its intersection with the ball of radius √n/2.

    Parameters
    ----------
    chains
        Carried from phase to phase.
    burn, length
        Steps of a phase, discarded and counted, in units of n².
    """

    accepts: ClassVar[type[Method]] = Sampler
    metrics: ClassVar[tuple[Metric, ...]] = _METRICS

    body: Literal["box", "box-ball"] = "box"
    dimension: Annotated[int, Interval(ge=2, le=1000)] = 10
    chains: Annotated[int, Ge(1)] = 16
    burn: Annotated[float, Ge(0)] = 2.0
    length: Annotated[float, Gt(0)] = 10.0

    @cached_property
    def solid(self) -> Body:
        """The body."""
        n = self.dimension
        if self.body == "box":
            return Box(np.full(n, -1.0), np.full(n, 1.0))
        return BoxBall(n, 1.0, sqrt(n) / 2)

    @property
    def log_volume(self) -> float:
        """Logarithm of the exact volume."""
        n = self.dimension
        if self.body == "box":
            return log_volume_of_box(np.full(n, -1.0), np.full(n, 1.0))
        return log_volume_of_box_and_ball(n, 1.0, sqrt(n) / 2)

    def __post_init__(self) -> None:
        require_finite(burn=self.burn, length=self.length)
        if self.body == "box-ball" and self.dimension <= 4:
            raise ValueError("the ball of radius √n/2 lies in the box up to n = 4: take n ≥ 5")

    def check(self, method: Sampler) -> None:
        """Refuse what cannot sample a Gaussian on the body."""
        first = Gaussian(inverse_schedule(self.dimension)[0])
        check_served(method, self.solid, first, wants_draws=False)

    def evaluate(self, method: Sampler, cells: Sequence[Cell]) -> Iterator[Outcome]:
        """One volume a cell."""
        bounds = self._limits(method)
        truth = self.log_volume
        for cell in cells:
            found = [
                (weight, self._run(each, cell, number))
                for number, (weight, each) in enumerate(method.runs())
            ]
            yield Outcome(cell=cell, final=self._final(found, truth), bounds=bounds)

    def _final(self, found: Sequence[tuple[float, _Run]], truth: float) -> dict[str, float]:
        log_error = sum(weight * run.log_volume for weight, run in found) - truth
        final = {
            "log_error": log_error,
            "error": abs(log_error),
            "relative_error": expm1(log_error),
            "phases": float(len(inverse_schedule(self.dimension)) - 1),
            "seconds": sum(run.seconds for _, run in found),
        }
        if len(found) == 1:
            final["boundary_share"] = found[0][1].boundary_share
        for name in ("gradient", "projection", "membership", "chord"):
            final[f"{name}s"] = float(sum(run.counts[name] for _, run in found))
        return final

    def _run(self, method: Sampler, cell: Cell, number: int) -> _Run:
        n, inverses = self.dimension, inverse_schedule(self.dimension)
        record = Tally(np.zeros(1), np.zeros(self.chains))
        chains = Chains(
            method,
            self.solid,
            Gaussian(inverses[0]),
            chains=self.chains,
            key=cell.method_stream.sub("run", number).key,
            start=self._start(cell.task_stream.sub("start"), inverses[0]),
            observe=tally,
            record=record,
        )
        burn, length = round(self.burn * n * n), max(1, round(self.length * n * n))
        total = first_volume(n, inverses[0])
        share = 0.0
        for inverse, following in pairwise(inverses):
            chains.aim(Gaussian(inverse))
            chains.record.growth[0] = 0.0
            chains.run(burn)
            chains.record.growth[0] = inverse - following
            chains.record.sums[:] = 0.0
            share = self._count(chains, length, is_last=following == 0.0)
            total += log(float(chains.record.sums.mean()) / length)
            cell.progress(1 - inverses.index(following) / len(inverses))
        return _Run(total, share, chains.counts(), chains.seconds)

    def _count(self, chains: Chains, length: int, *, is_last: bool) -> float:
        """Run a phase's counted steps; the boundary's share of the looks at the last phase."""
        looks = min(_LOOKS, length) if is_last else 1
        seen = []
        for part in np.diff(np.linspace(0, length, looks + 1).astype(int)):
            chains.run(int(part))
            seen.append(float((self.solid.gauge(chains.x) >= _ON_BOUNDARY).mean()))
        return sum(seen) / looks

    def _start(self, stream: Stream, inverse: float) -> FloatArray:
        """(chains, n) draws of the first Gaussian within the body."""
        generator, kept = stream.numpy(), np.zeros((0, self.dimension))
        while len(kept) < self.chains:
            tried = generator.standard_normal((2 * self.chains, self.dimension)) / sqrt(2 * inverse)
            kept = np.concatenate((kept, tried[self.solid.gauge(tried) < 1.0]))
        return kept[: self.chains]

    def _limits(self, method: Sampler) -> list[Bound]:
        """What log V̂ − log V is for endless phases, where that is known."""
        runs = method.runs()
        if self.body != "box" or any(type(each) is not ProjectedLangevin for _, each in runs):
            return []
        value = sum(weight * self._predicted(each) for weight, each in runs)
        source = "sum over the phases of the discretised chain's exact laws"
        return [Bound(metric="log_error", role="exact", value=value, source=source)]

    def _predicted(self, method: Sampler) -> float:
        assert isinstance(method, ProjectedLangevin), "asked only of its own law"

        def step(inverse: float) -> float:
            return method.step_size(facts_of(self.solid, Gaussian(inverse), self.chains))

        return predicted_log_error(self.dimension, 1.0, step)
