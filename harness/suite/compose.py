"""The files of a suite as one tree: read, overridden by ``-o``, joined by ``include:``.

What is included comes first, in the order listed; where both say something of the same name
(a hardware class, a default), the file that includes wins. Every node keeps its own file.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import nearest
from harness.suite.document import (
    MAX_CHARACTERS,
    Faults,
    ListNode,
    MapNode,
    Node,
    Place,
    ScalarNode,
    Source,
    is_broken,
    parse,
    plain,
)
from harness.suite.keys import DEFAULTS, SUITE, check_keys
from harness.suite.quantities import text
from harness.suite.wording import tell

__all__ = ["Composed", "compose"]

_LISTS = ("entries", "published", "claims")
_OPTION_RANK = 1 << 30  # faults of options come after those of files
MAX_FILES = 100


@dataclass
class Composed:
    """All files joined.

    ``defaults`` belongs to ``entries`` item by item: the mappings that may hold an entry's
    defaults, the one that counts most first. ``plugins`` are paths with their nodes.
    """

    root: MapNode
    defaults: list[tuple[MapNode, ...]] = field(default_factory=list)
    plugins: list[tuple[Path, Node]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    def items(self, key: str) -> list[Node]:
        """The items of a section, an empty list where it is not there."""
        node = self.root.items.get(key)
        return node.items if isinstance(node, ListNode) else []


def compose(path: Path, overrides: Sequence[str], faults: Faults) -> Composed | None:
    """Read ``path`` and all that it includes; ``None`` where there is no tree to speak of."""
    start = Place(Source(str(path), ""), 0, 0)
    source = _read(path, str(path), 0, start, faults)
    node = parse(source, faults) if source is not None else None
    if node is None or source is None:
        return None
    if not isinstance(node, MapNode):
        if not is_broken(node):
            message = (
                f"a suite is a mapping of keys such as suite and entries, got {tell(plain(node))}"
            )
            faults.add(node.place, message)
        return None
    for option in overrides:
        _override(node, option, faults)
    joined = _Joiner(faults).join(node, path, (path.resolve(),))
    joined.texts.insert(0, source.text)
    return joined


def _read(path: Path, shown: str, rank: int, place: Place, faults: Faults) -> Source | None:
    """The text of a file; ``place`` is where a file that can't be read is told."""
    try:
        if path.is_dir():
            faults.add(place, f"{shown} is a folder", "name the suite file in it")
            return None
        with path.open("rb") as file:
            data = file.read(4 * MAX_CHARACTERS + 1)
    except FileNotFoundError:
        known = [each.name for each in path.parent.glob("*.y*ml")] if path.parent.is_dir() else []
        near = nearest(path.name, known)
        hint = f"nearest: {path.parent / near}" if near else ""
        faults.add(place, f"there is no file {shown}", hint)
        return None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        told = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        faults.add(place, f"{shown} cannot be read: {told}")
        return None
    source = Source(shown, "", rank)
    try:
        source.text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig", errors="replace")
        wide = data[:2] in (b"\xff\xfe", b"\xfe\xff")
        hint = "it looks like UTF-16: save it as UTF-8" if wide else "save it as UTF-8"
        source.text = data.decode("utf-8-sig", errors="replace")
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        byte = f"byte 0x{data[error.start]:02x}"
        faults.add(Place(source, line, column), f"this is not UTF-8 text: {byte}", hint)
        return None
    if "\0" in source.text:
        faults.add(place, f"{shown} is not a text file: it holds zero bytes")
        return None
    return source


def _override(root: MapNode, option: str, faults: Faults) -> None:
    """Put the value of ``-o key=value`` into the tree; dots separate keys and list numbers."""
    key, equals, value = option.partition("=")
    source = Source("-o", value, _OPTION_RANK, option, len(key) + 1)
    whole = Place(source, 1, -len(key), len(option))
    if not equals or not all(key.split(".")):
        faults.add(whole, "an override is KEY=VALUE", "such as -o defaults.seeds=8")
        return
    place = Place(source, 1, 1)
    node = parse(source, faults) if value.strip() else ScalarNode(place, None, "")
    if node is not None:
        _put(root, key.split("."), node, whole, faults)


def _put(root: MapNode, pieces: list[str], value: Node, whole: Place, faults: Faults) -> None:
    node: Node = root
    for number, piece in enumerate(pieces):
        is_last = number == len(pieces) - 1
        name = ".".join(pieces[:number]) or "a suite"
        if isinstance(node, MapNode):
            if is_last:
                node.items[piece] = value
                node.keys[piece] = whole
                return
            if piece not in node.items or plain(node.items[piece]) is None:
                node.items[piece] = MapNode(whole, {}, {})
                node.keys.setdefault(piece, whole)
            node = node.items[piece]
        elif isinstance(node, ListNode):
            if not piece.isdecimal() or int(piece) >= len(node.items):
                count = len(node.items)
                numbers = f"numbered 0 to {count - 1}" if count else "none"
                faults.add(whole, f'{name} has no item "{piece}"', f"its items: {numbers}")
                return
            if is_last:
                node.items[int(piece)] = value
                return
            node = node.items[int(piece)]
        else:
            faults.add(whole, f"{name} is {tell(plain(node))}, it has no {piece}")
            return


