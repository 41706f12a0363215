"""``--only``, ``--method``, ``--seeds`` and ``--limit``: a suite cut down to some of its cells."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from harness.errors import UsageError, nearest
from harness.suite.model import Entry, MethodUse, Seeds
from harness.suite.settings import shown

__all__ = ["Cuts", "cut"]

_PART = re.compile(r"\s*([0-9]+)(?:\s*-\s*([0-9]+))?\s*")
_LARGEST_SPAN = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Cuts:
    """What the command line leaves of a suite.

    Parameters
    ----------
    only
        Tasks to keep: a name, with wildcards if wanted, and any number of ``param=value``;
        a ``param=value`` alone means any task.
    methods
        Labels or methods' names to keep, with wildcards if wanted.
    seeds
        Seeds to keep: ``8`` (those below 8), ``0-11``, ``3,5,7``.
    limit
        How many cells to keep, in the order of the plan.
    """

    only: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    seeds: str | None = None
    limit: int | None = None


def cut(entries: Sequence[Entry], cuts: Cuts) -> tuple[tuple[Entry, ...], tuple[str, ...]]:
    """The entries that are left, and the options that took something away.

    Raises
    ------
    UsageError
        If an option leaves nothing or cannot be read.
    """
    left, took = tuple(entries), []
    for told, step in _steps(cuts):
        before = left
        left = step(left)
        if _cells(left) != _cells(before):
            took.append(told)
    return left, tuple(took)


_Step = Callable[[tuple[Entry, ...]], tuple[Entry, ...]]


def _steps(cuts: Cuts) -> Iterable[tuple[str, _Step]]:
    if cuts.only:
        told = " ".join(f"--only {each}" for each in cuts.only)
        yield told, lambda entries: _only(entries, cuts.only)
    if cuts.methods:
        told = " ".join(f"--method {each}" for each in cuts.methods)
        yield told, lambda entries: _methods(entries, cuts.methods)
    if (seeds := cuts.seeds) is not None:
        yield f"--seeds {seeds}", lambda entries: _seeds(entries, seeds)
    if (limit := cuts.limit) is not None:
        yield f"--limit {limit}", lambda entries: _limit(entries, limit)


def _cells(entries: Iterable[Entry]) -> int:
    return sum(
        max(len(use.seeds.values), use.seeds.maximum or 0)
        for entry in entries
        for use in entry.methods
    )


def _only(entries: tuple[Entry, ...], wanted: tuple[str, ...]) -> tuple[Entry, ...]:
    kept: set[int] = set()
    for each in wanted:
        found = {number for number, entry in enumerate(entries) if _is_task(entry, each)}
        if not found:
            raise UsageError(
                f"--only {each}: no task of this suite is like that{_near(each, entries)}"
            )
        kept |= found
    return tuple(entry for number, entry in enumerate(entries) if number in kept)


def _near(wanted: str, entries: tuple[Entry, ...]) -> str:
    tasks = sorted({entry.task for entry in entries})
    near = nearest(wanted.split()[0] if wanted.split() else "", tasks)
    return f" (nearest: {near})" if near else f" (tasks here: {', '.join(tasks)})"


def _is_task(entry: Entry, wanted: str) -> bool:
    for word in wanted.split():
        name, equals, value = word.partition("=")
        if not equals and not fnmatchcase(entry.task, word):
            return False
        if equals and not (name in entry.params and _is_value(entry.params[name], value)):
            return False
    return bool(wanted.split())


def _is_value(value: object, written: str) -> bool:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            return float(written) == value
        except ValueError:
            return False
    return shown(value) == written


def _methods(entries: tuple[Entry, ...], wanted: tuple[str, ...]) -> tuple[Entry, ...]:
    known = {name for entry in entries for use in entry.methods for name in (use.label, use.name)}
    for each in wanted:
        if not any(fnmatchcase(name, each) for name in known):
            near = nearest(each, sorted(known))
            hint = f"nearest: {near}" if near else f"here: {', '.join(sorted(known))}"
            raise UsageError(f"--method {each}: no method or label is called that ({hint})")

    def keeps(use: MethodUse) -> bool:
        return any(fnmatchcase(name, each) for each in wanted for name in (use.label, use.name))

    return _filtered(entries, lambda use: use if keeps(use) else None, f"--method {wanted[0]}")


def _filtered(
    entries: tuple[Entry, ...], change: Callable[[MethodUse], MethodUse | None], told: str
) -> tuple[Entry, ...]:
    """Entries with their methods changed or taken away, those without any left out."""
    changed: dict[int, tuple[MethodUse, ...]] = {}  # the settings of an item share their methods
    left = []
    for entry in entries:
        if id(entry.methods) not in changed:
            found = (change(use) for use in entry.methods)
            changed[id(entry.methods)] = tuple(use for use in found if use is not None)
        if methods := changed[id(entry.methods)]:
            left.append(replace(entry, methods=methods))
    if not left:
        raise UsageError(f"{told} leaves nothing of this suite")
    return tuple(left)


def _seeds(entries: tuple[Entry, ...], written: str) -> tuple[Entry, ...]:
    wanted = _wanted_seeds(written)

    def change(use: MethodUse) -> MethodUse | None:
        reach = range(use.seeds.maximum) if use.seeds.maximum else use.seeds.values
        left = tuple(seed for seed in reach if seed in wanted)
        return replace(use, seeds=Seeds(values=left)) if left else None

    uncut = {use.seeds for entry in entries for use in entry.methods}
    if all(seed in wanted for seeds in uncut for seed in _reach(seeds)):
        return entries
    return _filtered(entries, change, f"--seeds {written}")


def _reach(seeds: Seeds) -> Sequence[int]:
    return range(seeds.maximum) if seeds.maximum else seeds.values


def _wanted_seeds(written: str) -> frozenset[int]:
    if written.strip().isdecimal():
        return frozenset(range(min(int(written), _LARGEST_SPAN)))
    wanted: set[int] = set()
    for part in written.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            raise UsageError(f"--seeds {written}: write 8 (seeds 0 to 7), 0-11, or 3,5,7")
        first = int(match.group(1))
        last = int(match.group(2) or first)
        wanted |= set(range(first, min(last, first + _LARGEST_SPAN) + 1))
    return frozenset(wanted)


def _limit(entries: tuple[Entry, ...], limit: int) -> tuple[Entry, ...]:
    if limit < 1:
        raise UsageError(f"--limit must be at least 1, got {limit}")
    left, kept = limit, []
    for entry in entries:
        methods = []
        for use in entry.methods:
            values = use.seeds.values[:left]
            if len(values) < len(use.seeds.values) or use.seeds.until:
                use = replace(use, seeds=Seeds(values=values))
            left -= len(values)
            if values:
                methods.append(use)
        if methods:
            kept.append(replace(entry, methods=tuple(methods)))
        if left == 0:
            break
    return tuple(kept)
