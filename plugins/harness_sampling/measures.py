"""What the tasks with exact references measure: metrics, running moments, and kept draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from harness import Metric
from harness_sampling.arrays import FloatArray
from harness_sampling.diagnostics import (
    boundary_share,
    gauge_law,
    ks_distance,
    ks_of_levels,
    ks_p_value,
    multivariate_ess,
    split_rhat,
    wasserstein_1,
    wasserstein_of_ordered,
)
from harness_sampling.exact import ExactLaw
from harness_sampling.flat import add_moments
from harness_sampling.problem import Body

__all__ = [
    "METRICS",
    "Kept",
    "Moments",
    "distances_at",
    "final_p_values",
    "measures_of",
    "moments_of",
    "no_moments",
    "observe_moments",
    "shown_mean",
]

_LOOP = 256  # turns of the inner loop, at most, by repeating a row
_MOST_COORDINATES = 50  # of kept draws
_DISTANT = 8  # coordinates whose Wasserstein distance is taken, where they differ in law
_MIXING = 4  # coordinates whose R̂ is taken
_AT_END = 1e-12  # of a coordinate's support


def _shown(name: str, description: str, **options) -> Metric:
    return Metric(name=name, direction="none", description=description, **options)


METRICS = (
    Metric(
        name="ks",
        axis="step",
        description="Kolmogorov–Smirnov distance to the exact marginals, coordinates pooled: of "
        "the kept draws; along the steps, of all chains at one time",
    ),
    Metric(name="ks_gauge", axis="step", description="the same of the gauge's law"),
    Metric(name="wasserstein", axis="step", description="Wasserstein-1 distance, marginals"),
    Metric(
        name="ks_p",
        direction="none",  # under the law it is uniform: a larger one is not better
        description="p-value of the first coordinate over the chains' final states",
    ),
    Metric(
        name="ks_gauge_p",
        direction="none",
        description="p-value of the gauge over the chains' final states",
    ),
    _shown(
        "mean",
        "E x_i, running, mean over coordinates; on a simplex's face, where that is fixed, E x_1",
    ),
    _shown("mean_error", "mean, less that of the exact law"),
    _shown("second_moment", "E x_i², running, mean over coordinates"),
    _shown("second_moment_error", "second_moment, less that of the exact law"),
    _shown("boundary_share", "share of kept draws on the body's boundary"),
    _shown("coordinate_boundary_share", "share of kept coordinates at an end of their support"),
    _shown("outside_share", "share of kept draws outside the body"),
    Metric(name="ess", direction="higher", description="multivariate effective sample size"),
    Metric(
        name="ess_per_second",
        unit="1/s",
        direction="higher",
        is_cost=True,
        description="effective draws a second of CPU time, burn-in and compilation left out",
    ),
    Metric(name="ess_per_gradient", direction="higher", description="effective draws a call"),
    Metric(name="ess_per_projection", direction="higher", description="effective draws a call"),
    Metric(name="ess_per_membership", direction="higher", description="effective draws a call"),
    Metric(name="ess_per_chord", direction="higher", description="effective draws a call"),
    _shown("gradients", "calls of the gradient, all chains, burn-in included"),
    _shown("projections", "calls of the projection"),
    _shown("memberships", "calls of the membership test"),
    _shown("chords", "calls of the chord"),
    _shown("potentials", "calls of the potential"),
    Metric(name="r_hat", description="split R̂, the largest of the gauge's and some coordinates'"),
    Metric(name="steps_to_accuracy", description="steps until the gauge's law stays within it"),
    _shown("cut_short", "whether the schedule asks for more steps than were run"),
    _shown("schedule_fraction", "share of the schedule's steps that were run"),
    _shown("acceptance", "share of proposals taken"),
    _shown("step_size", "η of the run, of the coarsest one where there are several"),
    Metric(
        name="chain_steps_per_second",
        unit="1/s",
        direction="higher",
        is_cost=True,
        description="steps of one chain in all coordinates, a second of CPU time",
    ),
)


class Moments(NamedTuple):
    """Running sums over all chains; in few dimensions a row is several chains'."""

    first: FloatArray  # (repeats · n,)
    second: FloatArray  # (repeats · n,)
    count: FloatArray  # (1,) steps added


