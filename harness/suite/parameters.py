"""Parameters of methods, tasks and claims against their frozen dataclasses.

pydantic judges each value, strictly: true is not a number, ``"3"`` is not one either, and
``1e4`` is a whole number where one is wanted. What is wrong is told in our words.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any, NamedTuple, get_args, get_origin, get_type_hints

from pydantic import PydanticUserError, TypeAdapter, ValidationError

from harness.api.contracts import Method
from harness.errors import PluginError, nearest
from harness.suite.document import Faults, KeyPath, ListNode, MapNode, Node, is_broken, plain
from harness.suite.keys import METHOD_OPTIONS
from harness.suite.wording import (
    bare,
    choices,
    describe,
    is_union,
    joined,
    range_words,
    tell,
    told_number,
)

__all__ = ["Checked", "Checker", "ParameterTable", "Problem"]

_EXACT_WHOLE = 2**53  # beyond it a float says no particular whole number
_JSON_SCALARS = (int, float, str, bool, type(None))


class Problem(NamedTuple):
    """What is wrong with (part of) a value: ``must be at least 1, got -1000``."""

    path: KeyPath
    message: str
    hint: str = ""


class Checked(NamedTuple):
    """A value in JSON's terms, good only without problems."""

    value: Any
    problems: tuple[Problem, ...] = ()


class Checker:
    """Judges values by one annotation."""

    def __init__(self, annotation: Any) -> None:
        self.annotation = annotation
        self._adapter: TypeAdapter[Any] = TypeAdapter(annotation)

    def __call__(self, value: Any) -> Checked:
        """The value as the annotation wants it, or what is wrong with it."""
        # Strict JSON mode: a list is a tuple where one is wanted, but "3" and true are no 3.
        text = json.dumps(_whole(value))
        try:
            good = self._adapter.validate_json(text, strict=True)
        except ValidationError as error:
            return Checked(value, _problems(error, self.annotation, value))
        if not isinstance(good, _JSON_SCALARS) or hasattr(good, "__members__"):
            good = self._adapter.dump_python(good, mode="json")
        return Checked(good, tuple(_dropped(value, good, ())))


def _whole(value: Any) -> Any:
    """Whole floats as integers: ``horizon: 1e4`` means 10000; a float field takes either."""
    if isinstance(value, float) and math.isfinite(value) and abs(value) < _EXACT_WHOLE:
        return int(value) if value == int(value) else value
    if isinstance(value, list):
        return [_whole(item) for item in value]
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in value.items()}
    return value


def _dropped(value: Any, good: Any, path: KeyPath) -> Iterator[Problem]:
    """Keys that were given and are not there any more: a nested record without such a field."""
    if isinstance(value, dict) and isinstance(good, dict):
        for key, inner in value.items():
            if key in good:
                yield from _dropped(inner, good[key], (*path, key))
            else:
                near = nearest(key, list(good))
                yield Problem((*path, key), "is not known", f"nearest: {near}" if near else "")
    elif isinstance(value, list) and isinstance(good, list) and len(value) == len(good):
        for number, inner in enumerate(value):
            yield from _dropped(inner, good[number], (*path, number))


def _problems(error: ValidationError, annotation: Any, value: Any) -> tuple[Problem, ...]:
    """One problem a place: a union complains once for each of its types at the same one."""
    found: dict[KeyPath, Problem] = {}
    for each in error.errors(include_url=False, include_input=False):
        path, part, inner = _locate(each["loc"], annotation, value)
        if path not in found:
            message, hint = _worded(each["type"], each.get("ctx", {}), part, inner, each["loc"])
            found[path] = Problem(path, message, hint)
    # A list is counted without its bad items, so one of these makes it "too short" as well.
    told = {path[:depth] for path in found for depth in range(len(path))}
    return tuple(problem for path, problem in found.items() if path not in told)


