"""The parts that claims are made of: names, filters, limits, references, points of a curve."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.suite.document import Faults, ListNode, MapNode, Node, is_broken, plain
from harness.suite.keys import FORMS, REFERENCES
from harness.suite.model import CurvePoint, Reference, Span, Tolerance
from harness.suite.quantities import number, percent, text
from harness.suite.wording import joined, tell, told_number

__all__ = [
    "FORM_NAMES",
    "ClaimReader",
    "Planned",
    "PluginClaims",
    "choice",
    "limit_of",
    "names_of",
    "pair_of",
    "point_of",
    "reference_of",
    "tell_label",
    "tell_metric",
    "tolerance_of",
    "where_of",
]

PluginClaims = Callable[[Node, MapNode | None, Faults], tuple[str, Mapping[str, Any]] | None]

FORM_NAMES = {
    "value": "a value claim",
    "difference": "a difference",
    "trend": "a trend",
    "spread": "a spread",
    "plugin": "a plugin's claim",
}


@dataclass(frozen=True, kw_only=True)
class Planned:
    """What the entries plan, for names that claims mention; ``None``: not known for sure."""

    metrics: frozenset[str] | None = None
    labels: frozenset[str] | None = None
    tasks: frozenset[str] | None = None


@dataclass
class ClaimReader:
    """Reads the parts of one claim; ``faults`` grows by what is wrong with them."""

    node: MapNode
    faults: Faults
    planned: Planned
    plugin_claim: PluginClaims
    scale: str = "linear"
    base: dict[str, Any] = field(default_factory=dict)

    def get(self, key: str) -> Node | None:
        """The value of a key, ``None`` where the claim does not say it."""
        return self.node.items.get(key)

    def add(self, node: Node, message: str, hint: str = "") -> None:
        """Tell what is wrong with a part."""
        self.faults.add(node.place, message, hint)


def tell_metric(reader: ClaimReader, node: Node, metric: str) -> None:
    """Tell a metric that no planned task has."""
    known = reader.planned.metrics
    if known is not None and metric not in known:
        names = sorted(known)
        message = f'no planned task measures "{metric}"'
        reader.faults.unknown(node.place, message, metric, names, f"measured: {joined(names)}")


def tell_label(reader: ClaimReader, node: Node, label: Any) -> None:
    """Tell a label that no entry has."""
    known = reader.planned.labels
    if known is not None and isinstance(label, str) and label not in known:
        more = f"labels here: {', '.join(sorted(known))}" if len(known) <= 8 else ""
        message = f'no entry has the label "{label}"'
        reader.faults.unknown(node.place, message, label, sorted(known), more)


def choice(reader: ClaimReader, key: str, form: str) -> str | None:
    """A key with a few possible words, from the form's table."""
    node = reader.get(key)
    if node is None or is_broken(node) or key not in FORMS[form]:
        return None
    words: list[str] = FORMS[form][key].schema["enum"]
    value = plain(node)
    if value not in words:
        message = f"{key} of {FORM_NAMES[form]} must be {joined(words)}, got {tell(value)}"
        reader.faults.unknown(node.place, message, str(value), words, "")
        return None
    return str(value)


def names_of(reader: ClaimReader, key: str, node: Node) -> tuple[str, ...]:
    """One name or a list of them."""
    items = node.items if isinstance(node, ListNode) else [node]
    if not items:
        reader.add(node, f"{key} names nothing")
    found = [text(item, f"a name in {key}", reader.faults) for item in items]
    return tuple(name for name in found if name is not None)


def where_of(reader: ClaimReader, node: Node, what: str) -> dict[str, Any]:
    """A filter: values or lists of values by name."""
    if is_broken(node):
        return {}
    if not isinstance(node, MapNode) or not node.items:
        given = "an empty one" if isinstance(node, MapNode) else tell(plain(node))
        hint = "{label: thompson, horizon: [1000, 10000]}"
        reader.add(node, f"{what} must be a filter by names, got {given}", hint)
        return {}
    for name, inner in node.items.items():
        values = inner.items if isinstance(inner, ListNode) else [inner]
        if not values:
            reader.add(inner, f"{what} allows no value of {name}", "leave it out, or list values")
        for value in values:
            if isinstance(value, MapNode):
                reader.add(value, f"{name} in {what} must be a value or a list, got a mapping")
            elif name == "label":
                tell_label(reader, value, plain(value))
            elif name == "task":
                _tell_task(reader, value)
    return {name: plain(inner) for name, inner in node.items.items()}


def _tell_task(reader: ClaimReader, node: Node) -> None:
    known, task = reader.planned.tasks, plain(node)
    if known is not None and isinstance(task, str) and task not in known:
        names = sorted(known)
        more = f"tasks here: {', '.join(names)}"
        reader.faults.unknown(node.place, f'no entry has the task "{task}"', task, names, more)


