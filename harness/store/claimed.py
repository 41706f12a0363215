"""Which rows belong to a cell's last row.

A cell may be written several times: it crashed or failed, and a later command tried it again.
The last row wins, and rows of an earlier try are never mixed with it. **The rule**: to a cell
row belong the rows of its id that were written

- with it or before it (at most the place of that stream which its batch names),
- after the cell's previous row (above the place that that row's batch names),
- in the same session (above the place at which the journal was opened): what a killed process
  had written of an unfinished cell is not of the cell that the next one computes;
- and of rows for the same thing (metric and ``at``, metric and item) the last one: a worker
  that died may have sent a part of the cell already, which is then sent again.

Everything else in the other streams is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from harness.store.ids import id_keys, id_rows, match_repeated

__all__ = ["Claims", "claim_rows", "last_rows"]

IntArray = npt.NDArray[np.int64]

_ODD = np.uint64(0x9E3779B97F4A7C15)  # 2**64 over the golden ratio: spreads low bits upwards

_SAME_THING = {
    "measurements": ("metric", "at"),
    "items": ("metric", "item"),
    "records": ("item",),
    "bounds": ("metric", "role", "name", "at"),
}


class Claims(NamedTuple):
    """The last row of each cell, and which batches of the other streams it may claim.

    ``rows`` are rows of the cells stream in their order; ``above`` and ``up_to`` give for
    each stream the numbers of batches: above < batch <= up_to.
    """

    rows: IntArray
    above: Mapping[str, IntArray]
    up_to: Mapping[str, IntArray]


def last_rows(
    cells: pa.Table, batch: IntArray, up_to: Mapping[str, IntArray], opened: Mapping[str, IntArray]
) -> Claims:
    """The last row of each cell.

    Parameters
    ----------
    cells
        All rows of the cells stream.
    batch : (rows,) int64
        The cells batch that each is in.
    up_to, opened : {stream: (batches,) int64}
        For each cells batch the last batch of the other stream that it names, and the last
        one that there was when its session began.
    """
    keys = id_keys(id_rows(cells.column("cell_id")))
    order = np.lexsort((keys[:, 1], keys[:, 0]))  # stable: rows of one cell stay in order
    is_same = np.zeros(len(keys) + 1, np.bool_)  # as the row before it in this order
    is_same[1:-1] = np.all(keys[order[1:]] == keys[order[:-1]], axis=1)
    before = np.full(len(keys), -1, np.int64)
    before[order[is_same[:-1]]] = order[np.flatnonzero(is_same[:-1]) - 1]
    rows = np.sort(order[~is_same[1:]])
    above = {}
    for name, places in up_to.items():
        earlier = np.where(before[rows] >= 0, places[batch[before[rows]]], -1)
        above[name] = np.maximum(earlier, opened[name][batch[rows]])
    return Claims(rows, above, {name: places[batch[rows]] for name, places in up_to.items()})


def claim_rows(
    stream: str, table: pa.Table, batch: IntArray, cells: pa.Table, claims: Claims
) -> pa.Table:
    """The rows of another stream that belong to ``cells``, the last rows of ``claims``.

    ``batch`` (rows,) says which batch of its stream each row of ``table`` is in.
    """
    if not len(table) or not len(cells):
        return table.slice(0, 0)
    owner = match_repeated(id_rows(table.column("cell_id")), id_rows(cells.column("cell_id")))
    is_claimed = (owner >= 0) & (batch <= claims.up_to[stream][owner])
    is_claimed &= batch > claims.above[stream][owner]
    if not is_claimed.all():
        table, owner = table.filter(pa.array(is_claimed)), owner[is_claimed]
    return _last_of_each(table, owner, _SAME_THING[stream])


def _last_of_each(table: pa.Table, owner: IntArray, names: Sequence[str]) -> pa.Table:
    """The last row of each cell and thing, in the order of the table."""
    keys = owner.astype(np.uint64)
    for name in names:
        keys = keys * _ODD + _words(table.column(name))
        keys ^= keys >> np.uint64(32)
    ordered = np.sort(keys)
    if not np.any(ordered[1:] == ordered[:-1]):
        return table  # the usual case: equal things have equal keys, so there are none
    told = table.select(list(names)).append_column("owner", pa.array(owner))
    told = told.append_column("row", pa.array(np.arange(len(table))))
    last = (
        told.group_by(["owner", *names], use_threads=False)
        .aggregate([("row", "max")])
        .column("row_max")
    )
    return table.take(pa.array(np.sort(last.to_numpy())))


def _words(column: pa.ChunkedArray) -> npt.NDArray[np.uint64]:
    """A number for each value, equal for equal values."""
    values: npt.NDArray[np.uint64]
    if pa.types.is_floating(column.type):
        values = column.fill_null(np.nan).to_numpy().view(np.uint64)
    else:
        values = column.combine_chunks().dictionary_encode().indices.to_numpy().astype(np.uint64)
    return values
