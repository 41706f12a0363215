"""Artifacts: built once, before the cells that need them; a failed build is told once."""

from __future__ import annotations

import numpy as np
import pytest
from faulty import Plain, Trained
from faulty_plans import Memory, artifact_plan, run_local

from harness.execute import Control
from harness.execute.inline import InlineExecutor
from harness.random.stream import Stream


def run_inline(plan):
    sink = Memory()
    execution = InlineExecutor().run(plan, np.arange(len(plan)), sink, Control())
    return sink, execution


def lines(folder, name="builds") -> list[str]:
    file = folder / name
    return file.read_text().splitlines() if file.exists() else []


def statuses(sink) -> list[str]:
    return [done.status for done in sink.artifacts]


@pytest.fixture(params=[run_inline, run_local], ids=["inline", "local"])
def run(request):
    return request.param


def test_an_artifact_shared_by_all_seeds_is_built_once_and_its_stream_is_its_own(run, tmp_path):
    plan = artifact_plan(Trained(folder=str(tmp_path)), Plain(), 20)
    sink, _ = run(plan)
    assert sink.statuses() == ["OK"] * 20, sink.texts
    assert lines(tmp_path) == ["None False"]
    expected = Stream("artifact", 5, "model", "shared").key % 100 + 0.25
    assert set(sink.measurements["value"].tolist()) == {expected}
    assert statuses(sink) == ["ok"]
    assert sink.artifacts[0].metrics == {"final_loss": 0.25}


def test_an_artifact_of_each_seed_is_built_once_a_seed(run, tmp_path):
    plan = artifact_plan(Trained(folder=str(tmp_path), by_seed=True), Plain(), 4)
    sink, _ = run(plan)
    assert sink.statuses() == ["OK"] * 4
    assert sorted(lines(tmp_path)) == [f"{seed} False" for seed in range(4)]
    expected = [Stream("artifact", 5, "model", seed).key % 100 + 0.25 for seed in range(4)]
    assert sink.measurements["value"].tolist() == expected


def test_inputs_are_built_first_and_loaded_by_the_build(run, tmp_path):
    plan = artifact_plan(Trained(folder=str(tmp_path), parent=True), Plain(), 3)
    sink, _ = run(plan)
    assert sink.statuses() == ["OK"] * 3
    assert lines(tmp_path) == ["None False", "None True"]
    key = Stream("artifact", 5, "model", "shared").key % 100
    assert set(sink.measurements["value"].tolist()) == {2 * key + 0.25}


def test_a_second_run_finds_what_the_first_one_built(run, tmp_path):
    plan = artifact_plan(Trained(folder=str(tmp_path)), Plain(), 3)
    first, _ = run(plan)
    second, _ = run(plan)
    assert lines(tmp_path) == ["None False"]
    assert statuses(second) == ["reused"]
    assert second.artifacts[0].metrics == {"final_loss": 0.25}
    assert second.content() == first.content()


def flipped(folder):
    weights = folder / "weights"
    weights.write_text(str(1 + float(weights.read_text())))


DAMAGES = {
    "weights is no longer what was built": flipped,
    "weights is no longer what": lambda folder: (folder / "weights").write_text(""),
    "weights is gone": lambda folder: (folder / "weights").unlink(),
    "json is absent": lambda folder: folder.with_name(f"{folder.name}.json").unlink(),
    "absent or damaged": lambda folder: folder.with_name(f"{folder.name}.json").write_text("{"),
}


@pytest.mark.parametrize("told", DAMAGES)
def test_what_was_damaged_in_the_cache_is_told_kept_aside_and_built_anew(
    run, tmp_path, cache, told
):
    plan = artifact_plan(Trained(folder=str(tmp_path)), Plain(), 3)
    first, _ = run(plan)
    (folder,) = (each for each in (cache / "artifacts").iterdir() if each.is_dir())
    DAMAGES[told](folder)
    second, _ = run(plan)
    assert len(lines(tmp_path)) == 2
    assert statuses(second) == ["ok"]
    assert told in second.artifacts[0].message
    assert second.artifacts[0].message.endswith(": built anew")
    assert second.measurements["value"].tolist() == first.measurements["value"].tolist()
    assert folder.with_name(f"{folder.name}.damaged").is_dir()
    third, _ = run(plan)
    assert statuses(third) == ["reused"]


def test_a_failed_build_is_told_once_and_fails_its_cells(run, tmp_path, cache):
    plan = artifact_plan(Trained(folder=str(tmp_path), fault="raise"), Plain(), 20)
    sink, _ = run(plan)
    assert sink.statuses() == ["FAILED"] * 20
    assert statuses(sink) == ["failed"]
    assert sink.texts[3].error_message.startswith("artifact model failed: does not converge")
    assert lines(tmp_path) == ["None False"]
    assert not [each for each in (cache / "artifacts").iterdir() if each.suffix == ""]


def test_what_needs_a_failed_input_fails_without_being_built(run, tmp_path):
    task = Trained(folder=str(tmp_path), fault="raise", parent=True)
    sink, _ = run(artifact_plan(task, Plain(), 2))
    assert sink.statuses() == ["FAILED"] * 2
    assert statuses(sink) == ["failed", "failed"]
    assert lines(tmp_path) == ["None False"]


def test_a_build_without_its_data_skips_its_cells(run, tmp_path):
    sink, _ = run(artifact_plan(Trained(folder=str(tmp_path), fault="data"), Plain(), 2))
    assert sink.statuses() == ["SKIPPED"] * 2
    assert "harness data fetch digits" in sink.texts[0].error_message


def test_a_build_that_crashes_its_worker_is_tried_twice_and_then_failed(tmp_path):
    plan = artifact_plan(Trained(folder=str(tmp_path), fault="segfault"), Plain(), 4)
    sink, execution = run_local(plan)
    assert sink.statuses() == ["FAILED"] * 4
    assert statuses(sink) == ["crashed"]
    assert "signal 11" in sink.artifacts[0].message
    assert len(lines(tmp_path)) == 2
    assert execution.restarts == 2


def test_a_build_that_died_goes_on_from_its_checkpoint(tmp_path):
    plan = artifact_plan(Trained(folder=str(tmp_path), fault="crash once"), Plain(), 2)
    sink, _ = run_local(plan)
    assert sink.statuses() == ["OK"] * 2, sink.texts
    assert lines(tmp_path, "epochs") == ["0", "1", "2", "3", "4"]


def test_an_artifact_that_was_not_declared_is_refused_with_its_name(run, tmp_path):
    plan = artifact_plan(Trained(folder=str(tmp_path)), Plain(), 1)
    plan.specs[0].task_params["by_seed"] = True
    sink, _ = run(plan)
    assert sink.statuses() == ["FAILED"]
    assert "not declared in the task's artifacts()" in sink.texts[0].error_message
