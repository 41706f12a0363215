"""How a claim stands: the mark says whether it is as expected, the word what happened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness import numbers
from harness.report.markup import Html, tag
from harness.report.records import Row

__all__ = [
    "CUT",
    "ORDER",
    "STANDINGS",
    "Standing",
    "counts",
    "mark",
    "mark_symbols",
    "standing",
    "told",
]

CUT = "not judged (cut)"
ORDER = ("bad", "open", "good", "none")


@dataclass(frozen=True, slots=True)
class Standing:
    """A standing's words in the line of counts."""

    name: str
    words: str


STANDINGS = (
    Standing("bad", "not as expected"),
    Standing("open", "undecided"),
    Standing("good", "as expected"),
    Standing("none", "not judged"),
)

# Shape and sign repeat the colour: a filled square with a cross, a hollow circle with a
# question mark, a filled circle with a tick.
_SHAPES = {
    "good": '<circle cx="8" cy="8" r="7.5" class="f"/><path d="M4.6 8.3l2.4 2.4 4.4-5" class="s"/>',
    "bad": '<rect x=".5" y=".5" width="15" height="15" rx="2" class="f"/>'
    '<path d="M5 5l6 6M11 5l-6 6" class="s"/>',
    "open": '<circle cx="8" cy="8" r="6.8" class="o"/>'
    '<path d="M6 6.4a2 2 0 1 1 2.6 1.9q-.6.3-.6 1.1" class="o"/>'
    '<circle cx="8" cy="11.7" r=".6" class="o"/>',
    "none": '<path d="M4 8h8" class="o"/>',
    "same": '<circle cx="8" cy="8" r="6.8" class="o"/><path d="M5 6.6q1.5-1.4 3 0t3 0M5 9.6q1.5-1.4'
    ' 3 0t3 0" class="o"/>',
}


def standing(row: Row) -> str:
    """``good`` as expected, ``bad`` not, ``open`` undecided, ``none`` not judged."""
    if row["verdict"] == CUT:
        return "none"
    if row["verdict"] == row["expect"]:
        return "good"
    return "open" if row["verdict"] == "undecided" else "bad"


def mark(name: str) -> Html:
    """The mark of a standing; hidden from screen readers, which read the word."""
    use = tag("use", href=f"#mark-{name}")
    return tag("svg", use, class_=f"mark {name}", aria_hidden="true", viewBox="0 0 16 16")


def mark_symbols() -> Html:
    """The marks' shapes, drawn once a page."""
    symbols = [
        tag("symbol", Html(shape), id=f"mark-{name}", viewBox="0 0 16 16")
        for name, shape in _SHAPES.items()
    ]
    return tag("svg", *symbols, width=0, height=0, class_="symbols", aria_hidden="true")


def told(row: Row) -> str:
    """What explains the verdict, below it."""
    where = standing(row)
    if where == "bad":
        return "not as expected"
    if where == "open" and row["seeds_to_decide"]:
        return f"about {numbers.count(row['seeds_to_decide'])} seeds would decide"
    if where == "good" and row["verdict"] == "failed":
        return "as it must"
    return "the suite was cut" if where == "none" else ""


def counts(rows: Sequence[Row]) -> dict[str, int]:
    """How many claims stand how."""
    found = dict.fromkeys(ORDER, 0)
    for row in rows:
        found[standing(row)] += 1
    return found
