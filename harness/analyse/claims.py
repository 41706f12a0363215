"""The suite's claims held against a run: a verdict each, and the group nearest to failing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, Literal

import pyarrow as pa

from harness.analyse.difference import difference_evidence
from harness.analyse.evidence import Evidence, GroupVerdict, judged
from harness.analyse.plugin_claims import judge_plugin
from harness.analyse.results import Results
from harness.analyse.slopes import spread_evidence, trend_evidence
from harness.analyse.statement import requirement, statement
from harness.analyse.value import value_evidence
from harness.api.claim import Verdict
from harness.api.parameters import canonical
from harness.stats import AGREEMENT_LEVEL, combine
from harness.store.schemas import SCHEMAS
from harness.suite.filters import SelectionFault, select
from harness.suite.model import Claim, Difference, PluginClaim, Spread, Trend, Value

__all__ = ["CUT", "ClaimResult", "claims_table", "judge", "judge_all"]

CUT: Literal["not judged (cut)"] = "not judged (cut)"
ClaimVerdict = Verdict | Literal["not judged (cut)"]
Plugins = Callable[[str], type[Any]]

FORMS = {
    Value: "value",
    Difference: "difference",
    Trend: "trend",
    Spread: "spread",
    PluginClaim: "plugin",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class ClaimResult:
    """A claim's verdict, what it rests on, and the line that tells it.

    Parameters
    ----------
    groups
        The verdict on each group, in the order in which they were planned.
    shown
        The group nearest to failing (with ``groups: any``: nearest to holding); ``None``
        where there is no group.
    note
        What a reader must know besides: why it is undecided, what was lost, what is vacuous.
    """

    claim: Claim
    verdict: ClaimVerdict
    groups: tuple[GroupVerdict, ...] = ()
    shown: GroupVerdict | None = None
    note: str = ""
    statement: str = ""

    @property
    def form(self) -> str:
        """``value``, ``difference``, ``trend``, ``spread`` or ``plugin``."""
        return FORMS[type(self.claim)]

    @property
    def as_expected(self) -> bool:
        """Whether the verdict is the one that the suite expects; what wasn't judged is not."""
        return self.verdict == self.claim.expect

    @property
    def seeds_to_decide(self) -> int | None:
        """The seeds that would decide every undecided group; ``None`` where none is known."""
        if self.verdict != "undecided":
            return None
        needed = [group.seeds_to_decide for group in self.groups if group.seeds_to_decide]
        return max(needed, default=None)


def judge_all(
    claims: Sequence[Claim],
    results: Results,
    cut: bool = False,
    plugins: Plugins | None = None,
) -> list[ClaimResult]:
    """Every claim's result, in the order of the suite; parameters as for :func:`judge`."""
    return [judge(claim, results, cut=cut, plugins=plugins) for claim in claims]


def judge(
    claim: Claim, results: Results, *, cut: bool = False, plugins: Plugins | None = None
) -> ClaimResult:
    """Hold one claim against the results of a run.

    Parameters
    ----------
    claim
        As validated by the suite's loader.
    results
        What the run measured.
    cut
        Whether the suite was cut down: then nothing is judged.
    plugins
        The class of a claim plugin by its registered name.
    """
    if cut:
        return ClaimResult(claim=claim, verdict=CUT, note="the suite was cut down")
    try:
        specs = select(results.specs, claim.where)
    except SelectionFault as fault:
        return ClaimResult(claim=claim, verdict="undecided", note=str(fault))
    place = {spec.index: group for group, spec in enumerate(results.specs)}
    selected = [place[spec.index] for spec in specs]
    if not selected:
        return ClaimResult(claim=claim, verdict="undecided", note="nothing was planned for it")
    if isinstance(claim, PluginClaim):
        group = judge_plugin(claim, results, selected, plugins)
        return _told(claim, results, (group,))
    return _told(
        claim, results, tuple(judged(each, claim) for each in _evidence(claim, results, selected))
    )


