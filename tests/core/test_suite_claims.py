"""Claims: the form by its keys, each form by its own rules, each fault at its part."""

import pytest
from suite_classes import FakeRegistry

from harness.errors import SuiteError
from harness.suite.loader import load_suite
from harness.suite.model import (
    Difference,
    PluginClaim,
    Reference,
    Span,
    Spread,
    Tolerance,
    Trend,
    Value,
)

HEAD = """\
suite: a
entries:
- task: bandits/bernoulli
  grid: {horizon: [10, 100, 1000], arms: [2, 3]}
  methods: [{bandits/thompson: , as: ts}, bandits/ucb1]
claims:
"""
LINE = HEAD.count("\n") + 1
SHIFT = len("- {name: a, metric: regret, ")  # where a test's own keys begin, counted from 0


@pytest.fixture
def load(tmp_path):
    def call(*claims):
        path = tmp_path / "s.yaml"
        path.write_text(HEAD + "".join(f"- {claim}\n" for claim in claims), encoding="utf-8")
        return load_suite(path, FakeRegistry())

    return call


@pytest.fixture
def claim(load):
    """The record of one claim, given without its name and metric."""
    return lambda keys: load(f"{{name: a, metric: regret, {keys}}}").suite.claims[0]


@pytest.fixture
def faults(load):
    """What is told of one claim: (column within the given keys, message)."""

    def call(keys):
        with pytest.raises(SuiteError) as caught:
            load(f"{{name: a, metric: regret, {keys}}}")
        found = caught.value.faults
        assert all(each.line == LINE for each in found)
        return [(each.column - SHIFT, each.message) for each in found]

    return call


def made(kind, **fields):
    return kind(name="a", metric="regret", **fields)


def number(value):
    return Reference(kind="number", number=value)


VALUES = {
    "at_most: 3": made(Value, comparison="at_most", reference=number(3.0)),
    "at_least: lower_bound": made(
        Value, comparison="at_least", reference=Reference(kind="lower_bound")
    ),
    "at_most: {guarantee: as printed, times: 2}": made(
        Value,
        comparison="at_most",
        reference=Reference(kind="guarantee", name="as printed", times=2.0),
    ),
    "at_most: {guarantee of: ts}": made(
        Value, comparison="at_most", reference=Reference(kind="guarantee", of="ts")
    ),
    "at_most: optimum, times: 1.5": made(
        Value, comparison="at_most", reference=Reference(kind="optimum", times=1.5)
    ),
    "between: [0.45, .5]": made(Value, comparison="between", low=0.45, high=0.5),
    "equals: published, at: every, tolerance: .005": made(
        Value,
        comparison="equals",
        reference=Reference(kind="published"),
        at="every",
        tolerance=Tolerance(amount=0.005),
    ),
    "equals: exact, tolerance: 3 %": made(
        Value,
        comparison="equals",
        reference=Reference(kind="exact"),
        tolerance=Tolerance(amount=0.03, is_relative=True),
    ),
    "agrees_with: exact, resolution: 0.002": made(
        Value, comparison="agrees_with", reference=Reference(kind="exact"), resolution=0.002
    ),
    "at: {from: 1e4, to: 1e5}, scale: relative, at_most: 5 %": made(
        Value,
        comparison="at_most",
        reference=number(0.05),
        at=Span(start=1e4, end=1e5),
        scale="relative",
    ),
    "at_least: 1e-4, statistic: every, groups: any, level: 99 %, expect: failed": made(
        Value,
        comparison="at_least",
        reference=number(1e-4),
        statistic="every",
        groups="any",
        level=0.99,
        expect="failed",
    ),
    "at_most: 1, at: 1e3, per: [arms], pool: horizon, failures: drop, source: 7": made(
        Value,
        comparison="at_most",
        reference=number(1.0),
        at=1000.0,
        per=("arms",),
        pool=("horizon",),
        failures="drop",
        source="7",
    ),
    "at_most: 1, where: {label: [ts, bandits/ucb1], arms: 2}": made(
        Value,
        comparison="at_most",
        reference=number(1.0),
        where={"label": ["ts", "bandits/ucb1"], "arms": 2},
    ),
    "better: ts, than: bandits/ucb1": made(
        Difference, better={"label": "ts"}, than={"label": "bandits/ucb1"}
    ),
    "better: {label: ts, arms: 2}, than: {arms: 3}, by: 5 %, scale: relative": made(
        Difference,
        better={"label": "ts", "arms": 2},
        than={"arms": 3},
        by=Tolerance(amount=0.05, is_relative=True),
        scale="relative",
    ),
    "better: ts, than: bandits/ucb1, equal_within: 2, scale: log": made(
        Difference,
        better={"label": "ts"},
        than={"label": "bandits/ucb1"},
        equal_within=Tolerance(amount=2.0),
        scale="log",
    ),
    "slope_in: horizon, scale: log-log, between: [0.4, 0.6], over: [10, 1e3]": made(
        Trend, slope_in="horizon", scale="log-log", low=0.4, high=0.6, over=(10.0, 1000.0)
    ),
    "slope_in: {metric: best_arm}, at_least: -1, fit: seed": made(
        Trend, slope_in_metric="best_arm", low=-1, fit="seed"
    ),
    "slope_in: at, scale: log-linear, at_most: 0.4": made(
        Trend, slope_in="at", scale="log-linear", high=0.4
    ),
    "spread_over: [arms], at_most: 2, per: horizon": made(
        Spread, spread_over=("arms",), at_most=2.0, per=("horizon",)
    ),
    "claim: acme/monotone, params: {slack: 1}": made(
        PluginClaim, plugin="acme/monotone", params={"slack": 1.0}
    ),
    "claim: acme/monotone": made(PluginClaim, plugin="acme/monotone", params={"slack": 0.0}),
}


