"""``harness data``: where data sets come from, whether they are here, and getting them."""

from __future__ import annotations

import json
import sys

import click

from harness.cli import numbers
from harness.cli.text import line, mark, say
from harness.data.declare import DataSet
from harness.data.locate import describe, locate, resolve, verify
from harness.errors import ExitCode, UsageError, nearest
from harness.registry import Registry

__all__ = ["data"]


@click.group()
def data() -> None:
    """List, fetch and verify the data sets that plugins declare.

    They are looked for in HARNESS_DATA, then in the cache.
    """


@data.command("list")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
def list_sets(as_json: bool) -> None:
    """List declared data sets and whether they are on this machine."""
    rows = [(each, *verify(each)) for each in map(resolve, _declared())]
    if as_json:
        click.echo(
            json.dumps(
                [
                    {
                        "name": each.name,
                        "licence": each.licence,
                        "source": each.source,
                        "bytes": each.bytes,
                        "path": str(place) if place else None,
                        "verified": is_right,
                    }
                    for each, place, is_right in rows
                ],
                indent=2,
            )
        )
        return
    for each, place, is_right in rows:
        state = "here" if is_right else ("another file" if place else "absent")
        style = {"here": "good", "absent": "quiet"}.get(state, "bad")
        say(
            [
                line((each.name, "strong"), "  ", (state, style)),
                line(f"  {each.description}"),
                line((f"  {numbers.memory(each.bytes)} · {each.licence} · {each.source}", "quiet")),
            ]
        )


@data.command("fetch")
@click.argument("names", nargs=-1, required=True)
def fetch_sets(names: tuple[str, ...]) -> None:
    """Download data sets into the cache and verify them."""
    from harness.data.fetch import fetch

    for each in map(_known, names):
        place = fetch(each, progress=sys.stderr.isatty())
        say([line((f"{mark('good')} ", "good"), f"{each.name}  {place}")])


@data.command("verify")
@click.argument("names", nargs=-1)
def verify_sets(names: tuple[str, ...]) -> int:
    """Check the hashes of data sets; all that are here unless named."""
    wrong = seen = 0
    for each in [_known(name) for name in names or _declared()]:
        place, is_right = verify(each)
        if place is None and not names:
            continue
        style, told = ("good", "as declared") if is_right else ("bad", "absent")
        if place is not None and not is_right:
            told = f"another file: {place}"
        wrong += not is_right
        seen += 1
        say([line((f"{mark(style)} ", style), f"{each.name}  {told}")])
    if not seen:
        say([line("no declared data set is on this machine; harness data list")])
    return ExitCode.CELLS_FAILED if wrong else ExitCode.OK


@data.command("path")
@click.argument("name")
def path_of(name: str) -> None:
    """Print where a data set lies."""
    click.echo(locate(_known(name).name))


def _declared() -> list[str]:
    things = Registry().things("dataset")
    describe({name: thing.at for name, thing in things.items()})
    return sorted(things)


def _known(name: str) -> DataSet:
    declared = _declared()
    if name not in declared:
        near = nearest(name, declared)
        raise UsageError(
            f'no plugin declares a data set "{name}"' + (f"; nearest: {near}" if near else "")
        )
    return resolve(name)
