"""All suites of a report on its first page: how each ran, and how every claim stands."""

from __future__ import annotations

from collections.abc import Sequence

from harness import numbers
from harness.report.markup import Html, tag
from harness.report.records import Row, RunPage
from harness.report.standing import ORDER, STANDINGS, counts, mark, standing, told

__all__ = ["overview"]


def overview(suites: Sequence[tuple[RunPage, str]]) -> Html | None:
    """The suites with the addresses of their pages; nothing where there is only one."""
    if len(suites) < 2:
        return None
    return tag(
        "section",
        tag("h2", "All suites"),
        *(_suite(run, address) for run, address in suites),
        id="suites",
    )


def _suite(run: RunPage, address: str) -> Html:
    cells = f"{numbers.count(run.cells)} cells, {numbers.count(run.failed)} failed"
    found = counts(run.claims)
    shown = [
        tag("span", mark(each.name), f" {found[each.name]} {each.words}", class_=each.name)
        for each in STANDINGS
        if found[each.name]
    ]
    summary = tag(
        "summary",
        tag("b", run.record.suite),
        tag("span", f"{cells} · {run.record.started:%-d %b %Y}", class_="quiet"),
        *shown,
    )
    ordered = sorted(run.claims, key=lambda row: ORDER.index(standing(row)))
    claims = tag("ul", *map(_claim, ordered)) if ordered else tag("p", "It claims nothing.")
    link = tag("p", tag("a", f"The page of {run.record.suite}", href=address))
    has_surprise = any(found[name] for name in ("bad", "open"))
    return tag("details", summary, claims, link, class_="suite", open=has_surprise)


def _claim(row: Row) -> Html:
    because = told(row)
    verdict = tag("b", row["verdict"], f", {because}" if because else "")
    return tag("li", mark(standing(row)), " ", verdict, " ", row["name"])
