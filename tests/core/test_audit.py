"""What an audit catches: altered files at once, altered cells at the rate of its sample."""

from __future__ import annotations

import math
import shutil
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_runs import PLUGIN, small_run, sum_again

from harness.analyse.audit import (
    NumberKey,
    agreement,
    altered_at_most,
    chance_to_catch,
    drawn,
)
from harness.api.metric import Metric
from harness.registry import Registry
from harness.runner.audit import Checked, audit
from harness.store.parquet import read_table, write_table
from harness.store.record import read_run_json, write_run_json

METRICS = {
    "loss": Metric(name="loss"),
    "rough": Metric(name="rough", tolerance=0.01),
    "seconds": Metric(name="seconds", is_cost=True),
}
LOSS, ROUGH, SECONDS = (NumberKey(name) for name in METRICS)
EVERY = Checked(sample=1_000, inline=True)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two methods at 12 seeds, run once for this module."""
    return small_run(tmp_path_factory.mktemp("audit"), {"good": 0.0, "bad": 1.0}, seeds=12).path


@pytest.fixture
def folder(made, tmp_path):
    """A copy of the run to tamper with."""
    return shutil.copytree(made, tmp_path / "copy")


def registry():
    known = Registry()
    known.add_paths([PLUGIN])
    return known


def checked(folder, how=EVERY):
    return audit(folder, how=how, registry=registry())


def alter(folder, table, column, row, value):
    path = folder / f"{table}.parquet"
    old = read_table(path)
    values = old[column].to_pylist()
    values[row] = value
    place = old.column_names.index(column)
    new = pa.array(values, old.schema.field(column).type)
    write_table(path, old.set_column(place, old.schema.field(column), new))


def test_numbers_that_are_the_same_agree_exactly():
    assert agreement({LOSS: 0.1}, {LOSS: 0.1}, METRICS).agreement == "exact"


def test_the_last_bit_counts_where_no_tolerance_is_declared():
    moved = {LOSS: math.nextafter(0.1, 1)}
    assert agreement({LOSS: 0.1}, moved, METRICS).agreement == "differs"


@pytest.mark.parametrize(("value", "told"), [(1.009, "within tolerance"), (1.02, "differs")])
def test_a_declared_tolerance_is_relative(value, told):
    assert agreement({ROUGH: 1.0}, {ROUGH: value}, METRICS).agreement == told


def test_costs_are_never_the_same_twice_and_do_not_count():
    stored, now = {LOSS: 1.0, SECONDS: 2.0}, {LOSS: 1.0, SECONDS: 9.0}
    assert agreement(stored, now, METRICS).agreement == "exact"


def test_a_number_that_only_one_side_has_differs():
    found = agreement({LOSS: 1.0, ROUGH: 2.0}, {LOSS: 1.0}, METRICS)
    assert (found.agreement, found.worst.key) == ("differs", ROUGH)


def test_the_worst_number_is_the_one_furthest_beyond_its_tolerance():
    found = agreement({ROUGH: 1.0, LOSS: 1.0}, {ROUGH: 1.005, LOSS: 1.001}, METRICS)
    assert found.worst.key == LOSS


@given(st.lists(st.integers(0, 5), min_size=1, max_size=60), st.integers(1, 70), st.integers(0, 9))
def test_a_sample_has_the_size_asked_for_and_no_cell_twice(group, size, seed):
    rows = drawn(group, size, seed)
    assert rows.size == len(set(rows.tolist())) == min(size, len(group))


@given(st.lists(st.integers(2, 30), min_size=1, max_size=8), st.integers(1, 60), st.integers(0, 99))
def test_every_group_has_its_share_of_the_sample(sizes, size, seed):
    group = np.repeat(np.arange(len(sizes)), sizes)
    counts = np.bincount(group[drawn(group, size, seed)], minlength=len(sizes))
    share = min(size, group.size) * np.array(sizes) / group.size
    assert (np.abs(counts - share) < 1 + 1e-9).all()


@pytest.mark.parametrize(
    ("sizes", "altered"),
    [
        ([50] * 4, [3]),
        ([50] * 4, [0, 1, 2, 60, 70, 150, 151, 152]),
        ([10, 190], [4]),
        ([2] * 100, [0, 1, 7, 9]),
    ],
    ids=["one cell", "spread and bunched", "in a small group", "in tiny groups"],
)
def test_altered_cells_are_caught_at_the_rate_that_the_sample_says(sizes, altered):
    group, samples, size = np.repeat(np.arange(len(sizes)), sizes), 4_000, 20
    stored = np.zeros(group.size)
    stored[altered] = 1e-12
    caught = np.mean(
        [
            any(
                agreement({LOSS: stored[row]}, {LOSS: 0.0}, METRICS).agreement == "differs"
                for row in drawn(group, size, seed)
            )
            for seed in range(samples)
        ]
    )
    least = chance_to_catch(len(altered), group.size, size)
    error = math.sqrt(least * (1 - least) / samples)
    assert caught > least - 5 * error  # 3e-7
    if len(altered) == 1:  # met with chance size/total, whatever the groups
        assert abs(caught - size / group.size) < 5 * error


def test_what_may_be_altered_unseen_solves_the_equation_of_its_confidence():
    share = altered_at_most(20, 1_000)
    assert (1 - share) ** 20 == pytest.approx(0.05)


def test_with_one_cell_differing_the_limit_is_that_of_clopper_and_pearson():
    scipy = pytest.importorskip("scipy.stats")
    limit = scipy.binomtest(1, 20).proportion_ci(0.90, "exact").high  # two-sided 90 = one-sided 95
    assert altered_at_most(20, 1_000, 1) == pytest.approx(limit, rel=1e-6)


def test_a_sample_of_everything_leaves_nothing_unseen():
    assert altered_at_most(12, 12) == 0.0


def test_an_untouched_run_agrees_to_the_bit(folder):
    found = checked(folder)
    assert found.agrees
    assert (found.count("exact"), found.total) == (24, 24)


def test_workers_find_what_one_process_finds(folder):
    found = checked(folder, Checked(sample=4, workers=1))
    assert (found.agrees, found.count("exact")) == (True, 4)


def test_an_altered_table_is_caught_by_its_sum_whatever_the_sample(folder):
    alter(folder, "measurements", "value", 0, 0.5)
    for seed in range(5):
        found = checked(folder, Checked(sample=1, seed=seed, inline=True))
        assert "measurements.parquet" in {each.file for each in found.findings}


def test_a_table_that_was_altered_and_summed_again_is_caught_by_the_journal(folder):
    alter(folder, "measurements", "value", 0, 0.5)
    sum_again(folder)
    found = checked(folder, Checked(sample=1, inline=True))
    assert ("measurements.parquet", "has 1 values that the journal has not") in found.findings


def test_an_altered_board_is_caught_by_its_cells(folder):
    alter(folder, "leaderboard", "mean", 0, -3.0)
    sum_again(folder)
    assert [each.file for each in checked(folder).findings] == ["leaderboard.parquet"]


@pytest.mark.parametrize("column", ["ci_low", "ci_high", "rank_low", "rank_high", "wall_s"])
def test_what_stands_beside_a_mean_follows_from_the_cells_too(folder, column):
    old = read_table(folder / "leaderboard.parquet")[column].to_pylist()
    row = next(place for place, value in enumerate(old) if value is not None)
    alter(folder, "leaderboard", column, row, old[row] + 1)
    sum_again(folder)
    (found,) = checked(folder).findings
    assert (found.file, column in found.told) == ("leaderboard.parquet", True)


def test_a_row_taken_off_the_board_is_missed(folder):
    board = read_table(folder / "leaderboard.parquet")
    write_table(folder / "leaderboard.parquet", board.slice(1))
    sum_again(folder)
    assert [each.told[-19:] for each in checked(folder).findings] == ["has cells and no row"[-19:]]


@pytest.mark.parametrize("seeds", [12, {"min": 8, "max": 32, "until": "decided"}])
@pytest.mark.parametrize(
    ("column", "value"), [("verdict", "failed"), ("estimate", 0.25), ("ci_high", 9.0), ("n", 3)]
)
def test_a_claims_row_follows_from_the_cells(tmp_path, seeds, column, value):
    claim = "claims:\n  - {name: small, metric: loss, where: {label: good}, at_most: 5}\n"
    made = small_run(tmp_path, {"good": 0.0}, seeds=seeds, tail=claim).path
    assert checked(made).agrees
    alter(made, "claims", column, 0, value)
    sum_again(made)
    (found,) = checked(made).findings
    assert (found.file, f'"small", {column}' in found.told) == ("claims.parquet", True)


def test_no_claim_is_judged_more_boldly_than_its_suite_says(tmp_path):
    seeds = {"min": 8, "max": 32, "until": "decided"}
    claim = "claims:\n  - {name: small, metric: loss, where: {label: good}, at_most: 5}\n"
    made = small_run(tmp_path, {"good": 0.0}, seeds=seeds, tail=claim).path
    record = read_run_json(made)
    assert record.claim_levels["small"] > 0.95
    write_run_json(made, replace(record, claim_levels={"small": 0.5}))
    (found,) = checked(made).findings
    assert '"small", ci_low, ci_high' in found.told


def test_a_time_that_the_journal_has_otherwise_is_a_finding(folder):
    alter(folder, "cells", "wall_s", 3, 1e-9)
    (folder / "leaderboard.parquet").unlink()
    sum_again(folder)
    told = "has 1 values of wall_s that the journal has not"
    assert [tuple(each) for each in checked(folder).findings] == [("cells.parquet", told)]


def test_cells_that_the_journal_puts_in_doubt_are_recomputed_whatever_is_drawn(folder):
    alter(folder, "measurements", "value", 7, 0.5)
    sum_again(folder)
    for seed in range(4):
        found = checked(folder, Checked(sample=2, seed=seed, inline=True))
        (differing,) = [each for each in found.cells if each.found.agreement == "differs"]
        assert len(found.cells) == (3 if differing.is_suspect else 2)
        if differing.is_suspect:  # of the cells drawn none differs, and only they say how many do
            assert found.altered_at_most == altered_at_most(2, 24, 0, 0.95)


def test_reused_cells_are_held_against_the_journal_that_they_came_from(tmp_path):
    first = small_run(tmp_path, {"good": 0.0}, seeds=4).path
    second = small_run(tmp_path, {"good": 0.0, "bad": 1.0}, seeds=4).path
    assert checked(second).agrees
    cells = read_table(second / "cells.parquet")
    row = cells["status"].to_pylist().index("reused")
    of_reused = read_table(second / "measurements.parquet")["cell_id"].to_pylist()
    place = of_reused.index(cells["cell_id"][row].as_py())
    alter(second, "measurements", "value", place, 0.5)
    (second / "leaderboard.parquet").unlink()
    sum_again(second)
    told = f"has 1 values that the journal of {first.name} has not"
    assert ("measurements.parquet", told) in checked(second).findings
    shutil.rmtree(first)
    kept = checked(second)
    assert not kept.findings  # nothing to hold it against, which is told
    assert any(first.name in note for note in kept.notes)
    assert kept.count("differs") == 1


def test_without_a_journal_an_altered_cell_is_caught_when_it_is_drawn(folder):
    alter(folder, "measurements", "value", 0, 0.5)
    shutil.rmtree(folder / "journal")
    (folder / "leaderboard.parquet").unlink()
    sum_again(folder)
    verdicts = [checked(folder, Checked(sample=6, seed=seed, inline=True)) for seed in range(12)]
    assert all(not found.findings for found in verdicts)
    caught = sum(not found.agrees for found in verdicts)
    assert 0 < caught < 12  # a quarter of the cells is drawn each time
    assert checked(folder).count("differs") == 1


def test_a_torn_journal_is_told(folder):
    path = folder / "journal" / "cells.arrows"
    path.write_bytes(path.read_bytes()[:-7])
    assert "journal" in {each.file for each in checked(folder).findings}


def test_a_cell_whose_parameters_were_rewritten_differs(folder):
    alter(folder, "cells", "seed", 0, 99)
    found = checked(folder)
    assert [each.found.agreement for each in found.cells].count("differs") == 1


def test_a_method_that_is_not_known_here_leaves_the_others_alone(folder):
    cells = read_table(folder / "cells.parquet")
    gone = {"good": "small/constant", "bad": "small/gone"}
    names = [gone[label] for label in cells["label"].to_pylist()]
    place, field = cells.column_names.index("method"), cells.schema.field("method")
    changed = cells.set_column(place, field, pa.array(names, field.type))
    write_table(folder / "cells.parquet", changed)
    found = checked(folder)
    assert (found.count("not recomputed"), found.count("exact")) == (12, 12)
    assert 'no method is called "small/gone" here' in found.cells[-1].found.reason


def test_the_suite_seed_is_found_by_the_cells_ids(tmp_path):
    made = small_run(tmp_path, {"good": 0.0}, seeds=3, seed=77)
    assert checked(made.path).count("exact") == 3


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_a_number_that_no_cell_can_give_is_a_finding_and_stops_nothing(folder, value):
    alter(folder, "measurements", "value", 2, value)
    sum_again(folder)
    found = checked(folder)
    assert any("no finite numbers" in each.told for each in found.findings)
    assert not found.agrees