@dataclass
class _Joiner:
    """Joins a file with those that it includes; ``rank`` numbers files as they are met."""

    faults: Faults
    rank: int = 0

    def join(self, node: MapNode, path: Path, chain: tuple[Path, ...]) -> Composed:
        """``node`` with everything that it includes; ``chain`` are the files around it."""
        before = len(self.faults)
        known = {key: each._replace(required=False) for key, each in SUITE.items()}
        check_keys(node, known, "a suite", self.faults)
        included = [
            each
            for item in self._list(node, "include")
            for each in self._included(item, path, chain)
        ]
        joined = Composed(MapNode(node.place, dict(node.items), dict(node.keys)))
        self._join_lists(joined, node, included)
        self._join_named(joined, node, included)
        for item in self._list(node, "plugins"):
            if (name := text(item, "a plugin's path", self.faults)) is not None:
                joined.plugins.append((path.parent / name, item))
        if len(chain) == 1 and not joined.items("entries") and len(self.faults) == before:
            hint = "entries: [{task: NAME, methods: [NAME]}]"
            self.faults.add(node.at("entries"), "the suite has no entries", hint)
        joined.texts += [each for other in included for each in other.texts]
        return joined

    def _join_lists(self, joined: Composed, node: MapNode, included: list[Composed]) -> None:
        own_defaults = self._map(node, "defaults")
        if own_defaults is not None:
            check_keys(own_defaults, DEFAULTS, "defaults", self.faults)
        layer = () if own_defaults is None else (own_defaults,)
        for key in _LISTS:
            own = self._list(node, key, may_be_one=False)
            items = [item for other in included for item in other.items(key)] + own
            if items:
                place = node.items[key].place if key in node.items else node.place
                joined.root.items[key] = ListNode(place, items)
            if key == "entries":
                joined.defaults = [(*layer, *each) for other in included for each in other.defaults]
                joined.defaults += [layer] * len(own)
        for other in included:
            joined.plugins += other.plugins

    def _join_named(self, joined: Composed, node: MapNode, included: list[Composed]) -> None:
        """Hardware classes of all files by name, the including file's over the others'."""
        classes = MapNode(node.place, {}, {})
        for other in included:
            if isinstance(theirs := other.root.items.get("hardware"), MapNode):
                classes.items |= theirs.items
                classes.keys |= theirs.keys
        if (own := self._map(node, "hardware")) is not None:
            classes = MapNode(own.place, classes.items | own.items, classes.keys | own.keys)
        if classes.items:
            joined.root.items["hardware"] = classes

    def _included(self, item: Node, path: Path, chain: tuple[Path, ...]) -> list[Composed]:
        name = text(item, "a file to include", self.faults)
        if name is None:
            return []
        target = path.parent / name
        if target.resolve() in chain:
            self.faults.add(item.place, f"{name} includes itself", "by way of this file")
            return []
        self.rank += 1
        if self.rank > MAX_FILES:
            self.faults.add(item.place, f"these are more than {MAX_FILES} files")
            return []
        shown = os.path.normpath(target)
        source = _read(target, shown, self.rank, item.place, self.faults)
        node = parse(source, self.faults) if source is not None else None
        if source is None or not isinstance(node, MapNode):
            if node is not None:
                self.faults.add(node.place, "an included file is a mapping, as a suite is")
            return []
        joined = self.join(node, target, (*chain, target.resolve()))
        joined.texts.insert(0, f"\n# included: {name}\n{source.text}")
        return [joined]

    def _list(self, node: MapNode, key: str, *, may_be_one: bool = True) -> list[Node]:
        """The items of a list; one value stands for a list of it where that is allowed."""
        section = node.items.get(key)
        if section is None or (is_broken(section) and not isinstance(section, ListNode)):
            return []
        if isinstance(section, ListNode):
            return section.items
        if plain(section) is None:
            return []
        if may_be_one and isinstance(section, ScalarNode):
            return [section]
        self.faults.add(section.place, f"{key} must be a list, got {tell(plain(section))}")
        return []

    def _map(self, node: MapNode, key: str) -> MapNode | None:
        section = node.items.get(key)
        if section is None or isinstance(section, MapNode):
            return section
        if not is_broken(section) and plain(section) is not None:
            self.faults.add(section.place, f"{key} must be a mapping, got {tell(plain(section))}")
        return None