def _locate(loc: Sequence[str | int], annotation: Any, value: Any) -> tuple[KeyPath, Any, Any]:
    """The part of the value that an error's location means, with its annotation.

    A union's location goes on with pydantic's names of its members; the walk ends there.
    """
    path: list[str | int] = []
    for piece in loc:
        inner = _without_none(annotation)
        if is_union(bare(inner)[0]):
            break
        if isinstance(value, list) and isinstance(piece, int) and piece < len(value):
            annotation = _item_type(inner, piece)
        elif isinstance(value, dict) and piece in value:
            annotation = _field_type(inner, str(piece))
        else:
            break
        value = value[piece]
        path.append(piece)
    return tuple(path), annotation, value


def _without_none(annotation: Any) -> Any:
    inner, _ = bare(annotation)
    if not is_union(inner):
        return annotation
    left = [part for part in get_args(inner) if part is not type(None)]
    return left[0] if len(left) == 1 else annotation


def _item_type(annotation: Any, index: int) -> Any:
    inner, _ = bare(annotation)
    arguments = get_args(inner)
    if get_origin(inner) is tuple and arguments and arguments[-1] is not Ellipsis:
        return arguments[index] if index < len(arguments) else Any
    if hasattr(inner, "_fields"):
        return get_type_hints(inner, include_extras=True).get(inner._fields[index], Any)
    return arguments[0] if arguments else Any


def _field_type(annotation: Any, name: str) -> Any:
    inner, _ = bare(annotation)
    if isinstance(inner, type) and hasattr(inner, "__dataclass_fields__"):
        return get_type_hints(inner, include_extras=True).get(name, Any)
    arguments = get_args(inner)
    return arguments[1] if len(arguments) == 2 else Any


_RANGES = {
    "greater_than": ("gt", "above"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "below"),
    "less_than_equal": ("le", "at most"),
}
_MISSING = frozenset({"missing", "missing_argument", "missing_keyword_only_argument"})
# What is not in these tables is a value of the wrong kind, told by what it must be.
_OTHER: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "multiple_of": lambda ctx: f"must be a multiple of {told_number(ctx['multiple_of'])}",
    "finite_number": lambda ctx: "must be finite",
    "too_short": lambda ctx: f"must have at least {_items(ctx['min_length'])}",
    "too_long": lambda ctx: f"must have at most {_items(ctx['max_length'])}",
    "string_too_short": lambda ctx: f"must have at least {ctx['min_length']} characters",
    "string_too_long": lambda ctx: f"must have at most {ctx['max_length']} characters",
    "string_pattern_mismatch": lambda ctx: f"must match {ctx['pattern']}",
    "string_not_ascii": lambda ctx: "must be plain ASCII text",
}


def _items(count: int) -> str:
    return f"{count} item{'' if count == 1 else 's'}"


def _worded(
    kind: str, ctx: Mapping[str, Any], annotation: Any, value: Any, loc: Sequence[str | int]
) -> tuple[str, str]:
    """Message and hint for one of pydantic's error types."""
    got = f"got {tell(value)}"
    inner = _without_none(annotation)
    if kind in ("value_error", "assertion_error"):
        return f"{ctx['error']}, {got}", ""
    if is_union(bare(inner)[0]):
        return f"must be {describe(annotation)}, {got}", _near_choice(inner, value)
    if kind in _RANGES:
        name, words = _RANGES[kind]
        limits = range_words(inner) or f"{words} {told_number(ctx[name])}"
        return f"must be {limits}, {got}", ""
    if kind in _OTHER:
        return f"{_OTHER[kind](ctx)}, {got}", ""
    if kind in _MISSING and loc and isinstance(value, dict):
        return f"needs {loc[-1]}", ""
    if kind in ("unexpected_keyword_argument", "extra_forbidden") and loc:
        return f'has no "{loc[-1]}"', ""
    return f"must be {describe(annotation)}, {got}", _kind_hint(inner, value)


def _near_choice(annotation: Any, value: Any) -> str:
    known = [each for each in choices(annotation) if isinstance(each, str)]
    near = nearest(value, known) if isinstance(value, str) else ""
    return f"nearest: {near}" if near else ""


