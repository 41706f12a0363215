"""Claims that fit none of the forms: a plugin judges groups with intervals, never raw files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from harness.analyse.evidence import Allowed, GroupVerdict, title_of
from harness.analyse.gather import Losses, Point, Source, gather, losses_of, points_of
from harness.analyse.results import Results
from harness.api.claim import Claim, ClaimGroup, Judgement
from harness.api.parameters import build
from harness.stats import Decision, sample
from harness.suite.filters import partition, pool_names
from harness.suite.model import PluginClaim

__all__ = ["judge_plugin"]

_FAULTS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


def judge_plugin(
    claim: PluginClaim,
    results: Results,
    selected: Sequence[int],
    plugins: Callable[[str], type[Any]] | None,
) -> GroupVerdict:
    """The plugin's judgement of all selected groups together.

    What the plugin raises is told in the note of an undecided claim.
    """
    found = list(_groups(claim, results, selected))
    done = [int(results.cells(group).is_done.sum()) for group in selected]
    losses = losses_of(results, selected, done)
    if plugins is None:
        reason = f"no claim plugin is known here, so not {claim.plugin}"
        return _verdict(claim, selected, Judgement(verdict="undecided", note=reason), losses, 0)
    if not found:
        reason = losses.why_nothing(claim.metric)
        return _verdict(claim, selected, Judgement(verdict="undecided", note=reason), losses, 0)
    try:
        plugin: Claim = build(plugins(claim.plugin), claim.params)
        judgement = plugin.judge(found, claim.level)
    except _FAULTS as fault:
        # The run's other claims and its board must not be lost to one plugin.
        told = f"{claim.plugin} raised {type(fault).__name__}: {fault}"
        judgement = Judgement(verdict="undecided", note=told)
    n = max(group.seeds.size for group in found)
    return _verdict(claim, selected, judgement, losses, n)


def _groups(claim: PluginClaim, results: Results, selected: Sequence[int]) -> Iterator[ClaimGroup]:
    specs = [results.specs[group] for group in selected]
    place = {spec.index: group for spec, group in zip(specs, selected, strict=True)}
    for members in partition(specs, pool_names(claim.pool)):
        groups = tuple(place[spec.index] for spec in members)
        for at in points_of(results, groups, claim.metric, claim.at):
            yield from _group(claim, results, groups, at)


def _group(
    claim: PluginClaim, results: Results, groups: tuple[int, ...], at: Point
) -> Iterator[ClaimGroup]:
    """One group, or none where it has no value."""
    found = gather(results, [Source(groups, claim.metric, at)])
    if not found.seeds.size:
        return
    estimate = sample(found.values[0], results.metric(groups[0], claim.metric).type)
    interval = estimate.interval(claim.level)
    first = results.specs[groups[0]]
    point = at if isinstance(at, (float, int)) else None
    yield ClaimGroup(
        title=title_of(results, groups, point),
        label=first.label,
        params={**first.method_params, **first.task_params},
        seeds=found.seeds,
        values=found.values[0],
        mean=estimate.value,
        ci_low=interval.low if interval else -np.inf,
        ci_high=interval.high if interval else np.inf,
    )


def _verdict(
    claim: PluginClaim, selected: Sequence[int], judgement: Judgement, losses: Losses, n: int
) -> GroupVerdict:
    verdict, notes = judgement.verdict, [judgement.note]
    if losses.failed:
        notes += losses.notes(losses.planned, claim.failures == "drop")
    if losses.failed and claim.failures != "drop" and verdict == "held":
        verdict = "undecided"
    against, favour = {"held": (1.0, 0.0), "failed": (0.0, 1.0), "undecided": (1.0, 1.0)}[verdict]
    return GroupVerdict(
        title=claim.plugin,
        groups=tuple(selected),
        quantity=claim.plugin,
        allowed=Allowed(),
        is_change=False,
        is_every=False,
        estimate=judgement.estimate,
        ci_low=judgement.ci_low,
        ci_high=judgement.ci_high,
        n=n,
        verdict=verdict,
        note="; ".join(note for note in notes if note),
        is_vacuous=False,
        seeds_to_decide=judgement.seeds_to_decide,
        decision=Decision(verdict, against, None, None, favour, claim.level),
    )
