"""Parameters against their dataclass: strict, in our words, at the exact value."""

import datetime
import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NamedTuple, get_args

import pytest
from annotated_types import Ge, Gt, Interval, Le, Len, Lt, MaxLen, MinLen, MultipleOf
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AfterValidator, Field
from pydantic_core.core_schema import ErrorType
from suite_classes import Bandit, Greedy, Weighted

from harness.errors import PluginError
from harness.suite.document import Faults, Source, parse
from harness.suite.parameters import Checker, ParameterTable, _worded
from harness.suite.wording import describe


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Point(NamedTuple):
    x: float
    y: float


@dataclass(frozen=True)
class Inner:
    size: Annotated[int, Ge(1)]
    name: str = ""


def even(value: int) -> int:
    if value % 2:
        raise ValueError("must be even")
    return value


def told(annotation, value):
    return [(each.path, each.message, each.hint) for each in Checker(annotation)(value).problems]


@pytest.mark.parametrize(
    ("annotation", "value", "message"),
    [
        (int, True, "must be a whole number, got true"),
        (int, "3", 'must be a whole number, got text "3"'),
        (int, 1.5, "must be a whole number, got 1.5"),
        (int, None, "must be a whole number, got nothing"),
        (int, [1], "must be a whole number, got a list of 1"),
        (float, False, "must be a number, got false"),
        (float, "often", 'must be a number, got text "often"'),
        (bool, 1, "must be true or false, got 1"),
        (bool, "true", 'must be true or false, got text "true"'),
        (str, 5, "must be text, got 5"),
        (str, 1e4, "must be text, got 10000"),
        (Annotated[int, Ge(1)], -1000, "must be at least 1, got -1000"),
        (Annotated[int, Ge(1)], "x", 'must be a whole number of at least 1, got text "x"'),
        (Annotated[float, Gt(0)], 0, "must be above 0, got 0"),
        (Annotated[float, Le(0.5)], 0.75, "must be at most 0.5, got 0.75"),
        (Annotated[float, Interval(ge=0, le=1)], 1.5, "must be from 0 to 1, got 1.5"),
        (Annotated[float, Interval(gt=0, lt=1)], 1, "must be above 0 and below 1, got 1"),
        (Annotated[float, Gt(0), Lt(1)], 1, "must be above 0 and below 1, got 1"),
        (Annotated[float, Field(ge=0, le=1)], 2, "must be from 0 to 1, got 2"),
        (Annotated[int, Ge(1)] | None, 0, "must be at least 1, got 0"),
        (int | None, "x", 'must be a whole number or null, got text "x"'),
        (int | str, 1.5, "must be a whole number or text, got 1.5"),
        (
            Annotated[int, Ge(1)] | Literal["auto"],
            -5,
            "must be a whole number of at least 1 or auto, got -5",
        ),
        (Literal["a", "b", "c"], "d", 'must be a, b or c, got text "d"'),
        (Literal["", "a"], "d", 'must be text "" or a, got text "d"'),
        (Literal[1, 2], 3, "must be 1 or 2, got 3"),
        (Colour, "green", 'must be red or blue, got text "green"'),
        (Annotated[int, MultipleOf(5)], 7, "must be a multiple of 5, got 7"),
        (Annotated[tuple[int, ...], MinLen(1)], [], "must have at least 1 item, got an empty list"),
        (Annotated[list[int], MaxLen(2)], [1, 2, 3], "must have at most 2 items, got a list of 3"),
        (Annotated[str, Len(2, 3)], "a", 'must have at least 2 characters, got text "a"'),
        (tuple[int, ...], 3, "must be a list of whole numbers, got 3"),
        (dict[str, int], [1], "must be a mapping, got a list of 1"),
        (Annotated[int, AfterValidator(even)], 3, "must be even, got 3"),
        (Annotated[str, Field(pattern="^a")], "b", 'must match ^a, got text "b"'),
        (datetime.date, "soon", 'must be a date, got text "soon"'),
        (Inner, 3, "must be a mapping with size and name, got 3"),
    ],
)
def test_a_wrong_value_is_told_by_what_it_must_be(annotation, value, message):
    assert [each[:2] for each in told(annotation, value)] == [((), message)]


@pytest.mark.parametrize(
    ("annotation", "value", "good"),
    [
        (int, 1e4, 10000),
        (float, 3, 3.0),
        (tuple[int, ...], [1, 2e0], [1, 2]),
        (tuple[float, str], [1, "a"], [1.0, "a"]),
        (int | None, None, None),
        (Colour, "red", "red"),
        (Any, {"a": [1.5]}, {"a": [1.5]}),
        (Point, [1, 2], [1.0, 2.0]),
        (Inner, {"size": 2}, {"size": 2, "name": ""}),
        (Mapping[str, float], {"a": 1}, {"a": 1.0}),
        (float, float("inf"), float("inf")),
    ],
)
def test_a_right_value_comes_in_json_terms(annotation, value, good):
    checked = Checker(annotation)(value)
    assert not checked.problems
    assert checked.value == good
    assert type(checked.value) is type(good)