@pytest.mark.parametrize(("keys", "record"), VALUES.items(), ids=VALUES)
def test_a_claim_becomes_the_record_of_its_form(keys, record, claim):
    assert claim(keys) == record


def test_a_number_as_a_name_is_the_text_that_was_written(load):
    assert load("{name: 9.10, metric: regret, at_most: 3}").suite.claims[0].name == "9.10"


FAULTS = {
    "where: {arms: 2}": (-SHIFT + 3, "this claim says nothing that could hold or fail"),
    "over: [1, 2]": (-SHIFT + 3, "this claim says not what it fits"),
    "at_mst: 3": (1, 'a claim has no key "at_mst"'),
    "at_most: 3, expct: held": (13, 'a value claim has no key "expct"'),
    "at_most: 3, at_least: 2": (13, "at_most and at_least are two claims"),
    "better: ts, than: bandits/ucb1, slope_in: arms": (
        33, '"better" makes this a difference, "slope_in" a trend'),
    "spread_over: arms, claim: acme/monotone": (
        20, '"spread_over" makes this a spread, "claim" a plugin\'s claim'),
    "better: ts": (1, "a difference needs than"),
    "than: ts": (1, "a difference needs better"),
    "by: 3": (-SHIFT + 3, "a difference needs better"),
    "better: ts, than: bandits/ucb1, by: 3, equal_within: 2": (
        40, "by claims a difference, equal_within that there is none"),
    "better: ts, than: bandits/ucb1, at_most: 3": (
        33, 'a difference has no key "at_most", '
            "which belongs to a value claim, a trend or a spread"),
    "better: tss, than: bandits/ucb1": (9, 'no entry has the label "tss"'),
    "better: {}, than: ts": (9, "better must be a filter by names, got an empty one"),
    "better: ts, than: bandits/ucb1, by: -1": (37, "by must be at least 0, got -1"),
    "better: ts, than: bandits/ucb1, scale: lg": (
        40, 'scale of a difference must be linear, relative or log, got text "lg"'),
    "at_most: 3, scale: log": (
        20, 'scale of a value claim must be linear or relative, got text "log"'),
    "at_most: 3, scale: relative": (20, "scale: relative divides a change"),
    "at_most: 3 %": (10, 'at_most is a percentage, text "3 %": of what?'),
    "at_most: garantee": (
        10, "at_most must be a number or guarantee, lower_bound, optimum, exact or published, "
            'got text "garantee"'),
    "at_most: true": (10, "at_most must be a number, got true"),
    "at_most: {garantee of: ts}": (11, 'at_most has no reference "garantee of"'),
    "at_most: {guarantee of: tss}": (25, 'no entry has the label "tss"'),
    "at_most: {guarantee: a, exact: b}": (
        10, "at_most needs one reference, got guarantee and exact"),
    "at_most: {}": (10, "at_most needs one reference, got none"),
    "at_most: {guarantee: a, times: 0}": (32, "times must be above 0, got 0"),
    "at_most: {guarantee: a, times: 2}, times: 2": (
        43, "times stands here and in the reference"),
    "at_most: 3, times: 2": (20, "times is a factor on a bound, not on a number"),
    "equals: 3": (1, "equals needs tolerance"),
    "agrees_with: 3": (1, "agrees_with needs resolution"),
    "agrees_with: 3, resolution: 0": (29, "resolution must be above 0, got 0"),
    "at_most: 3, tolerance: 2": (13, "tolerance belongs to equals, not to at_most"),
    "equals: 3, tolerance: -2": (23, "tolerance must be at least 0, got -2"),
    "equals: 3, tolerance: wide": (23, 'tolerance must be a number, got text "wide"'),
    "tolerance: 3": (
        -SHIFT + 3,
        "a value claim needs one of at_most, at_least, between, equals or agrees_with"),
    "between: [2, 1]": (10, "between must rise, got 2, then 1"),
    "between: [2]": (10, "between must be two numbers, [low, high], got a list of 1"),
    "between: [a, 3]": (11, 'between must be a number, got text "a"'),
    "slope_in: horizon": (-SHIFT + 3, "a trend needs between, at_most or at_least"),
    "slope_in: horizon, at_most: 1, at_least: 0": (32, "at_most and at_least are two"),
    "slope_in: {metrc: x}, at_most: 1": (
        11, "slope_in needs a parameter's name, at, or {metric: NAME}"),
    "slope_in: {metric: rounds}, at_most: 1": (20, 'no planned task measures "rounds"'),
    "slope_in: horizon, at_most: 1, fit: each": (
        37, 'fit of a trend must be mean or seed, got text "each"'),
    "slope_in: horizon, at_most: 1, tolerance: 3": (
        32, 'a trend has no key "tolerance", which belongs to a value claim'),
    "slope_in: horizon, at_most: 1, over: 3": (
        38, "over must be two numbers, [low, high], got 3"),
    "spread_over: arms": (1, "a spread needs at_most"),
    "spread_over: [], at_most: 2": (14, "spread_over names nothing"),
    "spread_over: arms, at_most: 0.5": (29, "at_most of a spread must be at least 1, got 0.5"),
    "claim: acme/monoton": (8, 'no claim is called "acme/monoton"'),
    "claim: acme/monotone, params: {slack: -1}": (
        39, "slack of acme/monotone must be at least 0, got -1"),
    "at_most: 3, at: lst": (17, 'at must be a point of the curve, got text "lst"'),
    "at_most: 3, at: {from: 1}": (17, "a change needs from and to, got from"),
    "at_most: 3, at: {from: 5, to: 1}": (31, "to must be above from, 5, got 1"),
    "at_most: 3, groups: some": (21, 'groups must be all or any, got text "some"'),
    "at_most: 3, expect: faild": (
        21, 'expect must be held, failed or undecided, got text "faild"'),
    "at_most: 3, level: 95": (20, "level must be above 0.5 and below 1, got 95"),
    "at_most: 3, level: 40 %": (
        20, 'level must be a number above 0.5 and below 1, got text "40 %"'),
    "at_most: 3, where: {label: tss}": (28, 'no entry has the label "tss"'),
    "at_most: 3, where: {label: [ts, x]}": (33, 'no entry has the label "x"'),
    "at_most: 3, where: {task: bandits/bernouli}": (
        27, 'no entry has the task "bandits/bernouli"'),
    "at_most: 3, where: {arms: []}": (27, "where allows no value of arms"),
    "at_most: 3, where: {arms: {a: 1}}": (
        27, "arms in where must be a value or a list, got a mapping"),
    "at_most: 3, where: ts": (20, 'where must be a filter by names, got text "ts"'),
    "at_most: 3, per: [true, [a]]": (25, "a name in per must be text, got a list of 1"),
    "at_most: 3, source: ": (21, "source must be text, got nothing"),
    "at_most: 3, expect: off": (
        21, '"off" is a truth value to some YAML readers and text to others'),
}  # fmt: skip


