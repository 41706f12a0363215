"""Which groups a filter means: the one reading of ``where:``, at planning and at analysis.

A name in a filter is ``task``, ``method``, ``label``, or a parameter of either; a parameter
that both have is written ``task.noise`` or ``method.noise``. A filter's value is one value or
a list of them. What claims do with the selected (pool, pair, join to a trend) is here too, so
that a fault found at planning and a group formed at analysis can't disagree.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Generic, Literal, NamedTuple, Protocol, TypeVar

from harness.api.parameters import canonical
from harness.errors import UsageError, nearest

__all__ = [
    "Candidate",
    "Pair",
    "SelectionFault",
    "pairs",
    "partition",
    "is_number",
    "planned_values",
    "pool_names",
    "select",
    "shown",
    "value_of",
    "varying",
    "why_empty",
]

NAMES = ("task", "method", "label")
ITEMS = "items"  # in ``pool:``, joins the items of cells rather than a parameter's settings
SHOWN = 8  # planned values told in a hint


class Candidate(Protocol):
    """What can be selected: one task with one method, each with all its parameters."""

    @property
    def index(self) -> int:
        """Its number among the candidates."""

    @property
    def task(self) -> str:
        """The task's registered name."""

    @property
    def task_params(self) -> Mapping[str, Any]:
        """Every parameter of the task."""

    @property
    def method(self) -> str:
        """The method's registered name."""

    @property
    def method_params(self) -> Mapping[str, Any]:
        """Every parameter of the method."""

    @property
    def label(self) -> str:
        """What claims and boards call the method with these parameters."""


C = TypeVar("C", bound=Candidate)


class SelectionFault(UsageError):
    """A filter names something that isn't there, or that could be two things.

    ``key`` is the filter's key (empty where the whole filter is at fault), ``hint`` what to
    write instead.
    """

    def __init__(self, message: str, hint: str = "", key: str = "") -> None:
        self.message, self.hint, self.key = message, hint, key
        super().__init__(f"{message} ({hint})" if hint else message)


class Pair(NamedTuple, Generic[C]):
    """Groups whose cells pair by seed; several on a side are pooled."""

    better: tuple[C, ...]
    than: tuple[C, ...]


class _Name(NamedTuple):
    """A filter's key, resolved: one of ``NAMES``, or a parameter of task or method."""

    side: Literal["", "task", "method"]
    key: str


class _Absent:
    """The value of a parameter that a candidate doesn't have; equal to nothing else."""


_ABSENT = _Absent()
_TASK, _METHOD, _LABEL = (_Name("", key) for key in NAMES)


def select(candidates: Sequence[C], where: Mapping[str, Any]) -> list[C]:
    """The candidates that match every key of ``where``, in their order.

    Raises
    ------
    SelectionFault
        If a key is no name of any candidate left by ``task``, ``method`` and ``label``, or is
        a parameter of tasks and of methods both.
    """
    found = [
        each
        for each in candidates
        if all(_matches(getattr(each, key), where[key]) for key in NAMES if key in where)
    ]
    if not found:
        return []
    names = {key: _resolve(key, found) for key in where if key not in NAMES}
    return [
        each
        for each in found
        if all(_matches(_value(each, name), where[key]) for key, name in names.items())
    ]


def value_of(candidate: Candidate, key: str) -> Any:
    """The value that a filter's key has for a candidate; ``None`` where it has no such name."""
    value = _value(candidate, _resolve(key, [candidate]))
    return None if value is _ABSENT else value


def planned_values(candidates: Sequence[Candidate], key: str) -> list[Any]:
    """The distinct values of a key, numbers in order, others as planned."""
    name = _resolve(key, candidates)
    found = {_key(value): value for value in (_value(each, name) for each in candidates)}
    values = [value for value in found.values() if value is not _ABSENT]
    return sorted(values) if all(map(is_number, values)) else values


