"""The layers of a curve figure: bands, lines, dashed theory, labels at line ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from harness.report import digits
from harness.report.axes import Axis, pushed_apart
from harness.report.figure import HOVER, Series, Size, colors, name_of, shortened
from harness.report.records import Curve
from harness.report.theory import TheoryLine

__all__ = ["CurvePlot", "curve_form", "curve_rows", "theory_rows"]

_LABEL_STEP = 15  # px between labels at line ends
_MOST_LABELS = 12  # beyond it pushing apart fails
_LETTER = 7.0  # px of a letter of a bold label
_OVERHANG = 30  # px of the axis's labels, over which a label may reach to the left


class CurvePlot(NamedTuple):
    """What both forms of a curve figure are made of."""

    curves: Sequence[Curve]
    lines: Sequence[TheoryLine]
    x: Axis
    y: Axis
    x_title: str
    y_title: str
    series: Mapping[str, Series]

    @property
    def labels(self) -> list[str]:
        """Of the curves; ``l`` in the data counts them."""
        return [curve.label for curve in self.curves]

    @property
    def has_bands(self) -> bool:
        """Whether any curve has an interval."""
        return any(curve.seeds > 1 for curve in self.curves)


def curve_rows(plot: CurvePlot) -> list[dict[str, Any]]:
    """One row a point: label by number, position, drawn mean and ends of the band."""
    rows = []
    for number, curve in enumerate(plot.curves):
        for at, mean, low, high in zip(curve.at, curve.mean, curve.low, curve.high, strict=True):
            row = {"l": number, "x": float(at), "y": plot.y.clipped(float(mean))}
            row |= {"a": plot.y.clipped(float(low)), "b": plot.y.clipped(float(high))}
            if mean != row["y"] and not plot.y.low < mean < plot.y.high:
                row["v"] = float(mean)  # drawn at the axis's end: the tooltip tells the truth
            rows.append(row)
    return rows


def theory_rows(plot: CurvePlot) -> list[dict[str, Any]]:
    """Points of the bounds; a vacuous stretch is a line of its own, drawn pale."""
    rows = []
    for number, line in enumerate(plot.lines):
        at, values, vacuous = list(line.at), list(line.values), list(line.is_vacuous)
        if len(at) == 1:
            at.insert(0, plot.x.low)  # level: what is known of the end
            values.insert(0, values[0])
            vacuous.insert(0, vacuous[0])
        for place in range(len(at) - 1):
            ends = (place, place + 1)
            if not all(plot.y.low <= values[end] <= plot.y.high for end in ends):
                continue
            is_pale = vacuous[place] and vacuous[place + 1]
            rows += [
                {"s": f"{number}.{place}", "x": at[end], "y": values[end], "pale": is_pale}
                for end in ends
            ]
    return rows


def curve_form(plot: CurvePlot, size: Size) -> dict[str, Any]:
    """The figure at one size; its data sets are ``curves`` and ``theory``."""
    both = _positions(plot, size)
    layers = [
        *_vacuous_ground(plot, size),
        *_zero_strip(plot, size),
        *([_band(plot, both)] if plot.has_bands else []),
        _line(plot, both),
        _hover(plot, both),
        *_theory(plot, both, size),
        *_end_labels(plot, both, size),
    ]
    return {
        "width": size.width,
        "height": size.height,
        "data": {"name": "curves"},
        "layer": layers,
    }


def _positions(plot: CurvePlot, size: Size) -> dict[str, Any]:
    x_axis = {"title": plot.x_title, **plot.x.ticks()}
    # A phone has no room for it: there it stands in the words above.
    y_axis = {"title": plot.y_title if size.has_titles else None, **plot.y.ticks()}
    return {
        "x": {"field": "x", "type": "quantitative", "scale": plot.x.scale(), "axis": x_axis},
        "y": {"field": "y", "type": "quantitative", "scale": plot.y.scale(), "axis": y_axis},
    }


def _band(plot: CurvePlot, both: Mapping[str, Any]) -> dict[str, Any]:
    ends = {"y": {**both["y"], "field": "a"}, "y2": {"field": "b"}}
    return {
        "mark": {"type": "area", "opacity": 0.18},
        "encoding": {**both, **ends, **colors(plot.labels, plot.series)},
    }


def _line(plot: CurvePlot, both: Mapping[str, Any]) -> dict[str, Any]:
    first = [number for number, label in enumerate(plot.labels) if plot.series[label].is_first]
    is_first = f"indexof({first}, datum.l) >= 0"
    width = {"condition": {"test": is_first, "value": 3}, "value": 1.6}
    encoding = {**both, **colors(plot.labels, plot.series), "strokeWidth": width}
    return {"mark": {"type": "line"}, "encoding": encoding}


def _hover(plot: CurvePlot, both: Mapping[str, Any]) -> dict[str, Any]:
    """A dot and a tooltip under the pointer: once a script runs, and never in the SVG."""
    near = {"type": "point", "on": "pointerover", "nearest": True, "clear": "pointerout"}
    shown = {"condition": {"param": "near", "empty": False, "value": 1}, "value": 0}
    told = [
        {"field": "method", "type": "nominal"},
        {"field": "x", "type": "quantitative", "title": plot.x_title, "format": ",~g"},
        {"field": "value", "type": "quantitative", "title": plot.y_title, "format": ",.4~g"},
        {"field": "a", "type": "quantitative", "title": "from", "format": ",.4~g"},
        {"field": "b", "type": "quantitative", "title": "to", "format": ",.4~g"},
    ]
    return {
        "name": HOVER,
        "params": [{"name": "near", "select": near}],
        "transform": [
            {"calculate": name_of(plot.labels), "as": "method"},
            {"calculate": "isValid(datum.v) ? datum.v : datum.y", "as": "value"},
        ],
        "mark": {"type": "point", "filled": True, "size": 60},
        "encoding": {
            **both,
            **colors(plot.labels, plot.series),
            "opacity": shown,
            "tooltip": told,
        },
    }


def _theory(plot: CurvePlot, both: Mapping[str, Any], size: Size) -> list[dict[str, Any]]:
    if not theory_rows(plot):
        return []
    pale = {"condition": {"test": "datum.pale", "value": 0.45}, "value": 1}
    detail = {"field": "s", "type": "nominal"}
    dashed = {"type": "line", "strokeDash": [6, 4], "color": "var(--ink)", "strokeWidth": 1.4}
    lines = {
        "data": {"name": "theory"},
        "mark": dashed,
        "encoding": {**both, "detail": detail, "opacity": pale},
    }
    return [lines, _theory_labels(plot, both, size)]


def _theory_labels(plot: CurvePlot, both: Mapping[str, Any], size: Size) -> dict[str, Any]:
    """Above the line's right end, right-aligned; as many words as fit above the plot."""
    rows: list[dict[str, Any]] = []
    for line in plot.lines:
        if not plot.y.low <= line.values[-1] <= plot.y.high:
            continue
        room = size.width * plot.x.share(line.at[-1]) + _OVERHANG
        text = _theory_words(line, int(room / _LETTER))
        rows.append({"x": line.at[-1], "y": line.values[-1], "t": text})
    high = [size.height * (1 - plot.y.share(row["y"])) for row in rows]
    for row, place in zip(rows, pushed_apart(high, _LABEL_STEP, size.height), strict=True):
        row["y"] = plot.y.value(1 - place / size.height)
    mark = {"type": "text", "align": "right", "baseline": "bottom", "dx": -4, "dy": -4}
    text_ = {"field": "t", "type": "nominal"}
    style = {"color": "var(--ink)", "fontWeight": 600, "fontSize": 12}
    return {
        "data": {"values": rows},
        "mark": {**mark, **style},
        "encoding": {**both, "text": text_},
    }


