from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from measured import Run, draws
from scipy import stats

from harness.analyse.leaderboard import leaderboard
from harness.api.metric import Bound, Metric
from harness.store.schemas import SCHEMAS
from harness.suite.model import Published

MEANS = {"greedy": 115.0, "thompson": 143.0, "moss": 143.0, "uniform": 327.0}


def digits(seeds=40, **add):
    """Four methods on common instances; two of them are equal."""
    run = Run()
    instance = 30 * draws(0, seeds)
    for k, (label, mean) in enumerate(sorted(MEANS.items()), 1):
        run.add(label, mean + instance + draws(k, seeds), **add)
    return run


def rows_of(run, metric="regret", **more):
    board = leaderboard(run.results(), **more)
    return [row for row in board.to_pylist() if row["metric"] == metric]


def test_the_columns_are_those_of_the_store():
    assert leaderboard(digits().results()).schema.equals(SCHEMAS["leaderboard"])


def test_means_agree_with_a_groupby():
    run = digits()
    for label, mean in MEANS.items():
        run.add(label, mean + draws(9, 7), task_params={"arms": 2})
    cells = pd.DataFrame(run.cells).merge(pd.DataFrame(run.measurements), on="cell_id")
    final = cells[cells["at"].isna()]
    expected = final.groupby(["task_params", "label"])["value"].agg(["mean", "count"])
    for row in leaderboard(run.results()).to_pylist():
        wanted = expected.loc[(row["task_params"], row["label"])]
        assert (row["mean"], row["n"]) == (pytest.approx(wanted["mean"]), wanted["count"])


def test_few_seeds_have_students_interval():
    run = Run()
    values = 5 + draws(3, 12)
    run.add("thompson", values)
    (row,) = rows_of(run)
    expected = stats.t.interval(0.95, 11, values.mean(), stats.sem(values))
    assert (row["ci_low"], row["ci_high"]) == pytest.approx(expected, rel=1e-8)


def test_ranks_are_spans_where_pairing_cannot_tell():
    spans = {row["label"]: (row["rank_low"], row["rank_high"]) for row in rows_of(digits())}
    assert spans == {"greedy": (1, 1), "thompson": (2, 3), "moss": (2, 3), "uniform": (4, 4)}


def test_without_pairing_these_ranks_would_all_be_open():
    """Intervals of 9 to either side overlap for neighbours; the pairs decide nevertheless."""
    rows = {row["label"]: row for row in rows_of(digits(seeds=10))}
    assert rows["greedy"]["ci_high"] > rows["thompson"]["ci_low"]
    assert rows["greedy"]["rank_high"] < rows["thompson"]["rank_low"]


def test_rows_stand_in_the_order_of_their_means():
    labels = [row["label"] for row in rows_of(digits())]
    assert (labels[0], labels[-1]) == ("greedy", "uniform")
    upward = [row["label"] for row in rows_of(digits(metric="accuracy"), "accuracy")]
    assert (upward[0], upward[-1]) == ("uniform", "greedy")


def test_what_has_no_better_direction_is_not_ranked_and_stays_as_planned():
    neutral = Metric(name="regret", direction="none")
    rows = rows_of(digits(metrics=[neutral]))
    assert [row["label"] for row in rows] == sorted(MEANS)
    assert all(row["rank_low"] is None for row in rows)


def test_costs_are_ranked_only_where_cells_ran_alone():
    shared = rows_of(digits(metric="seconds"), "seconds")
    assert all(row["rank_low"] is None for row in shared)
    alone = rows_of(digits(metric="seconds", exclusive=True), "seconds")
    assert all(row["rank_low"] is not None for row in alone)


def test_a_method_without_a_value_keeps_its_row_last_and_unranked():
    run = digits()
    run.add("broken", lost={seed: "crashed" for seed in range(12)})
    *others, last = rows_of(run)
    assert last["label"] == "broken"
    assert (last["mean"], last["rank_low"], last["n"], last["failures"]) == (None, None, 0, 12)
    assert {row["rank_high"] for row in others} <= {1, 2, 3, 4}


def test_failed_and_skipped_cells_are_told_apart():
    run = Run()
    run.add("thompson", draws(0, 10), lost={10: "timeout", 11: "oom", 12: "skipped"})
    (row,) = rows_of(run)
    assert (row["n"], row["failures"]) == (10, 2)


def test_censored_values_are_counted():
    run = Run()
    run.add("eps", 100 + draws(0, 10), censored=[1, 4, 5])
    assert rows_of(run)[0]["censored"] == 3


