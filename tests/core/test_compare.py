"""Verdicts on constructed differences, and what is told of the rest."""

import numpy as np
import pytest
from compared import noisy, run_of, side, sides
from measured import ACCURACY, REGRET, SOLVED, Run

from harness.analyse.compare import compare
from harness.analyse.sides import Side, board_of
from harness.api.metric import Metric
from harness.errors import UsageError
from harness.suite.model import Tolerance

TIME = Metric(name="seconds", unit="s", is_cost=True)


def only(comparison):
    (row,) = comparison.rows
    return row


def verdicts(comparison):
    return {row.label: row.verdict for row in comparison.rows}


def shifted(shares, spread=0.02, seeds=40):
    """A base, and another side whose labels lie further by these shares of it."""
    base = {label: noisy(7, seeds) for label in shares}
    other = {
        label: base[label] * (1 + share) + spread * noisy(place, seeds, 0.0)
        for place, (label, share) in enumerate(shares.items())
    }
    return base, other


def test_each_verdict_is_given_to_what_deserves_it():
    base, other = shifted({"up": 0.05, "down": -0.05, "same": 0.0005})
    other["wide"] = base["wide"] = noisy(7, 40)
    other["wide"] = base["wide"] + noisy(9, 40, 0.0, 3.0)
    found = verdicts(compare(*sides(base, other)[:1], sides(base, other)[1:]))
    assert found == {"up": "worse", "down": "better", "same": "equivalent", "wide": "undecided"}


def test_where_higher_is_better_more_is_better():
    base, other = shifted({"up": 0.05, "down": -0.05})
    one, two = sides(base, other, metric="accuracy")
    assert verdicts(compare(one, [two])) == {"up": "better", "down": "worse"}


def test_rows_come_worse_undecided_better_equivalent():
    base, other = shifted({"same": 0.0, "down": -0.05, "up": 0.05})
    one, two = sides(base, other)
    told = [row.verdict for row in compare(one, [two]).rows]
    assert told == ["worse", "better", "equivalent"]


def test_what_is_significant_and_small_is_no_regression():
    base, other = shifted({"slightly": 0.004}, spread=0.001)
    one, two = sides(base, other)
    row = only(compare(one, [two]))
    assert row.p_holm < 1e-6
    assert row.verdict == "equivalent"
    assert only(
        compare(one, [two], threshold=Tolerance(amount=0.002, is_relative=True))
    ).verdict == ("worse")


def test_an_absolute_threshold_is_in_the_metrics_unit():
    base, other = shifted({"up": 0.05})  # half a unit of ten
    one, two = sides(base, other)
    row = only(compare(one, [two], threshold=Tolerance(amount=0.8)))
    assert (row.verdict, row.is_relative) == ("equivalent", False)
    assert row.change == pytest.approx(0.5, abs=0.05)


def test_p_values_are_corrected_for_the_rows_of_the_whole_table():
    base, other = shifted({f"m{n}": 0.0 for n in range(9)} | {"up": 0.02}, spread=0.4)
    one, two = sides(base, other)
    comparison = compare(one, [two])
    row = min(comparison.rows, key=lambda each: each.p)
    assert comparison.tests == 10
    assert row.p_holm == pytest.approx(min(1.0, 10 * row.p))


def test_groups_of_the_same_code_and_numbers_are_not_tested():
    base, _ = shifted({"a": 0, "b": 0})
    one, two = side(run_of(base), "x", code=b"c"), side(run_of(base), "y", code=b"c")
    comparison = compare(one, [two])
    assert comparison.tests == 0
    assert {row.verdict for row in comparison.rows} == {"equivalent"}
    assert all(row.p is None and row.is_identical for row in comparison.rows)


def test_the_same_numbers_of_other_code_are_known_from_thirty_seeds_on():
    for seeds, verdict in ((29, "undecided"), (30, "equivalent")):
        values = {"a": noisy(1, seeds)}
        assert (
            only(compare(*sides(values, values)[:1], sides(values, values)[1:])).verdict == verdict
        )


def test_eight_seeds_cannot_decide_seven_rows_and_nine_could():
    base, other = shifted({f"m{n}": 0.5 for n in range(7)}, seeds=8)
    one, two = sides(base, other)
    comparison = compare(one, [two])
    assert (
        comparison.too_few
        == "8 seeds are too few to call any of 7 rows better or worse: 9 could do"
    )
    assert {row.verdict for row in comparison.rows} == {"undecided"}
    assert all(row.seeds_to_decide >= 9 for row in comparison.rows)
    base, other = shifted({f"m{n}": 0.5 for n in range(7)}, seeds=9)
    one, two = sides(base, other)
    assert {row.verdict for row in compare(one, [two]).rows} == {"worse"}


