"""The measurements of a run in memory: values of a group by seed, curves, bounds, items.

Only cells that ended well (``ok`` or ``reused``) give values.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, cast

import numpy as np
import pyarrow as pa

from harness.analyse.columns import BoolArray, FloatArray, IntArray
from harness.analyse.specs import SpecLike, stored_specs
from harness.analyse.tables import CellColumns, CellRows, Cells
from harness.api.metric import BoundRole, Metric
from harness.suite.model import Published

__all__ = ["NO_VALUES", "Column", "Curve", "GroupBound", "Items", "Results"]

_KEPT_CURVES = 16

Holds = Literal["always", "in_expectation", "with_probability"]


class Column(NamedTuple):
    """One value a seed; cells without a value are left out."""

    seeds: IntArray  # (n,) ascending
    values: FloatArray  # (n,)
    is_censored: BoolArray  # (n,)
    point: float | None = None  # of the curve that they are values of


class Curve(NamedTuple):
    """A metric along its axis, NaN where a cell has no such point."""

    seeds: IntArray  # (n,) ascending
    at: FloatArray  # (points,) ascending
    values: FloatArray  # (n, points)
    is_censored: BoolArray  # (n, points)

    @property
    def common(self) -> FloatArray:
        """The points that every cell has."""
        return self.at[~np.isnan(self.values).any(axis=0)]


class Items(NamedTuple):
    """Scores an item; equal numbers are equal items throughout the run."""

    seeds: IntArray  # (scores,)
    item: IntArray  # (scores,)
    values: FloatArray  # (scores,)


class GroupBound(NamedTuple):
    """A bound of a group: as planned, and as single cells know it of their instance."""

    planned: float | None
    seeds: IntArray  # (cells,) ascending, of the cells with a value of their own
    values: FloatArray  # (cells,)
    holds: Holds
    delta: float | None
    is_vacuous: bool
    source: str

    def on(self, seeds: IntArray) -> FloatArray:
        """(seeds,) a value a seed, a cell's own before the planned one; NaN where none is."""
        found = np.full(seeds.size, np.nan if self.planned is None else self.planned)
        _, wanted, own = np.intersect1d(seeds, self.seeds, return_indices=True)
        found[wanted] = self.values[own]
        return found


