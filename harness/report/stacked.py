"""Tables whose rows become cards on a phone, and which stay tables for screen readers.

``display: grid`` takes the roles of a table's parts away, hence they are given back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness import numbers
from harness.report.markup import Html, tag

__all__ = ["Heads", "name_cell", "row", "stacked_table", "value_cell"]

Heads = Sequence[tuple[object, str]]  # what stands in the head, the column's class

_SHOWN_FIRST = 20


def stacked_table(kind: str, caption: str, heads: Heads, bodies: Iterable[Sequence[Html]]) -> Html:
    """A table of one or several bodies of rows; of a single long one the first rows at first.

    Parameters
    ----------
    kind
        The table's class, which places its columns on a card.
    caption
        Read by screen readers only.
    """
    found = [list(rows) for rows in bodies]
    count = len(found[0]) if len(found) == 1 else 0
    is_cut = count > _SHOWN_FIRST
    head = [
        tag("th", text, scope="col", role="columnheader", class_=name or None)
        for text, name in heads
    ]
    table = tag(
        "table",
        tag("caption", caption, class_="spoken"),
        tag("thead", tag("tr", *head, role="row"), role="rowgroup"),
        *(tag("tbody", *rows, role="rowgroup") for rows in found),
        class_=f"stacked {kind}" + (" cut" if is_cut else ""),
        role="table",
    )
    button = tag("button", f"show all {numbers.count(count)}", type="button", class_="all")
    return tag("div", table, button if is_cut else None, class_="scroll")


def row(cells: Iterable[Html | None], place: int = 0) -> Html:
    """A row; ``place`` counts within its body."""
    return tag("tr", *cells, role="row", class_="more" if place >= _SHOWN_FIRST else None)


def name_cell(*children: object, class_: str, **attributes: object) -> Html:
    """The cell that names its row."""
    return tag("th", *children, scope="row", role="rowheader", class_=class_, **attributes)


def value_cell(*children: object, class_: str, **attributes: object) -> Html:
    """Any other cell."""
    return tag("td", *children, role="cell", class_=class_, **attributes)