def is_number(value: object) -> bool:
    """Whether a parameter's value is a number (``true`` is none)."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def why_empty(candidates: Sequence[Candidate], where: Mapping[str, Any]) -> SelectionFault:
    """Which key of a filter that selects nothing is to blame, and what there would have been."""
    for key in where:
        others = select(candidates, {name: where[name] for name in where if name != key})
        if others:
            return _nothing_planned(others, key, where[key])
    left: Sequence[Candidate] = candidates
    for key, wanted in where.items():
        matched = select(left, {key: wanted})
        if not matched and left:
            return _nothing_planned(left, key, wanted)
        left = matched
    return SelectionFault("nothing is planned")


def partition(candidates: Sequence[C], free: Iterable[str]) -> list[tuple[C, ...]]:
    """Candidates that agree in everything but the ``free`` names, together, in their order."""
    is_free = _freedom(free, candidates)
    groups: dict[Hashable, list[C]] = {}
    for each in candidates:
        own = tuple((name, _key(value)) for name, value in _named(each) if not is_free(name))
        groups.setdefault(own, []).append(each)
    return [tuple(members) for members in groups.values()]


def varying(candidates: Sequence[Candidate], free: Iterable[str]) -> list[str]:
    """The names, other than the ``free`` ones, in which candidates differ."""
    is_free = _freedom(free, candidates)
    every = [dict(_named(each)) for each in candidates]
    names = dict.fromkeys(name for each in every for name in each if not is_free(name))
    differ = [name for name in names if len({_key(each.get(name, _ABSENT)) for each in every}) > 1]
    # A label that differs because method or parameters do is told by these alone.
    if any(name.side == "method" or name.key == "method" for name in differ):
        differ = [name for name in differ if name != _LABEL]
    return [_spelt(name, names) for name in differ]


def pairs(
    candidates: Sequence[C],
    better: Mapping[str, Any],
    than: Mapping[str, Any],
    pool: Iterable[str] = (),
) -> list[Pair[C]]:
    """What a difference compares: each of ``better`` with each of ``than`` that it meets.

    Two candidates meet when they agree in the task and in every parameter that neither side
    fixes. A single value fixes a name, a list doesn't; ``label`` fixes the method and its
    parameters. Pairs that differ only in a name of ``pool`` are joined.
    """
    ours, theirs = select(candidates, better), select(candidates, than)
    is_fixed = _freedom(_fixed(better, than), [*ours, *theirs])
    met = [
        (one, other)
        for one in ours
        for other in theirs
        if one.index != other.index and _meet(one, other, is_fixed)
    ]
    is_pooled = _freedom(pool, [*ours, *theirs])
    joined: dict[Hashable, list[tuple[C, C]]] = {}
    for pair in met:
        key = tuple(
            tuple((name, _key(value)) for name, value in _named(each) if not is_pooled(name))
            for each in pair
        )
        joined.setdefault(key, []).append(pair)
    return [
        Pair(_distinct(one for one, _ in group), _distinct(other for _, other in group))
        for group in joined.values()
    ]


def pool_names(pool: Iterable[str]) -> tuple[str, ...]:
    """The names of task and method in a claim's ``pool:`` (``items`` is none)."""
    return tuple(name for name in pool if name != ITEMS)


def _fixed(better: Mapping[str, Any], than: Mapping[str, Any]) -> list[str]:
    both = (*better.items(), *than.items())
    single = [key for key, wanted in both if not isinstance(wanted, (list, tuple))]
    # Labels name methods whole: the two sides can agree in none, one label or a list.
    return list(dict.fromkeys([*single, *(key for key, _ in both if key == "label")]))


def _meet(one: Candidate, other: Candidate, is_fixed: Callable[[_Name], bool]) -> bool:
    mine, theirs = dict(_named(one)), dict(_named(other))
    mine.pop(_LABEL)  # follows from method and parameters
    return all(
        is_fixed(name) or name not in theirs or _key(theirs[name]) == _key(value)
        for name, value in mine.items()
    )


