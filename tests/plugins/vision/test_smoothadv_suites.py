"""The suites: a claim and a control for each statement; the full one runs at the smallest scale."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest
import yaml

import harness
from harness.runner.settings import Settings

SUITES = Path(__file__).parents[3] / "suites"
TINY_TASK = {"limit": 2, "n": 200, "predict_draws": 100, "train_images": 32}
TINY_TRAINING = {"epochs": 1, "batch": 32, "backbone": "small-cnn", "on_collapse": "keep"}


def read(name):
    return yaml.safe_load((SUITES / name).read_text())


def entries():
    return read("smoothadv-full.yaml")["entries"]


@pytest.mark.parametrize("statement", [f"6b.{i}" for i in range(1, 7)])
def test_each_statement_is_claimed_and_has_a_control_that_must_fail(statement):
    claims = [each for each in read("smoothadv.yaml")["claims"] if statement in each["name"]]
    expected = [each.get("expect", "held") for each in claims]
    assert set(expected) == {"held", "failed"}
    assert all("control" in each["name"] for each in claims if each.get("expect") == "failed")


def test_the_claims_are_judged_on_seeds_that_chose_nothing():
    assert min(read("smoothadv.yaml")["defaults"]["seeds"]) >= 100
    assert len(read("smoothadv.yaml")["defaults"]["seeds"]) >= 5


def smallest(entry):
    """The entry on digits with a few images, and the last of each grid."""
    params = {key: value for key, value in entry["params"].items() if key != "batch"}
    methods = []
    for use in entry["methods"]:
        name = next(key for key in use if key != "grid")
        grid = use.get("grid", {})
        last = list(product(*grid.values()))[-1]
        methods.append(
            {name: {**(use[name] or {}), **dict(zip(grid, last, strict=True)), **TINY_TRAINING}}
        )
    attack = {"attack_draws": 2, "attack_steps": 2} if "attack" in params else {}
    return {
        "task": "vision/digits",
        "params": {**params, **TINY_TASK, **attack, "radii": [0, 0.25]},
        "methods": methods,
    }


@pytest.mark.filterwarnings("ignore:.*is out of reach:UserWarning")
def test_the_full_suite_runs_end_to_end_with_tiny_limits(tmp_path):
    kinds, chosen = set(), []
    for entry in map(smallest, entries()):
        key = (entry["params"]["rule"], entry["params"].get("attack"))
        new = [use for use in entry["methods"] if (key, *use, "hidden" in str(use)) not in kinds]
        kinds |= {(key, *use, "hidden" in str(use)) for use in new}
        if new:
            chosen.append({**entry, "methods": new})
    suite = tmp_path / "tiny.yaml"
    suite.write_text(
        yaml.safe_dump(
            {
                "suite": "tiny",
                "seed": 1,
                "hardware": {"here": {"cpus": 1, "memory": "2GiB"}},
                "defaults": {"hardware": "here", "seeds": 1, "timeout": "5min"},
                "entries": chosen,
            }
        )
    )
    run = harness.run(suite, settings=Settings(results=tmp_path / "results", inline=True))
    assert run.failures() == []
    assert run.cell_count == sum(len(each["methods"]) for each in chosen)
    methods = {name for each in chosen for use in each["methods"] for name in use}
    assert methods == {name for each in entries() for use in each["methods"] for name in use} - {
        "grid"
    }
