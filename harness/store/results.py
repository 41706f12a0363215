"""Plan, journal and reused rows joined to the tables of a run.

:func:`join_tables` is a function of its arguments; :func:`write_results` and
:func:`read_results` are its two edges. Rows are in the order of the plan, whatever the order
in which cells finished, so that two runs of one suite have equal tables.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from harness.api.parameters import canonical
from harness.store.disk import Disk
from harness.store.ids import id_rows, match, match_repeated
from harness.store.parquet import read_table, write_table
from harness.store.planned import PlannedCells, PlannedSpec
from harness.store.recover import JournalTables
from harness.store.rows import Status
from harness.store.schemas import SCHEMAS, conform, empty

__all__ = [
    "ResultTables",
    "ReusedTables",
    "join_tables",
    "read_results",
    "write_results",
]

IntArray = npt.NDArray[np.int64]

_STATUS_NAMES = pa.array([status.name.lower() for status in Status])
_COSTS = ("wall_s", "cpu_s", "compile_s", "peak_memory")
_MEASURED = (
    "cell_id",
    "code_id",
    "machine",
    "status",
    "reused_from",
    "attempts",
    "started",
    *_COSTS[:2],
    "shared",
    *_COSTS[2:],
    "compiled",
    "error_type",
    "error_message",
    "log",
)


class ReusedTables(NamedTuple):
    """Rows of earlier runs that count in this one; columns as in Parquet.

    ``cells.reused_from`` is the run that computed each.
    """

    cells: pa.Table
    measurements: pa.Table
    items: pa.Table
    records: pa.Table
    bounds: pa.Table


class ResultTables(NamedTuple):
    """The tables of a run, as in Parquet; those without rows have no file.

    ``bounds`` has rows of two kinds: with a null ``cell_id`` what planning knew, once a
    group (``task``, ``task_params``, ``label``); otherwise what is known of one cell.
    """

    cells: pa.Table
    measurements: pa.Table
    items: pa.Table
    records: pa.Table
    bounds: pa.Table
    artifacts: pa.Table


def write_results(
    folder: Path,
    plan: PlannedCells,
    run_id: str,
    journal: JournalTables,
    reused: ReusedTables | None = None,
    *,
    machine: str,
    disk: Disk | None = None,
) -> ResultTables:
    """Write a run's Parquet files into its folder; the tables that were written.

    ``machine`` is the fingerprint of the machine on which the journal's cells ran. Cells of
    the plan that never ran have no rows. Raises ``StoreError`` if a file cannot be written.
    """
    tables = join_tables(plan, run_id, journal, reused, machine=machine)
    for name, table in tables._asdict().items():
        path = folder / f"{name}.parquet"
        if len(table) or name in ("cells", "measurements") or path.exists():
            write_table(path, table, disk)
    return tables


def read_results(folder: Path) -> ResultTables:
    """A run's tables; ``StoreError`` names a file that cannot be read."""
    tables = {}
    for name in ResultTables._fields:
        path = folder / f"{name}.parquet"
        is_needed = name in ("cells", "measurements")
        tables[name] = read_table(path) if is_needed or path.exists() else empty(SCHEMAS[name])
    return ResultTables(**tables)


def join_tables(
    plan: PlannedCells,
    run_id: str,
    journal: JournalTables,
    reused: ReusedTables | None = None,
    *,
    machine: str,
) -> ResultTables:
    """The tables of a run.

    A cell that is in the journal and reused is the journal's. Rows of the journal for cells
    that are not in the plan are left out. Of cells reused from another machine the costs
    are: they are null in ``cells``, and cost metrics have no measurements.
    """
    own = _own_cells(journal.cells, machine)
    place = match(id_rows(own.column("cell_id")), plan.cell_ids)
    sources = [_Source(own, journal, place)]
    if reused is not None:
        sources.append(_Source(*_reused_cells(plan, reused, place, machine)))
    cells = _described(plan, run_id, sources)
    owned = {name: _owned(plan, sources, name) for name in ("measurements", "items", "records")}
    return ResultTables(
        cells=cells,
        bounds=_all_bounds(plan, sources),
        artifacts=conform(journal.artifacts, SCHEMAS["artifacts"]),
        **owned,
    )


class _Source(NamedTuple):
    """Cells with what belongs to them, and each one's row in the plan (-1: not in it)."""

    cells: pa.Table  # the measured columns
    tables: JournalTables | ReusedTables
    place: IntArray


def _own_cells(cells: pa.Table, machine: str) -> pa.Table:
    """The journal's cells with the measured columns as Parquet has them."""
    rows = len(cells)
    started = (cells.column("started").to_numpy() * 1e6).astype(np.int64)
    compiled = cells.column("compiled").to_numpy()
    own = {name: cells.column(name) for name in _MEASURED if name in cells.column_names}
    own |= {
        "machine": _constant(machine, rows),
        "status": pa.DictionaryArray.from_arrays(
            pa.array(cells.column("status").to_numpy(), pa.int32()), _STATUS_NAMES
        ),
        "reused_from": pa.nulls(rows, pa.string()),
        "started": pa.array(started, SCHEMAS["cells"].field("started").type),
        "compiled": pa.array(compiled == 1, pa.bool_(), mask=compiled > 1),
    }
    return _measured(pa.table(own))