def _distinct(candidates: Iterable[C]) -> tuple[C, ...]:
    return tuple({each.index: each for each in candidates}.values())


def _matches(value: object, wanted: object) -> bool:
    if _key(value) == _key(wanted):
        return True
    return isinstance(wanted, (list, tuple)) and any(_key(value) == _key(each) for each in wanted)


def _key(value: object) -> Hashable:
    """Equal for what a file's reader calls equal: 1 and 1.0 are, 1 and true aren't."""
    if isinstance(value, bool):
        return ("truth", value)
    if isinstance(value, (list, tuple)):
        return tuple(_key(each) for each in value)
    if isinstance(value, Mapping):
        return frozenset((name, _key(inner)) for name, inner in value.items())
    return value if isinstance(value, Hashable) else repr(value)


def _named(candidate: Candidate) -> Iterator[tuple[_Name, object]]:
    for key in NAMES:
        yield _Name("", key), getattr(candidate, key)
    yield from ((_Name("task", key), value) for key, value in candidate.task_params.items())
    yield from ((_Name("method", key), value) for key, value in candidate.method_params.items())


def _value(candidate: Candidate, name: _Name) -> object:
    if not name.side:
        return getattr(candidate, name.key)
    params = candidate.task_params if name.side == "task" else candidate.method_params
    return params.get(name.key, _ABSENT)


def _resolve(key: str, candidates: Iterable[Candidate]) -> _Name:
    """What a filter's key means for these candidates."""
    if key in NAMES:
        return _Name("", key)
    known = {name: each for each in candidates for name, _ in _named(each) if name.side}
    for name in known:
        if key == f"{name.side}.{name.key}":
            return name
    of_task, of_method = known.get(_Name("task", key)), known.get(_Name("method", key))
    if of_task and of_method:
        raise SelectionFault(
            f"{key} is a parameter of {of_task.task} and of {of_method.method}",
            f"write task.{key} or method.{key}",
            key,
        )
    if of_task or of_method:
        return _Name("task" if of_task else "method", key)
    names = sorted({*NAMES, *(name.key for name in known)})
    close = nearest(key.rpartition(".")[2], names)
    hint = f"did you mean {close}?" if close else f"there are {', '.join(names)}"
    raise SelectionFault(f"nothing selected here has a parameter {key}", hint, key)


def _freedom(free: Iterable[str], candidates: Sequence[Candidate]) -> Callable[[_Name], bool]:
    """Whether a name is one of ``free``, or follows from one that is."""
    names = {_resolve(key, candidates) for key in free} if candidates else set()
    methods = bool(names & {_METHOD, _LABEL})
    tasks = _TASK in names
    labels = methods or any(name.side == "method" for name in names)

    def is_free(name: _Name) -> bool:
        if name == _LABEL:
            return labels
        if name.side == "task" or name == _TASK:
            return tasks or name in names
        return methods or name in names

    return is_free


def _spelt(name: _Name, names: Iterable[_Name]) -> str:
    twice = name.side and sum(name.key == other.key and bool(other.side) for other in names) > 1
    return f"{name.side}.{name.key}" if twice else name.key


def _nothing_planned(others: Sequence[Candidate], key: str, wanted: object) -> SelectionFault:
    there = planned_values(others, key)
    texts = [value for value in there if isinstance(value, str)]
    close = nearest(wanted, texts) if isinstance(wanted, str) else ""
    more = f" and {len(there) - SHOWN} more" if len(there) > SHOWN else ""
    listed = f"planned here: {', '.join(map(shown, there[:SHOWN]))}{more}"
    hint = f"did you mean {close}?" if close else listed
    return SelectionFault(f"nothing is planned with {key} {shown(wanted)}", hint, key)


def shown(value: object) -> str:
    """A parameter's value as a person writes it: text without quotes, else as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return canonical(value)
