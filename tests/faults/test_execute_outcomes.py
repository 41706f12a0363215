"""What a task may yield, and what each fault of it is told as: inline and in workers alike."""

from __future__ import annotations

import numpy as np
import pytest
from faulty import Batch, Big, Faulty, Null, Plain, Rich, Training
from faulty_plans import Memory, plan_of, run_local, spec_of

from harness.execute import Control
from harness.execute.inline import InlineExecutor
from harness.store.rows import CENSORED, HAS_AT


def run_inline(plan, **options):
    sink = Memory()
    execution = InlineExecutor(**options).run(plan, np.arange(len(plan)), sink, Control())
    return sink, execution


FAULTS = [
    ("raise", "FAILED", "ArithmeticError", "the seventh is wrong"),
    ("sys.exit", "FAILED", "SystemExit", "enough"),
    ("skip", "SKIPPED", "Skip", "not today"),
    ("yield skip", "SKIPPED", "Skip", "not today"),
    ("data", "SKIPPED", "DataMissing", "harness data fetch digits"),
    ("infinite", "FAILED", "InvalidOutcome", 'metric "loss" is infinite'),
    ("infinite in a curve", "FAILED", "InvalidOutcome", 'metric "curve" is infinite at 5'),
    ("nan", "FAILED", "InvalidOutcome", 'metric "loss" is NaN'),
    ("nan in a curve", "FAILED", "InvalidOutcome", 'metric "curve" is NaN at 5'),
    ("undeclared", "FAILED", "InvalidOutcome", "nearest: loss"),
    ("text", "FAILED", "InvalidOutcome", "'3', not a number"),
    ("no outcome", "FAILED", "InvalidOutcome", "None, not an Outcome"),
    ("wrong cell", "FAILED", "WrongCell", "seed 107 where that with seed 7 was due"),
    ("too few", "FAILED", "WrongCell", "seed 8 where that with seed 7 was due"),
    ("memory error", "OOM", "MemoryError", "cannot allocate"),
]


@pytest.mark.parametrize(("fault", "status", "error", "message"), FAULTS, ids=lambda each: each)
def test_a_fault_of_cell_seven_costs_cell_seven(fault, status, error, message):
    sink, _ = run_inline(plan_of((spec_of(Faulty(fault=fault, at=7), Plain()), 20)), job_cells=20)
    expected = ["OK"] * 20
    expected[7] = status
    assert sink.statuses() == expected
    text = sink.texts[7]
    assert text.error_type == error
    assert message in text.error_message
    assert set(sink.texts) == {7}
    assert 7 not in sink.measurements["cell"]


def test_an_exception_names_the_line_of_the_plugin_that_raised_it():
    sink, _ = run_inline(plan_of((spec_of(Faulty(fault="raise", at=0), Plain()), 1)))
    assert "(at faulty.py:" in sink.texts[0].error_message


def test_the_last_cell_without_an_outcome_fails_as_missing():
    sink, _ = run_inline(plan_of((spec_of(Faulty(fault="too few", at=4), Plain()), 5)))
    assert sink.statuses() == ["OK"] * 4 + ["FAILED"]
    assert "yielded no outcome" in sink.texts[4].error_message


@pytest.mark.parametrize("fault", ["too many", "raise after the last"])
def test_what_comes_after_the_last_outcome_is_a_note_and_no_cells_fault(fault):
    plan = plan_of((spec_of(Faulty(fault=fault), Plain()), 10))
    for sink, execution in (run_inline(plan, job_cells=10), run_local(plan, job_cells=10)):
        assert sink.statuses() == ["OK"] * 10
        (note,) = execution.notes
        assert note.startswith("Faulty with Plain: ")


def test_a_batch_that_raises_has_its_cells_run_one_by_one():
    task = Batch(width=8, at=11, fault="raise")
    sink, _ = run_inline(plan_of((spec_of(task, Plain()), 24)), job_cells=24)
    assert sink.statuses() == ["OK"] * 11 + ["FAILED"] + ["OK"] * 12


def test_cells_that_ran_together_share_their_time_equally():
    plan = plan_of((spec_of(Batch(width=8, seconds=0.005), Plain()), 8))
    sink, _ = run_inline(plan, job_cells=8)
    cells = sink.cells
    assert set(cells["shared"].tolist()) == {8}
    assert cells["wall_s"].sum() >= 0.04
    assert cells["wall_s"].max() < 2 * cells["wall_s"].min()


