from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from measured import METRICS, WALL, spec

from harness.suite.filters import SelectionFault, pairs, partition, select, varying
from harness.suite.model import Difference, Reference, Span, Spread, Trend, Value
from harness.suite.select import claim_faults

LABELS = ("thompson", "ucb1", "greedy")
PLAN = [
    spec(
        label,
        index,
        task_params={"arms": arms, "horizon": horizon, "prior": "uniform"},
        method_params={"prior": "task"} if label == "thompson" else {"c": 1.0},
    )
    for index, (arms, horizon, label) in enumerate(product((2, 10), (1000, 10000, 100000), LABELS))
]
BY_NAME = {metric.name: metric for metric in METRICS}


def told(claim):
    return claim_faults(claim, PLAN, BY_NAME)


def at_most(**more):
    return Value(**{"name": "a", "metric": "regret", "comparison": "at_most"} | more)


def test_a_filter_keeps_what_matches_every_key():
    found = select(PLAN, {"label": "ucb1", "arms": 10, "horizon": [1000, 10000]})
    assert [(each.label, each.task_params["horizon"]) for each in found] == [
        ("ucb1", 1000),
        ("ucb1", 10000),
    ]


def test_numbers_match_by_value_and_truth_is_no_number():
    assert len(select(PLAN, {"arms": 2.0})) == 9
    one = [spec("a", task_params={"arms": 1, "shared": True})]
    assert (select(one, {"arms": True}), select(one, {"shared": 1})) == ([], [])
    assert select(one, {"arms": 1.0, "shared": True}) == one


def test_a_parameter_that_is_a_list_matches_as_a_whole():
    gaps = [
        spec("a", 0, task_params={"gaps": [0, 0.2]}),
        spec("b", 1, task_params={"gaps": [0, 0.1]}),
    ]
    assert select(gaps, {"gaps": [0, 0.2]}) == gaps[:1]
    assert select(gaps, {"gaps": [[0, 0.1], [0, 0.2]]}) == gaps


def test_a_name_of_task_and_method_must_say_which():
    with pytest.raises(SelectionFault, match=r"write task\.prior or method\.prior"):
        select(PLAN, {"prior": "task"})
    assert {each.label for each in select(PLAN, {"method.prior": "task"})} == {"thompson"}
    assert len(select(PLAN, {"task.prior": "uniform"})) == len(PLAN)


def test_a_label_decides_whose_parameter_a_name_is():
    assert len(select(PLAN, {"label": "ucb1", "prior": "uniform"})) == 6


def test_an_unknown_name_offers_the_nearest():
    with pytest.raises(SelectionFault, match="did you mean horizon") as caught:
        select(PLAN, {"horizn": 1000})
    assert caught.value.key == "horizn"


@given(
    st.dictionaries(
        st.sampled_from(["arms", "horizon", "label", "task.prior"]),
        st.sampled_from([2, 10, 1000, [1000, 100000], "ucb1", ["greedy", "ucb1"], "uniform", 1.0]),
    )
)
def test_selection_is_the_intersection_of_its_keys_in_planned_order(where):
    """Each key narrows independently of the others, and nothing is reordered."""
    found = select(PLAN, where)
    alone = [{each.index for each in select(PLAN, {key: value})} for key, value in where.items()]
    expected = set(range(len(PLAN))).intersection(*alone)
    assert [each.index for each in found] == sorted(expected)


@given(st.sets(st.sampled_from(["arms", "horizon", "label"])))
def test_groups_of_a_partition_are_disjoint_and_agree_in_all_but_the_free_names(free):
    groups = partition(PLAN, free)
    assert sorted(each.index for group in groups for each in group) == list(range(len(PLAN)))
    assert all(varying(group, free) == [] for group in groups)
    sizes = {"arms": 2, "horizon": 3, "label": 3}
    expected = 1
    for name in free:
        expected *= sizes[name]
    assert {len(group) for group in groups} == {expected}


def test_labels_pair_on_the_task_and_all_its_parameters():
    found = pairs(PLAN, {"label": "thompson"}, {"label": "ucb1"})
    assert len(found) == 6
    assert all(
        pair.better[0].task_params == pair.than[0].task_params
        and (pair.better[0].label, pair.than[0].label) == ("thompson", "ucb1")
        for pair in found
    )


def test_a_list_of_labels_is_paired_with_each():
    found = pairs(PLAN, {"label": "thompson"}, {"label": ["ucb1", "greedy"]})
    assert len(found) == 12


