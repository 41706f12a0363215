"""Claims as text: what is not as expected on top, controls that failed as they must folded."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from harness.cli import numbers
from harness.cli.text import Line, Span, line, mark

__all__ = ["claim_lines", "counts"]

_NAME_MAX = 34
_CUT = "not judged (cut)"
_ORDER = {"bad": 0, "open": 1, "": 2, "good": 3}


def counts(rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """How many claims are as expected (good), not (bad), undecided (open), not judged ("")."""
    found = {"bad": 0, "open": 0, "good": 0, "": 0}
    for row in rows:
        found[_style(row)] += 1
    return found


def claim_lines(
    rows: Sequence[Mapping[str, Any]], width: int, *, show_all: bool = False
) -> list[Line]:
    """Every claim, the surprises first; nothing where there are no claims."""
    if not rows:
        return []
    ordered = sorted(rows, key=lambda row: _ORDER[_style(row)])  # stable: the file's order
    shown = [row for row in ordered if show_all or not _is_quiet_control(row)]
    name_width = min(max((len(row["name"]) for row in shown), default=0), _NAME_MAX)
    lines = [_head(rows)]
    for row in shown:
        lines += _one(row, name_width, width)
    folded = len(rows) - len(shown)
    if folded:
        controls = "1 control" if folded == 1 else f"{folded} controls"
        pronoun = "it" if folded == 1 else "they"
        lines.append(
            line(
                "  ",
                (mark("good"), "good"),
                f"{'':12}and {controls} failed, as {pronoun} must",
                (" · harness claims --all", "quiet"),
            )
        )
    return lines


def _style(row: Mapping[str, Any]) -> str:
    """``good`` as expected, ``bad`` not, ``open`` undecided, empty when not judged."""
    if row["verdict"] == _CUT:
        return ""
    if row["verdict"] == row["expect"]:
        return "good"
    return "open" if row["verdict"] == "undecided" else "bad"


def _is_quiet_control(row: Mapping[str, Any]) -> bool:
    return bool(row["verdict"] == "failed" == row["expect"])


def _head(rows: Sequence[Mapping[str, Any]]) -> Line:
    found = counts(rows)
    pieces: list[str | tuple[str, str]] = [("Claims", "strong"), "  "]
    if found["good"] == len(rows):
        return line(*pieces, (f"{mark('good')} {len(rows)}, all as expected", "good"))
    words = (("bad", "not as expected"), ("open", "undecided"), ("good", "as expected"))
    told: list[str | tuple[str, str]] = [
        (f"{mark(style)} {found[style]} {word}", style) for style, word in words if found[style]
    ]
    if found[""]:
        reasons = {row["note"] for row in rows if row["verdict"] == _CUT}
        because = f": {reasons.pop()}" if len(reasons) == 1 else ""
        told.append((f"– {found['']} not judged{because}", "quiet"))
    for number, piece in enumerate(told):
        pieces += [" · ", piece] if number else [piece]
    return line(*pieces)


def _one(row: Mapping[str, Any], name_width: int, width: int) -> list[Line]:
    style = _style(row)
    verdict = _verdict(row)
    sign = mark(style) if style else "–"
    head: list[Span] = [
        Span("  "),
        Span(f"{sign} ", style),
        Span(f"{verdict:<11} ", style if style != "good" else ""),
    ]
    indent = 2 + len(sign) + 1 + 12
    name = textwrap.shorten(row["name"], name_width, placeholder="…")
    statement = row["statement"] or row["note"] or ""
    room = width - indent - name_width - 3
    if room >= 40:
        wrapped = textwrap.wrap(statement, room) or [""]
        rest = [line(" " * (indent + name_width + 2), (text, "quiet")) for text in wrapped[1:]]
        first = (*head, Span(f"{name:<{name_width}}  "), Span(wrapped[0]))
        return [first, *rest, *_notes(row, indent + name_width + 2, width)]
    wrapped = textwrap.wrap(statement, max(width - indent, 30))
    below = [line(" " * indent, text) for text in wrapped]
    return [(*head, Span(row["name"])), *below, *_notes(row, indent, width)]


def _verdict(row: Mapping[str, Any]) -> str:
    if row["verdict"] == _CUT:
        return "not judged"
    return "held" if row["verdict"] == "held" else str(row["verdict"])


def _notes(row: Mapping[str, Any], indent: int, width: int) -> list[Line]:
    """What explains a verdict that needs explaining."""
    told = []
    if row["note"] and row["statement"]:
        told.append(row["note"])
    if row["verdict"] == "undecided" and row["seeds_to_decide"]:
        needed = numbers.count(row["seeds_to_decide"])
        told.append(f"about {needed} seeds would decide ({numbers.count(row['n'])} so far)")
    if row["verdict"] == row["expect"] == "failed":
        told.append("failed, as it must")
    text = "; ".join(told)
    return [
        line(" " * indent, (piece, "quiet"))
        for piece in textwrap.wrap(text, max(width - indent, 30))
    ]