@pytest.mark.parametrize(
    ("annotation", "value", "path", "message"),
    [
        (tuple[Annotated[int, Ge(1)], ...], [3, -1, 2], (1,), "must be at least 1, got -1"),
        (dict[str, int], {"a": 1, "b": "x"}, ("b",), 'must be a whole number, got text "x"'),
        (Inner, {"size": 0}, ("size",), "must be at least 1, got 0"),
        (Inner, {"name": "a"}, (), "needs size"),
        (list[Inner], [{"size": 1}, {"size": 1, "sise": 2}], (1, "sise"), "is not known"),
        (
            tuple[int | Literal["a"], ...],
            [1, "b"],
            (1,),
            'must be a whole number or a, got text "b"',
        ),
    ],
)
def test_a_fault_points_into_the_value(annotation, value, path, message):
    found = told(annotation, value)
    assert [each[:2] for each in found] == [(path, message)]


def test_hints_say_what_to_write():
    assert told(int, "3")[0][2] == "write it without quotes"
    assert told(str, 9.1)[0][2] == 'write it in quotes: "9.1"'
    assert told(Literal["uniform", "task"], "unifrom")[0][2] == "nearest: uniform"


@pytest.mark.parametrize("kind", get_args(ErrorType))
def test_no_error_type_of_pydantic_is_told_in_its_words(kind):
    ctx = {
        "gt": 1, "ge": 1, "lt": 1, "le": 1, "multiple_of": 2, "min_length": 1, "max_length": 2,
        "pattern": "^a", "error": ValueError("must be even"),
    }  # fmt: skip
    message, _ = _worded(kind, ctx, int, "x", ("a",))
    assert message.startswith(("must ", "needs ", "has no "))
    assert "Input should" not in message


@given(st.one_of(st.booleans(), st.text(), st.none(), st.lists(st.integers(), max_size=2)))
def test_nothing_but_a_number_is_a_number(value):
    assert Checker(float)(value).problems
    assert Checker(int)(value).problems


@given(st.integers(-(2**53) + 1, 2**53 - 1))
def test_a_whole_float_is_the_integer_it_says(value):
    checked = Checker(int)(float(value))
    assert not checked.problems
    assert checked.value == value
    assert type(checked.value) is int


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (Annotated[float, Interval(gt=0, le=1)], "a number above 0 and at most 1"),
        (Annotated[int, Ge(1)], "a whole number of at least 1"),
        (tuple[Annotated[float, Gt(0)], ...], "a list of numbers above 0"),
        (tuple[int, str], "a list of 2: a whole number and text"),
        (Point, "a list of 2: x and y"),
        (float | None, "a number or null"),
        (list[list[int]], "a list of values that are each a list of whole numbers"),
    ],
)
def test_a_type_is_described_in_words(annotation, words):
    assert describe(annotation) == words


def values(cls, text, says_owner=False):
    faults = Faults()
    node = parse(Source("x.yaml", text), faults)
    table = ParameterTable(cls, "bandits/x", says_owner=says_owner)
    found = table.values(node, faults)
    return found, [
        (each.column, each.length, each.message, each.hint) for each in faults.in_order()
    ]


def test_the_owner_of_a_methods_parameter_is_named():
    _, faults = values(Greedy, "{epsilon: often}", says_owner=True)
    message = 'epsilon of bandits/x must be a number from 0 to 1, got text "often"'
    assert faults == [(11, 5, message, "")]


def test_an_unknown_parameter_comes_with_the_nearest():
    _, faults = values(Bandit, "{horizn: 3, arms: 2}")
    hint = "nearest: horizon · its parameters: arms, horizon, prior and noise"
    assert faults == [(2, 6, 'bandits/x has no parameter "horizn"', hint)]


def test_a_key_among_the_parameters_is_told_where_it_belongs():
    _, faults = values(Greedy, "{as: mine}")
    assert faults[0][3].endswith("as belongs beside the name: {bandits/x: {…}, as: …}")
    _, faults = values(Bandit, "{horizon: 3, as: mine}")  # a task has no label
    assert "belongs" not in faults[0][3]


def test_each_bad_item_of_a_list_is_pointed_to():
    _, faults = values(Weighted, "{weights: [1, 0, x]}")
    assert [each[:3] for each in faults] == [
        (15, 1, "item 2 of weights must be above 0, got 0"),
        (18, 1, 'item 3 of weights must be a number above 0, got text "x"'),
    ]


def test_required_parameters_are_those_without_default():
    assert ParameterTable(Bandit, "x").required == ["horizon"]


def test_fields_that_are_not_parameters_are_left_out():
    @dataclass(frozen=True, kw_only=True)
    class Derived:
        size: int = 1
        area: int = field(init=False, default=0)

    assert ParameterTable(Derived, "x").names == ["size"]


def test_an_annotation_that_names_nothing_is_the_plugins_fault():
    @dataclass(frozen=True)
    class Odd:
        size: "Nowhere" = 1  # noqa: F821

    with pytest.raises(PluginError, match="the parameters of bandits/odd cannot be read"):
        ParameterTable(Odd, "bandits/odd")


def test_a_type_that_no_file_can_give_is_the_plugins_fault():
    class Opaque:
        pass

    @dataclass(frozen=True)
    class Odd:
        size: Any = None

    table = ParameterTable(Odd, "bandits/odd")
    table._hints["size"] = Opaque
    with pytest.raises(PluginError, match="size of bandits/odd has a type that no file can give"):
        table.value("size", parse(Source("x", "{a: 1}"), Faults()), Faults())
