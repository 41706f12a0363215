"""``harness list``: everything that plugins bring, without importing any of it."""

from __future__ import annotations

import click

from harness.cli.docstring import plain_words
from harness.cli.text import Line, line, say, say_json, say_notes
from harness.registry import Registry, Thing, ThingKind, first_line

__all__ = ["list_things"]

_KINDS: dict[str, ThingKind] = {
    "methods": "method",
    "tasks": "task",
    "kinds": "kind",
    "claims": "claim",
    "data": "dataset",
    "executors": "executor",
}

_MANY = 120  # of one kind, from which on a listing of everything only tells how many


@click.command("list")
@click.argument("what", required=False, type=click.Choice([*_KINDS, "plugins"]))
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
def list_things(what: str | None, as_json: bool) -> None:
    """List methods, tasks, kinds, claims, data sets, executors or plugins."""
    registry = Registry()
    wanted = [what] if what in _KINDS else list(_KINDS)
    if what == "plugins":
        wanted = []
    found = {name: list(registry.things(_KINDS[name]).values()) for name in wanted if name}
    if as_json:
        say_json(_plain(registry, found))
        return
    lines = _listing(found, always=what is not None)
    if what in (None, "plugins"):
        lines += _plugins(registry)
    say(lines)
    say_notes(_unavailable(registry) if what != "plugins" else [])


def _plain(registry: Registry, found: dict[str, list[Thing]]) -> dict[str, object]:
    listed: dict[str, object] = {
        name: [
            {
                "name": thing.name,
                "at": thing.at,
                "plugin": thing.plugin,
                "about": plain_words(first_line(thing.at)),
            }
            for thing in things
        ]
        for name, things in found.items()
    }
    listed["plugins"] = [
        {"name": each.name, "origin": each.origin, "fault": each.fault, "install": each.install}
        for each in registry.plugins
    ]
    return listed


def _listing(found: dict[str, list[Thing]], *, always: bool) -> list[Line]:
    lines: list[Line] = []
    for name, things in found.items():
        if not things and not always:
            continue
        lines.append(line((name.capitalize(), "strong")))
        if len(things) > _MANY and not always:
            lines += [line(f"  {len(things)}: harness list {name}"), line()]
            continue
        size = max((len(thing.name) for thing in things), default=0)
        lines += [
            line(f"  {thing.name:<{size}}  ", (plain_words(first_line(thing.at)), "quiet"))
            for thing in sorted(things, key=lambda each: each.name)
        ]
        if not things:
            lines.append(line(("  none", "quiet")))
        lines.append(line())
    return lines


def _plugins(registry: Registry) -> list[Line]:
    size = max((len(each.name) for each in registry.plugins), default=0)
    lines = [line(("Plugins", "strong"))]
    for each in registry.plugins:
        lines.append(line(f"  {each.name:<{size}}  ", (each.origin, "quiet")))
        if each.fault:
            lines.append(line(f"  {'':<{size}}  ", (f"unavailable: {each.fault}", "bad")))
        if each.install:
            lines.append(line(f"  {'':<{size}}  {each.install}"))
    if not registry.plugins:
        lines.append(line(("  none: pip install 'algo-harness[bandits]'", "quiet")))
    return lines


def _unavailable(registry: Registry) -> list[str]:
    return [
        f'plugin "{each.name}" is unavailable: {each.fault}'
        for each in registry.plugins
        if each.fault
    ]