def _theory_words(line: TheoryLine, most: int) -> str:
    """What the line is, of whom, and its value at the end; the shortest is the last resort."""
    value = digits.value(line.values[-1])
    names = [line.title]
    if line.role == "guarantee" and len(line.labels) == 1:
        names = [f"{line.title} of {shortened(line.labels[0], size)}" for size in (30, 16)]
        names.append(line.title)
    texts = [f"{name} {value}" for name in (*names, line.role.replace("_", " "))]
    return next((text for text in texts if len(text) <= most), texts[-1])


def _end_labels(plot: CurvePlot, both: Mapping[str, Any], size: Size) -> list[dict[str, Any]]:
    """Names at the lines' ends instead of a legend, pushed apart."""
    named = [
        number
        for number, label in enumerate(plot.labels)
        if plot.series[label].color != "s0" or len(plot.labels) <= _MOST_LABELS
    ][:_MOST_LABELS]
    ends = [size.height * (1 - plot.y.share(float(plot.curves[n].mean[-1]))) for n in named]
    rows = [
        {
            "l": number,
            "x": float(plot.curves[number].at[-1]),
            "y": plot.y.value(1 - place / size.height),
            "t": shortened(plot.labels[number], size.label_chars),
        }
        for number, place in zip(named, pushed_apart(ends, _LABEL_STEP, size.height), strict=True)
    ]
    encoding = {
        **both,
        **colors(plot.labels, plot.series),
        "text": {"field": "t", "type": "nominal"},
    }
    mark = {"type": "text", "align": "left", "baseline": "middle", "dx": 7}
    return [{"data": {"values": rows}, "mark": mark, "encoding": encoding}] if rows else []


def _vacuous_ground(plot: CurvePlot, size: Size) -> list[dict[str, Any]]:
    """Tinted where the first bound is known and says nothing."""
    for line in plot.lines:
        if line.vacuous_until is not None:
            ends = [size.width * plot.x.share(at) for at in (line.at[0], line.vacuous_until)]
            across = {"x": {"value": ends[0]}, "x2": {"value": ends[1]}}
            return [_ground({**across, "y": {"value": 0}, "y2": {"value": size.height}})]
    return []


def _ground(place: Mapping[str, Any]) -> dict[str, Any]:
    mark = {"type": "rect", "color": "var(--surface)"}
    return {"data": {"values": [{}]}, "mark": mark, "encoding": place}


def _zero_strip(plot: CurvePlot, size: Size) -> list[dict[str, Any]]:
    """Where a logarithmic axis has values at zero: a tinted strip whose tick says 0."""
    if plot.y.floor is None:
        return []
    top = size.height * (1 - plot.y.share(plot.y.floor * 2))
    place = {"y": {"value": top}, "y2": {"value": size.height}}
    return [_ground({**place, "x": {"value": 0}, "x2": {"value": size.width}})]
