"""The claims: three counts, then a row each, what is not as expected on top."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from harness import numbers
from harness.report.markup import Html, join, tag
from harness.report.records import Row
from harness.report.rowplot import Scale, dot, line_at, plot, tint, whisker
from harness.report.standing import CUT, ORDER, STANDINGS, counts, mark, standing, told

__all__ = ["claims_section", "counts_line"]

_FARTHEST = 50.0  # ratios beyond this many times the threshold become an arrow at the edge
_NUMBER = r"([−-]?[\d,.]+(?:e[−-]?\d+)?)"
_WITHIN = re.compile(rf"within {_NUMBER} … {_NUMBER}")


def counts_line(rows: Sequence[Row]) -> Html | None:
    """The three counts, each a link to the first such row."""
    if not rows:
        return None
    found = counts(rows)
    if found["good"] == len(rows):
        noun = "claim" if len(rows) == 1 else "claims"
        words = f"{len(rows)} {noun}, all as expected"
        return tag("p", _count("good", words), class_="counts")
    shown = [each for each in STANDINGS if found[each.name]]
    links = [_count(each.name, f"{found[each.name]} {each.words}") for each in shown]
    return tag("p", *links, class_="counts")


def _count(name: str, words: str) -> Html:
    return tag("a", mark(name), words, href=f"#claims-{name}", class_=name)


def claims_section(rows: Sequence[Row]) -> Html | None:
    """The table of claims; controls that failed as they must are folded."""
    if not rows:
        return None
    ordered = sorted(rows, key=lambda row: ORDER.index(standing(row)))
    controls = [row for row in ordered if row["verdict"] == row["expect"] == "failed"]
    shown = [row for row in ordered if row not in controls]
    told_once = (
        "Each row has its own scale; dashed: the threshold, whiskers: 95 % intervals. A claim "
        "fails when its whole interval lies in the tinted part, and is undecided when the "
        "interval crosses the dashed line."
    )
    return tag(
        "section",
        tag("h2", "Claims", id="claims-title"),
        tag("p", told_once, class_="note"),
        _table(shown, "claims-title") if shown else None,
        _controls(controls, is_first_good=all(standing(row) != "good" for row in shown)),
        id="claims",
    )


def _controls(rows: Sequence[Row], *, is_first_good: bool) -> Html | None:
    if not rows:
        return None
    noun = "control" if len(rows) == 1 else "controls"
    verb = "it must fail, and did" if len(rows) == 1 else "each must fail, and did"
    summary = tag(
        "summary",
        tag("b", "Controls", id="controls-title"),
        tag("span", f"{len(rows)} {noun} · wrong on purpose: {verb}", class_="quiet"),
    )
    ident = "claims-good" if is_first_good else None
    return tag("details", summary, _table(rows, "controls-title"), class_="controls", id=ident)


def _table(rows: Sequence[Row], title: str) -> Html:
    heads = ("Verdict", "Statement", "Estimate against threshold", "Estimate", "Seeds")
    classes = ("", "", "plots", "num", "num")
    head = tag(
        "tr",
        *(
            tag("th", text, scope="col", role="columnheader", class_=name or None)
            for text, name in zip(heads, classes, strict=True)
        ),
        role="row",
    )
    seen: set[str] = set()
    body = [_row(row, is_first=_adds(seen, standing(row))) for row in rows]
    return tag(
        "table",
        tag("thead", head, role="rowgroup"),
        tag("tbody", *body, role="rowgroup"),
        class_="claims",
        role="table",
        aria_labelledby=title,
    )


def _adds(seen: set[str], name: str) -> bool:
    is_new = name not in seen
    seen.add(name)
    return is_new


def _row(row: Row, *, is_first: bool) -> Html:
    where = standing(row)
    below = told(row)
    word = "not judged" if row["verdict"] == CUT else row["verdict"]
    verdict = (
        tag("span", mark(where), tag("b", word), class_="verdict"),
        tag("span", below, class_="sub") if below else None,
    )
    seeds = "–" if row["n"] is None else numbers.count(row["n"])
    cells = (
        tag("td", *verdict, role="cell", class_="v"),
        tag("td", *_statement(row), role="cell", class_="s"),
        tag("td", _plot(row), role="cell", class_="p"),
        tag("td", *_estimate(row), role="cell", class_="num e"),
        tag("td", tag("span", "n ", class_="phone"), seeds, role="cell", class_="num n"),
    )
    # A control's id is its own: the first row of a standing may be folded away with it.
    is_control = row["verdict"] == row["expect"] == "failed"
    ident = f"claims-{where}" if is_first and not is_control else None
    return tag("tr", *cells, role="row", class_=where, id=ident)


def _statement(row: Row) -> list[Html]:
    """Name, what is required of what, source, and what a reader must know besides."""
    statement = row["statement"] or ""
    required, _, outcome = statement.partition(": ")
    among = re.search(r"^(largest|smallest|nearest) .*? of (\d[\d,]* [^(]+?)(?: \(|$)", outcome)
    parts = [required or row["form"]]
    if among:
        parts.append(f"{among[1]} of {among[2]}")
    parts += [row["source"]] if row["source"] else []
    lines = [
        tag("b", row["name"]),
        tag("span", " · ".join(parts), class_="sub"),
    ]
    return [*lines, tag("span", row["note"], class_="sub")] if row["note"] else lines


def _estimate(row: Row) -> list[object]:
    value, low, high = row["estimate"], row["ci_low"], row["ci_high"]
    if value is None:
        return [tag("span", "no estimate", class_="quiet")]
    signed = row["form"] == "difference"
    same = low is not None and high is not None and not high - low > 1e-9 * abs(value)
    places = numbers.decimals_for(None if same else low, None if same else high, value)
    parts: list[object] = [tag("b", numbers.fixed(value, places, signed=signed))]
    if same:
        parts.append(tag("span", " every seed the same", class_="quiet"))
    elif low is not None and high is not None:
        ends = f"{numbers.fixed(low, places)} … {numbers.fixed(high, places)}"
        parts += [" ", tag("span", ends, class_="quiet interval")]
    return parts


@dataclass(frozen=True, slots=True)
class _Allowed:
    """The part of the axis in which the claim holds; ``None``: no limit on that side."""

    low: float | None
    high: float | None


def _allowed(row: Row) -> _Allowed | None:
    """Read from the statement, which is made by template; ``None`` where it says no limit."""
    threshold, words = row["threshold"], row["statement"] or ""
    if threshold is None:
        return None
    within = _WITHIN.search(words)
    if within:
        low, high = (float(end.replace(",", "").replace("−", "-")) for end in within.groups())
        return _Allowed(low, high)
    if re.search(r" (at least|above) ", words):
        return _Allowed(threshold, None)
    if re.search(r" (at most|below) ", words):
        return _Allowed(None, threshold)
    return None


def _plot(row: Row) -> Html | None:
    value, allowed = row["estimate"], _allowed(row)
    if value is None or not isfinite(value) or allowed is None:
        return None
    scale = _scale(row, allowed)
    ends = [end for end in (allowed.low, allowed.high) if end is not None]
    parts: list[Html | None] = [line_at(scale.percent(end)) for end in ends]
    if allowed.high is not None:
        parts.insert(0, tint(scale.percent(allowed.high), "100%"))
    if allowed.low is not None:
        parts.insert(0, tint("0%", scale.percent(allowed.low)))
    drawn = plot(*parts, _estimate_mark(row, scale))
    return join([drawn, _far(row, scale, ends)])


def _estimate_mark(row: Row, scale: Scale) -> Html:
    share = scale.share(row["estimate"])
    if not 0 <= share <= 1:
        points = "M4 -4L-4 0L4 4" if share < 0 else "M-4 -4L4 0L-4 4"
        arrow = tag("path", d=points, class_="arrow")
        at = "3%" if share < 0 else "97%"
        inner = tag("svg", arrow, x=at, y=12, style="overflow:visible")
        return tag("g", inner, class_="est")
    mark_ = dot(scale.percent(row["estimate"]), is_hollow=standing(row) == "open")
    return tag("g", whisker(scale, row["ci_low"], row["ci_high"]), mark_, class_="est")


def _scale(row: Row, allowed: _Allowed) -> Scale:
    """Log ratio to the threshold for values, else linear; the threshold in the middle."""
    value, threshold = row["estimate"], row["threshold"]
    is_positive = threshold > 0 and value > 0 and (row["ci_low"] is None or row["ci_low"] > 0)
    if row["form"] == "value" and is_positive and allowed.low != allowed.high:
        return Scale(threshold / _FARTHEST, threshold * _FARTHEST, is_log=True)
    ends = [end for end in (allowed.low, allowed.high) if end is not None]
    middle = sum(ends) / len(ends)
    around = [value, row["ci_low"], row["ci_high"], *ends]
    reach = max(abs(each - middle) for each in around if each is not None and isfinite(each))
    reach = 1.25 * reach or abs(middle) / 2 or 1.0
    return Scale(middle - reach, middle + reach)


def _far(row: Row, scale: Scale, ends: Sequence[float]) -> Html | None:
    """``29 × below``, beside the dot where there is room."""
    value = row["estimate"]
    if not scale.is_log or len(ends) != 1:
        return None
    ratio = value / ends[0]
    if 0.5 < ratio < 2:
        return None
    times = numbers.significant(max(ratio, 1 / ratio))
    words = f"{times} × {'above' if ratio > 1 else 'below'}"
    share = min(max(float(scale.percent(value)[:-1]) / 100, 0.03), 0.97)
    # Away from the threshold in the middle, unless there is no room to the plot's edge.
    side = "right" if 0.2 <= share < 0.5 or share > 0.85 else "left"
    return tag(
        "span", words, class_=f"far {side}", style=f"--share:{share:.3g}", aria_hidden="true"
    )