def test_sides_that_fix_a_parameter_pair_on_the_others():
    found = pairs(PLAN, {"horizon": 1000}, {"horizon": 100000})
    assert len(found) == 6  # two numbers of arms, three labels
    assert all(pair.better[0].label == pair.than[0].label for pair in found)
    assert all(
        pair.better[0].task_params["arms"] == pair.than[0].task_params["arms"] for pair in found
    )


def test_pooled_pairs_are_joined():
    found = pairs(PLAN, {"label": "thompson"}, {"label": "ucb1"}, pool=("horizon",))
    assert [(len(pair.better), len(pair.than)) for pair in found] == [(3, 3), (3, 3)]


def test_nothing_planned_tells_what_is():
    (fault,) = told(at_most(name="9.6", where={"label": "thompson", "horizon": 20000}))
    assert fault.key == ("where", "horizon")
    assert fault.message == "claim “9.6” selects no cell"
    assert fault.hint == "planned here: 1000, 10000, 100000"


def test_an_unknown_label_offers_the_nearest():
    (fault,) = told(at_most(where={"label": "tompson"}))
    assert (fault.key, fault.hint) == (("where", "label"), "did you mean thompson?")
    (fault,) = told(
        Difference(name="d", metric="regret", better={"label": "tompson"}, than={"label": "ucb1"})
    )
    assert (fault.key, fault.hint) == (("better",), "did you mean thompson?")


def test_an_unknown_metric_offers_the_nearest():
    (fault,) = told(at_most(metric="regrets"))
    assert (fault.key, fault.hint) == (("metric",), "did you mean regret?")


def test_a_point_of_a_metric_without_a_curve_is_a_fault():
    (fault,) = told(at_most(metric="accuracy", at=Span(start=10, end=100)))
    assert fault.key == ("at",)


def test_a_cost_needs_an_exclusive_class():
    (fault,) = told(at_most(metric=WALL.name, where={"label": "ucb1"}))
    assert fault.key == ("metric",)
    assert "exclusive" in fault.hint


def test_borrowing_from_an_unknown_label_offers_the_nearest():
    borrowed = Reference(kind="guarantee", of="thomson")
    (fault,) = told(at_most(where={"label": "ucb1"}, reference=borrowed))
    assert (fault.key, fault.hint) == (("at_most",), "did you mean thompson?")


TREND = {"name": "t", "metric": "regret", "slope_in": "horizon", "scale": "log-log", "high": 0.55}


def test_a_trend_whose_groups_differ_in_more_than_x_is_a_fault():
    (fault,) = told(Trend(**TREND, where={"label": "ucb1"}))
    assert fault.key == ("slope_in",)
    assert "differ in arms" in fault.message
    assert told(Trend(**TREND, where={"label": "ucb1"}, per=("arms",))) == []
    assert told(Trend(**TREND, where={"label": "ucb1"}, pool=("arms",))) == []
    assert told(Trend(**TREND, where={"label": "ucb1", "arms": 2})) == []


def test_a_trend_needs_three_values_of_x():
    where = {"label": "ucb1", "arms": 10}
    (fault,) = told(Trend(**TREND, where=where, over=(1000, 10000)))
    assert (fault.key, fault.hint) == (("over",), "planned here: 1000, 10000, 100000")
    (fault,) = told(Trend(**TREND | {"slope_in": "arms"}, where={"label": "ucb1", "horizon": 1000}))
    assert "3 values of arms, 2 are planned" in fault.message


def test_a_trend_in_words_is_a_fault():
    trend = Trend(
        **TREND | {"slope_in": "task.prior"}, where={"label": "ucb1", "arms": 2, "horizon": 1000}
    )
    (fault,) = told(trend)
    assert "no number" in fault.message


def test_a_spread_whose_groups_differ_in_more_is_a_fault():
    spread = {"name": "s", "metric": "regret", "spread_over": ("arms",), "at_most": 2.0}
    (fault,) = told(Spread(**spread, where={"label": "ucb1"}))
    assert "differ in horizon" in fault.message
    assert told(Spread(**spread, where={"label": "ucb1"}, per=("horizon",))) == []


def test_a_spread_over_one_value_is_a_fault():
    spread = Spread(
        name="s",
        metric="regret",
        spread_over=("task.prior",),
        at_most=2.0,
        per=("arms", "horizon"),
        where={"label": "ucb1"},
    )
    (fault,) = told(spread)
    assert "a spread needs two" in fault.message
