"""A YAML text as a tree of nodes that know where they stand.

PyYAML's C composer gives the graph, the walk here reads it: no tag builds an object, plain
scalars are resolved by the rules below instead of YAML 1.1's, and an alias counts as what it
stands for, so that a bomb is refused before it is walked.

===================  ===============================================================
written              read as
===================  ===============================================================
``1e4`` ``1_000``    a number (PyYAML alone reads ``1e4`` as text)
``12:30`` ``2024-1`` text (YAML 1.1: 750, a date)
``on off yes no``    refused, in both spellings meant by somebody
``08`` ``010``       refused: eight to some readers, an error or 8 to others
``.nan``             refused: it equals nothing, not even itself
===================  ===============================================================
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import yaml

from harness.errors import Fault, nearest

__all__ = [
    "BrokenNode",
    "Faults",
    "KeyPath",
    "ListNode",
    "MapNode",
    "Node",
    "Place",
    "ScalarNode",
    "Source",
    "parse",
    "plain",
]

# Twenty times the longest suite that was written by hand; composing this much takes 0.3 s.
MAX_CHARACTERS = 1 << 20
MAX_NODES = 250_000
MAX_DEPTH = 40

KeyPath = tuple[str | int, ...]

_LINE_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")  # as libyaml counts lines
_PROPERTIES = re.compile(r"(?:[!&][^\s,\[\]{}]*\s+|[!&][^\s,\[\]{}]*$)+")
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*(?:_[0-9]+)*)")
_BASED = re.compile(r"[-+]?0(?:x[0-9a-fA-F]+|o[0-7]+|b[01]+)")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9_]+")
_REAL = re.compile(r"[-+]?(?:[0-9]+(?:_[0-9]+)*\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_INFINITY = re.compile(r"([-+]?)\.(?:inf|Inf|INF)")
_TRUTH = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NOTHING = frozenset({"", "~", "null", "Null", "NULL"})
_OLD_TRUTH = {"yes": "true", "on": "true", "no": "false", "off": "false"}
_PLAIN_STYLES = (None, "")  # the Python and the C composer say it differently
_INTEGER_LIMIT = 1 << 63  # compiled code has no larger integer
_INTEGER_DIGITS = 4000  # Python refuses to read more than 4,300


@dataclass(eq=False)
class Source:
    """Where a text comes from: a file, or the value of an ``-o`` option.

    ``rank`` orders faults over several sources; ``option`` is the whole option, in which
    the value begins at ``offset``.
    """

    path: str
    text: str
    rank: int = 0
    option: str = ""
    offset: int = 0

    @cached_property
    def lines(self) -> list[str]:
        """The lines as a YAML reader counts them."""
        return _LINE_BREAK.split(self.text)


@dataclass(frozen=True, slots=True)
class Place:
    """A token of a source: line and column from 1, width in characters."""

    source: Source
    line: int
    column: int
    length: int = 1

    @property
    def order(self) -> tuple[int, int, int]:
        """Sorts places as they stand in the files."""
        return (self.source.rank, self.line, self.column)

    def fault(self, message: str, hint: str = "") -> Fault:
        """The fault that points here."""
        source = self.source
        if source.option:
            return Fault(
                message=f"-o {source.option}: {message}",
                column=self.column + source.offset if self.line == 1 else len(source.option),
                length=self.length,
                source=source.option,
                hint=hint,
            )
        line = source.lines[self.line - 1] if 0 < self.line <= len(source.lines) else ""
        return Fault(
            message=message,
            path=source.path,
            line=self.line,
            column=self.column,
            length=self.length,
            source=line,
            hint=hint,
        )

    def beside(self, other: Place) -> str:
        """How to name this place in a fault that points to ``other``."""
        if self.source.option:
            return f"in -o {self.source.option}"
        if self.source is other.source:
            return f"in line {self.line}"
        return f"at {self.source.path}:{self.line}"


@dataclass(slots=True)
class Node:
    """Something in the document, at a place."""

    place: Place


@dataclass(slots=True)
class ScalarNode(Node):
    """One value; ``raw`` is its text as written (``9.10`` is not ``9.1``)."""

    value: str | int | float | bool | None
    raw: str


@dataclass(slots=True)
class ListNode(Node):
    """A list of nodes."""

    items: list[Node]


@dataclass(slots=True)
class MapNode(Node):
    """Keys to nodes, in the order of the file; keys are text, whatever they look like."""

    items: dict[str, Node]
    keys: dict[str, Place]

    def at(self, key: str) -> Place:
        """The place of a key, of the mapping where there is no such key."""
        return self.keys.get(key, self.place)


@dataclass(slots=True)
class BrokenNode(Node):
    """What could not be read; its fault has been told, later stages pass it over."""


@dataclass
class Faults:
    """All that is wrong, collected where it is found and told once, in the order of the files."""

    found: list[tuple[Place, Fault]] = field(default_factory=list)

    def add(self, place: Place, message: str, hint: str = "") -> None:
        """Keep a fault at ``place``."""
        self.found.append((place, place.fault(message, hint)))

    def unknown(self, place: Place, message: str, name: str, known: list[str], more: str) -> None:
        """A name that nothing has: with the nearest one, and where all of them are listed."""
        near = nearest(name, known)
        self.add(place, message, " · ".join(filter(None, [near and f"nearest: {near}", more])))

    def in_order(self) -> list[Fault]:
        """Each fault once (an alias meets one twice), as they stand in the files."""
        ordered = sorted(self.found, key=lambda each: each[0].order)
        return list(dict.fromkeys(fault for _, fault in ordered))

    def __len__(self) -> int:
        return len(self.found)


def plain(node: Node) -> Any:
    """The node's value as numbers, texts, lists and mappings."""
    if isinstance(node, ScalarNode):
        return node.value
    if isinstance(node, ListNode):
        return [plain(item) for item in node.items]
    if isinstance(node, MapNode):
        return {key: plain(item) for key, item in node.items.items()}
    return None


