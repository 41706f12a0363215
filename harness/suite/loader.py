"""A suite file into a validated :class:`~harness.suite.model.Suite`, or all of its faults.

document → tree of nodes with positions · compose → files joined, ``-o`` put in · settings,
entries, claims → records. Nothing stops at the first fault: each stage reads what is sound.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.api.parameters import build, with_defaults
from harness.errors import Fault, PluginError, SuiteError
from harness.suite.catalogue import Catalogue, Refusal, SuiteRegistry, attempt
from harness.suite.claim_parts import Planned
from harness.suite.claims import read_claims
from harness.suite.compose import Composed, compose
from harness.suite.cuts import Cuts, cut
from harness.suite.document import (
    Faults,
    KeyPath,
    ListNode,
    MapNode,
    Node,
    Place,
    ScalarNode,
    is_broken,
    plain,
)
from harness.suite.entries import Block, EntryReader
from harness.suite.limits import Limits, read_hardware
from harness.suite.model import Claim, Entry, HardwareClass, Published, Suite
from harness.suite.parameters import ParameterTable
from harness.suite.published import published_by_plugins, read_published
from harness.suite.quantities import text
from harness.suite.repeats import tell_repeats
from harness.suite.wording import joined, tell

__all__ = ["Cuts", "KeyPath", "Loaded", "load_suite"]

_NAME = re.compile(r"\w[\w.-]{0,99}")
_SEED_LIMIT = 1 << 63


@dataclass(frozen=True)
class Loaded:
    """A suite, and the way from its parts back to the file."""

    suite: Suite
    _root: MapNode
    _blocks: tuple[Block, ...]

    def fault(self, path: KeyPath, message: str, hint: str = "") -> Fault:
        """A fault at a part of the file: ``("claims", 3, "where", "horizon")``.

        Where the path leads further than the file does, its last known part is pointed to.
        """
        return _place(self._root, path).fault(message, hint)

    def path_of(self, entry: Entry, label: str = "") -> KeyPath:
        """The path of an entry of the suite, of one of its methods where ``label`` is given."""
        for block in self._blocks:
            if block.table.owner != entry.task:
                continue
            if any(setting.params is entry.params for setting in block.settings):
                items = [use.item for use in block.uses if use.method.label == label]
                path: KeyPath = ("entries", block.number)
                return (*path, "methods", items[0]) if items else path
        return ("entries",)


def load_suite(
    path: Path | str,
    registry: SuiteRegistry,
    *,
    overrides: Sequence[str] = (),
    cuts: Cuts | None = None,
) -> Loaded:
    """Read and validate a suite file.

    Parameters
    ----------
    path
        The file, as the user named it: messages name it alike.
    registry
        Where names of methods, tasks and claims are looked up.
    overrides
        ``KEY=VALUE`` with dots between keys: ``entries.0.params.horizon=100``.
    cuts
        What the command line leaves of the suite.

    Raises
    ------
    SuiteError
        With every fault of the file and of what it includes.
    UsageError
        If ``cuts`` leave nothing.
    """
    faults = Faults()
    composed = compose(Path(path), overrides, faults)
    parts = _Loading(composed, registry, faults).read() if composed is not None else None
    if len(faults) or composed is None or parts is None:
        raise SuiteError(str(path), faults.in_order())
    every = [entry for block in parts.blocks for entry in block.entries()]
    entries, took = cut(every, cuts or Cuts())
    suite = Suite(
        **parts.head,
        path=str(path),
        text="".join(composed.texts),
        hardware=parts.hardware,
        entries=entries,
        published=tuple(parts.published),
        claims=tuple(parts.claims),
        plugins=tuple(str(each.resolve()) for each, _ in composed.plugins),
        overrides=tuple(overrides),
        cuts=took,
    )
    return Loaded(suite, composed.root, tuple(parts.blocks))


@dataclass(frozen=True)
class _Parts:
    head: dict[str, Any]
    hardware: Mapping[str, HardwareClass]
    blocks: list[Block]
    published: list[Published]
    claims: list[Claim]


@dataclass
class _Loading:
    """The sections in the order in which they need each other."""

    composed: Composed
    registry: SuiteRegistry
    faults: Faults

    def read(self) -> _Parts:
        root, faults = self.composed.root, self.faults
        head = _head(root, faults)
        is_complete = self._plugins()
        hardware = read_hardware(root.items.get("hardware"), faults)
        limits = Limits(hardware)
        catalogue = Catalogue(self.registry, is_complete=is_complete)
        layers = {id(each): each for layers in self.composed.defaults for each in layers}
        for layer in layers.values():
            limits.check(layer, faults)
        reader = EntryReader(catalogue, limits, faults)
        entries = zip(self.composed.items("entries"), self.composed.defaults, strict=True)
        for number, (node, defaults) in enumerate(entries):
            reader.read(number, node, defaults)
        tell_repeats(reader.blocks, hardware, faults)
        tasks = reader.tasks if reader.knows_tasks else None
        published = read_published(self.composed.items("published"), tasks, faults)
        if tasks is not None:
            published += self._published_besides(published, tasks)
        planned = _planned(reader)
        claims = read_claims(
            self.composed.items("claims"), planned, _PluginClaimReader(catalogue), faults
        )
        return _Parts(head, hardware, reader.blocks, published, claims)

    def _published_besides(
        self, own: Sequence[Published], tasks: Sequence[ParameterTable]
    ) -> list[Published]:
        """What plugins say of the tasks; a suite's own row takes the place of theirs."""
        place = self.composed.root.place
        try:
            said = self.registry.published()
        except PluginError as error:
            self.faults.add(place, str(error))
            return []
        found = published_by_plugins(said, tasks, place, self.faults)
        given = [_meaning(each) for each in own]
        return [each for each in found if _meaning(each) not in given]

    def _plugins(self) -> bool:
        """Whether every plugin that the suite lists could be registered."""
        before = len(self.faults)
        for path, node in self.composed.plugins:
            try:
                self.registry.add_paths([path])
            except PluginError as error:
                self.faults.add(node.place, str(error))
        return len(self.faults) == before


