"""The board: one row a task × metric × label, with interval, ranks, bounds and cost.

Rows of one task and metric stand together in the order of their means, the best first. A
method without a value keeps its row: last, without a rank, with its failures counted.
Published figures stand beside and are never ranked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa

from harness.analyse.columns import FloatArray, IntArray
from harness.analyse.results import Column, GroupBound, Results
from harness.api.metric import Metric, MetricType
from harness.api.parameters import canonical
from harness.stats import rank_intervals, samples
from harness.store.schemas import SCHEMAS
from harness.suite.model import Published

__all__ = ["TaskBoard", "leaderboard", "ranked_by", "seed_matrix", "task_boards"]

_NO_SEEDS: IntArray = np.empty(0, np.int64)
_EMPTY: dict[str, Any] = dict.fromkeys(SCHEMAS["leaderboard"].names)


_NUMBERS = 4_000_000  # final values resampled together: 32 MB
_Key = tuple[int, str]  # group and metric


class _Final(NamedTuple):
    """A group's final values with their mean and interval, where there are any."""

    column: Column
    estimate: dict[str, float]


class TaskBoard(NamedTuple):
    """One task with one setting of its parameters: the groups that share it."""

    task: str
    task_params: Mapping[str, Any]
    groups: tuple[int, ...]
    metrics: tuple[Metric, ...]


def leaderboard(
    results: Results,
    *,
    level: float = 0.95,
    suite: str = "",
    published: Sequence[Published] = (),
    commit: str = "",
    machine: str = "",
) -> pa.Table:
    """The board of a run, with the columns of ``leaderboard.parquet``.

    Parameters
    ----------
    results
        What the run measured; its final values are shown.
    level
        Of the intervals and of the ranks' paired tests.
    suite
        The suite's name; as in the cells unless given.
    published
        Figures from elsewhere; those of the results where none are given.
    commit, machine
        Told in each measured row.
    """
    figures = tuple(published) or results.published
    rows: list[dict[str, Any]] = []
    finals = _finals(results, level)
    for board in task_boards(results):
        for metric in board.metrics:
            beside = [each for each in figures if _belongs(each, board, metric)]
            measured = _measured(results, board, metric, level, finals)
            shared = _shared(results, board, metric)
            whole = [row | {"commit": commit, "machine": machine} for row in measured]
            whole += [_published_row(each) for each in beside]
            rows += [_EMPTY | row | shared for row in _ordered(whole, metric)]
    rows += [_EMPTY | row for row in _strangers(results, figures)]
    for row in rows:
        row["suite"] = suite or results.suite
    return pa.Table.from_pylist(rows, schema=SCHEMAS["leaderboard"])


def task_boards(results: Results) -> Iterator[TaskBoard]:
    """Tasks in the order in which they were planned."""
    found: dict[tuple[str, str], list[int]] = {}
    for group, spec in enumerate(results.specs):
        found.setdefault((spec.task, canonical(spec.task_params)), []).append(group)
    for groups in found.values():
        first = results.specs[groups[0]]
        yield TaskBoard(first.task, first.task_params, tuple(groups), first.metrics)


def _shared(results: Results, board: TaskBoard, metric: Metric) -> dict[str, Any]:
    return {
        "task": board.task,
        "task_params": canonical(board.task_params),
        "title": results.specs[board.groups[0]].title,
        "metric": metric.name,
        "unit": metric.unit,
        "direction": metric.direction,
        "expected": metric.expected,
    }


def _measured(
    results: Results, board: TaskBoard, metric: Metric, level: float, finals: Mapping[_Key, _Final]
) -> list[dict[str, Any]]:
    columns = {group: finals[group, metric.name].column for group in board.groups}
    some_done = any(results.cells(group).is_done.any() for group in board.groups)
    if some_done and not any(column.seeds.size for column in columns.values()):
        return []  # declared, and given to no method on this task
    rows = [
        _row(results, group, metric, columns[group]) | finals[group, metric.name].estimate
        for group in board.groups
    ]
    direction = ranked_by(results, board, metric)
    if direction is not None:
        valued = [place for place, group in enumerate(board.groups) if columns[group].seeds.size]
        matrix = seed_matrix([columns[board.groups[place]] for place in valued])
        ranks = rank_intervals(matrix, direction, level, metric.type)
        for place, span in zip(valued, ranks.spans, strict=True):
            assert span is not None, "methods without a value are left out"
            rows[place] |= {"rank_low": span.low, "rank_high": span.high}
    return rows


def ranked_by(
    results: Results, board: TaskBoard, metric: Metric
) -> Literal["lower", "higher"] | None:
    """The direction to rank by; costs only where every method ran alone on the machine."""
    if metric.direction == "none":
        return None
    if metric.is_cost and not all(results.specs[group].exclusive for group in board.groups):
        return None
    return metric.direction