@dataclass(frozen=True, eq=False, kw_only=True)
class Results:
    """What a run measured. Made by :meth:`from_tables`; a group is named by its place."""

    suite: str
    specs: tuple[SpecLike, ...]
    published: tuple[Published, ...]
    columns: CellColumns
    measured: CellRows
    scores: CellRows | None
    instance_bounds: CellRows | None
    # Claims read a curve point by point; a few are kept, since all may not fit into memory.
    _curves: dict[tuple[int, str], Curve] = field(default_factory=dict, repr=False)

    @classmethod
    def from_tables(
        cls,
        cells: pa.Table,
        measurements: pa.Table,
        bounds: pa.Table | None = None,
        items: pa.Table | None = None,
        specs: Sequence[SpecLike] | None = None,
        *,
        metrics: Mapping[str, Sequence[Metric]] | None = None,
        exclusive: Collection[str] = (),
        published: Sequence[Published] = (),
    ) -> Results:
        """Results of the tables of one run, as :mod:`harness.store.schemas` declares them.

        Parameters
        ----------
        cells, measurements, bounds, items
            ``bounds`` and ``items`` may be missing.
        specs
            A plan's specs. ``None``: made of the tables; then ``metrics`` says what each task
            declares, by its name, and ``exclusive`` which hardware classes run cells alone.
        published
            Figures from elsewhere that claims may refer to.
        """
        if specs is None:
            specs = stored_specs(cells, bounds, metrics or {}, exclusive)
        columns = CellColumns.of(cells, specs)
        of_cells = None if bounds is None else bounds.filter(bounds["cell_id"].is_valid())
        return cls(
            suite=cells["suite"][0].as_py() if len(cells) else "",
            specs=tuple(specs),
            published=tuple(published),
            columns=columns,
            measured=CellRows.of(measurements, columns),
            scores=None if items is None else CellRows.of(items, columns),
            instance_bounds=None if of_cells is None else CellRows.of(of_cells, columns),
        )

    def metric(self, group: int, name: str) -> Metric:
        """A metric as the group's task declares it, or a bare one where it isn't declared."""
        declared = {metric.name: metric for metric in self.specs[group].metrics}
        return declared.get(name, Metric(name=name, direction="none"))

    def cells(self, group: int) -> Cells:
        """The group's cells, whatever became of them."""
        return self.columns.group(group)

    def last(self, group: int, metric: str) -> Column:
        """Final values; where there are none, means of items or the last point of the curve."""
        rows = self.measured.rows(group, metric)
        rows = rows[np.isnan(self.measured.at[rows])]
        if rows.size:
            place = self.measured.place(group, rows)
            order = np.argsort(place, kind="stable")
            seeds = self.cells(group).seeds[place[order]]
            rows = rows[order]
            return Column(seeds, self.measured.value[rows], self.measured.is_censored[rows])
        scores = self.items(group, metric)
        if scores.seeds.size:
            seeds, place = np.unique(scores.seeds, return_inverse=True)
            means = np.bincount(place, scores.values) / np.bincount(place)
            return Column(seeds, means, np.zeros(seeds.size, np.bool_))
        curve = self.curve(group, metric)
        return _at_point(curve, curve.common[-1]) if curve.common.size else NO_VALUES

    def at(self, group: int, metric: str, x: float) -> Column:
        """Values at a point of the curve, between its points as the metric allows."""
        curve = self.curve(group, metric)
        if (curve.at == x).any():
            return _at_point(curve, x)
        if not curve.at.size:
            return NO_VALUES
        values = _between(curve, x, self.metric(group, metric).between)
        has_value = ~np.isnan(values)
        censored = np.asarray(curve.is_censored.any(axis=1))
        return Column(curve.seeds[has_value], values[has_value], censored[has_value])

    def curve(self, group: int, metric: str) -> Curve:
        """The metric along its axis; without points where it has no curve."""
        key = (group, metric)
        if key not in self._curves:
            if len(self._curves) >= _KEPT_CURVES:
                self._curves.clear()
            self._curves[key] = self._made_curve(group, metric)
        return self._curves[key]

    def _made_curve(self, group: int, metric: str) -> Curve:
        rows = self.measured.rows(group, metric)
        rows = rows[~np.isnan(self.measured.at[rows])]
        at, column = np.unique(self.measured.at[rows], return_inverse=True)
        place, row = np.unique(self.measured.place(group, rows), return_inverse=True)
        values = np.full((place.size, at.size), np.nan)
        values[row, column] = self.measured.value[rows]
        censored = np.zeros(values.shape, np.bool_)
        censored[row, column] = self.measured.is_censored[rows]
        return Curve(self.cells(group).seeds[place], at, values, censored)

    def items(self, group: int, metric: str) -> Items:
        """Scores an item; none where the metric has no items."""
        if self.scores is None:
            return _NO_ITEMS
        rows = self.scores.rows(group, metric)
        seeds = self.cells(group).seeds[self.scores.place(group, rows)]
        return Items(seeds, self.scores.texts["item"].codes[rows], self.scores.value[rows])

    def bound(
        self, group: int, metric: str, role: BoundRole, name: str = "", at: float | None = None
    ) -> GroupBound | None:
        """What is known of a bound; ``None`` where neither planning nor a cell gives it."""
        wanted = (metric, role, name, at)
        planned = [
            each
            for each in self.specs[group].bounds
            if (each.metric, each.role, each.name, each.at) == wanted
        ]
        own = self._instance_bound(group, metric, role, name, at)
        if not planned:
            return own
        bound = planned[0]
        if own is not None:
            return own._replace(planned=bound.value)
        return GroupBound(
            planned=bound.value,
            seeds=_NOTHING,
            values=np.empty(0),
            holds=bound.holds,
            delta=bound.delta,
            is_vacuous=bound.is_vacuous,
            source=bound.source,
        )

    def _instance_bound(
        self, group: int, metric: str, role: str, name: str, at: float | None
    ) -> GroupBound | None:
        table = self.instance_bounds
        if table is None:
            return None
        rows = table.with_word(table.rows(group, metric), "role", role)
        rows = table.with_word(rows, "name", name)
        rows = rows[_is_point(table.at[rows], at)]
        if not rows.size:
            return None
        order = np.argsort(table.cell[rows], kind="stable")
        rows = rows[order]
        delta = float(table.delta[rows[0]])
        return GroupBound(
            planned=None,
            seeds=self.cells(group).seeds[table.place(group, rows)],
            values=table.value[rows],
            holds=cast(Holds, table.word("holds", rows[0])),
            delta=None if np.isnan(delta) else delta,
            is_vacuous=bool(table.is_vacuous[rows].any()),
            source=table.word("source", rows[0]),
        )


_NOTHING = np.empty(0, np.int64)
NO_VALUES = Column(_NOTHING, np.empty(0), np.empty(0, np.bool_))
_NO_ITEMS = Items(_NOTHING, _NOTHING, np.empty(0))


def _at_point(curve: Curve, x: float) -> Column:
    place = int(np.searchsorted(curve.at, x))
    has_value = ~np.isnan(curve.values[:, place])
    return Column(
        curve.seeds[has_value],
        curve.values[has_value, place],
        curve.is_censored[has_value, place],
        x,
    )


def _is_point(points: FloatArray, at: float | None) -> BoolArray:
    """Which points are ``at``; ``None`` asks for what belongs to the final value."""
    return np.asarray(np.isnan(points) if at is None else points == at, np.bool_)


def _between(curve: Curve, x: float, between: str) -> FloatArray:
    """(n,) the curve's value at ``x``, NaN where the metric or the cell's points don't allow it."""
    found = np.full(curve.seeds.size, np.nan)
    if between == "nothing":
        return found
    for row, values in enumerate(curve.values):
        known = ~np.isnan(values)
        at, own = curve.at[known], values[known]
        if at.size and at[0] <= x <= at[-1]:
            if between == "linear":
                found[row] = np.interp(x, at, own)
            elif between == "step":
                found[row] = own[np.searchsorted(at, x, side="right") - 1]
            else:
                found[row] = own[np.searchsorted(at, x, side="left")]
    return found