def _meaning(figure: Published) -> tuple[Any, ...]:
    """What a figure is of: two of one meaning would stand in one board as one method."""
    return figure.task, figure.label, figure.metric, figure.at, figure.params


def _head(root: MapNode, faults: Faults) -> dict[str, Any]:
    """Name, description and seed."""
    head: dict[str, Any] = {"name": "", "description": "", "seed": 0}
    if (node := root.items.get("suite")) is None:
        faults.add(root.place, "the suite has no name", "suite: NAME")
    elif (name := text(node, "suite", faults)) is not None:
        head["name"] = name
        if not _NAME.fullmatch(name):
            message = f'the suite names a folder of results, which cannot be "{name}"'
            faults.add(node.place, message, "letters, digits, . _ -, at most 100")
    if (node := root.items.get("description")) is not None and plain(node) is not None:
        head["description"] = text(node, "description", faults) or ""
    if (node := root.items.get("seed")) is not None and not is_broken(node):
        head["seed"] = _seed(node, faults)
    return head


def _seed(node: Node, faults: Faults) -> int:
    value = plain(node)
    if isinstance(value, float) and value.is_integer() and abs(value) < _SEED_LIMIT:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        faults.add(node.place, f"seed must be a whole number of at least 0, got {tell(value)}")
        return 0
    return value


def _planned(reader: EntryReader) -> Planned:
    if not reader.knows_tasks:
        return Planned()
    return Planned(
        metrics=frozenset(metric.name for table in reader.tasks for metric in table.cls.metrics),
        labels=reader.labels if reader.knows_labels else None,
        tasks=frozenset(table.owner for table in reader.tasks),
    )


@dataclass(frozen=True)
class _PluginClaimReader:
    """Looks up ``claim: NAME`` and judges its parameters, with the object made once."""

    catalogue: Catalogue

    def __call__(
        self, node: Node, params: MapNode | None, faults: Faults
    ) -> tuple[str, Mapping[str, Any]] | None:
        name = text(node, "claim", faults)
        table = self.catalogue.find("claim", name, node.place, faults) if name else None
        if name is None or table is None:
            return None
        before = len(faults)
        values = table.values(params, faults) if params is not None else {}
        missing = [each for each in table.required if params is None or each not in params.items]
        if missing:
            faults.add(node.place, f"{name} needs {joined(missing, 'and')}")
        if len(faults) > before:
            return None
        complete = with_defaults(table.cls, values)
        made = attempt(build, table.cls, complete)
        if isinstance(made, Refusal):
            place = params.place if params is not None and made.is_verdict else node.place
            faults.add(place, f"{name}: {made.message}")
            return None
        return name, complete


def _place(node: Node, path: KeyPath) -> Place:
    place = node.place
    for piece in path:
        if isinstance(node, MapNode) and piece in node.items:
            key, node = node.keys[str(piece)], node.items[str(piece)]
            is_open = isinstance(node, ScalarNode) and node.raw == ""
            place = key if is_open else node.place
        elif isinstance(node, ListNode) and isinstance(piece, int) and piece < len(node.items):
            node = node.items[piece]
            place = node.place
        else:
            break
    return place
