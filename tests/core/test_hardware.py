"""The machine as observed, and what of a suite it can serve."""

from __future__ import annotations

from importlib import import_module
from types import SimpleNamespace

import pyarrow.parquet as pq
import pytest

from harness.errors import HardwareUnmet
from harness.hardware import observe, unmet, visible_gpus
from harness.runner import Settings, run
from harness.runner.prepare import prepare
from harness.suite.model import HardwareClass

OBSERVING = import_module("harness.hardware.observe")  # its function has its name

INFORMATION = """Model: \t\t {model}
IRQ:   \t\t 98
GPU UUID: \t {uuid}
Video BIOS: \t 96.00.5e.00.01
Bus Type: \t PCIe
"""


@pytest.fixture
def cards(tmp_path, monkeypatch):
    """Make the driver show these models; each has the UUID GPU-<number>a."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

    def show(*models: str) -> None:
        for place, model in enumerate(models):
            folder = tmp_path / "gpus" / f"0000:0{place}:00.0"
            folder.mkdir(parents=True)
            text = INFORMATION.format(model=model, uuid=f"GPU-{place}a")
            (folder / "information").write_text(text)
        monkeypatch.setattr(OBSERVING, "_DRIVER", tmp_path / "gpus")

    return show


def test_gpus_are_those_that_the_driver_shows(cards):
    cards("NVIDIA A100", "NVIDIA H100 80GB HBM3")
    assert observe().gpus == ("NVIDIA A100", "NVIDIA H100 80GB HBM3")
    assert visible_gpus() == ["0", "1"]
    assert visible_gpus(1) == ["0"]


@pytest.mark.parametrize(
    ("chosen", "models"),
    [
        ("1", ("H100",)),
        ("1,0", ("H100", "A100")),
        ("GPU-1", ("H100",)),
        ("", ()),
        ("-1", ()),
        ("7", ()),
        (" 1, 0", ("H100", "A100")),
        ("0,0", ("A100",)),
        ("1,9,0", ("H100",)),
        ("MIG-3b1f", ("MIG",)),
    ],
)
def test_gpus_are_those_that_the_user_left_visible(chosen, models, cards, monkeypatch):
    cards("A100", "H100")
    everything = observe()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", chosen)
    machine = observe()
    assert machine.gpus == models
    named = [each.strip() for each in chosen.split(",")]
    assert visible_gpus() == list(dict.fromkeys(named))[: len(models)]
    assert (machine.fingerprint == everything.fingerprint) == (machine.gpus == everything.gpus)


def test_where_the_drivers_folder_is_hidden_its_program_is_asked(tmp_path, monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(OBSERVING, "_DRIVER", tmp_path / "none")
    monkeypatch.setattr(OBSERVING, "_CONTROL", tmp_path)
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'NVIDIA H200, GPU-5'\necho 'NVIDIA H200, GPU-6'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    asked = OBSERVING._asked_driver.cache_clear  # once a process
    asked()
    assert observe().gpus == ("NVIDIA H200", "NVIDIA H200")
    assert visible_gpus() == ["0", "1"]
    program.write_text("#!/bin/sh\nexit 9\n")
    asked()
    assert observe().gpus == ()
    program.unlink()
    asked()
    assert observe().gpus == ()
    asked()


@pytest.mark.parametrize(
    ("wanted", "lacks"),
    [
        ({}, []),
        ({"gpus": 2}, []),
        ({"gpus": 3}, ["needs 3 gpus, has 2"]),
        ({"gpus": 1, "gpu_model": "h100"}, []),
        (
            {"gpus": 1, "gpu_model": "A100"},
            ['needs GPUs "A100", has NVIDIA H100, NVIDIA H100 PCIe'],
        ),
        (
            {"gpus": 1, "gpu_model": "PCIe"},
            ['needs GPUs "PCIe", has NVIDIA H100, NVIDIA H100 PCIe (CUDA_VISIBLE_DEVICES chooses)'],
        ),
        ({"cpus": 9}, ["needs 9 cpus, has 8"]),
        ({"arch": "aarch64"}, ["needs aarch64, is x86_64"]),
        ({"memory_bytes": 1 << 40}, ["needs 1024.0 GiB of memory, has 16.0 GiB"]),
    ],
)
def test_what_a_machine_lacks_is_told(wanted, lacks):
    machine = SimpleNamespace(
        cpus=8, memory_bytes=16 << 30, arch="x86_64", gpus=("NVIDIA H100", "NVIDIA H100 PCIe")
    )
    assert unmet(HardwareClass(name="any", **wanted), machine) == lacks


PLUGIN = """
import os
from dataclasses import dataclass
from pathlib import Path
from harness import Artifact, Method, Metric, Outcome, Task, hookimpl