def is_broken(node: Node) -> bool:
    """Whether a fault was told for the node or for something in it."""
    if isinstance(node, ListNode):
        return any(is_broken(item) for item in node.items)
    if isinstance(node, MapNode):
        return any(is_broken(item) for item in node.items.values())
    return isinstance(node, BrokenNode)


def parse(source: Source, faults: Faults) -> Node | None:
    """The tree of a text; ``None`` where it is empty or not YAML (then ``faults`` says why)."""
    start = Place(source, 1, 1)
    if len(source.text) > MAX_CHARACTERS:
        size = f"{len(source.text):,} characters"
        faults.add(start, f"this is too long for a suite: {size}, at most {MAX_CHARACTERS:,}")
        return None
    before = len(faults)
    graph = _composed(source, faults)
    if graph is None:
        if len(faults) == before:
            faults.add(start, "there is nothing in it", 'a suite begins with "suite: NAME"')
        return None
    if not _fits(graph, source, faults):
        return None
    return _Walk(source, faults).node(graph)


def _composed(source: Source, faults: Faults) -> yaml.Node | None:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        graph: yaml.Node | None = yaml.compose(source.text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        place, message, hint = _told(error, source)
        faults.add(place, message, hint)
    except yaml.reader.ReaderError as error:
        code = error.character if isinstance(error.character, int) else ord(error.character[:1])
        # The error's position counts bytes in one reader, characters in the other.
        place = _place_of(source, max(source.text.find(chr(code)), 0))
        faults.add(place, f"the character U+{code:04X} cannot stand in YAML", "take it out")
    except UnicodeEncodeError as error:
        place = _place_of(source, error.start)
        faults.add(place, "this is not UTF-8 text", "save it as UTF-8")
    except RecursionError:
        faults.add(Place(source, 1, 1), _too_deep())
    else:
        return graph
    return None


def _too_deep() -> str:
    return f"this is nested deeper than {MAX_DEPTH} levels"


def _place_of(source: Source, index: int) -> Place:
    before = _LINE_BREAK.split(source.text[:index])
    return Place(source, len(before), len(before[-1]) + 1)


def _told(error: yaml.MarkedYAMLError, source: Source) -> tuple[Place, str, str]:
    """What the parser's complaint means for the person who wrote the file."""
    mark = error.problem_mark or error.context_mark
    place = Place(source, mark.line + 1, mark.column + 1) if mark else Place(source, 1, 1)
    problem = error.problem or str(error)
    at = source.text[mark.index : mark.index + 1] if mark else ""
    opened = error.context_mark
    where = f"line {opened.line + 1}, column {opened.column + 1}" if opened else ""
    if "tab character" in problem or at == "\t":
        return place, "this is not YAML: a tab cannot indent", "indent with spaces"
    if "another document" in problem:
        return place, "a second document begins here", "a suite is one document, without ---"
    if "nesting depth" in problem:
        return place, _too_deep(), ""
    if "duplicate anchor" in (error.context or ""):
        return place, "an anchor of this name stands here twice", f"the first is in {where}"
    if "undefined alias" in problem:
        name = source.text[mark.index :].split(maxsplit=1)[0] if mark else ""
        return place, f"no anchor is called {name}", "an anchor &NAME stands before its alias"
    if "mapping values are not allowed" in problem:
        hint = "a text that holds a colon and a space needs quotes"
        return place, "this is not YAML: a colon is not expected here", hint
    if "cannot start any token" in problem:
        return place, f'this is not YAML: a value cannot begin with "{at}"', "put it in quotes"
    if "expected ',' or" in problem:
        message = f"this is not YAML: the bracket opened in {where} is not closed"
        return place, message, "a comma or the closing bracket is expected here"
    if "end of stream" in problem:
        return place, f"this is not YAML: the quote opened in {where} is not closed", ""
    hint = (
        "compare the indentation of this line with those above it"
        if "block" in (error.context or "")
        else (f"{error.context}, {where}" if error.context and where else "")
    )
    return place, f"this is not YAML: {problem}", hint


def _children(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.SequenceNode):
        yield from node.value
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield key
            yield value


def _fits(graph: yaml.Node, source: Source, faults: Faults) -> bool:
    """Whether the tree, with every alias written out, is small and flat enough to walk."""
    known: dict[int, tuple[int, int]] = {}  # id → nodes below and levels, aliases written out
    try:
        nodes, levels = _extent(graph, known, 0)
    except RecursionError as error:
        node = error.args[0] if isinstance(error.args[0], yaml.Node) else graph
        mark = node.start_mark
        message = "an alias stands inside what it names" if len(error.args) > 1 else _too_deep()
        faults.add(Place(source, mark.line + 1, mark.column + 1), message)
        return False
    if levels > MAX_DEPTH:
        faults.add(Place(source, 1, 1), _too_deep(), "aliases are counted as what they name")
    elif nodes > MAX_NODES:
        size = f"{nodes:,}" if nodes < 10**12 else "more than a billion"
        message = f"this says {size} values once its aliases are written out, at most {MAX_NODES:,}"
        faults.add(Place(source, 1, 1), message)
    return nodes <= MAX_NODES and levels <= MAX_DEPTH


def _extent(node: yaml.Node, known: dict[int, tuple[int, int]], depth: int) -> tuple[int, int]:
    if isinstance(node, yaml.ScalarNode):
        return 1, 1
    if (found := known.get(id(node))) is not None:
        if found[0] == 0:  # still open: the alias is inside its own anchor
            raise RecursionError(node, "loop")
        return found
    if depth > MAX_DEPTH:
        raise RecursionError(node)
    known[id(node)] = (0, 0)
    nodes, levels = 1, 0
    for child in _children(node):
        more, height = _extent(child, known, depth + 1)
        nodes, levels = nodes + more, max(levels, height)
    known[id(node)] = (nodes, levels + 1)
    return known[id(node)]


@dataclass(slots=True)
class _Walk:
    """Reads the composed graph; told faults leave a broken node, and the walk goes on."""

    source: Source
    faults: Faults

    def node(self, node: yaml.Node) -> Node:
        place, has_tag = self._place(node)
        if has_tag:
            return self._broken(
                place, "a tag is not read: nothing in a suite builds objects", "write the value"
            )
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, place)
        if isinstance(node, yaml.SequenceNode):
            return ListNode(place, [self.node(item) for item in node.value])
        return self._mapping(node, place)

    def _place(self, node: yaml.Node) -> tuple[Place, bool]:
        """Where the value stands, past an anchor; and whether a tag is written before it."""
        start, end = node.start_mark, node.end_mark
        line, column, has_tag = start.line, start.column, False
        text = self.source.lines[line] if line < len(self.source.lines) else ""
        if text[column : column + 1] in ("!", "&"):
            match = _PROPERTIES.match(text, column)
            written = match.group() if match else ""
            has_tag = any(part.startswith("!") for part in written.split())
            if not has_tag and column + len(written) < len(text):
                column += len(written)
        width = end.column - column if end.line == line else len(text.rstrip()) - column
        return Place(self.source, line + 1, column + 1, max(width, 1)), has_tag

    def _broken(self, place: Place, message: str, hint: str = "") -> Node:
        self.faults.add(place, message, hint)
        return BrokenNode(place)

    def _mapping(self, node: yaml.Node, place: Place) -> Node:
        items: dict[str, Node] = {}
        keys: dict[str, Place] = {}
        for key_node, value_node in node.value:
            key_place, has_tag = self._place(key_node)
            value = self.node(value_node)
            if has_tag or not isinstance(key_node, yaml.ScalarNode):
                self.faults.add(key_place, "a key must be a name", "write it as text")
                continue
            key = key_node.value
            if key == "<<" and key_node.style in _PLAIN_STYLES:
                message = "the merge key << is not read"
                self.faults.add(key_place, message, "write the keys out, or use defaults or grid")
            elif key in items:
                first = keys[key].beside(key_place)
                self.faults.add(key_place, f'"{key}" stands here twice, the first is {first}')
            else:
                items[key], keys[key] = value, key_place
        return MapNode(place, items, keys)

    def _scalar(self, node: yaml.ScalarNode, place: Place) -> Node:
        raw: str = node.value
        if node.style not in _PLAIN_STYLES:  # quoted, or a block of text
            return ScalarNode(place, raw, raw)
        if raw in _NOTHING:
            return ScalarNode(place, None, raw)
        if raw in _TRUTH:
            return ScalarNode(place, _TRUTH[raw], raw)
        if raw.lower() in _OLD_TRUTH and raw in (raw.lower(), raw.title(), raw.upper()):
            truth = _OLD_TRUTH[raw.lower()]
            message = f'"{raw}" is a truth value to some YAML readers and text to others'
            return self._broken(place, message, f'write {truth}, or "{raw}" in quotes')
        if raw in (".nan", ".NaN", ".NAN"):
            return self._broken(place, f"{raw} is no value", "leave the key out, or write null")
        if _LEADING_ZERO.fullmatch(raw):
            message = f"{raw} is read as one number by some YAML readers and as another by others"
            number = raw.replace("_", "").lstrip("-+0") or "0"
            return self._broken(place, message, f'write {number}, or "{raw}" in quotes')
        return self._number(raw, place)

    def _number(self, raw: str, place: Place) -> Node:
        value: int | float
        if match := _INFINITY.fullmatch(raw):
            return ScalarNode(place, float(f"{match.group(1)}inf"), raw)
        if _INTEGER.fullmatch(raw) or _BASED.fullmatch(raw):
            digits = raw.replace("_", "")
            if len(digits) > _INTEGER_DIGITS or abs(value := int(digits, 0)) >= _INTEGER_LIMIT:
                return self._broken(
                    place, "this whole number is too large", "64 bits: below 9.2e18 in size"
                )
            return ScalarNode(place, int(digits, 0), raw)
        if not _REAL.fullmatch(raw):
            return ScalarNode(place, raw, raw)
        value = float(raw.replace("_", ""))
        if value in (float("inf"), float("-inf")):
            return self._broken(place, f"{raw} is too large", "at most 1.8e308; .inf if meant")
        return ScalarNode(place, value, raw)
