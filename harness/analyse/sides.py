"""One side of a comparison: a run's results, or a leaderboard of which only means are known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from harness.analyse.columns import IntArray, texts
from harness.analyse.effects import Summary
from harness.analyse.results import Results
from harness.analyse.tables import CellColumns
from harness.api.metric import Metric
from harness.api.parameters import canonical
from harness.store.ids import IdArray, id_rows

__all__ = [
    "BoardRow",
    "Identity",
    "Key",
    "Side",
    "board_of",
    "groups_of",
    "is_cost_by_unit",
    "run_side",
]

_COST_UNITS = frozenset({"ns", "us", "µs", "ms", "s", "min", "h", "B", "KiB", "MiB", "GiB"})


class Key(NamedTuple):
    """What makes groups of two runs the same; ``hardware`` only where a run has several."""

    task: str
    task_params: str  # canonical JSON
    label: str
    hardware: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class BoardRow:
    """A row of a leaderboard, as far as a comparison needs it."""

    summary: Summary
    title: str
    unit: str
    direction: str
    failures: int = 0
    censored: int = 0
    is_cost: bool = False


class Identity(NamedTuple):
    """Ids and machine of each cell, by the cell's number in the results."""

    cell: IdArray  # (cells, 16)
    code: IdArray  # (cells, 16)
    machine: IntArray  # (cells,) place among ``machines``
    machines: tuple[str, ...]

    @classmethod
    def of(cls, cells: pa.Table, columns: CellColumns) -> Identity:
        """Those of the cells that have a group."""
        rows = np.flatnonzero(columns.number >= 0)
        rows = rows[np.argsort(columns.number[rows], kind="stable")]
        machine = texts(cells["machine"])
        ids, codes = id_rows(cells["cell_id"]), id_rows(cells["code_id"])
        return cls(ids[rows], codes[rows], machine.codes[rows], machine.words)


@dataclass(frozen=True, kw_only=True, eq=False)
class Side:
    """What is compared: a run, or a leaderboard alone (then ``results`` is ``None``).

    ``name`` is what the user called it; ``notes`` tell what of it could not be read.
    """

    name: str
    suite: str = ""
    run_id: str = ""
    commit: str = ""
    path: str = ""
    started: str = ""
    is_clean: bool = True
    results: Results | None = None
    identity: Identity | None = None
    board: Mapping[tuple[Key, str], BoardRow] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def run_side(
    name: str,
    tables: Mapping[str, pa.Table],
    metrics: Mapping[str, Sequence[Metric]],
    exclusive: Collection[str] = (),
    **told: Any,
) -> Side:
    """A side of a run's tables (``items`` and ``leaderboard`` may be missing)."""
    results = Results.from_tables(
        tables["cells"],
        tables["measurements"],
        items=tables.get("items"),
        metrics=metrics,
        exclusive=exclusive,
    )
    board = tables.get("leaderboard")
    return Side(
        name=name,
        results=results,
        identity=Identity.of(tables["cells"], results.columns),
        board={} if board is None else board_of(board.to_pylist()),
        **told,
    )


def is_cost_by_unit(unit: str) -> bool:
    """Whether a metric of this unit is of time or memory, where nothing else is known of it."""
    return unit in _COST_UNITS or unit.endswith("/s")


def board_of(rows: Sequence[Mapping[str, Any]]) -> dict[tuple[Key, str], BoardRow]:
    """The measured rows of a leaderboard by group and metric.

    A leaderboard does not say which metrics are costs: their units do.
    """
    return {
        (Key(row["task"], row["task_params"], row["label"]), row["metric"]): BoardRow(
            summary=Summary(row["mean"], row["ci_low"], row["ci_high"], row["n"]),
            title=row.get("title") or row["task"],
            unit=row["unit"] or "",
            direction=row["direction"],
            failures=row.get("failures") or 0,
            censored=row.get("censored") or 0,
            is_cost=is_cost_by_unit(row["unit"] or ""),
        )
        for row in rows
        if row["origin"] == "measured" and row["mean"] is not None
    }


def groups_of(results: Results) -> dict[Key, int]:
    """The groups of a run by what makes them comparable, in the order of the plan."""
    bare = [Key(each.task, canonical(each.task_params), each.label) for each in results.specs]
    counts = Counter(bare)
    return {
        key if counts[key] == 1 else key._replace(hardware=spec.hardware): group
        for group, (key, spec) in enumerate(zip(bare, results.specs, strict=True))
    }
