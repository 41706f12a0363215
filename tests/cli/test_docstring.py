"""What ``show`` and ``list`` make of a docstring."""

import pytest

from harness.cli.docstring import plain_words, read_docstring
from harness.cli.show import _type_text

DOC = """The first line.

More of it, with ``code`` and :class:`~a.b.Name`.

Parameters
----------
one, two : float
    Both of
    these.

    A second paragraph.
three
    The third.

Raises
------
ValueError
    If not.
"""


def test_parameters_stand_apart_and_the_rest_is_kept_in_order():
    told = read_docstring(DOC)
    assert told.parameters == {
        "one": "Both of these. A second paragraph.",
        "two": "Both of these. A second paragraph.",
        "three": "The third.",
    }
    assert told.text == (
        "The first line.\n\nMore of it, with code and Name.\n\n"
        "Raises\n------\nValueError\n    If not."
    )


def test_without_a_section_all_is_text():
    assert read_docstring("One line.") == ("One line.", {})
    assert plain_words("") == ""


@pytest.mark.parametrize(
    ("hint", "told"),
    [
        ("Literal['a', 'b']", "a or b"),
        ("Literal[1, None]", "1 or null"),
        ("tuple[float, ...]", "list of float"),
        ("float | None", "float or null"),
        ("int", "int"),
    ],
)
def test_types_are_in_the_words_of_a_suite(hint, told):
    from typing import Literal

    assert _type_text(eval(hint, {"Literal": Literal})) == told
