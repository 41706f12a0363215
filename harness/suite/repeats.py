"""Cells that two places of a suite would make: one of them is a mistake."""

from __future__ import annotations

from collections.abc import Mapping

from harness.suite.document import Faults
from harness.suite.entries import Block, Use
from harness.suite.model import HardwareClass, Seeds
from harness.suite.settings import named

__all__ = ["tell_repeats"]

_CellKey = tuple[str, tuple[str, ...], str]


def tell_repeats(
    blocks: list[Block], hardware: Mapping[str, HardwareClass], faults: Faults
) -> None:
    """Tell each method item that makes cells which an earlier one makes too.

    Cells are the same with the same task, method, parameters, device and seed; labels, limits
    and core counts do not tell cells apart.
    """
    by_task: dict[str, list[Block]] = {}
    for block in blocks:
        by_task.setdefault(block.table.owner, []).append(block)
    for same_task in by_task.values():
        seen: dict[tuple[str, ...], list[Block]] = {}
        for block in same_task:
            _within(block, hardware, faults)
            if len(same_task) > 1:
                _across(block, seen, hardware, faults)


def _cell_key(use: Use, hardware: Mapping[str, HardwareClass]) -> _CellKey:
    return (use.method.name, use.key, hardware[use.method.hardware].device)


def _within(block: Block, hardware: Mapping[str, HardwareClass], faults: Faults) -> None:
    earlier: dict[_CellKey, list[Use]] = {}
    for use in block.uses:
        same = earlier.setdefault(_cell_key(use, hardware), [])
        _tell(use, same, block, 0, faults)
        same.append(use)


def _across(
    block: Block,
    seen: dict[tuple[str, ...], list[Block]],
    hardware: Mapping[str, HardwareClass],
    faults: Faults,
) -> None:
    shared: dict[int, int] = {}  # earlier block → the first setting that both have
    others: dict[int, Block] = {}
    for number, setting in enumerate(block.settings):
        for other in seen.setdefault(setting.key, []):
            shared.setdefault(other.number, number)
            others[other.number] = other
        seen[setting.key].append(block)
    for other_number, number in shared.items():
        earlier: dict[_CellKey, list[Use]] = {}
        for use in others[other_number].uses:
            earlier.setdefault(_cell_key(use, hardware), []).append(use)
        for use in block.uses:
            _tell(use, earlier.get(_cell_key(use, hardware), []), block, number, faults)


def _tell(use: Use, earlier: list[Use], block: Block, setting: int, faults: Faults) -> None:
    for other in earlier:
        common = _common(use.method.seeds, other.method.seeds)
        if common is None or not block.settings:
            continue
        task = named(block.table, block.settings[setting].params)
        where = other.place.beside(use.place)
        if other.place == use.place:
            where = "in another combination of this grid"
        message = f"{use.method.label} on {task} makes cells that stand {where} too"
        faults.add(use.place, message, f"{common}; keep one, or give them other seeds")
        return


def _common(one: Seeds, other: Seeds) -> str | None:
    """The first seed of both, in words; ``None`` where they have none in common."""
    mine, others = _reach(one), _reach(other)
    if one is other and mine:
        return f"seed {mine[0]} is in both"
    common = set(mine).intersection(others)
    return f"seed {min(common)} is in both" if common else None


def _reach(seeds: Seeds) -> tuple[int, ...] | range:
    """All seeds that may run; added ones go up to the maximum."""
    return seeds.values if seeds.maximum is None else range(seeds.maximum)