def no_moments(chains: int, dimension: int) -> Moments:
    """Sums of nothing."""
    most = max(1, _LOOP // dimension)
    repeats = max(each for each in range(1, most + 1) if chains % each == 0)
    return Moments(np.zeros(repeats * dimension), np.zeros(repeats * dimension), np.zeros(1))


def observe_moments(record, body, x, k):
    """Add the chains' points."""
    add_moments(x.reshape(x.size), record.first, record.second)
    record.count[0] += 1.0


def moments_of(record: Moments, chains: int, dimension: int) -> tuple[FloatArray, FloatArray]:
    """(n,) means of x and x²."""
    total = record.count[0] * chains
    shape = (-1, dimension)
    first, second = record.first.reshape(shape).sum(0), record.second.reshape(shape).sum(0)
    return first / total, second / total


def shown_mean(body: Body, mean: FloatArray) -> float:
    """One number of (n,) means: their mean, or the first where the body fixes their sum."""
    return float(mean.mean() if body.flat == body.dimension else mean[0])


class Kept:
    """Thinned draws: some coordinates, and each point's gauge."""

    def __init__(self, body: Body, chains: int, draws: int) -> None:
        self.body = body
        coordinates = min(body.dimension, _MOST_COORDINATES)
        self.points = np.zeros((chains, draws, coordinates))
        self.gauge = np.zeros((chains, draws))
        self.count = 0

    def add(self, x: FloatArray) -> None:
        """Keep the chains' present points."""
        self.points[:, self.count] = x[:, : self.points.shape[2]]
        self.gauge[:, self.count] = self.body.gauge(x)
        self.count += 1


def _is_exchangeable(law: ExactLaw) -> bool:
    parts = (law.mean, law.second_moment, law.low, law.high)
    return all(np.ptp(each) <= 1e-12 * (1.0 + abs(each[0])) for each in parts)


def distances_at(
    law: ExactLaw, body: Body, points: FloatArray, gauge: FloatArray
) -> dict[str, float]:
    """Distances of points (…, p) and their gauges from the law, where it is known."""
    found = {}
    if law.has_marginals:
        apart = _alike(law, points) if _is_exchangeable(law) else _one_by_one(law, points)
        found["ks"], found["wasserstein"] = apart
    if law.has_gauge:
        found["ks_gauge"] = ks_distance(gauge_law(gauge, body.flat), law.gauge_cdf)
    return found


def _alike(law: ExactLaw, points: FloatArray) -> tuple[float, float]:
    """Of all coordinates pooled, which have one law: sorted once, half of what this costs."""
    ordered = np.sort(np.ravel(points))
    levels = np.maximum.accumulate(law.cdf(0, ordered))
    return ks_of_levels(levels), wasserstein_of_ordered(ordered, lambda p: law.quantile(0, p))


def _one_by_one(law: ExactLaw, points: FloatArray) -> tuple[float, float]:
    """The levels F_j(x_j) of all coordinates pooled; the transport distance of some, averaged."""
    columns = [law.cdf(j, points[..., j]) for j in range(points.shape[-1])]
    some = range(min(points.shape[-1], _DISTANT))
    apart = [wasserstein_1(points[..., j], lambda p, j=j: law.quantile(j, p)) for j in some]
    return ks_of_levels(np.sort(np.ravel(columns))), float(np.mean(apart))


def final_p_values(law: ExactLaw, body: Body, x: FloatArray) -> dict[str, float]:
    """P-values of the chains' final states, which are independent of each other."""
    found, chains = {}, len(x)
    if law.has_marginals:
        distance = ks_distance(x[:, 0], lambda t: law.cdf(0, t))
        found["ks_p"] = ks_p_value(distance, chains)
    if law.has_gauge:
        distance = ks_distance(gauge_law(body.gauge(x), body.flat), law.gauge_cdf)
        found["ks_gauge_p"] = ks_p_value(distance, chains)
    return found


def measures_of(
    kept: Kept, law: ExactLaw | None, seconds: float, counts: Mapping[str, int]
) -> dict[str, float]:
    """Final values from the kept draws; ``seconds`` and ``counts`` are of the steps they span."""
    body, points, gauge = kept.body, kept.points, kept.gauge
    found = {
        "boundary_share": boundary_share(gauge),
        "outside_share": float((gauge > 1.0 + 1e-9).mean()),
    }
    if law is not None:
        found |= distances_at(law, body, points, gauge)
        if body.name == "box":
            found["coordinate_boundary_share"] = _share_at_ends(law, points)
    ess = multivariate_ess(points)
    if ess is not None and np.isfinite(ess):
        found["ess"] = ess
        found["ess_per_second"] = ess / max(seconds, 1e-9)
        for name in ("gradient", "projection", "membership", "chord"):
            if counts[name]:
                found[f"ess_per_{name}"] = ess / counts[name]
    rates = [split_rhat(gauge), split_rhat(points[..., :_MIXING])]
    known: Sequence[float] = [each for each in rates if each is not None and np.isfinite(each)]
    if known:
        found["r_hat"] = max(known)
    return found


def _share_at_ends(law: ExactLaw, points: FloatArray) -> float:
    coordinates = slice(0, points.shape[-1])
    low, high = law.low[coordinates], law.high[coordinates]
    room = _AT_END * (high - low)
    return float(((points <= low + room) | (points >= high - room)).mean())