def _kind_hint(annotation: Any, value: Any) -> str:
    inner, _ = bare(annotation)
    if inner is str and isinstance(value, (int, float)):
        return f'write it in quotes: "{tell(value)}"'
    if inner in (int, float) and isinstance(value, str) and _is_number(value):
        return "write it without quotes"
    return _near_choice(annotation, value)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


class ParameterTable:
    """The parameters of one class: names, which of them must be given, how each is judged.

    Parameters
    ----------
    cls
        A frozen dataclass: a method, a task, a claim plugin, or a record of the suite.
    owner
        Its registered name, for messages.
    says_owner
        Whether a message names the owner: ``epsilon of bandits/epsilon-greedy``.

    Raises
    ------
    PluginError
        When the class is no dataclass or its annotations name what its module does not have.
    """

    def __init__(self, cls: type[Any], owner: str, *, says_owner: bool = False) -> None:
        self.cls = cls
        self.owner = owner
        self._says_owner = says_owner
        self._checkers: dict[str, Checker] = {}
        try:
            self._hints = get_type_hints(cls, include_extras=True)
            own = [each for each in fields(cls) if each.init]
        except (NameError, TypeError, AttributeError) as error:
            raise PluginError(f"the parameters of {owner} cannot be read: {error}") from error
        self.names = [each.name for each in own]
        self.required = [
            each.name for each in own if each.default is MISSING and each.default_factory is MISSING
        ]

    def annotation(self, name: str) -> Any:
        """The annotation of a parameter."""
        return self._hints[name]

    def value(self, name: str, node: Node, faults: Faults) -> Any:
        """The value of one parameter, judged; meaningless where ``faults`` grew."""
        if is_broken(node):
            return None
        checked = self.checker(name)(plain(node))
        for problem in checked.problems:
            subject = self.subject(name, problem.path)
            faults.add(
                _within(node, problem.path).place, f"{subject} {problem.message}", problem.hint
            )
        return checked.value

    def subject(self, name: str, path: KeyPath = ()) -> str:
        """How messages call a parameter, or a part of it."""
        for piece in path:
            name = f"item {piece + 1} of {name}" if isinstance(piece, int) else f"{name}.{piece}"
        return f"{name} of {self.owner}" if self._says_owner else name

    def known(self, name: str, mapping: MapNode, faults: Faults) -> bool:
        """Whether there is such a parameter; told with the nearest one where there is none."""
        if name in self.names:
            return True
        has = f"its parameters: {joined(self.names, 'and')}" if self.names else "it has none"
        if name in METHOD_OPTIONS and issubclass(self.cls, Method):
            has += f"; {name} belongs beside the name: {{{self.owner}: {{…}}, {name}: …}}"
        message = f'{self.owner} has no parameter "{name}"'
        faults.unknown(mapping.at(name), message, name, self.names, has)
        return False

    def values(self, mapping: MapNode, faults: Faults) -> dict[str, Any]:
        """Every value of a mapping, judged; unknown names told and left out."""
        return {
            name: self.value(name, node, faults)
            for name, node in mapping.items.items()
            if self.known(name, mapping, faults)
        }

    def checker(self, name: str) -> Checker:
        """What judges one parameter; ``PluginError`` for a type that no file can give."""
        if name not in self._checkers:
            try:
                self._checkers[name] = Checker(self._hints[name])
            except (PydanticUserError, TypeError) as error:
                told = str(error).splitlines()[0]
                raise PluginError(
                    f"{name} of {self.owner} has a type that no file can give: {told}"
                ) from error
        return self._checkers[name]


def _within(node: Node, path: KeyPath) -> Node:
    for piece in path:
        if isinstance(node, ListNode) and isinstance(piece, int):
            node = node.items[piece]
        elif isinstance(node, MapNode) and piece in node.items:
            node = node.items[str(piece)]
    return node
