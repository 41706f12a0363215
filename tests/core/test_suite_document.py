"""YAML with positions: what is read as what, what is refused, where it is told."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pace import work_of

from harness.suite.document import (
    Faults,
    ListNode,
    MapNode,
    ScalarNode,
    Source,
    is_broken,
    parse,
    plain,
)

# Characters that JSON and YAML both take as they are inside quotes.
TEXTS = st.text(
    st.characters(exclude_categories=("Cc", "Cs", "Cn", "Zl", "Zp"), exclude_characters="\ufeff")
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**62), 2**62)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS
)
DOCUMENTS = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner), max_leaves=20
)


def read(text):
    """The tree of a text and the faults, as (line, column, message)."""
    faults = Faults()
    node = parse(Source("x.yaml", text), faults)
    return node, [(each.line, each.column, each.message) for each in faults.in_order()]


def value(text):
    node, faults = read(text)
    assert not faults
    return plain(node)


def leaves(node):
    if isinstance(node, ScalarNode):
        yield node
    elif isinstance(node, ListNode):
        for item in node.items:
            yield from leaves(item)
    elif isinstance(node, MapNode):
        for item in node.items.values():
            yield from leaves(item)


@given(DOCUMENTS)
def test_what_json_says_comes_back_as_it_was(document):
    node, faults = read(json.dumps([document], ensure_ascii=False))
    assert not faults
    assert json.dumps(plain(node)) == json.dumps([document])


@given(DOCUMENTS, st.sampled_from([None, 1, 3]))
def test_every_value_stands_where_its_place_says(document, indent):
    text = json.dumps([document], ensure_ascii=False, indent=indent)
    node, _ = read(text)
    lines = text.split("\n")
    for leaf in leaves(node):
        place = leaf.place
        token = lines[place.line - 1][place.column - 1 : place.column - 1 + place.length]
        assert json.loads(token) == leaf.value


@given(st.text())
@settings(max_examples=300)
def test_any_text_at_all_is_a_tree_or_faults(text):
    node, faults = read(text)
    assert node is not None or faults
    assert node is None or is_broken(node) <= bool(faults)


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("1e4", 10000.0),
        ("1e-3", 0.001),
        ("1.0e4", 10000.0),
        ("-.5", -0.5),
        ("5.", 5.0),
        ("1_000", 1000),
        ("0x1F", 31),
        ("0o17", 15),
        ("-7", -7),
        ("0", 0),
        (".inf", float("inf")),
        ("12:30", "12:30"),
        ("2024-01-05", "2024-01-05"),
        ("0-11", "0-11"),
        ("1,000", "1,000"),
        ("1.2.3", "1.2.3"),
        ("y", "y"),
        ("1e", "1e"),
        ("'1e4'", "1e4"),
        ('"on"', "on"),
        ("~", None),
        ("", None),
        ("True", True),
        ("FALSE", False),
        ("9.1 prior-free bound", "9.1 prior-free bound"),
        ("5 %", "5 %"),
    ],
)
def test_a_plain_scalar_is_read_by_our_rules(written, read_as):
    found = value(f"a: {written}")["a"]
    assert found == read_as
    assert type(found) is type(read_as)


def test_a_number_keeps_its_text():
    node, _ = read("name: 9.10")
    assert node.items["name"].raw == "9.10"


@pytest.mark.parametrize("word", ["on", "off", "yes", "No", "ON", "Yes"])
def test_truth_values_of_yaml_1_1_are_refused_with_what_to_write(word):
    faults = Faults()
    parse(Source("x.yaml", f"a: [1, {word}]"), faults)
    (fault,) = faults.in_order()
    truth = "true" if word.lower() in ("on", "yes") else "false"
    assert (fault.line, fault.column, fault.length) == (1, 8, len(word))
    assert fault.hint == f'write {truth}, or "{word}" in quotes'


@pytest.mark.parametrize("number", ["08", "010", "-007", "00"])
def test_a_leading_zero_is_refused(number):
    _, faults = read(f"a: {number}")
    assert faults == [
        (1, 4, f"{number} is read as one number by some YAML readers and as another by others")
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1e999", "1e999 is too large"),
        ("a: 9223372036854775808", "this whole number is too large"),
        ("a: " + "9" * 9000, "this whole number is too large"),
        ("a: .nan", ".nan is no value"),
        ("<<: 3", "the merge key << is not read"),
        ("? [a]\n: 1", "a key must be a name"),
    ],
)
def test_values_that_mean_nothing_are_refused(text, message):
    _, faults = read(text)
    assert [each[2] for each in faults] == [message]


@pytest.mark.parametrize(
    "tagged",
    [
        "!!python/object/apply:os.system ['true']",
        "!!python/name:os.system",
        "!!python/object:os.x {a: 1}",
        "!!str 5",
        "! 5",
        "!own {a: 1}",
        "&x !!int 5",
        "!!int &x 5",
    ],
)
def test_tags_are_refused_at_the_tag_and_build_nothing(tagged):
    node, faults = read(f"a: 1\nb: {tagged}")
    assert faults == [(2, 4, "a tag is not read: nothing in a suite builds objects")]
    assert plain(node.items["a"]) == 1


def test_an_anchor_does_not_move_the_place_of_its_value():
    node, faults = read("a: &x 5\nb: *x")
    assert not faults
    assert node.items["a"].place.column == 7
    assert plain(node) == {"a": 5, "b": 5}


def test_a_key_that_stands_twice_is_told_with_the_first():
    _, faults = read("a:\n  b: 1\n  c: 2\n  b: 3\n")
    assert faults == [(4, 3, '"b" stands here twice, the first is in line 2')]


BROKEN = {
    "a: [1, 2\nb: 3": (
        2,
        2,
        "this is not YAML: the bracket opened in line 1, column 4 is not closed",
    ),
    "a:\n\tb: 1": (2, 1, "this is not YAML: a tab cannot indent"),
    "a: b: c": (1, 5, "this is not YAML: a colon is not expected here"),
    "a: 1\n---\nb: 2": (2, 1, "a second document begins here"),
    "a: *nobody": (1, 4, "no anchor is called *nobody"),
    "a: @b": (1, 4, 'this is not YAML: a value cannot begin with "@"'),
    "a: 'x": (1, 6, "this is not YAML: the quote opened in line 1, column 4 is not closed"),
    "a: é\x01": (1, 5, "the character U+0001 cannot stand in YAML"),
    "- &a 1\n- &a 2": (2, 3, "an anchor of this name stands here twice"),
    "": (1, 1, "there is nothing in it"),
    "# only a comment\n": (1, 1, "there is nothing in it"),
    "[" * 5000: (1, 1, "this is nested deeper than 40 levels"),
    "- " * 60 + "a": (1, 83, "this is nested deeper than 40 levels"),
    "a: &a [1, *a]": (1, 4, "an alias stands inside what it names"),
}


@pytest.mark.parametrize(
    ("text", "fault"), BROKEN.items(), ids=[each[2] for each in BROKEN.values()]
)
def test_what_is_not_yaml_is_told_where_it_is(text, fault):
    node, faults = read(text)
    if fault[2].startswith("this is nested") and text.startswith("["):
        faults = [(1, 1, message) for _, _, message in faults]  # the reader's own limit, deeper
    assert node is None
    assert faults == [fault]


def bomb(levels, width=9):
    lines = ["a0: &a0 [" + ",".join(["x"] * width) + "]"]
    for level in range(1, levels):
        aliases = ",".join([f"*a{level - 1}"] * width)
        lines.append(f"a{level}: &a{level} [{aliases}]")
    return "\n".join(lines)


@pytest.mark.parametrize("levels", [6, 12, 30])
def test_a_bomb_is_refused_before_it_goes_off(levels):
    with work_of(seconds=0.2):
        node, faults = read(bomb(levels))
    assert node is None
    assert len(faults) == 1
    assert "aliases are written out, at most 250,000" in faults[0][2]


def test_a_deep_chain_of_aliases_is_refused():
    text = "\n".join(["a0: &a0 [x]"] + [f"a{i}: &a{i} [*a{i - 1}]" for i in range(1, 900)])
    node, faults = read(text)
    assert node is None
    assert faults == [(1, 1, "this is nested deeper than 40 levels")]


def test_few_aliases_are_fine():
    assert value(bomb(3))["a2"][0][0] == ["x"] * 9


def test_a_text_beyond_the_limit_is_not_even_read():
    node, faults = read("a: " + "x" * (1 << 20))
    assert node is None
    assert faults == [
        (1, 1, "this is too long for a suite: 1,048,579 characters, at most 1,048,576")
    ]
