"""What a claim opens to: how it was judged, each of its groups, and where their cells are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from harness import numbers
from harness.report import digits
from harness.report.claim_plot import Allowed, Placed, claim_plot
from harness.report.markup import Html, tag
from harness.report.records import Evidence, EvidenceRow, Row, TaskKey
from harness.report.stacked import name_cell, row, stacked_table, value_cell
from harness.report.standing import mark

__all__ = ["Places", "groups_row"]

_LINKS = 4  # to cells of a group, which may pool many
# A group's mark says what happened: of the claim as a whole, it may be what is expected.
_MARKS = {"held": "good", "failed": "bad", "undecided": "open"}


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where the page shows what a group is made of: names of elements."""

    cells: Mapping[tuple[TaskKey, str], str] = field(default_factory=dict)  # of a task's label
    figures: Mapping[tuple[TaskKey, str], str] = field(default_factory=dict)  # of a task's metric


def groups_row(claim: Row, evidence: Evidence, places: Places) -> Html:
    """The row below a claim's own, folded."""
    count = len(evidence.rows)
    what = "How it was judged" + (f": {numbers.count(count)} groups" if count > 1 else "")
    inner = tag(
        "details",
        tag("summary", what, tag("span", f" of {claim['name']}", class_="spoken")),
        tag("p", evidence.note, class_="warn") if evidence.note else None,
        tag("dl", *_facts(claim, evidence)),
        _table(claim, evidence, places) if evidence.rows else None,
    )
    return tag("tr", tag("td", inner, role="cell", colspan=5), role="row", class_="inner")


def _facts(claim: Row, evidence: Evidence) -> list[Html]:
    """Statistic, threshold, interval, source; each once where all groups share it."""
    rows = evidence.rows
    quantities = dict.fromkeys(each.quantity for each in rows if each.quantity)
    limits = dict.fromkeys(each.requirement for each in rows)
    facts = {
        "Statistic": _statistic(claim, list(quantities), rows),
        "Allowed": next(iter(limits)) if len(limits) == 1 else _limit_of(claim),
        "Interval": _interval_told(evidence),
        "Rule": _rule(evidence),
        "Expected": f"{claim['expect']}; the run says {claim['verdict']}",
        "Source": claim["source"] or "",
    }
    return [part for k, v in facts.items() if v for part in (tag("dt", k), tag("dd", v))]


def _statistic(claim: Row, quantities: Sequence[str], rows: Sequence[EvidenceRow]) -> str:
    what = quantities[0] if quantities else claim["metric"]
    if len(quantities) > 1:
        what = f"{claim['metric']}, a {claim['form']}"
    if any(each.is_every for each in rows):
        return f"{what}, in every cell: the one nearest to failing"
    is_mean = claim["form"] == "value" and not what.startswith("share of cells")
    return f"{what}; mean over seeds" if is_mean and not what.endswith("items") else what


def _rule(evidence: Evidence) -> str:
    """How one verdict is made of several groups'."""
    if len(evidence.rows) < 2:
        return ""
    if evidence.is_any:
        return "held if one group holds it after Holm; failed if it failed in every group"
    return "held if it held in every group; failed if one contradicts it after Holm"


def _interval_told(evidence: Evidence) -> str:
    if not any(each.low is not None for each in evidence.rows):
        return ""
    return f"{numbers.trimmed(100 * evidence.level)} %, of each group alone"


def _limit_of(claim: Row) -> str:
    return "" if claim["threshold"] is None else digits.value(claim["threshold"], 6)


def _table(claim: Row, evidence: Evidence, places: Places) -> Html:
    rows = evidence.rows
    limits = {each.requirement for each in rows}
    heads = [("Group", "g"), ("Verdict", "v"), ("", "plots p"), ("Estimate", "num e")]
    heads += [("Interval", "num i")] if any(each.low is not None for each in rows) else []
    heads += [("Allowed", "num l")] if len(limits) > 1 else []
    heads += [("Seeds", "num n"), ("Judged on", "o")]
    names = {text for text, _ in heads}
    body = [
        row(_group(claim, each, evidence.metric, places, names), place)
        for place, each in enumerate(rows)
    ]
    return stacked_table("groups", f"Groups of {claim['name']}", heads, [body])


def _group(
    claim: Row, each: EvidenceRow, metric: str, places: Places, names: set[str]
) -> list[Html | None]:
    vacuous = " (vacuous)" if each.is_vacuous else ""
    note = tag("span", each.note, class_="sub") if each.note else None
    mark_ = _MARKS[each.verdict]
    value, ends, full = "–", "–", None
    if each.estimate is not None:
        found = digits.estimate(each.estimate, each.low, each.high, signed=each.is_change)
        value, full = found.value, found.full
        ends = found.ends or ("every seed the same" if found.is_constant else "–")
    return [
        name_cell(digits.named(each.title), note, class_="g"),
        value_cell(mark(mark_), f"{each.verdict}{vacuous}", class_="v"),
        value_cell(_plot(claim, each), class_=f"plots p {mark_}"),
        value_cell(value, class_="num e", title=full),
        value_cell(ends, class_="num quiet i") if "Interval" in names else None,
        value_cell(each.requirement, class_="num l") if "Allowed" in names else None,
        value_cell(numbers.count(each.n), class_="num n"),
        value_cell(*_links(each, metric, places), class_="o"),
    ]


def _plot(claim: Row, each: EvidenceRow) -> Html | None:
    if each.estimate is None or each.threshold is None:
        return None
    return claim_plot(
        Placed(
            value=each.estimate,
            low=each.low,
            high=each.high,
            allowed=Allowed(each.allowed_low, each.allowed_high),
            threshold=each.threshold,
            is_ratio=claim["form"] == "value",
            is_open=each.verdict == "undecided",
        )
    )


def _links(each: EvidenceRow, metric: str, places: Places) -> list[object]:
    """To the curve and to the cells of each label."""
    links: list[object] = []
    figures = dict.fromkeys(places.figures.get((task, metric)) for task, _ in each.places)
    links += [tag("a", "curve", href=f"#{name}") for name in figures if name][:1]
    found = [
        tag("a", f"cells of {digits.brief(label)}", href=f"#{places.cells[task, label]}")
        for task, label in dict.fromkeys(each.places)
        if (task, label) in places.cells
    ]
    links += found[:_LINKS]
    parts = [part for link in links for part in (" · ", link)][1:]
    if len(found) > _LINKS:
        parts.append(tag("span", f" and {len(found) - _LINKS} more", class_="quiet"))
    return parts or ["–"]