def test_cells_that_ran_one_by_one_are_charged_their_own_time():
    sink, _ = run_inline(plan_of((spec_of(Faulty(cell_s=0.01), Plain()), 4)), job_cells=4)
    cells = sink.cells
    assert cells["shared"].tolist() == [1] * 4
    assert (cells["wall_s"] >= 0.01).all()
    assert (np.diff(cells["started"]) >= 0.01).all()
    assert (cells["peak_kib"] > 1000).all()


@pytest.mark.parametrize("run", [run_inline, run_local])
def test_everything_that_an_outcome_can_hold_arrives(run):
    sink, _ = run(plan_of((spec_of(Rich(), Plain()), 3)))
    assert sink.statuses() == ["OK"] * 3, sink.texts
    mine = sink.measurements[sink.measurements["cell"] == 1]
    assert [tuple(row) for row in mine.tolist()] == [
        (1, 0, CENSORED, 0.0, 0.5),
        (1, 1, HAS_AT, 1.0, 4.0),
        (1, 1, HAS_AT, 2.0, 5.0),
        (1, 2, 0, 0.0, 0.75),
    ]
    (group,) = [each for each in sink.groups if any(item.cell == 1 for item in each.items)]
    assert [(each.item, each.value) for each in group.items if each.cell == 1] == [
        ("a", 1.0),
        ("b", 0.0),
        ("c", 1.0),
        ("d", 1.0),
    ]
    assert [each.record for each in group.records if each.cell == 1] == ["prompt\nanswer"]
    assert [(each.role, each.value, each.at) for each in group.bounds if each.cell == 1] == [
        ("exact", 0.5, 1.0),
        ("guarantee", 7.0, None),
    ]


def test_the_same_outcomes_come_inline_and_from_workers():
    plan = plan_of(
        (spec_of(Faulty(), Plain()), 30),
        (spec_of(Batch(), Plain()), 30),
        (spec_of(Faulty(fault="raise", at=3), Plain()), 5),
    )
    inline, _ = run_inline(plan)
    local, _ = run_local(plan)
    assert inline.content() == local.content()


def test_a_constructor_that_raises_fails_every_cell_with_its_message():
    sink, _ = run_inline(plan_of((spec_of(Null(), Plain(), method_at="faulty:Picky"), 4)))
    assert sink.statuses() == ["FAILED"] * 4
    assert "never satisfied" in sink.texts[0].error_message


def test_a_live_object_is_used_as_it_is():
    plan = plan_of((spec_of(Null(), Plain(), method_at="nowhere:Nothing"), 4))
    sink, _ = run_inline(plan, objects={0: (Null(), Plain())})
    assert sink.statuses() == ["OK"] * 4


def test_debugging_lets_the_exception_through_and_keeps_the_cells_before():
    plan = plan_of((spec_of(Faulty(fault="raise", at=7), Plain()), 20))
    sink = Memory()
    executor = InlineExecutor(is_debugged=True, job_cells=1)
    with pytest.raises(ArithmeticError):
        executor.run(plan, np.arange(20), sink, Control())
    assert sink.statuses() == ["OK"] * 7


def test_inline_stops_when_it_is_told_to():
    plan = plan_of((spec_of(Faulty(cell_s=0.002), Plain()), 500))
    control = Control()
    sink = Memory()
    sink.on_write = lambda: setattr(control, "stop", True)
    execution = InlineExecutor(flush_s=0.0).run(plan, np.arange(500), sink, control)
    assert execution.was_stopped
    assert 0 < len(sink.cells) < 500


def test_points_reported_before_a_crash_are_kept_with_the_checkpoint(tmp_path, cache):
    plan = plan_of((spec_of(Training(folder=str(tmp_path)), Plain()), 3))
    sink, execution = run_local(plan)
    assert sink.statuses() == ["OK"] * 3
    assert execution.restarts == 3
    points = sink.measurements[sink.measurements["metric"] == 1]
    for cell in range(3):
        mine = points[points["cell"] == cell]
        assert mine["at"].tolist() == [0, 1, 2, 3, 4]
        assert mine["value"].tolist() == [1.0 / (1 + epoch) for epoch in range(5)]
        assert (tmp_path / f"first-{cell}").read_text() == "3"
    assert list((cache / "checkpoints").iterdir()) == []


def test_curves_larger_than_a_pipe_arrive_whole():
    plan = plan_of((spec_of(Big(points=200_000), Plain()), 3))
    sink, _ = run_local(plan)
    values = sink.measurements["value"].reshape(3, 200_000)
    expected = np.arange(200_000) + np.arange(3.0)[:, None]
    np.testing.assert_array_equal(values, expected)
