"""The suites: a claim and a control for each statement; the full one runs at the smallest scale."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import harness
from harness.runner import Settings

SUITES = Path(__file__).parents[3] / "suites"
CHAINS = {"chains": 4, "steps": 24, "burn": 4, "draws": 8}
TINY = {
    "sampling/volume": {"chains": 4, "burn": 0, "length": 0.02},
    "sampling/growth-box": {},
    "sampling/growth-ball": {"chains": 200, "most_steps": 2000},
    "sampling/logistic": {"chains": 2, "burn": 2, "steps": 20, "every": 5},
}


def read(name):
    return yaml.safe_load((SUITES / name).read_text())


def entries():
    return read("projected-langevin-full.yaml")["entries"]


@pytest.mark.parametrize("statement", ["7.1", "7.2", "7.3", "7.4", "7.5"])
def test_each_statement_is_claimed_and_has_a_claim_that_must_fail(statement):
    claims = [
        each for each in read("projected-langevin.yaml")["claims"] if statement in each["name"]
    ]
    assert {each.get("expect", "held") for each in claims} == {"held", "failed"}


def smallest(entry):
    """The entry with few steps, the smallest number of each grid, and the data that are here."""
    params = {**entry.get("params", {}), **TINY.get(entry["task"], CHAINS)}
    params.pop("burn_time", None)
    grid = {name: numbers(values) for name, values in entry.get("grid", {}).items()}
    if "data" in grid and not os.environ.get("HARNESS_DATA"):
        grid["data"] = ["breast-cancer"]
    methods = []
    for use in entry["methods"]:
        own = {key: value for key, value in use.items() if key not in ("seeds", "grid")}
        varied = {name: numbers(values) for name, values in use.get("grid", {}).items()}
        methods.append({**own, "grid": varied} if varied else own)
    tiny = {"task": entry["task"], "params": params, "methods": methods}
    return {**tiny, "grid": grid} if grid else tiny


def numbers(values):
    """The smallest number, or all of what is none."""
    return [min(values)] if all(isinstance(each, (int, float)) for each in values) else values


def test_the_full_suite_runs_end_to_end_with_tiny_limits(tmp_path, monkeypatch):
    # As plain Python: to compile two dozen kernels takes minutes, to run them so 10 s.
    monkeypatch.setenv("HARNESS_JIT", "0")
    suite = tmp_path / "tiny.yaml"
    whole = {
        "suite": "tiny",
        "seed": 1,
        "hardware": {"here": {"cpus": 1, "memory": "2GiB"}},
        "defaults": {"hardware": "here", "seeds": 1, "timeout": "5min"},
        "entries": [smallest(each) for each in entries()],
    }
    suite.write_text(yaml.safe_dump(whole))
    run = harness.run(suite, settings=Settings(results=tmp_path / "results", inline=True))
    assert run.failures() == []
    shown = {(row["task"], row["label"]) for row in run.leaderboard_rows() if row["mean"]}
    assert {task for task, _ in shown} == {each["task"] for each in entries()}
    named = {use["as"] for each in entries() for use in each["methods"] if "as" in use}
    assert named <= {label for _, label in shown}


@pytest.mark.parametrize("name", ["projected-langevin.yaml", "projected-langevin-full.yaml"])
def test_the_suite_is_read_without_a_fault(name):
    command = [Path(sys.executable).with_name("harness"), "run", SUITES / name, "--check"]
    told = subprocess.run(command, capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
