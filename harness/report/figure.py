"""What a figure is, and how labels are drawn alike on the whole page."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

__all__ = [
    "HOVER",
    "NARROW",
    "SQUARE",
    "WIDE",
    "Figure",
    "Series",
    "Size",
    "colors",
    "name_of",
    "shortened",
]

HOVER = "hover"  # name of the layer that shows what is under the pointer

_NARROW_POINTS = 50
_NAME = re.compile(r"[\w.-]+/[\w.-]+")  # plugin/name


class Series(NamedTuple):
    """How a label is drawn on the whole page."""

    color: str  # ``s1`` … ``s7``, ``s0`` for those beyond
    is_first: bool  # the suite's first method: a thicker line


class Size(NamedTuple):
    """The plot itself, without labels; ``label_chars`` at a line's end before it is cut."""

    width: int
    height: int
    label_chars: int
    has_titles: bool = True  # of the axis that stands upright


WIDE = Size(820, 380, 30)
NARROW = Size(200, 340, 13, has_titles=False)
SQUARE = Size(262, 240, 21)


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

    def still(self, form: Mapping[str, Any]) -> dict[str, Any]:
        """A form with its data, without the layer that only a script needs.

        On a phone's width 50 points a line are one every four pixels.
        """
        layers = [layer for layer in form["layer"] if layer.get("name") != HOVER]
        drawn = self.datasets
        if form is self.narrow and "curves" in drawn:
            drawn = {**drawn, "curves": _thinned(drawn["curves"])}
        return {**form, "layer": layers, "datasets": drawn}

    def packed(self) -> dict[str, Any]:
        """Both forms and the data for the page's script: rows as arrays, names once."""
        packed = {}
        for name, rows in self.datasets.items():
            fields = list(dict.fromkeys(key for row in rows for key in row))
            values = [[_short(row.get(key)) for key in fields] for row in rows]
            packed[name] = {"fields": fields, "rows": values}
        return {"wide": self.wide, "narrow": self.narrow, "datasets": packed}


def _thinned(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """At most about 50 points a line, the last one always."""
    lines: dict[Any, list[Mapping[str, Any]]] = {}
    for row in rows:
        lines.setdefault(row["l"], []).append(row)
    kept = []
    for line in lines.values():
        step = -(-len(line) // _NARROW_POINTS)
        kept += [*line[:-1:step], line[-1]]
    return kept


def _short(value: Any) -> Any:
    """A whole number without its point."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def colors(labels: Sequence[str], series: Mapping[str, Series]) -> dict[str, Any]:
    """The colour of each label, as an encoding of its number ``l``; never a legend."""
    names = [f"var(--{series[label].color})" for label in labels]
    scale = {"domain": list(range(len(labels))), "range": names}
    return {"color": {"field": "l", "type": "nominal", "scale": scale, "legend": None}}


def name_of(labels: Sequence[str]) -> str:
    """The expression that gives a datum's label: JSON, so that no name is code."""
    return f"{json.dumps(list(labels))}[datum.l]"


def shortened(text: str, most: int) -> str:
    """A label that fits: the name without its plugin, then cut."""
    if len(text) > most and _NAME.fullmatch(text):
        text = text.rpartition("/")[2]
    return text if len(text) <= most else f"{text[: most - 1]}…"
