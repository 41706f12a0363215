"""Parameters and grids into settings: every combination, each value judged once."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any, NamedTuple

from harness.api.parameters import build, canonical, labelled, with_defaults
from harness.errors import PluginError
from harness.suite.catalogue import Refusal, attempt
from harness.suite.document import Faults, ListNode, MapNode, Node, Place, is_broken, plain
from harness.suite.parameters import ParameterTable
from harness.suite.wording import joined, tell, told_number

__all__ = ["MAX_COMBINATIONS", "Refusals", "Setting", "Settings", "named", "read_settings", "shown"]

MAX_COMBINATIONS = 1_000_000


class Setting(NamedTuple):
    """One combination: every parameter, and what tells it from another of the same class."""

    params: dict[str, Any]
    key: tuple[str, ...]  # canonical text of each parameter, in the order of the fields


class Settings(NamedTuple):
    """All combinations of one task or method in an entry."""

    table: ParameterTable
    combinations: list[Setting]
    axes: tuple[str, ...]  # parameters that the grid varies


class Refusals:
    """The same refusal of many combinations, told once with how many there were."""

    def __init__(self, table: ParameterTable) -> None:
        self._table = table
        self._found: dict[Refusal, tuple[int, Mapping[str, Any]]] = {}

    def add(self, refusal: Refusal, params: Mapping[str, Any]) -> None:
        """Count a refusal; the first one's parameters are kept."""
        count, first = self._found.get(refusal, (0, params))
        self._found[refusal] = (count + 1, first)

    def __iter__(self) -> Iterator[tuple[Refusal, str, str]]:
        for refusal, (count, params) in self._found.items():
            others = f"and so {count - 1} more combination{'s' * (count > 2)}" if count > 1 else ""
            yield refusal, named(self._table, params), others


def shown(value: Any) -> str:
    """A parameter's value in a label: text as it is, ``3`` for 3.0, the rest as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return told_number(value)
    return canonical(value)


def named(table: ParameterTable, params: Mapping[str, Any]) -> str:
    """The name and the parameters that differ from their defaults."""
    words = [f"{name}={shown(value)}" for name, value in labelled(table.cls, params).items()]
    return " ".join([table.owner, *words])


def read_settings(
    table: ParameterTable, params: Node | None, grid: Node | None, name: Place, faults: Faults
) -> Settings | None:
    """Every combination of ``params`` and ``grid``; ``None`` where something is wrong with them.

    ``name`` is where the class is named in the file: what has no better place is told there.
    """
    before = len(faults)
    try:
        fixed = _fixed(table, params, faults)
        axes = _axes(table, params, grid, faults)
    except PluginError as error:
        faults.add(name, str(error))
        return None
    given = {*fixed, *axes, *_keys(params), *_keys(grid)}
    missing = [each for each in table.required if each not in given]
    if missing:
        faults.add(name, f"{table.owner} needs {joined(missing, 'and')}")
    # A value refused while reading is told already, and is no value to build with.
    if len(faults) > before or any(is_broken(node) for node in (params, grid) if node):
        return None
    found = Settings(table, list(_combinations(table, fixed, axes)), tuple(axes))
    _construct(found, _mapping_place(params, grid, name), name, faults)
    return found if len(faults) == before else None


def _keys(node: Node | None) -> list[str]:
    return list(node.items) if isinstance(node, MapNode) else []


def _mapping_place(params: Node | None, grid: Node | None, name: Place) -> Place:
    for node in (grid, params):
        if isinstance(node, MapNode) and node.items:
            return node.place
    return name


def _fixed(table: ParameterTable, params: Node | None, faults: Faults) -> dict[str, Any]:
    if params is None or (not isinstance(params, MapNode) and plain(params) is None):
        return {}
    if not isinstance(params, MapNode):
        message = f"the parameters of {table.owner} must be a mapping, got {tell(plain(params))}"
        faults.add(params.place, message)
        return {}
    return table.values(params, faults)


def _axes(
    table: ParameterTable, params: Node | None, grid: Node | None, faults: Faults
) -> dict[str, list[Any]]:
    """The values of each parameter that the grid varies."""
    if grid is None or (is_broken(grid) and not isinstance(grid, MapNode)):
        return {}
    if not isinstance(grid, MapNode) or not grid.items:
        empty = isinstance(grid, MapNode) or plain(grid) is None or plain(grid) == []
        message = f"grid must be a mapping of lists, got {tell(plain(grid))}"
        hint = "{horizon: [1000, 10000]}"
        faults.add(
            grid.place, "the grid is empty: it makes no combination" if empty else message, hint
        )
        return {}
    axes: dict[str, list[Any]] = {}
    for name, node in grid.items.items():
        if not table.known(name, grid, faults):
            continue
        if isinstance(params, MapNode) and name in params.items:
            where = params.keys[name].beside(grid.keys[name])
            faults.add(grid.keys[name], f"{name} is set {where}, and here varied", "keep one")
        axes[name] = _axis(table, name, node, faults)
    count = math.prod(len(values) for values in axes.values())
    if count > MAX_COMBINATIONS:
        message = f"this grid makes {count:,} combinations, at most {MAX_COMBINATIONS:,}"
        faults.add(grid.place, message)
    return axes


def _axis(table: ParameterTable, name: str, node: Node, faults: Faults) -> list[Any]:
    if is_broken(node) and not isinstance(node, ListNode):
        return []
    if not isinstance(node, ListNode):
        given = plain(node)
        hint = f"write [{shown(given)}]" if isinstance(given, (int, float, str)) else ""
        faults.add(node.place, f"the grid of {name} must be a list, got {tell(given)}", hint)
        return []
    if not node.items:
        message = f"the grid of {name} is empty: it makes no combination"
        faults.add(node.place, message, "list values, or leave it out")
        return []
    found: dict[str, Any] = {}
    for item in node.items:
        before = len(faults)
        value = table.value(name, item, faults)
        if len(faults) > before or is_broken(item):
            continue
        if canonical(value) in found:
            faults.add(item.place, f"{shown(value)} stands twice in the grid of {name}")
        found[canonical(value)] = value
    return list(found.values())


def _combinations(
    table: ParameterTable, fixed: dict[str, Any], axes: dict[str, list[Any]]
) -> Iterator[Setting]:
    """Each combination, the last axis running fastest."""
    first = {name: values[0] for name, values in axes.items()}
    base = with_defaults(table.cls, fixed | first)
    key = [canonical(value) for value in base.values()]
    places = [list(base).index(name) for name in axes]
    columns = [[(value, canonical(value)) for value in values] for values in axes.values()]
    for chosen in product(*columns):
        params, texts = base.copy(), key.copy()
        for name, place, (value, text) in zip(axes, places, chosen, strict=True):
            params[name] = value
            texts[place] = text
        yield Setting(params, tuple(texts))


def _construct(settings: Settings, mapping: Place, name: Place, faults: Faults) -> None:
    """Make the objects where that may fail: values can be right one by one and wrong together."""
    table, refusals = settings.table, Refusals(settings.table)
    # Without a __post_init__ of its own a dataclass takes what its fields allow: one will do.
    judges = hasattr(table.cls, "__post_init__")
    for setting in settings.combinations if judges else settings.combinations[:1]:
        made = attempt(build, table.cls, setting.params)
        if isinstance(made, Refusal):
            refusals.add(made, setting.params)
    for refusal, title, others in refusals:
        if refusal.is_verdict:
            faults.add(mapping, f"{title}: {refusal.message}", others)
        else:
            faults.add(name, f"{table.owner} cannot be made: {refusal.message}", others)
