"""What a cell runs with: seeds, time limit, hardware class; and the classes declared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypedDict

from harness.suite.document import BrokenNode, Faults, MapNode, Node, Place, is_broken, plain
from harness.suite.keys import HARDWARE, check_keys
from harness.suite.model import HardwareClass, Seeds
from harness.suite.parameters import ParameterTable
from harness.suite.quantities import duration_s, memory_bytes, seeds, text
from harness.suite.wording import tell

__all__ = ["Chosen", "Limits", "read_hardware"]

DEFAULT_SEEDS = Seeds(values=tuple(range(8)))
DEFAULT_TIMEOUT_S = 600.0
DEFAULT_HARDWARE = HardwareClass(name="default", cpus=1, memory_bytes=2 << 30)


class Chosen(TypedDict):
    """Fields of a ``MethodUse`` that method, entry or defaults may say."""

    seeds: Seeds
    timeout_s: float
    hardware: str


def read_hardware(node: Node | None, faults: Faults) -> dict[str, HardwareClass]:
    """The declared classes by name; one called ``default`` where none is declared."""
    if not isinstance(node, MapNode) or not node.items:
        return {DEFAULT_HARDWARE.name: DEFAULT_HARDWARE}
    table = ParameterTable(HardwareClass, "a hardware class")
    return {name: _class(name, inner, node, table, faults) for name, inner in node.items.items()}


def _class(
    name: str, node: Node, classes: MapNode, table: ParameterTable, faults: Faults
) -> HardwareClass:
    found = HardwareClass(name=name)
    if isinstance(node, BrokenNode) or (not isinstance(node, MapNode) and plain(node) is None):
        return found
    if not isinstance(node, MapNode):
        message = f"hardware class {name} must be a mapping, got {tell(plain(node))}"
        faults.add(node.place, message, "{cpus: 1, memory: 2GiB}")
        return found
    check_keys(node, HARDWARE, f"hardware class {name}", faults)
    before = len(faults)
    values: dict[str, Any] = {
        key: table.value(key, item, faults)
        for key, item in node.items.items()
        if key in HARDWARE and key != "memory"
    }
    if "memory" in node.items and plain(node.items["memory"]) is not None:
        values["memory_bytes"] = memory_bytes(node.items["memory"], faults)
    return replace(found, **values) if len(faults) == before else found


class Limits:
    """Reads seeds, timeout and hardware of methods, entries and defaults, each node once."""

    def __init__(self, hardware: Mapping[str, HardwareClass]) -> None:
        self.hardware = hardware
        self._read: dict[int, Any] = {}
        self._kept: list[Node] = []  # ids stay taken while the nodes live

    def check(self, defaults: MapNode, faults: Faults) -> None:
        """Tell what is wrong with defaults, used or not."""
        for key in ("seeds", "timeout", "hardware"):
            if key in defaults.items:
                self._value(key, defaults.items[key], faults)

    def chosen(self, layers: tuple[MapNode, ...], place: Place, faults: Faults) -> Chosen | None:
        """What the first layer that says it says; ``None`` where something is wrong."""
        found: dict[str, Any] = {}
        for key in ("seeds", "timeout", "hardware"):
            node = next((layer.items[key] for layer in layers if key in layer.items), None)
            found[key] = (
                self._default(key, place, faults)
                if node is None
                else self._value(key, node, faults)
            )
        if any(value is None for value in found.values()):
            return None
        return Chosen(seeds=found["seeds"], timeout_s=found["timeout"], hardware=found["hardware"])

    def _default(self, key: str, place: Place, faults: Faults) -> Any:
        if key == "seeds":
            return DEFAULT_SEEDS
        if key == "timeout":
            return DEFAULT_TIMEOUT_S
        if len(self.hardware) == 1:
            return next(iter(self.hardware))
        message = f"this says not which hardware it runs on: {', '.join(self.hardware)}"
        faults.add(place, message, "defaults: {hardware: NAME}, or hardware: NAME here")
        return None

    def _value(self, key: str, node: Node, faults: Faults) -> Any:
        if id(node) not in self._read:
            self._kept.append(node)
            self._read[id(node)] = None if is_broken(node) else self._judged(key, node, faults)
        return self._read[id(node)]

    def _judged(self, key: str, node: Node, faults: Faults) -> Any:
        if key == "seeds":
            return seeds(node, faults)
        if key == "timeout":
            return duration_s(node, faults)
        name = text(node, "hardware", faults)
        if name is not None and name not in self.hardware:
            known = list(self.hardware)
            message = f'no hardware class is called "{name}"'
            faults.unknown(node.place, message, name, known, f"declared: {', '.join(known)}")
            return None
        return name