def _finals(results: Results, level: float) -> dict[_Key, _Final]:
    """The final values of all groups, by metric.

    Those with as many seeds are resampled in one go, whatever their task: each call reads 16 MB
    of resamples, and for a thousand groups of a thousand seeds one by one, that took nine
    tenths of the time.
    """
    finals: dict[_Key, _Final] = {}
    alike: dict[tuple[int, MetricType], list[_Key]] = {}
    for board in task_boards(results):
        for group, metric in product(board.groups, board.metrics):
            column = results.last(group, metric.name)
            finals[group, metric.name] = _Final(column, {})
            if column.seeds.size:
                alike.setdefault((column.seeds.size, metric.type), []).append((group, metric.name))
    for (seeds, kind), keys in alike.items():
        step = max(1, _NUMBERS // seeds)
        for start in range(0, len(keys), step):
            chosen = keys[start : start + step]
            table = np.column_stack([finals[key].column.values for key in chosen])
            for key, estimate in zip(chosen, samples(table, kind), strict=True):
                interval = estimate.interval(level)
                ends = {"ci_low": interval.low, "ci_high": interval.high} if interval else {}
                if kind == "share":  # what no share can be is in no interval of it
                    ends = {name: min(max(end, 0.0), 1.0) for name, end in ends.items()}
                finals[key].estimate.update(mean=estimate.value, **ends)
    return finals


def _row(results: Results, group: int, metric: Metric, column: Column) -> dict[str, Any]:
    spec, cells = results.specs[group], results.cells(group)
    row: dict[str, Any] = {
        "label": spec.label,
        "method": spec.method,
        "method_params": canonical(spec.method_params),
        "origin": "measured",
        "axis": metric.axis if column.point is not None else None,
        "point": column.point,
        "n": column.seeds.size,
        "failures": cells.failures,
        "censored": int(column.is_censored.sum()),
        "wall_s": _mean(cells.wall_s[cells.is_done]),
        "peak_memory": _largest(cells.peak_memory[cells.is_done]),
        "compiled": cells.is_compiled,
        "reason": cells.reasons[0] if not column.seeds.size and cells.reasons else None,
    }
    lower = results.bound(group, metric.name, "lower_bound")
    guarantee = results.bound(group, metric.name, "guarantee")
    row["lower_bound"], row["ratio_to_lower"] = _against(column, lower)
    row["guarantee"], row["ratio_to_guarantee"] = _against(column, guarantee)
    row["vacuous"] = guarantee.is_vacuous if guarantee else None
    return row


def _against(column: Column, bound: GroupBound | None) -> tuple[float | None, float | None]:
    """A bound's mean over cells, and the mean of value ÷ bound where bounds are positive."""
    if bound is None:
        return None, None
    own = bound.on(column.seeds)
    known = ~np.isnan(own)
    if not known.any():
        return bound.planned, None
    mean = float(own[known].mean())
    if not (own[known] > 0).all():
        return mean, None
    return mean, float(np.mean(column.values[known] / own[known]))


def seed_matrix(columns: Sequence[Column]) -> FloatArray:
    """(methods, seeds) values on every seed that some method has, NaN where one lacks it."""
    seeds = np.unique(np.concatenate([_NO_SEEDS, *(column.seeds for column in columns)]))
    matrix = np.full((len(columns), seeds.size), np.nan)
    for row, column in enumerate(columns):
        matrix[row, np.searchsorted(seeds, column.seeds)] = column.values
    return matrix


def _ordered(rows: list[dict[str, Any]], metric: Metric) -> list[dict[str, Any]]:
    """The best mean first; where neither direction is better, as planned."""
    sign = {"lower": 1.0, "higher": -1.0, "none": 0.0}[metric.direction]
    return sorted(
        rows,
        key=lambda row: (row.get("mean") is None, sign * (row.get("mean") or 0.0)),
    )


def _belongs(figure: Published, board: TaskBoard, metric: Metric) -> bool:
    """Whether a published final value is of this task, as far as it says of which setting."""
    return (
        figure.task == board.task
        and figure.metric == metric.name
        and figure.at is None
        and all(
            canonical(board.task_params[key]) == canonical(value)
            for key, value in figure.params.items()
            if key in board.task_params
        )
    )


def _published_row(figure: Published) -> dict[str, Any]:
    return {
        "label": figure.label,
        "origin": "published",
        "mean": figure.value,
        "n": 0,
        "failures": 0,
        "censored": 0,
        "source": figure.source,
    }


def _strangers(results: Results, figures: Sequence[Published]) -> Iterator[dict[str, Any]]:
    """Published final values of tasks that were not measured: boards of their own."""
    boards = list(task_boards(results))
    for figure in figures:
        met = any(_belongs(figure, board, metric) for board in boards for metric in board.metrics)
        if met or figure.at is not None:
            continue
        yield _published_row(figure) | {
            "task": figure.task,
            "task_params": canonical(dict(figure.params)),
            "metric": figure.metric,
            "unit": "",
            "direction": "none",
        }


def _mean(values: FloatArray) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else None


def _largest(values: FloatArray) -> int | None:
    known = values[~np.isnan(values)]
    return int(known.max()) if known.size else None