def bound(role, value, **more):
    return Bound(metric="regret", role=role, value=value, holds="in_expectation", **more)


def test_bounds_and_ratios_stand_beside_the_mean():
    run = Run()
    values = 45 + draws(0, 40)
    bounds = [
        bound("guarantee", 4427.0, trivial=10_000.0),
        bound("guarantee", 1.0, name="as printed"),
        bound("lower_bound", 15.8),
    ]
    run.add("thompson", values, bounds=bounds)
    (row,) = rows_of(run)
    assert (row["guarantee"], row["lower_bound"], row["vacuous"]) == (4427.0, 15.8, False)
    assert row["ratio_to_guarantee"] == pytest.approx(values.mean() / 4427)
    assert row["ratio_to_lower"] == pytest.approx(values.mean() / 15.8)


def test_a_vacuous_guarantee_is_marked():
    run = Run()
    run.add("thompson", draws(0, 10), bounds=[bound("guarantee", 1_400.0, trivial=1_000.0)])
    run.add("uniform", draws(0, 10))
    assert {row["label"]: row["vacuous"] for row in rows_of(run)} == {
        "thompson": True,
        "uniform": None,
    }


def test_ratios_use_the_bound_of_each_instance():
    run = Run()
    group = run.add("thompson", [10.0, 40.0])
    run.bound(group, 0, bound("guarantee", 100.0))
    run.bound(group, 1, bound("guarantee", 50.0))
    (row,) = rows_of(run)
    assert row["guarantee"] == 75.0
    assert row["ratio_to_guarantee"] == pytest.approx((0.1 + 0.8) / 2)


def figure(value, **more):
    asked = {"task": "bandits/bernoulli", "label": "paper", "metric": "regret", "source": "T2"}
    return Published(**asked | {"value": value} | more)


def test_published_figures_stand_beside_and_are_never_ranked():
    run = digits()
    rows = rows_of(run, published=[figure(130.0), figure(99.0, params={"arms": 2})])
    origins = [(row["label"], row["origin"], row["rank_low"]) for row in rows]
    assert origins[1] == ("paper", "published", None)
    assert len([row for row in rows if row["origin"] == "measured"]) == 4
    ours = {row["label"]: row["rank_high"] for row in rows if row["origin"] == "measured"}
    assert ours["uniform"] == 4  # the published one does not count
    assert rows[1]["source"] == "T2"


def test_a_published_figure_of_a_setting_that_was_not_measured_keeps_a_row():
    rows = rows_of(digits(), published=[figure(99.0, params={"arms": 2})])
    (alone,) = [row for row in rows if row["origin"] == "published"]
    assert (alone["task_params"], alone["mean"]) == ('{"arms":2}', 99.0)


def test_cost_columns_are_of_the_cells_that_ended_well():
    run = Run()
    run.add("thompson", draws(0, 4), wall_s=0.25, lost={9: "timeout"})
    run.cells[-1]["wall_s"] = 100.0
    (row,) = rows_of(run, commit="abc", machine="m1", suite="mine")
    assert (row["wall_s"], row["peak_memory"]) == (0.25, 1_000_003)
    assert (row["commit"], row["machine"], row["suite"]) == ("abc", "m1", "mine")


def test_a_metric_that_a_task_gives_to_no_method_has_no_board():
    assert {row["metric"] for row in leaderboard(digits().results()).to_pylist()} == {"regret"}


def test_specs_made_of_the_tables_give_the_same_board():
    from harness.analyse.results import Results

    run = digits()
    tables = run.tables()
    metrics = {"bandits/bernoulli": run.specs[0].metrics}
    stored = Results.from_tables(**tables, metrics=metrics)
    assert leaderboard(stored).equals(leaderboard(run.results()))


def test_the_order_of_rows_in_the_tables_changes_nothing():
    from harness.analyse.results import Results

    run = digits()
    tables = run.tables()
    rng = np.random.default_rng(0)
    shuffled = {name: table.take(rng.permutation(len(table))) for name, table in tables.items()}
    again = Results.from_tables(**shuffled, specs=run.specs)
    assert leaderboard(again).equals(leaderboard(run.results()))


@pytest.mark.parametrize("status", ["failed", "skipped"])
def test_what_a_lost_cell_streamed_before_it_was_lost_is_left_aside(status):
    run = Run()
    run.add("thompson", [1.0, 2.0], lost={5: status})
    run.measure(run.cells[-1]["cell_id"], "regret", None, 1e9)
    assert rows_of(run)[0]["mean"] == 1.5
