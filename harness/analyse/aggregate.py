"""Methods over many tasks: interquartile means, performance profiles, probabilities of improvement.

Only cells that every method has count: methods that lack most tasks are left out, then tasks
that some method lacks, then seeds; what was left out is told. Values of different tasks become
comparable as shares of the task's mean over all methods, so that 1 is the average method and,
where lower is better, 0.5 half its loss.

=======================  =============================================================
interquartile mean       mean of the middle half of a method's shares, over tasks × seeds
performance profile      share of cells at most (lower is better) or at least τ,
                         a mean over tasks
probability of           share of common cells on which one method is better than another on
improvement              the same seed, ties counting half, a mean over tasks
=======================  =============================================================

Intervals are percentiles of a bootstrap that draws seeds anew within each task, all methods
together, since cells pair by seed. They hold for these tasks, not for tasks like them. Rank
spans are as on a board: Holm over all pairs, each tested by the difference of the two means
over its bootstrap standard error (Student, one degree lost a task): the tail of a percentile
ends at one in the number of resamples, which Holm over many pairs never lets through.

Source: Agarwal, Schwarzer, Castro, Courville & Bellemare 2021, "Deep reinforcement learning
at the edge of the statistical precipice", sections 4.2 and 4.3; they compare every seed with
every other, where ours are paired.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np

from harness.analyse.columns import FloatArray, IntArray
from harness.analyse.results import Column, Results
from harness.api.metric import Direction
from harness.api.parameters import canonical
from harness.errors import UsageError
from harness.stats import BOOTSTRAP_SEEDS, RankSpan, holm
from harness.stats.distributions import t_cdf

__all__ = [
    "Aggregate",
    "Aggregates",
    "Improvement",
    "Profile",
    "aggregates",
    "aggregates_of",
    "interquartile_mean",
]

_RESAMPLES = 2_000
_MOST_DRAWS = 40_000_000  # of one method: fewer resamples above it, at least 200
_KEY = 2021
_PROFILE_POINTS = 9


class Profile(NamedTuple):
    """The share of cells that reach each τ, with a band of 95 %."""

    at: FloatArray  # (points,) τ, in shares of the average method
    share: FloatArray  # (points,)
    low: FloatArray  # (points,)
    high: FloatArray  # (points,)


class Aggregate(NamedTuple):
    """A method over all tasks."""

    label: str
    iqm: float
    low: float
    high: float
    profile: Profile
    rank: RankSpan


class Improvement(NamedTuple):
    """How often ``label`` is better than ``than`` on one cell."""

    label: str
    than: str
    probability: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Aggregates:
    """All methods, the best interquartile mean first, and what they were computed on."""

    metric: str
    direction: Direction
    level: float
    tasks: tuple[str, ...]  # titles
    cells: int  # of each method
    methods: tuple[Aggregate, ...]
    improvements: tuple[Improvement, ...]
    left_out: tuple[str, ...]
    resamples: int


class _Common(NamedTuple):
    """Shares of the average method on common cells, a (methods, seeds) array a task."""

    labels: tuple[str, ...]
    titles: tuple[str, ...]
    shares: tuple[FloatArray, ...]
    left_out: tuple[str, ...]


def aggregates_of(
    results: Results, metric: str, level: float = 0.95, *, tasks: Collection[str] | None = None
) -> Aggregates:
    """Aggregates of a run, over all settings of ``tasks`` (all unless given).

    Raises
    ------
    UsageError
        If the metric has no direction, or fewer than two methods have a task in common.
    """
    directions = {results.metric(group, metric).direction for group in range(len(results.specs))}
    directions.discard("none")
    if len(directions) != 1:
        raise UsageError(f'"{metric}" has no direction that is the same on every task')
    tables: dict[tuple[str, str], dict[str, Column]] = {}
    titles: dict[tuple[str, str], str] = {}
    for group, spec in enumerate(results.specs):
        if tasks is not None and spec.task not in tasks:
            continue
        task = (spec.task, canonical(spec.task_params))
        titles[task] = spec.title or spec.task
        column = results.last(group, metric)
        if column.seeds.size and np.isfinite(column.values).all():
            tables.setdefault(task, {})[spec.label] = column
    named = {titles[task]: columns for task, columns in tables.items()}
    return aggregates(named, metric, directions.pop(), level)


def aggregates(
    tables: dict[str, dict[str, Column]], metric: str, direction: Direction, level: float = 0.95
) -> Aggregates:
    """Aggregates of values by task's title and method's label; raises as the other does."""
    common = _common(tables)
    if len(common.labels) < 2 or not common.shares:
        raise UsageError(
            f'"{metric}": no two methods have a task in common to aggregate over'
            + (f" ({'; '.join(common.left_out)})" if common.left_out else "")
        )
    cells = sum(task.shape[1] for task in common.shares)
    resamples = int(max(200, min(_RESAMPLES, _MOST_DRAWS // cells)))
    draws = _draws([task.shape[1] for task in common.shares], resamples)
    sign = 1.0 if direction == "lower" else -1.0
    tau = _profile_points(common.shares)
    values = [[task[row] for task in common.shares] for row in range(len(common.labels))]
    means = [_resampled_means(each, draws) for each in values]
    found = [interquartile_mean(np.concatenate(each)) for each in values]
    ranks = _ranks(sign * np.array(found), np.array(means), cells - len(common.shares), level)
    methods = [
        _aggregate(label, own, mean, draws, tau, sign, level, rank)
        for label, own, mean, rank in zip(common.labels, values, means, ranks, strict=True)
    ]
    methods.sort(key=lambda each: sign * each.iqm)
    row_of = {label: row for row, label in enumerate(common.labels)}
    improvements = [
        _improvement(one.label, other.label, row_of, common.shares, draws, sign, level)
        for one, other in combinations(methods, 2)
    ]
    return Aggregates(
        metric=metric,
        direction=direction,
        level=level,
        tasks=common.titles,
        cells=cells,
        methods=tuple(methods),
        improvements=tuple(improvements),
        left_out=common.left_out,
        resamples=resamples,
    )


def interquartile_mean(values: FloatArray) -> FloatArray:
    """Mean of what lies between the quartiles along the last axis.

    A quarter of the values, rounded down, is cut from either end, as
    ``scipy.stats.trim_mean(values, 0.25)`` does.
    """
    count = values.shape[-1]
    cut = int(0.25 * count)
    ordered = np.sort(values, axis=-1)
    return np.asarray(ordered[..., cut : count - cut].mean(axis=-1))


def _common(tables: dict[str, dict[str, Column]]) -> _Common:
    """The methods that have most tasks, the tasks that all of these have, their seeds."""
    counts: dict[str, int] = {}
    for columns in tables.values():
        for label in columns:
            counts[label] = counts.get(label, 0) + 1
    most = max(counts.values(), default=0)
    labels = tuple(label for label, count in counts.items() if 2 * count >= most)
    left_out = [
        f"{label}: has {counts[label]} of {len(tables)} tasks"
        for label in counts
        if label not in labels
    ]
    titles, shares = [], []
    for title, columns in tables.items():
        missing = [label for label in labels if label not in columns]
        if missing:
            left_out.append(f"{title}: no value of {', '.join(missing)}")
            continue
        values = _on_common_seeds([columns[label] for label in labels])
        average = float(values.mean()) if values.size else 0.0
        if average == 0 or (np.sign(values.mean(axis=1)) == -np.sign(average)).any():
            why = "its mean has no sign to share" if values.size else "no seed in common"
            left_out.append(f"{title}: {why}")
            continue
        titles.append(title)
        shares.append(values / abs(average))
    return _Common(labels, tuple(titles), tuple(shares), tuple(left_out))


def _on_common_seeds(columns: Sequence[Column]) -> FloatArray:
    seeds = columns[0].seeds
    for column in columns[1:]:
        seeds = np.intersect1d(seeds, column.seeds)
    return np.array([each.values[np.searchsorted(each.seeds, seeds)] for each in columns])


def _draws(sizes: Sequence[int], resamples: int) -> list[IntArray]:
    """(resamples, seeds) of each task: which seeds each resample holds, a fixed stream."""
    generator = np.random.Philox(key=_KEY)
    drawn = []
    for size in sizes:
        words = generator.random_raw(resamples * size) >> np.uint64(32)
        picked = (words * np.uint64(size)) >> np.uint64(32)
        drawn.append(picked.astype(np.int64).reshape(resamples, size))
    return drawn


def _profile_points(shares: Sequence[FloatArray]) -> FloatArray:
    """τ at deciles of all cells: where profiles differ."""
    whole = np.concatenate([task.ravel() for task in shares])
    inner = np.linspace(0, 1, _PROFILE_POINTS + 2)[1:-1]
    return np.unique(np.quantile(whole, inner))


def _resampled_means(values: Sequence[FloatArray], draws: Sequence[IntArray]) -> FloatArray:
    """(resamples,) interquartile means of one method."""
    resampled = [task[drawn] for task, drawn in zip(values, draws, strict=True)]
    return interquartile_mean(np.concatenate(resampled, axis=1))


def _ranks(losses: FloatArray, means: FloatArray, degrees: int, level: float) -> list[RankSpan]:
    """Rank spans of interquartile means.

    Parameters
    ----------
    losses : (methods,) float64
        Smaller is better.
    means : (methods, resamples) float64
        Resampled, all methods on the same draws.
    degrees
        Of freedom of a standard error.
    level
        Of all spans together.
    """
    pairs = list(combinations(range(losses.size), 2))
    p_values = np.ones(len(pairs))
    for place, (one, other) in enumerate(pairs):
        gap, error = losses[one] - losses[other], float(np.std(means[one] - means[other], ddof=1))
        if gap and degrees > 0:
            p_values[place] = _p_value(abs(gap), error, degrees)
    better = np.zeros((losses.size, losses.size), np.bool_)
    for (one, other), p in zip(pairs, holm(p_values), strict=True):
        if p < 1 - level:
            first, second = (one, other) if losses[one] < losses[other] else (other, one)
            better[first, second] = True
    return [
        RankSpan(1 + int(better[:, row].sum()), losses.size - int(better[row].sum()))
        for row in range(losses.size)
    ]


def _p_value(gap: float, error: float, degrees: int) -> float:
    """Of a gap; one that is the same in every cell is known from as many as a board wants."""
    if error:
        return 2 * (1 - t_cdf(gap / error, degrees))
    return 0.0 if degrees + 1 >= BOOTSTRAP_SEEDS else 1.0


def _aggregate(
    label: str,
    values: Sequence[FloatArray],
    means: FloatArray,
    draws: Sequence[IntArray],
    tau: FloatArray,
    sign: float,
    level: float,
    rank: RankSpan,
) -> Aggregate:
    whole = np.concatenate(values)
    low, high = _ends(means, level)
    reached = [np.asarray(sign * task[:, None] <= sign * tau) for task in values]
    share = np.mean([each.mean(axis=0) for each in reached], axis=0)
    bands = [
        np.array([each[:, [point]][drawn, 0].mean(axis=1) for point in range(tau.size)])
        for each, drawn in zip(reached, draws, strict=True)
    ]
    ends = np.array([_ends(point, level) for point in np.mean(bands, axis=0)])
    profile = Profile(tau, np.asarray(share), ends[:, 0], ends[:, 1])
    return Aggregate(label, float(interquartile_mean(whole)), low, high, profile, rank)


def _improvement(
    label: str,
    than: str,
    row_of: dict[str, int],
    shares: Sequence[FloatArray],
    draws: Sequence[IntArray],
    sign: float,
    level: float,
) -> Improvement:
    gaps = [sign * (task[row_of[label]] - task[row_of[than]]) for task in shares]
    wins = [(each < 0) + 0.5 * (each == 0) for each in gaps]
    resampled = np.mean(
        [task[drawn].mean(axis=1) for task, drawn in zip(wins, draws, strict=True)], axis=0
    )
    low, high = _ends(np.asarray(resampled), level)
    return Improvement(label, than, float(np.mean([each.mean() for each in wins])), low, high)


def _ends(resampled: FloatArray, level: float) -> tuple[float, float]:
    low, high = np.quantile(resampled, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
