"""What each claim rests on: its statistic, interval and threshold, group by group.

``claims.parquet`` keeps of a claim the group nearest to failing. The others are judged again
here from the run's tables and the text of its suite, by the functions that judged them when
the run ended. No code that the suite names is loaded: a run may be a stranger's.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.analyse.claims import ClaimResult, judge
from harness.analyse.evidence import GroupVerdict
from harness.analyse.results import Results
from harness.analyse.specs import SpecLike
from harness.analyse.statement import requirement
from harness.api.parameters import canonical
from harness.errors import HarnessError, StoreError
from harness.registry import Registry
from harness.report.records import Evidence, EvidenceRow, Row, TaskKey
from harness.runner.results import Run
from harness.runner.sides import recorded_metrics
from harness.runner.stored_suite import asked
from harness.suite.model import Claim, Published

__all__ = ["evidence_of"]

_CUT = "not judged (cut)"
_ROUNDING = 1e-9  # relative, between a number and the same number computed again
_ORDER = ("failed", "undecided", "held")


def evidence_of(run: Run, rows: Sequence[Row], registry: Registry) -> dict[str, Evidence]:
    """The evidence on each claim by its name; ``rows`` are those of ``claims.parquet``.

    Where a claim cannot be judged again its evidence has no rows, and says why.
    """
    if not rows:
        return {}
    try:
        what = asked(run.record)
        results = _results(run, what.published) if what else None
    except StoreError as error:
        return {row["name"]: Evidence(note=str(error)) for row in rows}
    if what is None or results is None:
        told = "The suite's text cannot be read here alone, so that only this group is known."
        return {row["name"]: Evidence(note=told) for row in rows}
    by_name = {claim.name: claim for claim in what.claims}
    return {
        row["name"]: _evidence(row, by_name.get(row["name"]), results, registry) for row in rows
    }


def _results(run: Run, published: Sequence[Published]) -> Results:
    record = run.record
    metrics = recorded_metrics(record)
    bounds, items = (
        run.table(name) if (run.path / f"{name}.parquet").exists() else None
        for name in ("bounds", "items")
    )
    return Results.from_tables(
        run.table("cells"),
        run.table("measurements"),
        bounds,
        items,
        metrics=metrics,
        exclusive=record.exclusive,
        published=published,
    )


def _evidence(row: Row, claim: Claim | None, results: Results, registry: Registry) -> Evidence:
    if row["verdict"] == _CUT:
        return Evidence(note="Not judged: a part of the suite says nothing of the whole.")
    if claim is None:
        return Evidence(note="The suite's text has no claim of this name.")
    try:
        judged = judge(claim, results, plugins=registry.claim)
    except (HarnessError, ArithmeticError, LookupError, TypeError, ValueError) as error:
        return Evidence(note=f"It cannot be judged again here: {error}")
    groups = sorted(judged.groups, key=lambda group: _ORDER.index(group.verdict))
    return Evidence(
        metric=claim.metric,
        level=claim.level,
        is_any=claim.groups == "any",
        note=_difference(row, judged),
        rows=[_row(group, results.specs) for group in groups],
    )


def _row(group: GroupVerdict, specs: Sequence[SpecLike]) -> EvidenceRow:
    meant = [specs[place] for place in group.groups]
    return EvidenceRow(
        title=group.title,
        quantity=group.quantity,
        verdict=group.verdict,
        estimate=group.estimate,
        low=group.ci_low,
        high=group.ci_high,
        allowed_low=group.allowed.low,
        allowed_high=group.allowed.high,
        threshold=group.threshold,
        requirement=requirement(group.allowed),
        n=group.n,
        is_change=group.is_change,
        is_every=group.is_every,
        is_vacuous=group.is_vacuous,
        note=group.note,
        places=[(TaskKey(s.task, canonical(s.task_params)), s.label) for s in meant],
    )


def _difference(row: Row, judged: ClaimResult) -> str:
    """What a reader must know where judging again gives something else than the run recorded."""
    shown = judged.shown
    if shown is None:
        return judged.note
    if not _is_near(row["estimate"], shown.estimate):
        return (
            "Judged again by the code that made this page, the claim has another estimate than "
            "the run recorded: the rows below are the new ones."
        )
    ends = ((row["ci_low"], shown.ci_low), (row["ci_high"], shown.ci_high))
    if not all(_is_near(*pair) for pair in ends):
        return (
            "The run added seeds until it was decided, so that its own interval, above, is wider: "
            "it allows for every look. Those below are of one look."
        )
    return ""


def _is_near(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) <= _ROUNDING * max(abs(one), abs(other))
