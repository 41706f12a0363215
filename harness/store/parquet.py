"""Tables to Parquet files and back: whole files, of a declared schema, checked on reading."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from harness.errors import StoreError
from harness.store.disk import Disk, storing, write_whole
from harness.store.schemas import (
    SCHEMAS,
    conform,
    refuse_later,
    schema_version,
    table_name,
    upgrade,
)

__all__ = ["read_table", "write_table"]


def write_table(path: Path, table: pa.Table, disk: Disk | None = None) -> None:
    """Replace ``path`` by ``table``, all of it or not at all.

    The stem of ``path`` names the schema (``cells.parquet``); columns are put into its order
    and types, and columns that it does not know are kept after them.

    Raises
    ------
    StoreError
        If the file cannot be written; the old one is then still there.
    ValueError
        If a column is missing, or has nulls where it may not.
    """
    table = conform(table, SCHEMAS[path.stem])
    texts = [field.name for field in table.schema if pa.types.is_dictionary(field.type)]
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", use_dictionary=texts)
    write_whole(path, memoryview(sink.getvalue()), disk)


def read_table(
    path: Path, columns: Sequence[str] | None = None, *, name: str | None = None
) -> pa.Table:
    """The table in ``path``, or some of its columns, as the schema of this version has them.

    ``name`` is the table's where the file is called otherwise; a file of another table is
    refused.

    Raises
    ------
    StoreError
        If the file is not there, is damaged or cut short, was not written by harness, or
        is of a later version; the message names it.
    """
    with storing(path, doing="read"):
        data = path.read_bytes()
    try:
        file = pq.ParquetFile(pa.BufferReader(data))
        version = schema_version(file.schema_arrow)
        if version is None:
            raise StoreError(f"{path} was not written by harness (no schema version in it)")
        refuse_later(version, str(path))
        found = table_name(file.schema_arrow)
        if name is not None and found != name:
            raise StoreError(f"{path} is the table {found} of a run, not its {name}")
        return _read(file, name or path.stem, version, columns)
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        advice = "run the suite again to write it anew, or remove it"
        raise StoreError(f"{path} is damaged: {error} ({advice})") from error


def _read(file: pq.ParquetFile, name: str, version: int, columns: Sequence[str] | None) -> pa.Table:
    # Without threads: a short command that ends while Arrow's pool is still starting is aborted.
    schema = SCHEMAS[name]
    if columns is None:
        return upgrade(file.read(use_threads=False), schema, version)
    asked = pa.schema([schema.field(column) for column in columns], schema.metadata)
    there = set(file.schema_arrow.names)
    found = file.read([column for column in columns if column in there], use_threads=False)
    return upgrade(found, asked, version)
