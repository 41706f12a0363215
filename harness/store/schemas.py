"""Every column once: its type, unit, meaning, and the version that brought it.

A schema's metadata says which table it is and of which version. A reader of version k reads
every earlier version (a column that came later is null) and refuses a later one by name. A
change to a column raises :data:`SCHEMA_VERSION`, and a new column says ``since`` when.
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from harness.errors import StoreError
from harness.store.arrow import spare_pandas
from harness.store.ids import ID_TYPE

__all__ = [
    "JOURNAL_SCHEMAS",
    "SCHEMAS",
    "SCHEMA_VERSION",
    "conform",
    "empty",
    "refuse_later",
    "schema_version",
    "table_name",
    "upgrade",
]

spare_pandas()

SCHEMA_VERSION = 2

_TABLE_KEY = b"harness.table"
_VERSION_KEY = b"harness.schema_version"

_TEXT = pa.dictionary(pa.int32(), pa.string())  # few different values: task, label, metric
_STRING = pa.string()
_REAL = pa.float64()
_TIME = pa.timestamp("us", tz="UTC")


def _field(
    name: str,
    kind: pa.DataType,
    meaning: str,
    *,
    unit: str = "",
    nullable: bool = False,
    since: int = 1,
) -> pa.Field:
    notes = {"meaning": meaning, "unit": unit, "since": str(since)}
    return pa.field(name, kind, nullable=nullable, metadata=notes)


def _schema(table: str, *columns: pa.Field, version: int = SCHEMA_VERSION) -> pa.Schema:
    return pa.schema(columns, metadata={_TABLE_KEY: table, _VERSION_KEY: str(version)})


_CELL_ID = _field("cell_id", ID_TYPE, "identity of the cell")
_CODE_ID = _field("code_id", ID_TYPE, "identity of the code that can change the number")
_METRIC = _field("metric", _TEXT, "name of the metric")
_AT = _field("at", _REAL, "point of the curve; null for the final value", nullable=True)
_VALUE = _field("value", _REAL, "in the metric's unit")
_TASK = _field("task", _TEXT, "name of the task")
_TASK_PARAMS = _field("task_params", _TEXT, "all parameters of the task, canonical JSON")
_METHOD = _field("method", _TEXT, "name of the method")
_METHOD_PARAMS = _field("method_params", _TEXT, "all parameters of the method, canonical JSON")
_LABEL = _field("label", _TEXT, "name of (method, parameters) in the suite, unique in it")
_SUITE = _field("suite", _TEXT, "name of the suite")

_BOUND = (
    _field("role", _TEXT, "guarantee, lower_bound, optimum or exact"),
    _field("name", _TEXT, "empty for the one shown on the board"),
    _AT,
    _VALUE,
    _field("holds", _TEXT, "always, in_expectation or with_probability"),
    _field("delta", _REAL, "share of cells in which it may fail", nullable=True),
    _field("trivial", _REAL, "the value from which on it says nothing", nullable=True),
)
_BOUND_SOURCE = _field("source", _TEXT, "paper and theorem")

_ARTIFACT = (
    _field("artifact_id", _STRING, "identity of the artifact"),
    _field("name", _STRING, "registered name of the artifact"),
    _field("fields", _STRING, "its fields, canonical JSON"),
    _field("status", _STRING, "how its build ended: ok, failed, timeout, ..."),
    _field("wall_s", _REAL, "duration of the build", unit="s"),
    _field("metrics", _STRING, "what the build reported, JSON: name to number"),
    _field("error", _STRING, "why it failed; empty where it did not"),
)

SCHEMAS: Mapping[str, pa.Schema] = {
    "cells": _schema(
        "cells",
        _field("run_id", _TEXT, "the run that this row belongs to"),
        _CELL_ID,
        _CODE_ID,
        _SUITE,
        _TASK,
        _field("title", _TEXT, "the task with the parameters that differ from their defaults"),
        _TASK_PARAMS,
        _METHOD,
        _METHOD_PARAMS,
        _LABEL,
        _field("seed", pa.int64(), "seed of the cell"),
        _field("hardware", _TEXT, "declared class of hardware"),
        _field("machine", _TEXT, "fingerprint of the machine that computed it"),
        _field("device", _TEXT, "cpu or cuda"),
        _field("timeout_s", _REAL, "time it was given; null: any", unit="s", nullable=True),
        _field("memory_limit", pa.int64(), "null: none", unit="B", nullable=True),
        _field("status", _TEXT, "ok, failed, timeout, crashed, oom, skipped or reused"),
        _field("reused_from", _TEXT, "the run that computed it, if another one", nullable=True),
        _field("attempts", pa.int32(), "how often it was tried"),
        _field("started", _TIME, "when the last attempt began"),
        _field("wall_s", _REAL, "duration without compilation", unit="s", nullable=True),
        _field("cpu_s", _REAL, "processor time", unit="s", nullable=True),
        _field("shared", pa.int32(), "cells that ran together and share time equally"),
        _field("compile_s", _REAL, "time of compilation", unit="s", nullable=True),
        _field("peak_memory", pa.int64(), "peak since the job began", unit="B", nullable=True),
        _field("compiled", pa.bool_(), "null where there is nothing to compile", nullable=True),
        _field("error_type", _TEXT, "class of the error", nullable=True),
        _field("error_message", _STRING, "why it is not ok", nullable=True),
        _field("log", _STRING, "where the worker's log of it is", nullable=True),
    ),
    "measurements": _schema(
        "measurements",
        _CELL_ID,
        _METRIC,
        _AT,
        _VALUE,
        _field("censored", pa.bool_(), "whether the value is a lower bound of the true one"),
    ),
    "items": _schema("items", _CELL_ID, _METRIC, _field("item", _TEXT, "id of the item"), _VALUE),
    "records": _schema(
        "records",
        _CELL_ID,
        _field("item", _TEXT, "id of the item"),
        _field("record", _STRING, "what a person may want to read of it"),
    ),
    "bounds": _schema(
        "bounds",
        _field("cell_id", ID_TYPE, "null: known at planning, for all of the group", nullable=True),
        _TASK,
        _TASK_PARAMS,
        _LABEL,
        _METRIC,
        *_BOUND,
        _field("vacuous", pa.bool_(), "whether it says no more than what is trivially true"),
        _BOUND_SOURCE,
    ),
    "artifacts": _schema("artifacts", *_ARTIFACT),
    "leaderboard": _schema(
        "leaderboard",
        _SUITE,
        _TASK,
        _TASK_PARAMS,
        _field("title", _TEXT, "the task with the parameters that differ", nullable=True),
        _METRIC,
        _field("unit", _TEXT, "unit of the metric"),
        _field("direction", _TEXT, "which way is better: lower, higher or none"),
        _field("axis", _TEXT, "x of the curve that the mean is of", nullable=True, since=2),
        _field("point", _REAL, "where on it; null for a final value", nullable=True, since=2),
        _field("expected", _REAL, "value where nothing is amiss", nullable=True, since=2),
        _LABEL,
        _field("method", _TEXT, "name of the method", nullable=True),
        _field("method_params", _TEXT, "all its parameters, canonical JSON", nullable=True),
        _field("origin", _TEXT, "measured or published"),
        _field("rank_low", pa.int32(), "1 + methods shown to be better", nullable=True),
        _field("rank_high", pa.int32(), "methods - methods shown to be worse", nullable=True),
        _field("mean", _REAL, "mean over cells", nullable=True),
        _field("ci_low", _REAL, "lower end of its interval", nullable=True),
        _field("ci_high", _REAL, "upper end of its interval", nullable=True),
        _field("n", pa.int32(), "values in the mean"),
        _field("failures", pa.int32(), "cells without a value because they did not end well"),
        _field("censored", pa.int32(), "values that are lower bounds of the true one"),
        _field("lower_bound", _REAL, "what no method can be below", nullable=True),
        _field("guarantee", _REAL, "what theory promises for the method", nullable=True),
        _field("ratio_to_lower", _REAL, "mean over lower bound", nullable=True),
        _field("ratio_to_guarantee", _REAL, "mean over guarantee", nullable=True),
        _field("vacuous", pa.bool_(), "whether the guarantee says nothing", nullable=True),
        _field("wall_s", _REAL, "mean duration of a cell", unit="s", nullable=True),
        _field("peak_memory", pa.int64(), "largest peak of a cell", unit="B", nullable=True),
        _field("compiled", pa.bool_(), "false: ran as plain Python", nullable=True),
        _field("reason", _STRING, "why there is no value", nullable=True),
        _field("machine", _TEXT, "fingerprint of the machine", nullable=True),
        _field("commit", _TEXT, "commit of the run", nullable=True),
        _field("source", _TEXT, "where a published figure is from", nullable=True),
    ),
    "claims": _schema(
        "claims",
        _field("name", _STRING, "name of the claim"),
        _field("source", _STRING, "paper and theorem"),
        _field("form", _STRING, "value, difference, trend, spread or plugin"),
        _field("metric", _STRING, "name of the metric"),
        _field("groups", _STRING, "the groups that it was judged on"),
        _field("estimate", _REAL, "what was estimated", nullable=True),
        _field("ci_low", _REAL, "lower end of its interval", nullable=True),
        _field("ci_high", _REAL, "upper end of its interval", nullable=True),
        _field("threshold", _REAL, "what it was held against", nullable=True),
        _field("n", pa.int32(), "seeds used", nullable=True),
        _field("verdict", _STRING, "held, failed or undecided"),
        _field("expect", _STRING, "the verdict that the suite expects"),
        _field("seeds_to_decide", pa.int64(), "seeds that would decide", nullable=True),
        _field("note", _STRING, "what a reader must know besides"),
        _field("statement", _STRING, "the claim and its outcome in words", nullable=True),
    ),
}
"""The tables of a run, by the stem of their Parquet file."""


def _plain(field: pa.Field) -> pa.Field:
    """The field as a journal keeps it: texts as they are, without a dictionary."""
    return field.with_type(_STRING) if pa.types.is_dictionary(field.type) else field


JOURNAL_SCHEMAS: Mapping[str, pa.Schema] = {
    "measurements": _schema(
        "journal.measurements", *(_plain(field) for field in SCHEMAS["measurements"])
    ),
    "items": _schema("journal.items", *(_plain(field) for field in SCHEMAS["items"])),
    "records": _schema("journal.records", *(_plain(field) for field in SCHEMAS["records"])),
    "bounds": _schema(
        "journal.bounds",
        *(_plain(field) for field in (_CELL_ID, _METRIC, *_BOUND, _BOUND_SOURCE)),
    ),
    "artifacts": _schema("journal.artifacts", *_ARTIFACT),
    "cells": _schema(
        "journal.cells",
        _CELL_ID,
        _CODE_ID,
        _field("status", pa.uint8(), "number of harness.store.rows.Status"),
        _field("compiled", pa.uint8(), "0 plain, 1 compiled, 2 nothing to compile"),
        _field("attempts", pa.uint16(), "how often it was tried"),
        _field("shared", pa.uint32(), "cells that ran together and share time equally"),
        _field("started", _REAL, "when the last attempt began", unit="Unix s"),
        _field("wall_s", _REAL, "duration without compilation", unit="s"),
        _field("cpu_s", _REAL, "processor time", unit="s"),
        _field("compile_s", _REAL, "time of compilation", unit="s"),
        _field("peak_memory", pa.int64(), "peak since the job began", unit="B"),
        _field("error_type", _STRING, "class of the error", nullable=True),
        _field("error_message", _STRING, "why it is not ok", nullable=True),
        _field("log", _STRING, "where the worker's log of it is", nullable=True),
    ),
}
"""The streams of a journal in the order in which a group is written: cells come last."""


def empty(schema: pa.Schema) -> pa.Table:
    """A table of ``schema`` without rows."""
    return schema.empty_table()


def table_name(schema: pa.Schema) -> str:
    """Which table a schema is of; empty where it does not say."""
    named: bytes = (schema.metadata or {}).get(_TABLE_KEY, b"")
    return named.decode()


def schema_version(schema: pa.Schema) -> int | None:
    """The version that a file's schema says, ``None`` where harness did not write it."""
    text = (schema.metadata or {}).get(_VERSION_KEY, b"")
    return int(text) if text.isdigit() else None