@dataclass(frozen=True, kw_only=True)
class Built(Artifact):
    name = "onnx/built"
    seed: int | None = None
    on: str = ""
    rests: bool = False
    def device(self):
        return self.on
    def inputs(self):
        return (Built(seed=self.seed, on="cuda"),) if self.rests else ()
    def build(self, context):
        told = f"{context.device} {os.environ.get('CUDA_VISIBLE_DEVICES')}"
        (context.folder / "told").write_text(told)
    def load(self, folder):
        return (folder / "told").read_text()

@dataclass(frozen=True, kw_only=True)
class On(Method):
    device: str = "cuda"
    rests: bool = False

@dataclass(frozen=True, kw_only=True)
class Where(Task):
    accepts = On
    metrics = (Metric(name="one"),)
    def artifacts(self, method, seed):
        on = "" if method.rests else method.device
        return () if seed == 9 else (Built(seed=seed, on=on, rests=method.rests),)
    def evaluate(self, method, cells):
        for cell in cells:
            told = {}
            for artifact in self.artifacts(method, cell.seed):
                told = {"built": cell.artifact(artifact)}
            yield Outcome(cell=cell, final={"one": 1.0}, records=told)

@hookimpl
def harness_methods():
    return {"gpu/on": "gpu_plugin:On"}

@hookimpl
def harness_tasks():
    return {"gpu/where": "gpu_plugin:Where"}
"""

SUITE = """suite: gpus
plugins: [{folder}/gpu_plugin.py]
hardware: {{any: {{cpus: 1}}, card: {{cpus: 1, gpus: 1}}}}
defaults: {{hardware: any, seeds: [0, 9]}}
entries:
  - task: gpu/where
    methods:
      - {{gpu/on: {{device: cpu}}, as: cpu}}
      - {{gpu/on: {{device: cuda}}, as: cuda}}
      - {{gpu/on: {{rests: true}}, as: rests}}
"""
ON_CARD = "  - {task: gpu/where, methods: [{gpu/on: {}, as: card}], hardware: card}\n"


@pytest.fixture
def suite(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    (tmp_path / "gpu_plugin.py").write_text(PLUGIN)

    def write(more=""):
        path = tmp_path / "gpus.yaml"
        path.write_text(SUITE.format(folder=tmp_path) + more)
        return path

    return write


def cells_of(ended):
    cells = pq.read_table(ended.path / "cells.parquet").to_pandas()
    return {(each.label, each.seed): each for each in cells.itertuples()}


def test_artifacts_of_a_gpu_are_refused_before_the_run_where_there_is_none(suite, tmp_path, cards):
    with pytest.raises(HardwareUnmet) as refused:
        run(suite(), settings=Settings(results=tmp_path / "results"))
    told = "artifact onnx/built: needs 1 gpu to be built, has 0, and is not in the cache"
    assert str(refused.value).count(told) == 1
    assert not (tmp_path / "results").exists()


def test_their_cells_alone_are_left_out(suite, tmp_path, cards):
    ended = run(suite(ON_CARD), settings=Settings(results=tmp_path / "results", skip_unmet=True))
    cells = cells_of(ended)
    skipped = {key for key, cell in cells.items() if cell.status == "skipped"}
    assert skipped == {("cuda", 0), ("rests", 0), ("card", 0), ("card", 9)}
    assert {cell.status for key, cell in cells.items() if key not in skipped} == {"ok"}
    assert "needs 1 gpu to be built" in cells["rests", 0].error_message
    assert cells["card", 9].error_message == "hardware: needs 1 gpu, has 0"


def test_a_machine_with_a_gpu_builds_them_and_one_without_takes_them_from_the_cache(
    suite, tmp_path, cards, monkeypatch
):
    cards("H100")
    plan = prepare(suite(ON_CARD)).plan
    assert [spec.gpus for spec in plan.specs] == [0, 0, 0, 1]
    assert sorted(each.gpus for each in plan.artifacts) == [0, 0, 1]
    ended = run(suite(ON_CARD), settings=Settings(results=tmp_path / "there"))
    assert {cell.status for cell in cells_of(ended).values()} == {"ok"}
    records = pq.read_table(ended.path / "records.parquet").to_pandas()
    assert sorted(set(records.record)) == ["cpu ", "cuda 0"]

    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert observe().gpus == ()
    again = run(suite(ON_CARD), settings=Settings(results=tmp_path / "there"))  # all is measured
    assert {cell.status for cell in cells_of(again).values()} == {"reused"}
    ended = run(suite(), settings=Settings(results=tmp_path / "here"))
    assert {cell.status for cell in cells_of(ended).values()} == {"ok"}


def test_a_dry_run_says_which_cells_cannot_run_here(suite, tmp_path, cards, capsys):
    from harness.cli.plan import print_plan

    code = print_plan(prepare(suite(ON_CARD)), Settings(results=tmp_path), brief=False)
    told = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert code == 4
    assert "cpu 2 seeds 2 to run" in told
    assert "cuda 2 seeds 1 to run · 1 cannot run here" in told
    assert "card 2 seeds 2 cannot run here" in told
    assert "card: needs 1 gpu, has 0" in told
