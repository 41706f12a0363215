"""Random plans on random shares of a machine: every cell ends, each once, and no GPU is shared.

What stands still here stood still for a user: workers of several kinds (cores, GPUs, memory,
alone), artifacts between them, crashes and kills at any moment.
"""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from contextlib import suppress
from dataclasses import replace

import pytest
from faulty import Faulty, Plain, Trained
from faulty_plans import artifact_plan, plan_of, run_local, spec_of

from harness.execute import Control
from harness.execute.system import children

FAULTS = ("none", "none", "none", "raise", "segfault", "exit", "skip", "crash once")
ENDS_S = 60.0
MIB = 1 << 20


def random_plan(draw: random.Random, folder):
    """Up to six specs of up to nine cells; some need artifacts, built on other hardware."""
    entries, artifacts = [], {}
    for _ in range(draw.randint(1, 6)):
        hardware = {
            "cpus": draw.choice([1, 1, 2, 3]),
            "gpus": draw.choice([0, 0, 1, 2]),
            "exclusive": draw.random() < 0.15,
            "memory_bytes": draw.choice([None, None, 300 * MIB, 3000 * MIB]),
        }
        cells = draw.randint(1, 9)
        if draw.random() < 0.4:
            fault = draw.choice(["none", "none", "raise", "crash once"])
            by_seed, parent = draw.random() < 0.5, draw.random() < 0.5
            task = Trained(folder=str(folder), fault=fault, by_seed=by_seed, parent=parent)
            part = artifact_plan(task, Plain(), cells, **hardware)
            spec = part.specs[0]
            for each in part.artifacts:
                built = {"cpus": draw.choice([1, 2]), "gpus": draw.choice([0, 0, 1])}
                artifacts.setdefault(each.artifact_id, replace(each, **built))
        else:
            pace = draw.choice([0.0, 0.0, 0.002])
            at = draw.randrange(cells)
            task = Faulty(fault=draw.choice(FAULTS), at=at, cell_s=pace, folder=str(folder))
            spec = spec_of(task, Plain(), **hardware)
        entries.append((spec, cells))
    return plan_of(*entries, artifacts=artifacts.values())


def killer(draw: random.Random, ended: threading.Event) -> None:
    """Kills workers of this process, and its guardian a few times."""
    guardians_left = 5
    while not ended.wait(draw.uniform(0.05, 0.5)):
        for guardian in children(os.getpid()):
            victims = children(guardian)
            if guardians_left and draw.random() < 0.2:
                guardians_left -= 1
                victims = [guardian]
            with suppress(OSError, IndexError):  # it ended this moment, or there is none
                os.kill(draw.choice(victims), signal.SIGKILL)


def run_random(seed: int, folder, *, is_killed: bool):
    draw = random.Random(seed)
    plan = random_plan(draw, folder)
    workers, control, ended = draw.randint(1, 4), Control(), threading.Event()
    options = {
        "cpus": draw.randint(1, 4),
        "job_cells": draw.choice([None, 1, 3]),
        "memory_bytes": draw.choice([400 * MIB, 4000 * MIB]),
    }
    late = threading.Timer(ENDS_S, lambda: setattr(control, "stop", True))
    late.start()
    if is_killed:
        threading.Thread(target=killer, args=(draw, ended), daemon=True).start()
    try:
        sink, execution = run_local(plan, workers=workers, control=control, **options)
    finally:
        ended.set()
        late.cancel()
    assert not execution.was_stopped, f"plan {seed} stood still with {workers} workers, {options}"
    assert sorted(sink.cells["cell"].tolist()) == list(range(len(plan)))
    return plan, sink


@pytest.mark.parametrize("first", range(0, 12, 6))
def test_a_random_plan_ends_and_every_cell_has_one_row(first, tmp_path, monkeypatch):
    for seed in range(first, first + 6):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", ("", "0", "3,4", "1,2,5")[seed % 4])
        monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / f"cache{seed}"))
        run_random(seed, tmp_path, is_killed=False)


def test_it_ends_whoever_is_killed_meanwhile(tmp_path, monkeypatch):
    for seed in range(100, 108):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", ("", "0", "3,4", "1,2,5")[seed % 4])
        monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / f"cache{seed}"))
        run_random(seed, tmp_path, is_killed=True)


@pytest.mark.slow
def test_hundreds_of_random_plans_end(tmp_path, monkeypatch):
    until = time.monotonic() + 600.0
    seed = 1000
    while time.monotonic() < until:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", ("", "0", "3,4", "1,2,5")[seed % 4])
        monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / f"cache{seed}"))
        run_random(seed, tmp_path, is_killed=seed % 3 == 0)
        seed += 1