def test_the_seeds_that_would_decide_do():
    base, other = shifted({"up": 0.05}, spread=2.0, seeds=20)
    one, two = sides(base, other)
    row = only(compare(one, [two]))
    assert row.verdict == "undecided"
    # The same values over and over: an interval of as many seeds, with the same mean.
    times = -(-row.seeds_to_decide // 20)
    more = [{"up": np.tile(side["up"], times)} for side in (base, other)]
    one, two = sides(*more)
    assert only(compare(one, [two])).verdict == "worse"


def test_without_a_seed_in_common_nothing_is_compared():
    one = side(run_of({"a": noisy(1, 5)}, seeds=range(5)), "base")
    two = side(run_of({"a": noisy(2, 5)}, seeds=range(5, 10)), "other")
    comparison = compare(one, [two])
    assert not comparison.rows
    assert any(each.why == "no seed in common" for each in comparison.not_compared)


def test_only_common_seeds_count():
    one = side(run_of({"a": noisy(1, 40)}, seeds=range(40)), "base")
    two = side(run_of({"a": noisy(1, 40)[10:]}, seeds=range(10, 40)), "other")
    row = only(compare(one, [two]))
    assert (row.n, row.change) == (30, 0.0)


def test_seeds_of_one_side_only_are_listed_with_their_group():
    one, two = side(run_of({"a": noisy(1, 6)}), "base"), side(run_of({"a": noisy(1, 9)}), "other")
    (alone,) = compare(one, [two]).one_sided
    assert (alone.side, alone.label, alone.seeds) == ("other", "a", (6, 7, 8))


RATE = Metric(name="rate", direction="lower")
SPARED = Metric(name="spared", direction="higher")


@pytest.mark.parametrize(
    ("metric", "derived", "rows"),
    [
        (RATE, lambda regret: regret / 37, 1),  # the same in other units
        (SPARED, lambda regret: -regret, 1),  # and with the other sign
        (RATE, lambda regret: 100 - regret, 2),  # falls where it should rise: another verdict
        (RATE, lambda regret: regret**2, 2),
    ],
)
def test_a_metric_in_other_units_is_no_second_regression(metric, derived, rows):
    made = []
    for name, regret in (("base", noisy(1, 40)), ("other", 1.2 * noisy(1, 40))):
        run = run_of({"a": regret})
        for row, value in enumerate(derived(regret)):
            run.measure(run.cells[row]["cell_id"], metric.name, None, value)
        made.append(side(run, name, metrics=(REGRET, metric)))
    found = compare(made[0], made[1:])
    assert len(found.rows) == rows == found.tests
    units = [each for each in found.not_compared if "other units" in each.why]
    assert len(units) == 2 - rows
    absolute = Tolerance(amount=0.5, is_relative=False)  # is in the units of each
    assert len(compare(made[0], made[1:], threshold=absolute).rows) == 2


def test_one_seed_is_undecided():
    one, two = sides({"a": [1.0]}, {"a": [2.0]})
    row = only(compare(one, [two]))
    assert (row.verdict, row.low, row.notes) == ("undecided", None, ("one seed",))


def test_infinite_values_are_not_compared_and_told():
    values = noisy(1, 10)
    one, two = sides({"a": values}, {"a": np.r_[values[:9], np.inf]})
    comparison = compare(one, [two])
    assert not comparison.rows
    assert "1 of 10 values are no finite numbers" in [each.why for each in comparison.not_compared]


def test_groups_on_one_side_are_listed():
    one, two = sides(
        {"a": noisy(1, 9), "gone": noisy(2, 9)}, {"a": noisy(1, 9), "new": noisy(3, 9)}
    )
    found = {(each.side, each.label) for each in compare(one, [two]).one_sided}
    assert found == {("base", "gone"), ("other", "new")}


def test_a_failed_cell_forbids_better_and_not_worse():
    for share, verdict in ((-0.1, "undecided"), (0.1, "worse"), (0.0, "undecided")):
        base, other = shifted({"a": share})
        run = Run()
        run.add("a", other["a"][:39], lost={39: "failed"})
        row = only(compare(side(run_of(base), "base"), [side(run, "other")]))
        assert (row.verdict, row.failures) == (verdict, (0, 1))


def test_a_group_that_failed_altogether_says_why():
    run = Run()
    run.add("a", lost={0: "failed", 1: "failed"})
    comparison = compare(side(run_of({"a": [1.0, 2.0]}), "base"), [side(run, "other")])
    assert "other has no value (all 2 cells failed: it was failed)" in [
        each.why for each in comparison.not_compared
    ]


@pytest.mark.parametrize(
    ("share", "is_base_open", "verdict"),
    [
        (0.1, False, "worse"),
        (0.1, True, "undecided"),
        (-0.1, False, "undecided"),
        (-0.1, True, "better"),
        (0.0, True, "undecided"),
    ],
)
def test_lower_bounds_count_against_their_side_only(share, is_base_open, verdict):
    base, other = shifted({"a": share}, seeds=30)
    one = side(run_of(base, censored=[0] if is_base_open else []), "base")
    two = side(run_of(other, censored=[] if is_base_open else [0]), "other")
    assert only(compare(one, [two])).verdict == verdict


def test_costs_are_compared_on_one_machine_where_cells_ran_alone():
    metrics = (REGRET, TIME)
    runs = [run_of({"a": noisy(n, 12)}, metric="seconds", metrics=metrics) for n in (1, 2)]

    def reasons(machine, exclusive):
        one = side(runs[0], "base", metrics=metrics, exclusive=exclusive)
        two = side(runs[1], "other", metrics=metrics, exclusive=exclusive, machine=machine)
        comparison = compare(one, [two])
        return {row.metric for row in comparison.rows}, [x.why for x in comparison.not_compared]

    assert reasons("m", ["laptop"])[0] == {"seconds", "wall_s", "peak_memory"}
    assert reasons("m", []) == (set(), ["cells did not run alone (hardware is not exclusive)"])
    assert reasons("n", ["laptop"]) == (set(), ["different hardware: m and n"])


def _scored(shares, seeds=1, items=400):
    """Every label solves a random share of the same items."""
    run = Run()
    for label, share in shares.items():
        group = run.add(label, seeds=range(seeds), curve={})
        for seed in range(seeds):
            draws = np.random.default_rng([seed, 5]).random(items)
            scores = {f"item {n}": float(draw < share) for n, draw in enumerate(draws)}
            run.score(group, seed, "solved", scores)
    return run


def test_items_of_one_seed_are_paired_by_item():
    one, two = side(_scored({"a": 0.80}), "base"), side(_scored({"a": 0.72}), "other")
    row = only(compare(one, [two], metric="solved"))
    assert (row.paired_by, row.n, row.verdict) == ("item", 400, "worse")


def test_items_of_several_seeds_are_clustered_by_seed():
    one = side(_scored({"a": 0.80}, seeds=10), "base")
    two = side(_scored({"a": 0.72}, seeds=10), "other")
    row = only(compare(one, [two], metric="solved"))
    assert (row.paired_by, row.n, row.verdict) == ("seed and item", 10, "worse")


def test_items_pair_by_name_whatever_their_order():
    forward, backward = _scored({"a": 0.8}), _scored({"a": 0.8})
    backward.items.reverse()
    row = only(compare(side(forward, "base"), [side(backward, "other")], metric="solved"))
    assert row.is_identical


def test_curves_are_compared_at_the_last_common_point():
    def run(points):
        made = Run()
        made.add("a", curve={at: noisy(int(at), 12) for at in points})
        return made

    one, two = side(run([1.0, 2.0, 4.0]), "base"), side(run([1.0, 2.0, 3.0]), "other")
    row = only(compare(one, [two]))
    assert row.is_identical
    assert "at 2, the last common point" in row.notes


def test_a_new_parameter_at_its_default_keeps_the_group():
    base, other = shifted({"a": 0.1})
    old, new = run_of(base), run_of(other, task_params={"arms": 10, "decay": 0.0})
    for cell, known in zip(new.cells, old.cells, strict=True):
        by_id = {row["cell_id"]: row for row in new.measurements}
        by_id[cell["cell_id"]]["cell_id"] = known["cell_id"]
        cell["cell_id"] = known["cell_id"]  # ids leave defaults out
    row = only(compare(side(old, "base"), [side(new, "other")]))
    assert row.verdict == "worse"


def test_leaderboards_alone_are_compared_without_pairs():
    def board(name, mean):
        rows = [{"task": "t", "task_params": "{}", "label": "a", "metric": "loss", "unit": "",
                 "direction": "lower", "origin": "measured", "mean": mean, "ci_low": mean - 0.1,
                 "ci_high": mean + 0.1, "n": 40, "title": "t"}]  # fmt: skip
        return Side(name=name, board=board_of(rows))

    comparison = compare(board("x", 10.0), [board("y", 11.0), board("z", 10.001)])
    assert next((r.against, r.verdict, r.paired_by) for r in comparison.rows) == (
        "y",
        "worse",
        "mean",
    )
    assert comparison.tests == 2
    assert any("Welch" in each.why for each in comparison.not_compared)


@pytest.mark.parametrize("mean", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("swapped", [False, True])
def test_a_mean_of_a_leaderboard_that_is_no_number_is_told_and_stops_nothing(mean, swapped):
    def board(name, mean):
        rows = [{"task": "t", "task_params": "{}", "label": "a", "metric": "loss", "unit": "",
                 "direction": "lower", "origin": "measured", "mean": mean, "ci_low": mean,
                 "ci_high": mean, "n": 40, "title": "t"}]  # fmt: skip
        return Side(name=name, board=board_of(rows))

    pair = [board("x", 10.0), board("y", mean)]
    comparison = compare(*pair[::-1][:1], pair[::-1][1:]) if swapped else compare(pair[0], pair[1:])
    assert not comparison.rows
    assert "a mean is no finite number" in [each.why for each in comparison.not_compared]


def test_what_one_side_has_only_is_named_with_its_own_parameters():
    small, large = run_of({"a": noisy(1, 9)}), Run()
    for horizon in (10, 100):
        for label in ("a", "b"):
            large.add(label, noisy(horizon, 9), task_params={"horizon": horizon})
    comparison = compare(side(large, "both"), [side(small, "one")])
    told = [(each.title, each.label) for each in comparison.one_sided if each.side == "both"]
    task = "bandits/bernoulli horizon="
    assert told == [(f"{task}{horizon}", label) for horizon in (10, 100) for label in "ab"]


def test_leaderboards_alone_judge_no_costs_and_no_metric_twice():
    shown = {
        "loss": (1, "", "lower"),
        "gain": (-100, "", "higher"),
        "rate": (1, "1/s", "higher"),
        "other": (1, "", "higher"),
    }

    def row(metric, mean):
        factor, unit, direction = shown[metric]
        low, high = mean * factor - abs(factor) / 10, mean * factor + abs(factor) / 10
        return {"task": "t", "task_params": "{}", "label": "a", "metric": metric, "unit": unit,
                "direction": direction, "origin": "measured", "mean": mean * factor,
                "ci_low": low, "ci_high": high, "n": 40, "title": "t"}  # fmt: skip

    def board(name, mean):
        return Side(name=name, board=board_of([row(metric, mean) for metric in shown]))

    comparison = compare(board("x", 10.0), [board("y", 11.0)])
    verdicts = {row.metric: row.verdict for row in comparison.rows}
    assert verdicts == {"loss": "worse", "other": "better"}  # the same numbers, another way
    whys = {each.what: each.why for each in comparison.not_compared}
    assert whys["gain"] == "loss in other units: the same change"
    assert "what ran alone" in whys["time and memory"]


def test_several_sides_share_one_correction():
    base, other = shifted({"a": 0.1})
    one, two = sides(base, other)
    three = side(run_of(base), "third")
    comparison = compare(one, [two, three])
    assert comparison.tests == 2
    assert {row.against: row.verdict for row in comparison.rows} == {
        "other": "worse", "third": "equivalent"}  # fmt: skip


def test_an_unknown_metric_is_refused_with_the_nearest():
    one, two = sides({"a": noisy(1, 9)}, {"a": noisy(2, 9)})
    with pytest.raises(UsageError, match="nearest: regret"):
        compare(one, [two], metric="regrets")


def test_a_metric_without_a_direction_is_not_judged():
    one, two = sides({"a": noisy(1, 9)}, {"a": noisy(2, 9)}, metric="count")
    plain = (Metric(name="count", direction="none"), ACCURACY, SOLVED)
    one = side(run_of({"a": noisy(1, 9)}, metric="count"), "base", metrics=plain)
    assert not compare(one, [two]).rows