def _reused_cells(
    plan: PlannedCells, reused: ReusedTables, own_place: IntArray, machine: str
) -> tuple[pa.Table, ReusedTables, IntArray]:
    """Cells of earlier runs that the journal has not, without costs of other machines.

    What ended well is ``reused`` here; what did not keeps its status.
    """
    place = match(id_rows(reused.cells.column("cell_id")), plan.cell_ids)
    is_own = np.zeros(len(plan.cell_ids) + 1, np.bool_)
    is_own[own_place] = True
    is_own[-1] = False  # -1: in no plan
    place[is_own[place]] = -1
    cells = _measured(reused.cells)
    is_foreign = pc.not_equal(cells.column("machine").cast(pa.string()), machine)
    if pc.any(is_foreign).as_py():
        for name in _COSTS:
            column = cells.column(name)
            nothing = pa.scalar(None, column.type)
            kept = pc.if_else(is_foreign, nothing, column)
            cells = cells.set_column(cells.column_names.index(name), cells.field(name), kept)
        measurements = _without_costs(plan, reused, place, is_foreign.to_numpy())
        reused = reused._replace(measurements=measurements)
    status = cells.column("status").cast(pa.string())
    status = pc.if_else(pc.equal(status, "ok"), Status.REUSED.name.lower(), status)
    status = status.dictionary_encode()
    at = cells.column_names.index("status")
    return cells.set_column(at, cells.field("status"), status), reused, place


def _without_costs(
    plan: PlannedCells, reused: ReusedTables, place: IntArray, is_foreign: npt.NDArray[np.bool_]
) -> pa.Table:
    """Measurements without the cost metrics of cells that ran on another machine."""
    names = {metric.name for spec in plan.specs for metric in spec.metrics if metric.is_cost}
    table = reused.measurements
    if not names or not len(table):
        return table
    owner = match_repeated(
        id_rows(table.column("cell_id")), id_rows(reused.cells.column("cell_id"))
    )
    spec = np.where(place[owner] >= 0, plan.spec[place[owner]], -1)
    is_dropped = np.zeros(len(table), np.bool_)
    metric = table.column("metric").cast(pa.string())
    for name in sorted(names):
        costs = [any(m.name == name and m.is_cost for m in each.metrics) for each in plan.specs]
        is_cost = np.array([*costs, False])[spec]
        is_dropped |= is_cost & is_foreign[owner] & pc.equal(metric, name).to_numpy()
    return table.filter(pa.array(~is_dropped))


def _measured(cells: pa.Table) -> pa.Table:
    schema = SCHEMAS["cells"]
    fields = [schema.field(name) for name in _MEASURED]
    return conform(cells.select(_MEASURED), pa.schema(fields, schema.metadata))


def _described(plan: PlannedCells, run_id: str, sources: Sequence[_Source]) -> pa.Table:
    """``cells``: what was measured, and what the plan says of each cell."""
    parts = [_placed(source, source.cells, source.place) for source in sources]
    measured, place = _in_plan_order(parts)
    spec = plan.spec[place]
    columns = {name: measured.column(name) for name in measured.column_names}
    columns |= {name: _by_spec(plan, spec, text) for name, text in _DESCRIPTION.items()}
    columns |= {
        "run_id": _constant(run_id, len(place)),
        "suite": _constant(plan.suite.name, len(place)),
        "task_params": _by_spec(plan, spec, _texts(lambda each: each.task_params)),
        "method_params": _by_spec(plan, spec, _texts(lambda each: each.method_params)),
        "seed": pa.array(plan.seed[place]),
        "timeout_s": _limit([each.timeout_s for each in plan.specs], spec),
        "memory_limit": _limit([each.memory_bytes for each in plan.specs], spec),
    }
    return conform(pa.table(columns), SCHEMAS["cells"])


def _limit(of_specs: Sequence[float | None], spec: npt.NDArray[np.int32]) -> pa.Array:
    """A limit of each cell, null where it is infinite."""
    known = pa.array([None if limit == np.inf else limit for limit in of_specs])
    return known.take(pa.array(spec))


_DESCRIPTION: dict[str, Callable[[PlannedSpec], str]] = {
    "task": lambda spec: spec.task,
    "title": lambda spec: spec.title,
    "method": lambda spec: spec.method,
    "label": lambda spec: spec.label,
    "hardware": lambda spec: spec.hardware,
    "device": lambda spec: spec.device,
}


def _texts(params: Callable[[PlannedSpec], object]) -> Callable[[PlannedSpec], str]:
    """Canonical JSON of a spec's parameters, made once for those that share them."""
    known: dict[int, str] = {}

    def text(spec: PlannedSpec) -> str:
        value = params(spec)
        if id(value) not in known:
            known[id(value)] = canonical(value)
        return known[id(value)]

    return text


