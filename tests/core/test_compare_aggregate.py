"""Aggregates over tasks: against scipy, closed forms, and what must not change them."""

import numpy as np
import pytest
from compared import noisy
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from harness.analyse.aggregate import aggregates, interquartile_mean
from harness.analyse.results import Column
from harness.errors import UsageError


def column(values, seeds=None):
    values = np.asarray(values, float)
    seeds = np.arange(values.size) if seeds is None else np.asarray(seeds)
    return Column(seeds, values, np.zeros(values.size, bool))


def two_tasks(seeds=20, gap=1.0):
    return {
        "t1": {"a": column(noisy(1, seeds)), "b": column(noisy(2, seeds, 10 + gap))},
        "t2": {"a": column(noisy(3, seeds, 100)), "b": column(noisy(4, seeds, 100 + 10 * gap))},
    }


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60))
def test_the_interquartile_mean_is_scipys_trimmed_mean(values):
    expected = stats.trim_mean(values, 0.25)
    assert interquartile_mean(np.array(values)) == pytest.approx(expected, abs=1e-6)


def test_a_method_twice_as_bad_as_the_other_has_two_thirds_and_four_thirds():
    tables = {f"t{n}": {"a": column([n] * 8), "b": column([2 * n] * 8)} for n in (1, 5, 30)}
    found = aggregates(tables, "regret", "lower")
    assert [(each.label, each.iqm) for each in found.methods] == [
        ("a", pytest.approx(2 / 3)),
        ("b", pytest.approx(4 / 3)),
    ]


def test_the_scale_of_a_task_does_not_matter():
    plain, scaled = two_tasks(), two_tasks()
    scaled["t2"] = {
        label: each._replace(values=1000 * each.values) for label, each in scaled["t2"].items()
    }
    one, two = (aggregates(tables, "x", "lower") for tables in (plain, scaled))
    for mine, theirs in zip(one.methods, two.methods, strict=True):
        assert mine.iqm == pytest.approx(theirs.iqm)


def test_the_probability_of_improvement_counts_cells_and_halves_ties():
    tables = {
        "t1": {"a": column([1, 1, 2, 3]), "b": column([2, 2, 2, 2])},  # 2 wins, 1 tie: 5/8
        "t2": {"a": column([1, 1]), "b": column([2, 2])},  # 1
    }
    (found,) = aggregates(tables, "x", "lower").improvements
    wins = found.probability if found.label == "a" else 1 - found.probability
    assert wins == pytest.approx((5 / 8 + 1) / 2)


def test_where_higher_is_better_the_order_turns():
    assert [m.label for m in aggregates(two_tasks(), "x", "lower").methods] == ["a", "b"]
    assert [m.label for m in aggregates(two_tasks(), "x", "higher").methods] == ["b", "a"]


def test_profiles_are_shares_of_cells_and_rise_with_tau():
    tables = two_tasks()
    found = aggregates(tables, "x", "lower")
    for method in found.methods:
        assert (np.diff(method.profile.share) >= 0).all()
    first = found.methods[0]
    shares = [
        tables[t][first.label].values / np.mean([c.values for c in tables[t].values()])
        for t in tables
    ]
    expected = np.mean([(s[:, None] <= first.profile.at).mean(axis=0) for s in shares], axis=0)
    assert first.profile.share == pytest.approx(expected)


def test_only_cells_that_every_method_has_count():
    tables = two_tasks()
    tables["t1"]["a"] = column(noisy(1, 10), range(10))
    tables["t3"] = {"a": column(noisy(5, 20))}
    tables["t2"]["rare"] = column(noisy(6, 20, 100))
    found = aggregates(tables, "x", "lower")
    assert found.cells == 10 + 20
    assert found.tasks == ("t1", "t2")
    assert set(found.left_out) == {"t3: no value of b", "rare: has 1 of 3 tasks"}


def test_methods_without_a_common_task_are_refused():
    with pytest.raises(UsageError, match="no two methods have a task in common"):
        aggregates({"t1": {"a": column([1.0])}, "t2": {"b": column([1.0])}}, "x", "lower")


def test_the_interval_covers_the_truth_of_these_tasks():
    # Shares of a are near 10 / 10.5 with noise of a tenth: its trimmed mean is known.
    covered = 0
    for repeat in range(15):
        tables = {
            f"t{n}": {
                "a": column(noisy(100 * repeat + n, 20, 10, 0.5)),
                "b": column(noisy(100 * repeat + n + 50, 20, 11, 0.5)),
            }
            for n in range(4)
        }
        a = next(each for each in aggregates(tables, "x", "lower").methods if each.label == "a")
        covered += a.low <= 10 / 10.5 <= a.high
    # Percentile intervals cover a little less than they say, so 0.9 is held.
    assert covered >= stats.binom.ppf(1e-6, 15, 0.9)


def test_intervals_are_the_same_in_every_process():
    one, two = (aggregates(two_tasks(), "x", "lower") for _ in range(2))
    assert [m[:4] for m in one.methods] == [m[:4] for m in two.methods]


def test_ranks_separate_what_differs_and_nothing_else():
    three = {
        f"t{n}": {
            "best": column(noisy(n, 20, 9, 0.5)),
            "b": column(noisy(n + 50, 20, 11, 0.5)),
            "c": column(noisy(n + 90, 20, 11, 0.5)),
        }
        for n in range(3)
    }
    found = {each.label: tuple(each.rank) for each in aggregates(three, "x", "lower").methods}
    assert found == {"best": (1, 1), "b": (2, 3), "c": (2, 3)}
    assert {m.rank for m in aggregates(two_tasks(1), "x", "lower").methods} == {(1, 2)}


def test_without_a_difference_ranks_seldom_separate():
    false = 0
    for repeat in range(120):
        tables = {
            f"t{n}": {m: column(noisy(1_000 * repeat + 10 * n + k, 8)) for k, m in enumerate("abc")}
            for n in range(2)
        }
        false += any(m.rank != (1, 3) for m in aggregates(tables, "x", "lower").methods)
    assert false <= stats.binom.ppf(1 - 1e-6, 120, 0.05)
