"""A numpydoc docstring as parts, and its markup as plain words."""

from __future__ import annotations

import re
from textwrap import dedent
from typing import NamedTuple

__all__ = ["Docstring", "plain_words", "read_docstring"]

_ROLE = re.compile(r":[a-z:]+:`~?([^`]+)`")
_LITERAL = re.compile(r"``([^`]+)``")
_SECTION = re.compile(r"^Parameters\n-+\n(.*?)(?=^\S[^\n]*\n-{3,}\n|\Z)", re.MULTILINE | re.DOTALL)


class Docstring(NamedTuple):
    """What it says without its parameters, and of each parameter."""

    text: str
    parameters: dict[str, str]


def plain_words(text: str) -> str:
    """``:meth:`loss``` and doubled backticks as the words that they mark."""
    return _LITERAL.sub(r"\1", _ROLE.sub(lambda found: found[1].rpartition(".")[2], text))


def read_docstring(text: str) -> Docstring:
    """The parts of a cleaned docstring (as :func:`inspect.getdoc` gives it)."""
    section = _SECTION.search(text)
    if section is None:
        return Docstring(plain_words(text).strip(), {})
    rest = f"{text[: section.start()].rstrip()}\n\n{text[section.end() :].lstrip()}"
    return Docstring(plain_words(rest).strip(), _parameters(section[1]))


def _parameters(text: str) -> dict[str, str]:
    """Descriptions by name; several names before one description share it."""
    found: dict[str, str] = {}
    names: list[str] = []
    lines: list[str] = []
    for row in [*text.splitlines(), "end"]:
        if not row or row[0].isspace():
            lines.append(row)
            continue
        told = plain_words(" ".join(dedent("\n".join(lines)).split()))
        found |= dict.fromkeys(names, told)
        names = [name.strip() for name in row.partition(" :")[0].split(",")]
        lines = []
    return found
