"""``harness schema``: the schema of suite files, for editors, and of result files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from harness.cli.text import line, say
from harness.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["schema"]


@click.command()
@click.argument("what", default="suite")
def schema(what: str) -> None:
    """Print the JSON schema of suites, or the columns of a result table.

    WHAT is "suite" (default), "tables", or a table: cells, measurements, leaderboard …
    """
    if what == "suite":
        from harness.suite.schema import json_schema

        click.echo(json.dumps(json_schema(), indent=2))
        return
    from harness.store.schemas import SCHEMA_VERSION, SCHEMAS

    if what == "tables":
        say([line(name) for name in SCHEMAS])
        return
    if what not in SCHEMAS:
        raise UsageError(f'no table is called "{what}"; there are: {", ".join(SCHEMAS)}')
    say([line((f"{what}.parquet", "strong"), f"  schema version {SCHEMA_VERSION}")])
    for field in SCHEMAS[what]:
        notes = {key.decode(): text.decode() for key, text in (field.metadata or {}).items()}
        unit = f" [{notes['unit']}]" if notes.get("unit") else ""
        null = ", may be null" if field.nullable else ""
        say(
            [
                line(
                    f"  {field.name:<20} {_told(field.type):<24} ",
                    (f"{notes['meaning']}{unit}{null}", "quiet"),
                )
            ]
        )


def _told(kind: pa.DataType) -> str:
    """A type as a person says it; that texts are stored once each is no concern of a reader."""
    return str(getattr(kind, "value_type", kind))
