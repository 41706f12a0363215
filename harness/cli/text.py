"""Styled lines of text: on a terminal in the user's own colours, elsewhere plain.

Styles are names of what a piece means; only ANSI colours are used, so that the user's theme
decides, and nothing is told by colour alone.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from typing import Any, NamedTuple

import click

__all__ = [
    "Line",
    "Span",
    "can_draw",
    "line",
    "mark",
    "say",
    "say_error",
    "say_json",
    "say_notes",
    "width",
]

_STYLES: Mapping[str, Mapping[str, Any]] = {
    "": {},
    "strong": {"bold": True},
    "quiet": {"fg": "bright_black"},
    "place": {"fg": "cyan"},
    "good": {"fg": "green"},
    "bad": {"fg": "red"},
    "bad strong": {"fg": "red", "bold": True},
    "open": {"fg": "yellow"},
    "first": {"fg": "blue", "bold": True},
}
_MARKS = {"good": ("✓", "ok"), "bad": ("✗", "FAIL"), "open": ("?", "?"), "same": ("≈", "=")}


class Span(NamedTuple):
    """A piece of text with the name of its style."""

    text: str
    style: str = ""


Line = tuple[Span, ...]


def line(*pieces: str | tuple[str, str]) -> Line:
    """A line of pieces: plain texts, or (text, style)."""
    return tuple(Span(piece) if isinstance(piece, str) else Span(*piece) for piece in pieces)


def length(spans: Iterable[Span]) -> int:
    """Columns that the spans take."""
    return sum(len(span.text) for span in spans)


def say(lines: Sequence[Line], *, err: bool = False) -> None:
    """Print lines: with colours on a terminal, without where ``NO_COLOR`` is set.

    A reader that went away (``head``, ``less``) changes nothing but what is printed: the exit
    code is still the command's.
    """
    stream = sys.stderr if err else sys.stdout
    color = stream.isatty() and not os.environ.get("NO_COLOR")
    try:
        for spans in lines:
            texts = ((_harmless(span.text), span.style) for span in spans)
            styled = (
                click.style(text, **_STYLES[style]) if color else text for text, style in texts
            )
            click.echo(_encodable("".join(styled).rstrip(), stream), err=err, color=color)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


# What a plugin's message may hold and a terminal would obey: all control characters but tab.
_CONTROLS = {code: "�" for code in (*range(9), *range(10, 32), *range(127, 160))}


def _harmless(text: str) -> str:
    return text.translate(_CONTROLS)


def say_error(lines: Sequence[Line]) -> None:
    """Print lines on standard error."""
    say(lines, err=True)


def say_notes(notes: Sequence[str]) -> None:
    """Print on standard error what a reader should know and what stops nothing."""
    say_error([line((f"{mark('open')} ", "open"), note) for note in notes])


def say_json(value: Any) -> None:
    """Print a value as JSON; what JSON has no number for (infinite, none) is null."""
    text = json.dumps(_finite(value), indent=2, ensure_ascii=not can_draw(), default=str)
    click.echo(text)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _finite(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(inner) for inner in value]
    return value


def can_draw() -> bool:
    """Whether the output's encoding has the marks and dots."""
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    try:
        "✓●…−".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def mark(style: str) -> str:
    """The mark of a style, in ASCII where the encoding has no better one."""
    drawn, ascii_mark = _MARKS[style]
    return drawn if can_draw() else ascii_mark


def width() -> int:
    """Columns of the terminal; 100 where there is none."""
    return shutil.get_terminal_size((100, 40)).columns


_ASCII = str.maketrans(
    {
        "…": "..",
        "−": "-",
        "–": "-",
        "─": "-",
        "·": "-",
        "│": "|",
        "●": "o",
        "×": "x",
        "√": "sqrt",
        "÷": "/",
        "≤": "<=",
        "≥": ">=",
        "µ": "u",
        "“": '"',
        "”": '"',
        "→": "->",
    }
)


def _encodable(text: str, stream: Any) -> str:
    encoding = getattr(stream, "encoding", None) or "ascii"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.translate(_ASCII).encode(encoding, "replace").decode(encoding)
    return text
