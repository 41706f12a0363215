"""All runs as one database: a view a table, over the Parquet files of every run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from harness.errors import StoreError, UsageError
from harness.store.schemas import SCHEMAS, refuse_later, schema_version

if TYPE_CHECKING:
    import duckdb

__all__ = ["Answer", "ask"]

_INSTALL = "harness query needs DuckDB: pip install 'algo-harness[query]'"

# Final values with what their cells say; copies of an earlier run's rows would count twice.
_MEASURED = """
create view measured as
select c.run, c.suite, c.task, c.title, c.task_params, c.method, c.method_params, c.label,
       c.seed, c.hardware, c.machine, m.metric, m.value, m.censored, c.cell_id
from measurements m join cells c on m.run = c.run and m.cell_id = c.cell_id
where m.at is null and c.status = 'ok'
"""


class Answer(NamedTuple):
    """What a query gave, and which files it went without."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    notes: tuple[str, ...]


def ask(root: Path, sql: str) -> Answer:
    """The answer of ``sql`` over all runs under ``root``.

    Raises
    ------
    UsageError
        If DuckDB is not installed, there are no runs, the query has a fault, or it is no query.
    """
    try:
        import duckdb
    except ImportError as error:
        raise UsageError(_INSTALL) from error
    if not sql.strip():
        raise UsageError('the query is empty; harness query "select * from claims"')
    notes: list[str] = []
    with duckdb.connect() as connection:
        _make_views(connection, root, notes)
        try:
            _refuse_other_than_one_question(connection, sql)
            cursor = connection.execute(sql)
            columns = tuple(each[0] for each in cursor.description or ())
            rows = tuple(cursor.fetchall()) if columns else ()
        except duckdb.Error as error:
            raise UsageError(f"the query has a fault: {error}") from error
    return Answer(columns, rows, tuple(notes))


def _refuse_other_than_one_question(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Of several statements only the last would answer, and none may write."""
    import duckdb

    statements = connection.extract_statements(sql)
    if len(statements) != 1:
        raise UsageError(f"one query at a time, got {len(statements)} statements")
    kind = statements[0].type
    if kind not in (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN):
        told = kind.name.lower().replace("_", " ")
        raise UsageError(f"results are read, not written: a query selects, got {told}")


def _make_views(connection: duckdb.DuckDBPyConnection, root: Path, notes: list[str]) -> None:
    made = set()
    for table in SCHEMAS:
        files = _readable(sorted(root.glob(f"*/*/{table}.parquet")), notes)
        if files:
            connection.execute(_view(table, files))
            made.add(table)
    if "cells" not in made:
        raise UsageError(f"no results in {root}; harness run suites/quickstart.yaml makes some")
    if "measurements" in made:
        connection.execute(_MEASURED)


def _view(table: str, files: Sequence[Path]) -> str:
    # A view cannot be prepared with parameters: paths stand in the text, quotes doubled.
    listed = ", ".join("'" + str(path.resolve()).replace("'", "''") + "'" for path in files)
    return (
        f"create view {table} as select * exclude (filename), "
        "parse_path(filename)[-2] as run, parse_path(filename)[-3] as suite_folder "
        f"from read_parquet([{listed}], union_by_name = true, filename = true)"
    )


def _readable(paths: Sequence[Path], notes: list[str]) -> list[Path]:
    """The files that are whole and of a version that is known; the others go into ``notes``."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    kept = []
    for path in paths:
        try:
            version = schema_version(pq.read_schema(path))
            if version is None:
                notes.append(f"{path} was not written by harness: left out")
                continue
            refuse_later(version, str(path))
            kept.append(path)
        except StoreError as error:
            notes.append(f"{error}: left out")
        except (pa.ArrowException, OSError) as error:
            notes.append(f"{path} is damaged: {error} (left out)")
    return kept