def claims_table(results: Sequence[ClaimResult]) -> pa.Table:
    """The columns of ``claims.parquet``, one row a claim."""
    rows = [_row(result) for result in results]
    schema: pa.Schema = SCHEMAS["claims"]
    columns = [
        pa.array([row[field.name] for row in rows], _natural(field.type)).cast(field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def _evidence(
    claim: Value | Difference | Trend | Spread, results: Results, selected: Sequence[int]
) -> Iterator[Evidence]:
    if isinstance(claim, Value):
        return value_evidence(claim, results, selected)
    if isinstance(claim, Difference):
        return difference_evidence(claim, results, selected)
    if isinstance(claim, Trend):
        return trend_evidence(claim, results, selected)
    return spread_evidence(claim, results, selected)


def _told(claim: Claim, results: Results, groups: tuple[GroupVerdict, ...]) -> ClaimResult:
    """One verdict from those of the groups, and the words for it."""
    if not groups:
        return ClaimResult(claim=claim, verdict="undecided", note="no two groups to compare")
    decisions = [group.decision for group in groups]
    is_agreement = isinstance(claim, Value) and claim.comparison == "agrees_with"
    level = AGREEMENT_LEVEL if is_agreement else claim.level
    verdict = combine(decisions, claim.groups, level)
    shown = min(groups, key=_from_failing if claim.groups == "all" else _from_holding)
    return ClaimResult(
        claim=claim,
        verdict=verdict,
        groups=groups,
        shown=shown,
        note=_note(verdict, groups, shown),
        statement=statement(groups, shown, _noun(claim, results, groups)),
    )


def _from_failing(group: GroupVerdict) -> tuple[int, float, float]:
    """Failed groups first, the surest of them; then those whose interval reaches furthest."""
    order: tuple[Verdict, ...] = ("failed", "undecided", "held")
    is_failed = group.verdict == "failed"
    return order.index(group.verdict), group.decision.p_against if is_failed else 0, group.margin


def _from_holding(group: GroupVerdict) -> tuple[int, float, float]:
    """The mirror image: what a claim on any group rests on."""
    order: tuple[Verdict, ...] = ("held", "undecided", "failed")
    is_held = group.verdict == "held"
    has_value = group.estimate is not None
    return (
        order.index(group.verdict),
        group.decision.p_for if is_held else 0,
        -group.margin if has_value else inf,
    )


def _note(verdict: Verdict, groups: Sequence[GroupVerdict], shown: GroupVerdict) -> str:
    """The shown group's note, and what concerns the others."""
    told = []
    vacuous = sum(group.is_vacuous for group in groups)
    if verdict == "held" and vacuous:
        among = "" if vacuous == len(groups) else f" in {vacuous} of {len(groups)} groups"
        told.append(f"held (vacuous){among}")
    if shown.note:
        told.append(shown.note)
    if verdict == "undecided" and len(groups) > 1:
        open_groups = sum(group.verdict == "undecided" for group in groups)
        told.append(f"{open_groups} of {len(groups)} groups undecided")
    elsewhere = [group for group in groups if group.note and group is not shown]
    if elsewhere and not shown.note and verdict != "failed":
        told.append(f"{elsewhere[0].title}: {elsewhere[0].note}")
    return "; ".join(told)


def _noun(claim: Claim, results: Results, groups: Sequence[GroupVerdict]) -> str:
    """What the groups are: points, pairs, tasks where each is another task, else groups."""
    if claim.at == "every":
        return "points"
    if isinstance(claim, Difference):
        return "pairs"
    tasks = {
        (spec.task, canonical(spec.task_params))
        for group in groups
        for spec in (results.specs[place] for place in group.groups)
    }
    return "tasks" if len(tasks) == len(groups) else "groups"


def _row(result: ClaimResult) -> dict[str, Any]:
    shown = result.shown
    return {
        "name": result.claim.name,
        "source": result.claim.source,
        "form": result.form,
        "metric": result.claim.metric,
        "groups": len(result.groups),
        "estimate": shown.estimate if shown else None,
        "ci_low": shown.ci_low if shown else None,
        "ci_high": shown.ci_high if shown else None,
        "threshold": shown.threshold if shown else None,
        "n": shown.n if shown else None,
        "verdict": result.verdict,
        "expect": result.claim.expect,
        "seeds_to_decide": result.seeds_to_decide,
        "note": result.note,
        "statement": result.statement,
        "requirement": requirement(shown.allowed) if shown else "",
    }


def _natural(kind: pa.DataType) -> pa.DataType | None:
    """A type that values of a column fit before they are cast: numbers may be kept as text."""
    return None if pa.types.is_string(kind) else kind
