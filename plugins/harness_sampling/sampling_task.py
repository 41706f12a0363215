"""What the tasks on bodies share: the run, its checkpoints, and what is known exactly.

Memory does not grow with the number of steps: moments run, and a fixed number of draws is kept.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

import numpy as np
from annotated_types import Ge

from harness import Bound, Cell, Method, Metric, Outcome, Task
from harness_sampling.arrays import FloatArray
from harness_sampling.chains import Chains
from harness_sampling.diagnostics import steps_to_accuracy
from harness_sampling.exact import ExactLaw, reference
from harness_sampling.guards import require_finite
from harness_sampling.measures import (
    METRICS,
    Kept,
    distances_at,
    final_p_values,
    measures_of,
    moments_of,
    no_moments,
    observe_moments,
    shown_mean,
)
from harness_sampling.predicted import predicted_bounds
from harness_sampling.problem import Body, Target, facts_of
from harness_sampling.projected_langevin import ProjectedLangevin
from harness_sampling.sampler import Sampler
from harness_sampling.serving import check_served
from harness_sampling.theorem import order_bound, theorem_steps
from harness_sampling.uniform import Uniform

__all__ = ["SamplingTask", "checkpoints"]

_DENSE = 1.1  # ratio of checkpoints where an accuracy is asked for
# Gauges of a start: on the boundary chords vanish, Hessians are infinite.
_INSIDE, _OUTSIDE = 1.0 - 1e-12, 1.0 + 1e-12
_TICK_S = 1e-9  # of process_time


def checkpoints(steps: int, *, is_dense: bool) -> list[int]:
    """Steps 1, 2, 5, 10, … or a tenth apart, and the last one.

    >>> checkpoints(40, is_dense=False)
    [1, 2, 5, 10, 20, 40]
    """
    found, place = [], 1.0
    while place < steps:
        if is_dense:
            found.append(round(place))
            place = max(place * _DENSE, place + 1.0)
        else:
            found += [round(each * place) for each in (1, 2, 5) if each * place < steps]
            place *= 10.0
    return [*found, steps]


class Ran(NamedTuple):
    """One run: its chains, moments, kept draws and curves."""

    chains: Chains
    mean: FloatArray
    second_moment: FloatArray
    kept: Kept | None
    curves: dict[str, tuple[list[float], list[float]]]
    seconds: float  # after burn-in
    counts: dict[str, int]  # after burn-in


@dataclass(frozen=True, kw_only=True)
class SamplingTask(Task):
    """A law on a body, chains from one start.

    Parameters
    ----------
    chains
        In a batch; a cell is one.
    steps, burn
        Counted, and discarded before. The finer runs of an extrapolation take more of both, so
        that all span one time.
    burn_time
        Burn-in in units of 1/η, instead of ``burn``, for methods that have a step η.
    draws
        How many draws a chain are kept, evenly spaced; 0: only final states and moments.
    tally
        Moments are added every so many steps.
    start
        The body's ``centre``, draws of the ``exact`` law, or a point.
    accuracy
        Report the steps until the gauge's law (or the marginals', where it is not known) is within
        this distance; 0: no.
    """

    accepts: ClassVar[type[Method]] = Sampler
    metrics: ClassVar[tuple[Metric, ...]] = METRICS

    chains: Annotated[int, Ge(1)] = 64
    steps: Annotated[int, Ge(1)] = 10_000
    burn: Annotated[int, Ge(0)] = 1_000
    burn_time: Annotated[float, Ge(0)] = 0.0
    draws: Annotated[int, Ge(0)] = 200
    tally: Annotated[int, Ge(1)] = 1
    start: Literal["centre", "exact"] | tuple[float, ...] = "centre"
    accuracy: Annotated[float, Ge(0)] = 0.0

    @abstractmethod
    def make_body(self) -> Body:
        """The body; ``ValueError`` if it is empty or unbounded."""

    def make_target(self) -> Target:
        """The law on it: the uniform one, unless a task says otherwise."""
        return Uniform()

    @cached_property
    def body(self) -> Body:
        """The body, made once."""
        return self.make_body()

    @cached_property
    def target(self) -> Target:
        """The law, made once."""
        return self.make_target()

    @cached_property
    def law(self) -> ExactLaw | None:
        """What is known exactly."""
        return reference(self.body, self.target)

    def __post_init__(self) -> None:
        require_finite(burn_time=self.burn_time, accuracy=self.accuracy)
        self.target.check(self.body)
        self._check_start()
        if self.draws > self.steps:
            raise ValueError(f"{self.draws} draws cannot be kept of {self.steps} steps")
        if self.accuracy and (self.law is None or not _has_distance(self.law)):
            raise ValueError("accuracy: no exact law is known here to be near to")

    def _check_start(self) -> None:
        if self.start == "exact":
            if self.law is None or not self.law.can_draw:
                raise ValueError("start: exact draws of this law are not known; start at a point")
            return
        if self.start == "centre":
            return
        point = np.array(self.start, dtype=np.float64)
        if point.shape != (self.body.dimension,):
            raise ValueError(f"start has {point.size} coordinates, the body {self.body.dimension}")
        if not np.isfinite(point).all():
            raise ValueError(f"start: the coordinates must be finite, got {point.tolist()}")
        if flaw := self.body.off_flat(point):
            raise ValueError(f"start lies in another plane than the body: {flaw}")
        gauge = float(self.body.gauge(point))
        if not gauge < _INSIDE:
            where = "on its boundary" if gauge <= _OUTSIDE else "outside it"
            raise ValueError(
                f"start must lie inside the body, and lies {where} (gauge {gauge:.12g})"
            )

    def check(self, method: Method) -> None:
        """Refuse a method that cannot serve the body or the law, or gives no draws."""
        if not isinstance(method, Sampler):
            raise ValueError(f"{type(method).__name__} is no sampler")
        wants_draws = bool(self.draws or self.accuracy)
        check_served(method, self.body, self.target, wants_draws=wants_draws)
        if wants_draws and not method.has_draws:
            raise ValueError(
                f"{type(method).__name__} gives expectations, no draws: distances, R̂ and effective "
                "sizes cannot be had; set draws: 0 and accuracy: 0"
            )

    def evaluate(self, method: Sampler, cells: Sequence[Cell]) -> Iterator[Outcome]:
        """A batch of chains a cell."""
        bounds = self._theory(method)
        for cell in cells:
            yield self._outcome(method, cell, bounds)

    def _outcome(self, method: Sampler, cell: Cell, bounds: Sequence[Bound]) -> Outcome:
        runs = method.runs()
        facts = facts_of(self.body, self.target, self.chains)
        coarsest = max(_step_size(each, facts) for _, each in runs)
        ran = [
            self._run(each, cell, number, self._finer(each, facts, coarsest))
            for number, (_, each) in enumerate(runs)
        ]
        weights = [weight for weight, _ in runs]
        final = self._moments(weights, ran)
        final |= _costs(ran)
        final |= self._schedule(method, facts)
        if coarsest > 0.0:
            final["step_size"] = coarsest
        censored: frozenset[str] = frozenset()
        only = ran[0]
        if len(ran) == 1:
            if only.kept is not None:
                final |= measures_of(only.kept, self.law, only.seconds, only.counts)
            if self.law is not None:
                final |= final_p_values(self.law, self.body, only.chains.x)
            reached, censored = self._reached(only)
            final |= reached
        return Outcome(
            cell=cell,
            final=final,
            curves=only.curves if len(ran) == 1 else {},
            bounds=bounds,
            censored=censored,
        )

    def _finer(self, method: Sampler, facts: Any, coarsest: float) -> int:
        """How many of the method's steps span one of the coarsest run's."""
        own = _step_size(method, facts)
        return round(coarsest / own) if own > 0.0 else 1

    def _run(self, method: Sampler, cell: Cell, number: int, finer: int) -> Ran:
        stream = cell.method_stream
        chains = Chains(
            method,
            self.body,
            self.target,
            chains=self.chains,
            key=(stream.sub("run", number) if number else stream).key,
            start=self._start(cell),
            observe=observe_moments,
            record=no_moments(self.chains, self.body.dimension),
            every=self.tally,
        )
        allowed = method.steps_allowed(chains.facts)
        burn = self._burn(method, chains.facts) * finer
        steps = self.steps * finer
        if allowed is not None:
            burn, steps = 0, min(steps, allowed)
        curves: dict[str, tuple[list[float], list[float]]] = {}
        looks = checkpoints(burn + steps, is_dense=self.accuracy > 0.0) if finer == 1 else []
        self._walk(chains, burn, looks, curves, None)
        self._forget(chains)
        before, seconds = chains.counts(), chains.seconds
        kept = Kept(self.body, self.chains, self.draws) if 0 < self.draws <= steps else None
        self._walk(chains, burn + steps, looks, curves, kept)
        mean, second = moments_of(chains.record, self.chains, self.body.dimension)
        counts = {name: count - before[name] for name, count in chains.counts().items()}
        return Ran(chains, mean, second, kept, curves, chains.seconds - seconds, counts)

    def _burn(self, method: Sampler, facts: Any) -> int:
        eta = _step_size(method, facts)
        return round(self.burn_time / eta) if self.burn_time and eta > 0.0 else self.burn

    def _forget(self, chains: Chains) -> None:
        for sums in chains.record:
            sums[:] = 0.0

    def _walk(
        self,
        chains: Chains,
        end: int,
        looks: Sequence[int],
        curves: dict[str, tuple[list[float], list[float]]],
        kept: Kept | None,
    ) -> None:
        """On to step ``end``, with a look at checkpoints and a draw at even distances."""
        begin = chains.steps
        takes = set()
        if kept is not None:
            # Whole distances, the last draw at the end.
            thin = (end - begin) // self.draws
            takes = {end - thin * place for place in range(self.draws)}
        for stop in sorted({end, *takes, *(each for each in looks if begin < each <= end)}):
            chains.run(stop - chains.steps)
            if kept is not None and stop in takes:
                kept.add(chains.x)
            if stop in looks and self.law is not None and stop > begin:
                gauge = self.body.gauge(chains.x)
                for name, value in distances_at(self.law, self.body, chains.x, gauge).items():
                    at, values = curves.setdefault(name, ([], []))
                    at.append(float(stop))
                    values.append(value)

    def _start(self, cell: Cell) -> FloatArray:
        if self.start == "exact":
            assert self.law is not None, "check() refuses a start that cannot be drawn"
            return self.law.draw(cell.task_stream.sub("start").numpy(), self.chains)
        return self.body.centre if self.start == "centre" else np.array(self.start)

    def _moments(self, weights: Sequence[float], ran: Sequence[Ran]) -> dict[str, float]:
        pairs = list(zip(weights, ran, strict=True))
        mean = sum(weight * each.mean for weight, each in pairs)
        second = sum(weight * each.second_moment for weight, each in pairs)
        final = {
            "mean": shown_mean(self.body, mean),
            "second_moment": float(second.mean()),
        }
        if self.law is not None and np.isfinite(self.law.mean).all():
            final["mean_error"] = shown_mean(self.body, mean - self.law.mean)
        if self.law is not None and np.isfinite(self.law.second_moment).all():
            final["second_moment_error"] = float((second - self.law.second_moment).mean())
        return final

    def _schedule(self, method: Method, facts: Any) -> dict[str, float]:
        if not isinstance(method, ProjectedLangevin):
            return {}
        fraction = method.fraction(facts, self.steps)
        if fraction is None:
            return {}
        return {"cut_short": float(fraction < 1.0), "schedule_fraction": fraction}

    def _reached(self, ran: Ran) -> tuple[dict[str, float], frozenset[str]]:
        if not self.accuracy:
            return {}, frozenset()
        steps, errors = ran.curves.get("ks_gauge") or ran.curves["ks"]
        found = steps_to_accuracy(np.array(steps), np.array(errors), self.accuracy)
        if found is None:
            return {"steps_to_accuracy": float(ran.chains.steps)}, frozenset({"steps_to_accuracy"})
        return {"steps_to_accuracy": found}, frozenset()

    def _theory(self, method: Sampler) -> Sequence[Bound]:
        """What is known of the method's values; the theorem's order beside its steps."""
        known = predicted_bounds(method, self.body, self.target, self.law)
        if not (isinstance(method, ProjectedLangevin) and 0.0 < self.accuracy < 1.0):
            return known
        steps = theorem_steps(facts_of(self.body, self.target, 1), self.accuracy)
        return (*known, *order_bound("steps_to_accuracy", steps))


def _has_distance(law: ExactLaw) -> bool:
    return law.has_gauge or law.has_marginals


def _step_size(method: Sampler, facts: Any) -> float:
    """η, or 0 for a method without."""
    return method.step_size(facts) if isinstance(method, ProjectedLangevin) else 0.0


def _costs(ran: Sequence[Ran]) -> dict[str, float]:
    final = {}
    for name in ("gradient", "projection", "membership", "chord", "potential"):
        plural = "memberships" if name == "membership" else f"{name}s"
        final[plural] = float(sum(each.chains.counts()[name] for each in ran))
    taken = sum(each.chains.steps * len(each.chains.x) for each in ran)
    seconds = sum(each.chains.seconds for each in ran)
    final["chain_steps_per_second"] = taken / max(seconds, _TICK_S)
    accepted = getattr(ran[0].chains.state, "accepted", None)
    if accepted is not None:
        final["acceptance"] = float(accepted[0]) / taken
    return final
