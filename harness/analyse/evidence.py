"""What the data say on one group of a claim, and the verdict that follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Literal, NamedTuple

import numpy as np

from harness.analyse.columns import FloatArray
from harness.analyse.gather import Losses
from harness.analyse.results import Results
from harness.api.claim import Verdict
from harness.stats import (
    Decision,
    Sample,
    agrees_with,
    at_least,
    at_most,
    between,
    sample,
    seeds_to_decide,
)
from harness.suite.model import ClaimBase

__all__ = ["COST", "Allowed", "Drift", "Evidence", "GroupVerdict", "judged", "title_of", "worst"]

COST = "a cost of cells that did not run alone"

Drift = Literal["none", "up", "down", "either"]


class Allowed(NamedTuple):
    """Where a claim allows the true value to be; ``None`` is no end.

    ``is_strict``: the ends themselves are not allowed ("better by more than 0").
    ``resolution`` makes it a consistency check: the ends are one reference.
    """

    low: float | None = None
    high: float | None = None
    is_strict: bool = False
    resolution: float | None = None


ANYTHING = Allowed()


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """A statistic of one group against what the claim allows.

    Parameters
    ----------
    title
        The group, as a person reads it.
    groups
        Places of the specs that it is made of.
    quantity
        What is estimated, in words: ``regret ÷ guarantee``.
    estimate
        ``None`` where there is nothing to estimate from: then ``reason`` says why.
    drift
        Where the truth may lie from the estimate, since censored values are lower bounds.
    is_change
        Whether the estimate is a difference, which is written with its sign.
    is_every
        Whether each cell is judged as it is; the estimate is then the one nearest to failing.
    is_vacuous
        Whether the bound that it is held against says nothing.
    """

    title: str
    groups: tuple[int, ...]
    losses: Losses
    quantity: str = ""
    allowed: Allowed = ANYTHING
    estimate: Sample | None = None
    reason: str = ""
    drift: Drift = "none"
    is_change: bool = False
    is_every: bool = False
    is_vacuous: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class GroupVerdict:
    """The verdict on one group of a claim, with what it rests on."""

    title: str
    groups: tuple[int, ...]
    quantity: str
    allowed: Allowed
    is_change: bool
    is_every: bool
    estimate: float | None
    ci_low: float | None
    ci_high: float | None
    n: int
    verdict: Verdict
    note: str
    is_vacuous: bool
    seeds_to_decide: int | None
    decision: Decision

    @property
    def threshold(self) -> float | None:
        """The end of what is allowed that lies nearest to the estimate."""
        ends = [end for end in (self.allowed.low, self.allowed.high) if end is not None]
        if not ends or self.estimate is None:
            return ends[0] if ends else None
        estimate = self.estimate
        return min(ends, key=lambda end: abs(estimate - end))

    @property
    def margin(self) -> float:
        """How far the interval's end is inside what is allowed; negative: so far beyond it."""
        if self.estimate is None:
            return inf
        if self.allowed.resolution is not None and self.allowed.low is not None:
            return -abs(self.estimate - self.allowed.low)
        low = self.estimate if self.ci_low is None else self.ci_low
        high = self.estimate if self.ci_high is None else self.ci_high
        below = inf if self.allowed.high is None else self.allowed.high - high
        above = inf if self.allowed.low is None else low - self.allowed.low
        return min(below, above)


def judged(evidence: Evidence, claim: ClaimBase) -> GroupVerdict:
    """The verdict on one group: by its interval, then by what is missing or censored."""
    decision = _decide(evidence, claim.level)
    found, told = evidence.estimate, list(evidence.notes)
    n = found.n if found else 0
    is_dropping = claim.failures == "drop"
    told += evidence.losses.notes(n, is_dropping) if found else [evidence.reason]
    if found and found.reason:
        told.append(found.reason)
    if evidence.losses.failed and not is_dropping:
        decision = _not_held(decision)
    if evidence.drift != "none":
        told.append("some values are censored")
        decision = _censored(decision, evidence)
    interval = None if found is None or found.method == "exact" else found.interval(claim.level)
    is_open = decision.verdict == "undecided"
    return GroupVerdict(
        title=evidence.title,
        groups=evidence.groups,
        quantity=evidence.quantity,
        allowed=evidence.allowed,
        is_change=evidence.is_change,
        is_every=evidence.is_every,
        estimate=found.value if found else None,
        ci_low=interval.low if interval else None,
        ci_high=interval.high if interval else None,
        n=n,
        verdict=decision.verdict,
        note="; ".join(text for text in told if text),
        is_vacuous=evidence.is_vacuous,
        seeds_to_decide=_seeds(n, decision) if is_open else None,
        decision=decision,
    )


def worst(values: FloatArray, allowed: Allowed) -> Sample:
    """The value nearest to failing, judged as it is; ``n`` is how many were looked at."""
    excess = np.full(values.shape, -np.inf)
    if allowed.high is not None:
        excess = np.maximum(excess, values - allowed.high)
    if allowed.low is not None:
        excess = np.maximum(excess, allowed.low - values)
    value = float(values.flat[int(np.argmax(excess))])
    return replace(sample([value], "exact"), n=int(values.size))


def title_of(results: Results, groups: Sequence[int], at: float | None = None) -> str:
    """``thompson on bandits/bernoulli arms=10``, with what is pooled and the curve's point."""
    first = results.specs[groups[0]]
    more = f" and {len(groups) - 1} pooled" if len(groups) > 1 else ""
    point = "" if at is None else f" at {at:g}"
    return f"{first.label} on {first.title or first.task}{more}{point}"


def _decide(evidence: Evidence, level: float) -> Decision:
    found, allowed = evidence.estimate, evidence.allowed
    if found is None:
        return Decision("undecided", 1.0, None, None, 1.0, level)
    if allowed.resolution is not None and allowed.low is not None:
        return agrees_with(found, allowed.low, allowed.resolution, level)
    if allowed.low is None and allowed.high is None:
        return Decision("undecided", 1.0, None, None, 1.0, level)
    if allowed.low is None:
        assert allowed.high is not None, "one end is there"
        return _strictly(at_most(found, allowed.high, level), found, allowed)
    if allowed.high is None:
        return _strictly(at_least(found, allowed.low, level), found, allowed)
    return between(found, allowed.low, allowed.high, level)


def _strictly(decision: Decision, found: Sample, allowed: Allowed) -> Decision:
    """A known value on the threshold is not beyond it: no difference is no improvement."""
    is_known = found.method in ("exact", "identical")
    if allowed.is_strict and is_known and found.value in (allowed.low, allowed.high):
        return decision._replace(verdict="failed", p_against=0.0, p_for=1.0)
    return decision


def _not_held(decision: Decision) -> Decision:
    if decision.verdict != "held":
        return decision._replace(p_for=1.0)
    return decision._replace(verdict="undecided", p_for=1.0, distance=None, half_width=None)


def _censored(decision: Decision, evidence: Evidence) -> Decision:
    """Values that are lower bounds count against the claim where the truth is only worse."""
    decision = _not_held(decision)
    assert evidence.estimate is not None, "only values are censored"
    value, allowed = evidence.estimate.value, evidence.allowed
    is_above = allowed.high is not None and value > allowed.high
    is_below = allowed.low is not None and value < allowed.low
    if (is_above and evidence.drift == "up") or (is_below and evidence.drift == "down"):
        return decision
    return decision._replace(verdict="undecided", p_against=1.0, distance=None, half_width=None)


def _seeds(n: int, decision: Decision) -> int | None:
    needed = seeds_to_decide(n, decision.half_width, decision.distance)
    return needed if needed is not None and needed > n else None