def point_of(reader: ClaimReader, node: Node) -> CurvePoint:
    """A point of a curve, or the change between two."""
    value = plain(node)
    if is_broken(node) or value == "last":
        return "last"
    if value == "every":
        return "every"
    hint = "a number, last, every, or {from: 1e4, to: 1e5}"
    if isinstance(node, MapNode):
        if set(node.items) != {"from", "to"}:
            given = joined(list(node.items), "and") or "nothing"
            reader.add(node, f"a change needs from and to, got {given}", hint)
            return "last"
        start = number(node.items["from"], "from", reader.faults)
        end = number(node.items["to"], "to", reader.faults)
        if start is None or end is None:
            return "last"
        if end <= start:
            message = f"to must be above from, {told_number(start)}, got {told_number(end)}"
            reader.add(node.items["to"], message)
        return Span(start=float(start), end=float(end))
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    reader.add(node, f"at must be a point of the curve, got {tell(value)}", hint)
    return "last"


def limit_of(reader: ClaimReader, node: Node, what: str) -> float | None:
    """A number; a percentage only where the scale makes the value a share."""
    share = percent(node)
    if share is None:
        return number(node, what, reader.faults)
    if reader.scale != "relative":
        hint = f"write {told_number(share)}, or scale: relative"
        reader.add(node, f"{what} is a percentage, {tell(plain(node))}: of what?", hint)
    return share


def pair_of(reader: ClaimReader, key: str) -> tuple[float, float] | None:
    """``[low, high]`` with low below high."""
    node = reader.get(key)
    if node is None or is_broken(node):
        return None
    if not isinstance(node, ListNode) or len(node.items) != 2:
        given = tell(plain(node))
        reader.add(node, f"{key} must be two numbers, [low, high], got {given}")
        return None
    low, high = (limit_of(reader, item, key) for item in node.items)
    if low is None or high is None:
        return None
    if low >= high:
        message = f"{key} must rise, got {told_number(low)}, then {told_number(high)}"
        reader.add(node, message)
        return None
    return float(low), float(high)


def tolerance_of(reader: ClaimReader, key: str) -> Tolerance | None:
    """An absolute width or a percentage, never negative."""
    node = reader.get(key)
    if node is None or is_broken(node):
        return None
    share = percent(node)
    amount = share if share is not None else number(node, key, reader.faults)
    if amount is None:
        return None
    if amount < 0:
        reader.add(node, f"{key} must be at least 0, got {tell(plain(node))}")
        return None
    return Tolerance(amount=float(amount), is_relative=share is not None)


def reference_of(reader: ClaimReader, node: Node, what: str) -> Reference | None:
    """REF: a number, the name of a bound, or a mapping that picks one."""
    if is_broken(node):
        return None
    times = _times(reader, reader.get("times"))
    if isinstance(node, MapNode):
        return _picked(reader, node, what, times)
    value = plain(node)
    if isinstance(value, str) and value in REFERENCES:
        return Reference(kind=value, times=times)  # type: ignore[arg-type]  # just looked up
    if isinstance(value, str) and percent(node) is None:
        message = f"{what} must be a number or {joined(REFERENCES)}, got {tell(value)}"
        hint = "{guarantee: NAME}, {guarantee of: LABEL}"
        reader.faults.unknown(node.place, message, value, list(REFERENCES), hint)
        return None
    limit = limit_of(reader, node, what)
    if limit is not None and (factor := reader.get("times")) is not None:
        reader.add(factor, "times is a factor on a bound, not on a number")
    return None if limit is None else Reference(kind="number", number=float(limit))


def _picked(reader: ClaimReader, node: MapNode, what: str, times: float) -> Reference | None:
    """``{guarantee: NAME}``, ``{guarantee of: LABEL}``, with ``times``."""
    keys = [key for key in node.items if key != "times"]
    known = [*REFERENCES, "guarantee of"]
    for key in keys:
        if key not in known:
            message = f'{what} has no reference "{key}"'
            reader.faults.unknown(node.keys[key], message, key, known, ", ".join(known))
            return None
    if not keys or (len(keys) > 1 and set(keys) != {"guarantee", "guarantee of"}):
        reader.add(node, f"{what} needs one reference, got {joined(keys, 'and') or 'none'}")
        return None
    if "times" in node.items:
        if (outer := reader.get("times")) is not None:
            reader.add(outer, "times stands here and in the reference")
        times = _times(reader, node.items["times"])
    name, of = "", None
    for key in keys:
        value = text(node.items[key], key, reader.faults)
        if value is None:
            return None
        if key == "guarantee of":
            of = value
            tell_label(reader, node.items[key], value)
        else:
            name = value
    kind = keys[0].removesuffix(" of")
    return Reference(kind=kind, name=name, of=of, times=times)  # type: ignore[arg-type]  # known


def _times(reader: ClaimReader, node: Node | None) -> float:
    if node is None:
        return 1.0
    value = number(node, "times", reader.faults)
    if value is not None and value <= 0:
        reader.add(node, f"times must be above 0, got {told_number(value)}")
    return 1.0 if value is None else float(value)
