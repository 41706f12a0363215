"""Verdicts over several groups, error rates, what is told, and claims that must fail."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import sqrt

import numpy as np
import pytest
from measured import Run, draws

from harness.analyse.claims import CUT, claims_table, judge, judge_all
from harness.api.claim import Claim, Judgement
from harness.api.metric import Bound
from harness.store.schemas import SCHEMAS
from harness.suite.model import Difference, PluginClaim, Reference, Trend, Value


def at_most(number, **more):
    reference = Reference(kind="number", number=number)
    asked = {"name": "c", "metric": "regret", "comparison": "at_most", "reference": reference}
    return Value(**asked | more)


def groups(means, seeds=40, spread=1.0):
    run = Run()
    for arms, mean in enumerate(means, 2):
        run.add("thompson", mean + spread * draws(arms, seeds), task_params={"arms": arms})
    return run.results()


def test_all_groups_must_hold():
    assert judge(at_most(10.0), groups([1, 2, 3])).verdict == "held"
    assert judge(at_most(10.0), groups([1, 2, 10])).verdict == "undecided"
    assert judge(at_most(10.0), groups([1, 2, 12])).verdict == "failed"


def test_any_group_may_hold():
    any_of = at_most(10.0, groups="any")
    assert judge(any_of, groups([12, 12, 3])).verdict == "held"
    assert judge(any_of, groups([12, 12, 10])).verdict == "undecided"
    assert judge(any_of, groups([12, 12, 12])).verdict == "failed"


def test_the_group_shown_is_the_one_nearest_to_failing():
    result = judge(at_most(10.0), groups([1, 7, 3]))
    assert "arms=3" in result.shown.title
    assert result.statement.startswith("regret at most 10: largest 6.9")
    assert " of 3 tasks (" in result.statement
    failed = judge(at_most(10.0), groups([9.9, 20, 11]))
    assert "arms=3" in failed.shown.title


def test_one_weak_contradiction_among_many_groups_is_not_enough():
    """At the boundary a single interval contradicts in 1 of 40, 20 together no oftener."""
    rng = np.random.default_rng(7)
    alone = together = 0
    for _ in range(80):
        run = Run()
        for arms in range(20):
            run.add("a", rng.standard_normal(12), task_params={"arms": arms})
        result = judge(at_most(0.0), run.results())
        alone += any(group.verdict == "failed" for group in result.groups)
        together += result.verdict == "failed"
    assert alone > 16  # 1 - 0.975^20 = 40 %, 32 of 80; 16 and fewer: 1 in 10,000
    assert together <= 80 * 0.025 + 3 * sqrt(80 * 0.025)


def test_a_true_claim_at_the_boundary_fails_at_most_as_often_as_its_level_says():
    """2.5 % and two standard errors: 400 claims of 12 seeds, 300 of 40 skewed ones."""
    rng = np.random.default_rng(11)
    for repeats, seeds, draw in (
        (400, 12, rng.standard_normal),
        (300, 40, lambda n: rng.exponential(size=n) - 1.0),
    ):
        run = Run()
        for arms in range(repeats):
            run.add("a", draw(seeds), task_params={"arms": arms})
        verdicts = [group.verdict for group in judge(at_most(0.0), run.results()).groups]
        limit = 0.025 + 2 * sqrt(0.025 * 0.975 / repeats)
        assert verdicts.count("failed") / repeats <= limit
        # And held, which is as false just above the boundary, at most as often. The skew of
        # exponentials leaves the upper end short; 40 seeds of them get 5 %.
        assert verdicts.count("held") / repeats <= limit + 0.025


def test_the_seeds_that_would_decide_follow_from_width_and_distance():
    noise = draws(3, 20) - draws(3, 20).mean()
    run = Run()
    run.add("a", 9.9 + noise)
    result = judge(at_most(10.0), run.results())
    half = result.shown.ci_high - result.shown.estimate
    assert result.verdict == "undecided"
    assert result.seeds_to_decide == pytest.approx(20 * (half / 0.1) ** 2, rel=0.06)


def test_identical_values_are_known_from_30_seeds_on():
    for seeds, verdict in ((29, "undecided"), (30, "held")):
        run = Run()
        run.add("a", [3.0] * seeds)
        assert judge(at_most(10.0), run.results()).verdict == verdict
    assert "every seed the same" in judge(at_most(10.0), run.results()).statement


def test_a_cut_suite_is_not_judged():
    (result,) = judge_all([at_most(10.0)], groups([1.0]), cut=True)
    assert (result.verdict, result.as_expected) == (CUT, False)


def test_a_claim_that_selects_nothing_here_is_undecided():
    result = judge(at_most(10.0, where={"label": "other"}), groups([1.0]))
    assert (result.verdict, result.groups) == ("undecided", ())


def test_a_control_is_as_expected_when_it_fails():
    control = at_most(0.5, expect="failed")
    assert judge(control, groups([1.0])).as_expected
    assert not judge(control, groups([0.0])).as_expected


def test_the_table_has_the_columns_of_the_store_and_a_row_a_claim():
    results = judge_all([at_most(10.0, source="T1"), at_most(0.5)], groups([1.0, 7.0]))
    table = claims_table(results)
    assert table.schema.equals(SCHEMAS["claims"])
    first, second = table.to_pylist()
    assert (first["verdict"], second["verdict"]) == ("held", "failed")
    shown = results[0].shown
    assert (first["estimate"], first["ci_low"], first["ci_high"], first["threshold"]) == (
        shown.estimate,
        shown.ci_low,
        shown.ci_high,
        10.0,
    )
    assert (int(first["groups"]), first["n"], first["source"]) == (2, 40, "T1")
    assert claims_table([]).schema.equals(SCHEMAS["claims"])


# Plugins.


@dataclass(frozen=True, kw_only=True)
class Monotone(Claim):
    """Means increase with a parameter."""

    along: str

    def judge(self, groups, level):
        ordered = sorted(groups, key=lambda group: group.params[self.along])
        means = [group.mean for group in ordered]
        is_monotone = all(a < b for a, b in pairwise(means))
        return Judgement(
            verdict="held" if is_monotone else "failed", estimate=means[-1], note="by means"
        )


def monotone(**more):
    return PluginClaim(
        name="m", metric="regret", plugin="acme/monotone", params={"along": "arms"}, **more
    )


def test_a_plugin_judges_groups_with_intervals():
    known = {"acme/monotone": Monotone}.__getitem__
    assert judge(monotone(), groups([1, 2, 3]), plugins=known).verdict == "held"
    result = judge(monotone(), groups([1, 3, 2]), plugins=known)
    assert (result.verdict, result.note, result.form) == ("failed", "by means", "plugin")


def test_a_plugin_that_raises_loses_its_own_claim_only():
    class Broken(Monotone):
        def judge(self, groups, level):
            raise ValueError("no")

    result = judge(monotone(), groups([1, 2]), plugins={"acme/monotone": Broken}.__getitem__)
    assert (result.verdict, result.note) == ("undecided", "acme/monotone raised ValueError: no")


# The statements of a suite on bounds, with data drawn as theory says.

HORIZONS = (1_000, 10_000, 100_000)


def bandits():
    """Regret of a policy near √(nK), of uniform play n(10/11 - 1/2), of one that knows all."""
    run = Run()
    for k, horizon in enumerate(HORIZONS):
        task = {"arms": 10, "horizon": horizon}
        scale = sqrt(10 * horizon)
        bounds = [
            Bound(metric="regret", role="guarantee", value=14 * scale, holds="in_expectation"),
            Bound(metric="regret", role="lower_bound", value=scale / 20, holds="in_expectation"),
        ]
        lower = bounds[1:]
        policy = scale * np.abs(0.3 + 0.1 * draws(k, 64))
        run.add("thompson", policy, task_params=task, bounds=bounds)
        run.add("uniform", horizon * (9 / 22 + 0.09 * draws(k, 64)), task_params=task, bounds=lower)
        run.add("oracle", [0.0] * 64, task_params=task, bounds=lower)
    return run.results()


STATEMENTS = {
    "guarantee": Value(
        name="9.1", metric="regret", where={"label": "thompson"}, comparison="at_most",
        reference=Reference(kind="guarantee"),
    ),
    "guarantee, uniform": Value(
        name="9.1 control", metric="regret", where={"label": "uniform", "horizon": 100_000},
        comparison="at_most", reference=Reference(kind="guarantee", of="thompson"),
        expect="failed",
    ),
    "lower bound": Value(
        name="9.2", metric="regret", where={"label": ["thompson", "uniform"]},
        comparison="at_least", reference=Reference(kind="lower_bound"),
    ),
    "lower bound, oracle": Value(
        name="9.2 control", metric="regret", where={"label": "oracle"}, comparison="at_least",
        reference=Reference(kind="lower_bound"), expect="failed",
    ),
    "rate": Trend(
        name="9.3", metric="regret", where={"label": "thompson"}, slope_in="horizon",
        scale="log-log", low=0.45, high=0.55,
    ),
    "rate, uniform": Trend(
        name="9.3 control", metric="regret", where={"label": "uniform"}, slope_in="horizon",
        scale="log-log", low=0.45, high=0.55, expect="failed",
    ),
    "better": Difference(
        name="9.6", metric="regret", better={"label": "thompson"}, than={"label": "uniform"},
    ),
    "better, swapped": Difference(
        name="9.6 control", metric="regret", better={"label": "uniform"},
        than={"label": "thompson"}, expect="failed",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", STATEMENTS)
def test_true_statements_hold_and_their_controls_fail(name):
    assert judge(STATEMENTS[name], bandits()).as_expected


@pytest.mark.parametrize("name", STATEMENTS)
def test_statements_on_what_was_not_measured_are_undecided(name):
    result = judge(STATEMENTS[name], Run().results())
    assert result.verdict == "undecided"