def _by_spec(
    plan: PlannedCells, spec: npt.NDArray[np.int32], text: Callable[[PlannedSpec], str]
) -> pa.DictionaryArray:
    """A column of texts that only depend on the spec."""
    numbers: dict[str, int] = {}
    number = [numbers.setdefault(text(each), len(numbers)) for each in plan.specs]
    indices = np.array(number, np.int32)[spec]
    return pa.DictionaryArray.from_arrays(pa.array(indices), pa.array(list(numbers), pa.string()))


def _constant(value: str, rows: int) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), pa.array([value]))


def _owned(plan: PlannedCells, sources: Sequence[_Source], name: str) -> pa.Table:
    """The rows of one table that belong to the sources' cells, in the order of the plan."""
    parts = [_owned_part(source, getattr(source.tables, name)) for source in sources]
    conformed = [(conform(table, SCHEMAS[name]), place) for table, place in parts]
    return _in_plan_order(conformed)[0]


def _owned_part(source: _Source, table: pa.Table) -> tuple[pa.Table, IntArray]:
    ids = id_rows(table.column("cell_id"))
    owner = match_repeated(ids, id_rows(source.cells.column("cell_id")))
    place = np.append(source.place, -1)[owner]
    return _placed(source, table, place)


def _placed(source: _Source, table: pa.Table, place: IntArray) -> tuple[pa.Table, IntArray]:
    """The rows that have a place in the plan, and their places."""
    is_planned = place >= 0
    if is_planned.all():
        return table, place
    return table.filter(pa.array(is_planned)), place[is_planned]


def _in_plan_order(parts: Sequence[tuple[pa.Table, IntArray]]) -> tuple[pa.Table, IntArray]:
    """The parts as one table; rows of one cell stay in the order in which they came."""
    place = np.concatenate([place for _, place in parts])
    table = pa.concat_tables([table for table, _ in parts]).unify_dictionaries()
    if np.all(place[1:] >= place[:-1]):
        return table, place
    order = np.argsort(place, kind="stable")
    return table.take(pa.array(order)), place[order]


def _all_bounds(plan: PlannedCells, sources: Sequence[_Source]) -> pa.Table:
    """What planning knew, once a group, and then what is known of single cells."""
    schema = SCHEMAS["bounds"]
    told = [name for name in schema.names if name not in ("task", "task_params", "label")]
    own = pa.schema([schema.field(name) for name in told], schema.metadata)
    parts = []
    for source in sources:
        table, place = _owned_part(source, source.tables.bounds)
        vacuous = _is_vacuous(table)
        if "vacuous" in table.column_names:
            table = table.drop_columns(["vacuous"])
        parts.append((conform(table.append_column("vacuous", vacuous).select(told), own), place))
    cells, place = _in_plan_order(parts)
    spec = plan.spec[place]
    for name in ("task", "label"):
        cells = cells.append_column(name, _by_spec(plan, spec, _DESCRIPTION[name]))
    params = _by_spec(plan, spec, _texts(lambda each: each.task_params))
    cells = conform(cells.append_column("task_params", params), schema)
    return pa.concat_tables([_planned_bounds(plan), cells]).unify_dictionaries()


def _is_vacuous(bounds: pa.Table) -> pa.ChunkedArray:
    """As ``Bound.is_vacuous``, a row."""
    value, trivial = bounds.column("value"), bounds.column("trivial")
    is_lower = pc.equal(bounds.column("role").cast(pa.string()), "lower_bound")
    is_beyond = pc.if_else(
        is_lower, pc.less_equal(value, trivial), pc.greater_equal(value, trivial)
    )
    return pc.fill_null(is_beyond, False)


def _planned_bounds(plan: PlannedCells) -> pa.Table:
    """The bounds of the specs; specs that differ in their hardware only have one set."""
    text = _texts(lambda spec: spec.task_params)
    rows = {}
    for spec in plan.specs:
        for bound in spec.bounds:
            row = {
                "cell_id": None,
                "task": spec.task,
                "task_params": text(spec),
                "label": spec.label,
                "metric": bound.metric,
                "role": bound.role,
                "name": bound.name,
                "at": bound.at,
                "value": bound.value,
                "holds": bound.holds,
                "delta": bound.delta,
                "trivial": bound.trivial,
                "vacuous": bound.is_vacuous,
                "source": bound.source,
            }
            rows[tuple(list(row.values())[1:8])] = row
    schema = SCHEMAS["bounds"]
    if not rows:
        return empty(schema)
    plain = pa.schema([_undictionaried(each) for each in schema])
    return conform(pa.Table.from_pylist(list(rows.values()), schema=plain), schema)


def _undictionaried(field: pa.Field) -> pa.Field:
    return field.with_type(pa.string()) if pa.types.is_dictionary(field.type) else field