def refuse_later(version: int, path: str) -> None:
    """Raise ``StoreError`` for a file of a version that this harness does not know."""
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"{path} has schema version {version}, this harness reads versions up to "
            f"{SCHEMA_VERSION} (upgrade harness to read it)"
        )


def upgrade(table: pa.Table, schema: pa.Schema, version: int) -> pa.Table:
    """A table of an earlier ``version`` in the columns of ``schema``.

    A column that came later is null throughout. Raises ``ValueError`` for a column that
    the version should have and the table has not.
    """
    columns, fields = [], []
    for field in schema:
        if field.name in table.column_names:
            columns.append(_to_type(table.column(field.name), field.type))
            fields.append(field)
        elif int(field.metadata[b"since"]) > version:
            columns.append(pa.chunked_array([pa.nulls(len(table), field.type)]))
            fields.append(field.with_nullable(True))
        else:
            raise ValueError(f"column {field.name!r} is missing")
    extra = [field for field in table.schema if field.name not in schema.names]
    columns += [table.column(field.name) for field in extra]
    return pa.Table.from_arrays(columns, schema=pa.schema([*fields, *extra], schema.metadata))


def conform(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """``table`` in the columns, order and types of ``schema``; columns of plugins come last.

    Raises ``ValueError`` for a column that is missing, or null where it may not be.
    """
    table = upgrade(table, schema, SCHEMA_VERSION)
    for field in schema:
        if not field.nullable and table.column(field.name).null_count:
            raise ValueError(f"column {field.name!r} has nulls")
    return table


def _to_type(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    if column.type == kind:
        return column
    if pa.types.is_dictionary(kind) and not pa.types.is_dictionary(column.type):
        column = column.cast(kind.value_type).dictionary_encode()
    return column.cast(kind)
