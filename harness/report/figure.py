"""What a figure is, and how labels are drawn alike on the whole page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

__all__ = ["NARROW", "SQUARE", "WIDE", "Figure", "Series", "Size", "colors", "name_of", "shortened"]


class Series(NamedTuple):
    """How a label is drawn on the whole page."""

    color: str  # ``s1`` … ``s7``, ``s0`` for those beyond
    is_first: bool  # the suite's first method: a thicker line


class Size(NamedTuple):
    """The plot itself, without labels; ``label_chars`` at a line's end before it is cut."""

    width: int
    height: int
    label_chars: int


WIDE = Size(820, 380, 30)
NARROW = Size(200, 340, 13)
SQUARE = Size(262, 240, 18)


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A figure, in a wide form and one for phones that share their data."""

    name: str  # unique on the page, and a file's name
    metric: str
    title: str  # the finding, by template
    subtitle: str  # what is plotted, units and axes
    spoken: str  # one sentence with the range, for screen readers
    wide: Mapping[str, Any]
    narrow: Mapping[str, Any] | None  # ``None``: the wide form fits a phone
    datasets: Mapping[str, Sequence[Mapping[str, Any]]]
    table: Sequence[Sequence[str]]  # its data, the first row is the head

    def whole(self, form: Mapping[str, Any]) -> dict[str, Any]:
        """A form with its data."""
        return {**form, "datasets": self.datasets}


def colors(labels: Sequence[str], series: Mapping[str, Series]) -> dict[str, Any]:
    """The colour of each label, as an encoding of its number ``l``; never a legend."""
    names = [f"var(--{series[label].color})" for label in labels]
    scale = {"domain": list(range(len(labels))), "range": names}
    return {"color": {"field": "l", "type": "nominal", "scale": scale, "legend": None}}


def name_of(labels: Sequence[str]) -> str:
    """The expression that gives a datum's label: JSON, so that no name is code."""
    return f"{json.dumps(list(labels))}[datum.l]"


def shortened(text: str, most: int) -> str:
    """A label that fits: its last part, then cut."""
    if len(text) > most:
        text = text.rpartition("/")[2] or text
    return text if len(text) <= most else f"{text[: most - 1]}…"
