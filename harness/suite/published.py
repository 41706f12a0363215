"""``published:``: figures from elsewhere, held against the tasks that are planned."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import yaml

from harness.errors import PluginError
from harness.suite.document import (
    BrokenNode,
    Faults,
    ListNode,
    MapNode,
    Node,
    Place,
    Source,
    parse,
    plain,
)
from harness.suite.keys import PUBLISHED, check_keys
from harness.suite.model import Published
from harness.suite.parameters import ParameterTable
from harness.suite.quantities import number, text
from harness.suite.wording import joined, tell

__all__ = ["published_by_plugins", "read_published"]

_AFTER_FILES = 1_000  # the rank of what plugins say


def read_published(
    nodes: Sequence[Node], tasks: Sequence[ParameterTable] | None, faults: Faults
) -> list[Published]:
    """Every row that is sound; ``tasks`` are those planned, ``None`` where some are unknown."""
    rows = (_row(node, tasks, faults) for node in nodes)
    return [row for row in rows if row is not None]


def published_by_plugins(
    said: Iterable[tuple[str, Any]],
    tasks: Sequence[ParameterTable],
    place: Place,
    faults: Faults,
) -> list[Published]:
    """Rows of plugins on tasks that are planned, held to the rules of a suite's.

    ``said`` are names of plugins with what their ``harness_published`` gave; ``place`` is where
    rows are told that are none.
    """
    planned = {table.owner for table in tasks}
    found: list[Published] = []
    for name, given in said:
        try:
            rows = [dict(row) for row in given or () if row["task"] in planned]
            text = yaml.safe_dump(rows, sort_keys=False, allow_unicode=True)
        except (TypeError, ValueError, KeyError, yaml.YAMLError):
            message = f'plugin "{name}": harness_published must give mappings of plain values'
            faults.add(place, message, "each with task, label, metric, value, source")
            continue
        node = parse(Source(f'plugin "{name}"', text, _AFTER_FILES), faults)
        items = node.items if isinstance(node, ListNode) else []
        found += [replace(row, plugin=name) for row in read_published(items, tasks, faults)]
    return found


def _row(node: Node, tasks: Sequence[ParameterTable] | None, faults: Faults) -> Published | None:
    if isinstance(node, BrokenNode):
        return None
    if not isinstance(node, MapNode):
        faults.add(node.place, f"a published figure must be a mapping, got {tell(plain(node))}")
        return None
    before = len(faults)
    check_keys(node, PUBLISHED, "a published figure", faults)
    words = {
        key: text(node.items[key], key, faults)
        for key in ("task", "label", "metric", "source")
        if key in node.items
    }
    numbers = {
        key: number(node.items[key], key, faults)
        for key in ("value", "at")
        if key in node.items and not (key == "at" and plain(node.items[key]) is None)
    }
    params: dict[str, Any] = {}
    if tasks is not None and words.get("task"):
        params = _held(node, str(words["task"]), words.get("metric"), tasks, faults)
    if len(faults) > before:
        return None
    return Published(**words, **numbers, params=params)  # type: ignore[arg-type]  # none is None


def _held(
    node: MapNode,
    task: str,
    metric: str | None,
    tasks: Sequence[ParameterTable],
    faults: Faults,
) -> dict[str, Any]:
    """The row's parameters, judged by its task; what is not planned is told."""
    known = {table.owner: table for table in tasks}
    table = known.get(task)
    if table is None:
        names = sorted(known)
        more = f"planned: {', '.join(names)}"
        message = f'no entry has the task "{task}"'
        faults.unknown(node.items["task"].place, message, task, names, more)
        return {}
    metrics = [each.name for each in table.cls.metrics]
    if metric is not None and metric not in metrics:
        message = f'{task} does not measure "{metric}"'
        more = f"it measures {joined(metrics, 'and')}"
        faults.unknown(node.items["metric"].place, message, metric, metrics, more)
    params = node.items.get("params")
    if params is None or isinstance(params, BrokenNode):
        return {}
    if not isinstance(params, MapNode):
        if plain(params) is not None:
            faults.add(params.place, f"params must be a mapping, got {tell(plain(params))}")
        return {}
    try:
        return table.values(params, faults)
    except PluginError as error:
        faults.add(params.place, str(error))
        return {}
