"""``--only``, ``--method``, ``--seeds``, ``--limit``: what is left, and whether it was a cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from suite_classes import FakeRegistry

from harness.errors import UsageError
from harness.suite.cuts import Cuts, cut
from harness.suite.loader import load_suite

TEXT = """\
suite: a
defaults: {seeds: 4}
entries:
- task: bandits/bernoulli
  grid: {horizon: [10, 100], arms: [2, 3]}
  methods: [{bandits/thompson: , as: ts}, bandits/ucb1]
- task: bandits/known-gap
  params: {horizon: 10}
  seeds: {min: 2, max: 6, until: decided}
  methods: [bandits/ucb1]
claims:
- {name: a, metric: regret, where: {label: ts}, at_most: 3}
"""


@pytest.fixture(scope="module")
def suite_path(tmp_path_factory):
    path = tmp_path_factory.mktemp("cuts") / "s.yaml"
    path.write_text(TEXT)
    return path


@pytest.fixture
def left(suite_path):
    """The suite that cuts leave."""
    return lambda **cuts: load_suite(suite_path, FakeRegistry(), cuts=Cuts(**cuts)).suite


def cells(entries):
    return [
        (entry.task, *entry.params.values(), use.label, seed)
        for entry in entries
        for use in entry.methods
        for seed in use.seeds.values
    ]


@pytest.mark.parametrize(
    ("only", "count"),
    [
        (("bandits/bernoulli",), 4),
        (("bandits/*",), 5),
        (("arms=2",), 2),
        (("bandits/bernoulli arms=2 horizon=1e2",), 1),
        (("bandits/known-gap", "arms=3"), 3),
    ],
)
def test_only_keeps_tasks_by_name_and_parameter(only, count, left):
    assert len(left(only=only).entries) == count


def test_methods_are_kept_by_label_or_name(left):
    assert {each[-2] for each in cells(left(methods=("ts",)).entries)} == {"ts"}
    assert {each[-2] for each in cells(left(methods=("bandits/thompson",)).entries)} == {"ts"}
    assert len(left(methods=("bandits/ucb*",)).entries) == 5


@pytest.mark.parametrize(
    ("written", "kept"), [("2", {0, 1}), ("1-2", {1, 2}), ("0,3", {0, 3}), ("3-99", {3, 4, 5})]
)
def test_seeds_are_cut_to_those_planned(written, kept, left):
    suite = left(seeds=written)
    assert {each[-1] for each in cells(suite.entries)} == kept
    assert all(use.seeds.until is None for entry in suite.entries for use in entry.methods)


@given(st.integers(1, 60))
def test_a_limit_keeps_the_first_cells(suite_path, limit):
    whole = load_suite(suite_path, FakeRegistry()).suite.entries
    entries, _ = cut(whole, Cuts(limit=limit))
    assert cells(entries) == cells(whole)[:limit]


def test_what_took_something_away_is_kept_with_the_suite(left):
    suite = left(only=("bandits/bernoulli",), methods=("*",), seeds="3", limit=5)
    assert suite.cuts == ("--only bandits/bernoulli", "--seeds 3", "--limit 5")


def test_a_cut_that_takes_nothing_is_none(left):
    assert left(only=("bandits/*",), methods=("*",), seeds="0-5").cuts == ()
    assert left().cuts == ()


@pytest.mark.parametrize(
    ("cuts", "message"),
    [
        (
            {"only": ("bandits/bernouli",)},
            r"--only bandits/bernouli: .* \(nearest: bandits/bernoulli\)",
        ),
        ({"only": ("arms=9",)}, "--only arms=9: no task of this suite is like that"),
        ({"methods": ("tss",)}, r"--method tss: .* \(nearest: ts\)"),
        ({"seeds": "7-9"}, "--seeds 7-9 leaves nothing of this suite"),
        ({"seeds": "a few"}, "--seeds a few: write 8"),
        ({"limit": 0}, "--limit must be at least 1, got 0"),
    ],
)
def test_a_cut_that_leaves_nothing_is_refused(cuts, message, left):
    with pytest.raises(UsageError, match=message):
        left(**cuts)


def test_claims_are_read_against_the_whole_suite(left):
    assert len(left(methods=("bandits/ucb1",)).claims) == 1
