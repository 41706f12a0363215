"""The claims: three counts, then a row each, what is not as expected on top."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from harness import numbers
from harness.report import digits
from harness.report.claim_groups import Places, groups_row
from harness.report.claim_plot import Allowed, Placed, claim_plot
from harness.report.markup import Html, tag
from harness.report.records import Evidence, Row
from harness.report.standing import CUT, ORDER, STANDINGS, counts, mark, standing, told

__all__ = ["Opened", "claims_section", "counts_line"]

_NUMBER = r"([−-]?[\d,.]+(?:e[−-]?\d+)?)"
_AGREES = " agrees with "
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


@dataclass(frozen=True, kw_only=True)
class Opened:
    """What a claim opens to, by the claim's name, and where the page shows its cells."""

    evidence: Mapping[str, Evidence] = field(default_factory=dict)
    places: Places = field(default_factory=Places)


def claims_section(rows: Sequence[Row], opened: Opened | None = None) -> Html | None:
    """The table of claims, each with its groups; controls that failed as they must are folded."""
    if not rows:
        return None
    opened = opened or Opened()
    ordered = sorted(rows, key=lambda row: ORDER.index(standing(row)))
    controls = [row for row in ordered if row["verdict"] == row["expect"] == "failed"]
    shown = [row for row in ordered if row not in controls]
    told_once = (
        "Each row has its own scale; dashed: the threshold, whiskers: 95 % intervals. A claim "
        "fails when its whole interval lies in the tinted part, and is undecided when the "
        "interval crosses the dashed line."
    )
    if any(_AGREES in (row["statement"] or "") for row in rows):
        told_once += " Where nothing is tinted, the dashed line is the number to agree with."
    return tag(
        "section",
        tag("h2", "Claims", id="claims-title"),
        tag("p", told_once, class_="note"),
        _table(shown, "claims-title", opened) if shown else None,
        _controls(controls, opened, is_first_good=all(standing(row) != "good" for row in shown)),
        id="claims",
    )


def _controls(rows: Sequence[Row], opened: Opened, *, is_first_good: bool) -> Html | None:
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
    return tag(
        "details", summary, _table(rows, "controls-title", opened), class_="controls", id=ident
    )


def _table(rows: Sequence[Row], title: str, opened: Opened) -> Html:
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
    body: list[Html | None] = []
    for row in rows:
        body.append(_row(row, is_first=_adds(seen, standing(row))))
        evidence = opened.evidence.get(row["name"])
        if evidence is not None and row["verdict"] != CUT:  # what was cut opens to nothing
            body.append(groups_row(row, evidence, opened.places))
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
    if " over all items " in (row["statement"] or ""):
        seeds += " items"
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
    found = digits.estimate(value, low, high, signed=row["form"] == "difference")
    parts: list[object] = [tag("b", found.value, title=found.full)]
    if found.is_constant:
        parts.append(tag("span", " every seed the same", class_="quiet"))
    elif found.ends:
        parts += [" ", tag("span", found.ends, class_="quiet interval")]
    return parts


def _allowed(row: Row) -> Allowed | None:
    """Read from the statement, which is made by template; ``None`` where it says no limit."""
    threshold, words = row["threshold"], row["statement"] or ""
    if threshold is None:
        return None
    within = _WITHIN.search(words)
    if within:
        low, high = (float(end.replace(",", "").replace("−", "-")) for end in within.groups())
        return Allowed(low, high)
    if _AGREES in words:
        return Allowed(threshold, threshold)
    if re.search(r" (at least|above) ", words):
        return Allowed(threshold, None)
    if re.search(r" (at most|below) ", words):
        return Allowed(None, threshold)
    return None


def _plot(row: Row) -> Html | None:
    allowed = _allowed(row)
    if row["estimate"] is None or allowed is None:
        return None
    return claim_plot(
        Placed(
            value=row["estimate"],
            low=row["ci_low"],
            high=row["ci_high"],
            allowed=allowed,
            threshold=row["threshold"],
            is_ratio=row["form"] == "value",
            is_open=standing(row) == "open",
        )
    )
