"""Durations, sizes, shares and seeds as a suite writes them, into numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from harness.suite.document import (
    BrokenNode,
    Faults,
    ListNode,
    MapNode,
    Node,
    ScalarNode,
    is_broken,
    plain,
)
from harness.suite.model import Seeds
from harness.suite.wording import tell, told_number

__all__ = [
    "MAX_SEEDS",
    "duration_s",
    "memory_bytes",
    "number",
    "percent",
    "seconds_of",
    "seeds",
    "text",
]

MAX_SEEDS = 1_000_000
_KEY_LIMIT = 1 << 63  # a stream's key has 63 bits

_SECONDS: Mapping[str, float] = {
    **dict.fromkeys(("ms", "millisecond", "milliseconds"), 1e-3),
    **dict.fromkeys(("s", "sec", "second", "seconds"), 1.0),
    **dict.fromkeys(("m", "min", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hour", "hours"), 3600.0),
    **dict.fromkeys(("d", "day", "days"), 86400.0),
}
_BYTES: Mapping[str, int] = {
    **{f"{letter}b".lower(): 1000**power for power, letter in enumerate(" kMGT") if power},
    **{f"{letter}ib".lower(): 1024**power for power, letter in enumerate(" KMGT") if power},
}
_AMOUNT = re.compile(r"([0-9]+(?:\.[0-9]+)?|\.[0-9]+)\s*([A-Za-z]+)\s*")
_PERCENT = re.compile(r"([-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)\s*%")
_SPAN = re.compile(r"([0-9]+)\s*-\s*([0-9]+)")


def text(node: Node, what: str, faults: Faults) -> str | None:
    """One line of text; a number or a truth value counts as it was written."""
    if isinstance(node, BrokenNode):
        return None
    if isinstance(node, ScalarNode) and node.value is not None and node.raw.strip():
        return node.raw.strip()
    given = "an empty text" if plain(node) == "" else tell(plain(node))
    faults.add(node.place, f"{what} must be text, got {given}")
    return None


def number(node: Node, what: str, faults: Faults) -> float | None:
    """A finite number."""
    if is_broken(node):
        return None
    value = plain(node)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        return value
    hint = "write it without quotes" if isinstance(value, str) and _is_quoted_number(value) else ""
    faults.add(node.place, f"{what} must be a number, got {tell(value)}", hint)
    return None


def _is_quoted_number(value: str) -> bool:
    return re.fullmatch(r"[-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?", value) is not None


def percent(node: Node) -> float | None:
    """``3 %`` as 0.03; ``None`` where the node is no percentage."""
    value = plain(node)
    match = _PERCENT.fullmatch(value.strip()) if isinstance(value, str) else None
    # Shifting the decimal point in the text gives the nearest double, dividing may not.
    return (
        float(f"{match.group(1)}e-2")
        if match and "e" not in match.group(1).lower()
        else (float(match.group(1)) / 100 if match else None)
    )


def duration_s(node: Node, faults: Faults) -> float | None:
    """``10min``, ``30 s``, ``1h 30min`` or a number of seconds."""
    if is_broken(node):
        return None
    value = plain(node)
    found: float | None = None
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        found = float(value)
    elif isinstance(value, str):
        found = _sum_of_amounts(value, _SECONDS)
    if found is None:
        message = f"timeout must be a length of time, got {tell(value)}"
        faults.add(node.place, message, "write 30s, 10min, 1h, or a number of seconds")
    elif not 0 < found < math.inf:
        message = f"timeout must be above 0 seconds, got {tell(value)}"
        faults.add(node.place, message, "a cell that may run long gets a long timeout, such as 7d")
        return None
    return found


def seconds_of(written: str) -> float | None:
    """``30min`` of a command line in seconds; ``None`` where it is no length of time."""
    found = _sum_of_amounts(written, _SECONDS)
    return found if found and found < math.inf else None


def memory_bytes(node: Node, faults: Faults) -> int | None:
    """``2GiB`` or ``512 MB``."""
    if is_broken(node):
        return None
    value = plain(node)
    found = _sum_of_amounts(value, _BYTES) if isinstance(value, str) else None
    if found is None:
        message = f"memory must be a size with its unit, got {tell(value)}"
        faults.add(node.place, message, "write 512MB or 2GiB")
        return None
    if found < 1:
        faults.add(node.place, f"memory must be at least one byte, got {tell(value)}")
        return None
    return int(found)


def _sum_of_amounts(written: str, units: Mapping[str, float]) -> float | None:
    """``1h 30min`` in the unit that counts 1; ``None`` if any of it has no meaning."""
    end, total = 0, 0.0
    written = written.strip()
    while match := _AMOUNT.match(written, end):
        unit = units.get(match.group(2).lower())
        if unit is None:
            return None
        total += float(match.group(1)) * unit
        end = match.end()
    return total if written and end == len(written) else None


def seeds(node: Node, faults: Faults) -> Seeds | None:
    """A number of seeds, a list, a span ``0-11``, or ``{min, max, until: decided}``."""
    if is_broken(node):
        return None
    if isinstance(node, MapNode):
        return _until_decided(node, faults)
    if isinstance(node, ListNode):
        return _listed(node, faults)
    value = plain(node)
    if isinstance(value, str) and (match := _SPAN.fullmatch(value.strip())):
        first, last = int(match.group(1)), int(match.group(2))
        if last < first or last - first >= MAX_SEEDS or last >= _KEY_LIMIT:
            message = f"seeds from {first} to {last}: the last must not be before the first"
            if last >= first:
                message = f"these are {last - first + 1:,} seeds, at most {MAX_SEEDS:,}"
            faults.add(node.place, message)
            return None
        return Seeds(values=tuple(range(first, last + 1)))
    count = _count(node, "seeds", faults)
    return None if count is None else Seeds(values=tuple(range(count)))


def _count(node: Node, what: str, faults: Faults) -> int | None:
    value = plain(node)
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not float(value).is_integer():
        hint = "8 (seeds 0 to 7), [0, 3, 5], 0-11, or {min: 8, max: 256, until: decided}"
        faults.add(node.place, f"{what} must be a whole number, got {tell(value)}", hint)
        return None
    if not 1 <= value <= MAX_SEEDS:
        limit = "at least 1" if value < 1 else f"at most {MAX_SEEDS:,}"
        faults.add(node.place, f"{what} must be {limit}, got {told_number(value)}")
        return None
    return int(value)


def _listed(node: ListNode, faults: Faults) -> Seeds | None:
    if not node.items:
        faults.add(node.place, "the list of seeds is empty")
        return None
    before = len(faults)
    found: dict[int, Node] = {}
    for item in node.items:
        value = plain(item)
        if isinstance(value, float) and math.isfinite(value) and value == int(value):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            message = f"a seed must be a whole number of at least 0, got {tell(value)}"
            faults.add(item.place, message)
        elif value in found:
            faults.add(item.place, f"seed {value} stands here twice")
        else:
            found[value] = item
    return Seeds(values=tuple(found)) if len(faults) == before else None


def _until_decided(node: MapNode, faults: Faults) -> Seeds | None:
    before = len(faults)
    known = ["min", "max", "until"]
    for key, place in node.keys.items():
        if key not in known:
            faults.unknown(place, f'seeds have no key "{key}"', key, known, "min, max and until")
    missing = [key for key in known if key not in node.items]
    if missing and len(faults) == before:
        hint = "{min: 8, max: 256, until: decided}"
        faults.add(node.place, f"seeds that are added need {' and '.join(missing)}", hint)
    if missing or len(faults) > before:
        return None
    least = _count(node.items["min"], "min", faults)
    most = _count(node.items["max"], "max", faults)
    until = node.items["until"]
    if plain(until) != "decided":
        faults.add(until.place, f"until must be decided, got {tell(plain(until))}")
    if least is not None and most is not None and most <= least:
        message = f"max must be above min, {least}, got {most}"
        faults.add(node.items["max"].place, message)
    if least is None or most is None or len(faults) > before:
        return None
    return Seeds(values=tuple(range(least)), maximum=most, until="decided")