@pytest.mark.parametrize(("keys", "fault"), FAULTS.items(), ids=FAULTS)
def test_a_faulty_claim_is_told_at_its_part(keys, fault, faults):
    assert faults(keys)[-1 if fault[1].startswith("no claim") else 0] == fault
    assert len(faults(keys)) <= 2


def test_an_unknown_metric_comes_with_those_measured(load):
    with pytest.raises(SuiteError) as caught:
        load("{name: a, metric: regrt, at_most: 3}")
    (fault,) = caught.value.faults
    assert (fault.column, fault.message) == (21, 'no planned task measures "regrt"')
    assert fault.hint == "nearest: regret · measured: best_arm or regret"


def test_a_claim_needs_name_and_metric(load):
    with pytest.raises(SuiteError) as caught:
        load("{at_most: 3}", "5")
    assert [each.message for each in caught.value.faults] == [
        "a value claim needs name and metric",
        "a claim must be a mapping, got 5",
    ]


def test_two_claims_of_one_name_are_told_at_the_second(load):
    with pytest.raises(SuiteError) as caught:
        load("{name: 9.1, metric: regret, at_most: 3}", "{name: '9.1', metric: regret, at_most: 4}")
    (fault,) = caught.value.faults
    assert (fault.line, fault.column) == (LINE + 1, 10)
    assert fault.message == f'a claim is called "9.1" already, in line {LINE}'


def test_names_are_not_held_against_entries_that_could_not_be_read(tmp_path):
    path = tmp_path / "s.yaml"
    text = HEAD.replace("bandits/bernoulli", "bandits/bernouli")
    path.write_text(text + "- {name: a, metric: rgrt, where: {label: x}, at_most: 3}\n")
    with pytest.raises(SuiteError) as caught:
        load_suite(path, FakeRegistry())
    assert [each.message for each in caught.value.faults] == [
        'no task is called "bandits/bernouli"'
    ]
