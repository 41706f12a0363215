"""The two shapes of a run's tables: cells by group and seed, and rows that belong to cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from harness.analyse.columns import (
    BoolArray,
    FloatArray,
    IntArray,
    RowIndex,
    Texts,
    floats,
    index_rows,
    texts,
)
from harness.analyse.specs import SpecLike, cell_specs
from harness.store.ids import IdArray, id_rows, match_repeated

__all__ = ["CellColumns", "Cells", "CellRows"]

DONE = ("ok", "reused")
SKIPPED = "skipped"
REASONS = 3  # different messages kept a group


class Cells(NamedTuple):
    """A group's cells in the order of their seeds, whatever became of them."""

    seeds: IntArray  # (cells,)
    is_done: BoolArray  # (cells,)
    is_skipped: BoolArray  # (cells,)
    wall_s: FloatArray  # (cells,) NaN where not known
    peak_memory: FloatArray  # (cells,) bytes, NaN where not known
    compiled: FloatArray  # (cells,) 1 compiled, 0 plain Python, NaN where nothing compiles
    reasons: tuple[str, ...]  # why cells were not done, each once, the first few

    @property
    def failures(self) -> int:
        """Cells that ended badly: failed, timeout, crashed, oom."""
        return int(np.sum(~self.is_done & ~self.is_skipped))

    @property
    def is_compiled(self) -> bool | None:
        """Whether every finished cell was compiled; ``None`` where there is nothing to."""
        known = self.compiled[self.is_done & ~np.isnan(self.compiled)]
        return bool((known == 1.0).all()) if known.size else None


@dataclass(frozen=True, eq=False, slots=True)
class CellColumns:
    """``cells.parquet``, sorted by group and seed. A cell's number is its place here."""

    ids: IdArray  # (rows, 16) as in the table
    number: IntArray  # (rows,) place of each row's cell, -1 where it has no group
    first: IntArray  # (groups + 1,) first cell of each group
    seeds: IntArray
    is_done: BoolArray
    is_skipped: BoolArray
    wall_s: FloatArray
    peak_memory: FloatArray
    compiled: FloatArray
    reasons: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, cells: pa.Table, specs: Sequence[SpecLike]) -> CellColumns:
        """The cells that belong to ``specs``."""
        group = cell_specs(cells, specs)
        seeds = cells["seed"].to_numpy().astype(np.int64)
        order = np.lexsort((seeds, group))
        order = order[np.searchsorted(group[order], 0) :]
        number = np.full(len(cells), -1, np.int64)
        number[order] = np.arange(order.size)
        status = texts(cells["status"])
        done = np.isin(
            status.codes, [place for place, word in enumerate(status.words) if word in DONE]
        )
        skipped = status.codes == (status.words.index(SKIPPED) if SKIPPED in status.words else -2)
        first = np.searchsorted(group[order], np.arange(len(specs) + 1))
        return cls(
            ids=id_rows(cells["cell_id"]),
            number=number,
            first=first.astype(np.int64),
            seeds=seeds[order],
            is_done=done[order],
            is_skipped=skipped[order],
            wall_s=floats(cells["wall_s"])[order],
            peak_memory=floats(cells["peak_memory"])[order],
            compiled=floats(cells["compiled"].cast(pa.int8()))[order],
            reasons=_reasons(cells, group, ~done, len(specs)),
        )

    def group(self, group: int) -> Cells:
        """The cells of one group."""
        span = slice(self.first[group], self.first[group + 1])
        return Cells(
            self.seeds[span],
            self.is_done[span],
            self.is_skipped[span],
            self.wall_s[span],
            self.peak_memory[span],
            self.compiled[span],
            self.reasons[group],
        )

    def group_of(self, numbers: IntArray) -> IntArray:
        """The group of each cell; -1 for number -1."""
        found = np.searchsorted(self.first, numbers, side="right") - 1
        return np.where(numbers < 0, -1, found)


def _reasons(
    cells: pa.Table, group: IntArray, is_lost: BoolArray, groups: int
) -> tuple[tuple[str, ...], ...]:
    found: list[dict[str, None]] = [{} for _ in range(groups)]
    rows = np.flatnonzero(is_lost & (group >= 0))
    lost = cells.select(["status", "error_message"]).take(rows)
    told = zip(
        group[rows], lost["status"].to_pylist(), lost["error_message"].to_pylist(), strict=True
    )
    for place, status, message in told:
        if len(found[place]) < REASONS:
            found[place][message or status] = None
    return tuple(tuple(each) for each in found)


@dataclass(frozen=True, eq=False, slots=True)
class CellRows:
    """A table of rows that belong to a cell and a metric, indexed by (group, metric).

    Rows of cells that did not end well are left out: a failed cell may have streamed points
    before it failed.
    """

    columns: CellColumns
    cell: IntArray  # (rows,) number of the cell
    at: FloatArray  # (rows,) NaN: not a point of a curve
    value: FloatArray  # (rows,)
    is_censored: BoolArray  # (rows,)
    metrics: Mapping[str, int]
    index: RowIndex
    texts: Mapping[str, Texts]  # further columns of words
    delta: FloatArray  # (rows,) NaN where the table has none
    is_vacuous: BoolArray  # (rows,)

    @classmethod
    def of(cls, table: pa.Table, columns: CellColumns) -> CellRows:
        """The rows of ``measurements``, ``items`` or ``bounds``."""
        row = match_repeated(id_rows(table["cell_id"]), columns.ids)
        cell = np.where(row < 0, -1, columns.number[row]) if columns.number.size else row
        if columns.is_done.size:
            cell = np.where(columns.is_done[cell], cell, -1)
        metric = texts(table["metric"])
        keys = np.where(cell < 0, -1, columns.group_of(cell) * len(metric.words) + metric.codes)
        has = set(table.column_names)
        nothing = np.full(len(table), np.nan)
        false = np.zeros(len(table), np.bool_)
        words = [name for name in ("item", "role", "name", "holds", "source") if name in has]
        return cls(
            columns=columns,
            cell=cell,
            at=floats(table["at"]) if "at" in has else nothing,
            value=floats(table["value"]),
            is_censored=table["censored"].to_numpy() if "censored" in has else false,
            metrics={word: code for code, word in enumerate(metric.words)},
            index=index_rows(keys),
            texts={name: texts(table[name]) for name in words},
            delta=floats(table["delta"]) if "delta" in has else nothing,
            is_vacuous=table["vacuous"].to_numpy() if "vacuous" in has else false,
        )

    def rows(self, group: int, metric: str) -> IntArray:
        """The rows of a group's done cells, in the order in which they were written."""
        code = self.metrics.get(metric)
        if code is None:
            return np.empty(0, np.int64)
        return self.index.rows(group * len(self.metrics) + code)

    def place(self, group: int, rows: IntArray) -> IntArray:
        """The place of each row's cell among its group's cells."""
        numbers: IntArray = self.cell[rows]
        return numbers - int(self.columns.first[group])

    def word(self, column: str, row: int) -> str:
        """The text of a row in one of the further columns."""
        codes, words = self.texts[column]
        return words[int(codes[row])]

    def with_word(self, rows: IntArray, column: str, wanted: str) -> IntArray:
        """Those of ``rows`` that have this text in a further column."""
        codes, words = self.texts[column]
        kept: IntArray = rows[codes[rows] == (words.index(wanted) if wanted in words else -2)]
        return kept
