"""GPUs are given to workers for life: each cell sees its own, and none is seen by two at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest
from faulty import Plain, Trained
from faulty_plans import artifact_plan, plan_of, run_local, spec_of
from gpu_tasks import Seeing

PLAIN = Plain()


def seen(folder: Path) -> list[dict]:
    return [json.loads(path.read_text()) for path in sorted(folder.iterdir())]


def run_on(names: str, plan, monkeypatch, **options):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", names)
    return run_local(plan, cpus=8, **{"workers": 4, "job_cells": 1} | options)


def overlapping(cells: list[dict]) -> Iterator[set[str]]:
    """GPUs that two cells at one time have in common."""
    for one, other in combinations(cells, 2):
        if one["start"] < other["end"] and other["start"] < one["end"]:
            yield set(one["gpus"]) & set(other["gpus"])


@pytest.mark.parametrize("each", [1, 2])
def test_cells_have_as_many_gpus_as_declared_and_share_none(each, tmp_path, monkeypatch):
    task = Seeing(folder=str(tmp_path / "seen"), seconds=0.05)
    Path(task.folder).mkdir()
    plan = plan_of((spec_of(task, PLAIN, device="cuda", gpus=each), 12))
    sink, _ = run_on("3,5,7,GPU-0af", plan, monkeypatch)
    cells = seen(Path(task.folder))
    assert sink.statuses() == ["OK"] * 12
    assert {len(cell["gpus"]) for cell in cells} == {each}
    assert {gpu for cell in cells for gpu in cell["gpus"]} <= {"3", "5", "7", "GPU-0af"}
    shared = list(overlapping(cells))
    assert shared  # workers were at work side by side
    assert not any(shared)


def test_cells_without_gpus_see_none_and_run_beside_those_with_one(tmp_path, monkeypatch):
    folders = [tmp_path / "with", tmp_path / "without"]
    for folder in folders:
        folder.mkdir()
    on, off = (Seeing(folder=str(folder), seconds=0.02) for folder in folders)
    plan = plan_of(
        (spec_of(on, PLAIN, device="cuda", gpus=1), 6),
        (spec_of(off, PLAIN), 6),
    )
    sink, _ = run_on("4", plan, monkeypatch)
    assert sink.statuses() == ["OK"] * 12
    assert {tuple(cell["gpus"]) for cell in seen(folders[0])} == {("4",)}
    assert {tuple(cell["gpus"]) for cell in seen(folders[1])} == {()}


def test_a_gpu_of_a_worker_that_died_is_given_to_the_next(tmp_path, monkeypatch):
    task = Seeing(folder=str(tmp_path / "seen"), crash=3)
    Path(task.folder).mkdir()
    plan = plan_of((spec_of(task, PLAIN, device="cuda", gpus=1), 8))
    sink, _ = run_on("6", plan, monkeypatch)
    assert sink.statuses() == ["OK"] * 3 + ["CRASHED"] + ["OK"] * 4
    assert {tuple(cell["gpus"]) for cell in seen(Path(task.folder))} == {("6",)}


def test_what_wants_more_gpus_than_there_are_is_run_and_says_so_itself(tmp_path, monkeypatch):
    task = Seeing(folder=str(tmp_path / "seen"))
    Path(task.folder).mkdir()
    plan = plan_of((spec_of(task, PLAIN, device="cuda", gpus=8), 2))
    sink, _ = run_on("", plan, monkeypatch)
    assert sink.statuses() == ["OK"] * 2  # never waits for ever
    assert {tuple(cell["gpus"]) for cell in seen(Path(task.folder))} == {()}


def test_an_artifact_of_a_gpu_is_built_on_one_for_cells_that_have_none(tmp_path, monkeypatch):
    plan = artifact_plan(Trained(folder=str(tmp_path), fault="visible"), PLAIN, 3)
    plan.artifacts = tuple(replace(each, device="cuda", gpus=1) for each in plan.artifacts)
    sink, _ = run_on("2", plan, monkeypatch)
    assert sink.statuses() == ["OK"] * 3
    assert (tmp_path / "visible").read_text() == "2 cuda"
