"""The suites: a claim and a control for each statement; the full one runs at the smallest scale."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

import harness
from harness.api.parameters import canonical
from harness.runner.prepare import prepare
from harness.runner.settings import Settings

pytestmark = pytest.mark.filterwarnings("ignore:.*is out of reach:UserWarning")

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
    for place, use in enumerate(entry["methods"]):
        name = next(key for key in use if key != "grid")
        last = {axis: values[-1] for axis, values in use.get("grid", {}).items()}
        methods.append({name: {**(use[name] or {}), **last, **TINY_TRAINING}, "as": f"{place}"})
    attack = {"attack_draws": 2, "attack_steps": 2} if "attack" in params else {}
    return {
        "task": "vision/digits",
        "params": {**params, **TINY_TASK, **attack, "radii": [0, 0.25]},
        "methods": methods,
    }


@pytest.mark.filterwarnings("ignore:a warm-up of")  # one epoch is all that is asked
def test_the_full_suite_runs_end_to_end_with_tiny_limits(tmp_path):
    """Every method of every entry, at the last setting of its grid."""
    small = [smallest(entry) for entry in entries()]
    for place, entry in enumerate(small):  # what stands twice in the suite differs in its set
        entry["params"]["n"] += place
        for use in entry["methods"]:
            use["as"] = f"{place}.{use['as']}"
    suite = tmp_path / "tiny.yaml"
    suite.write_text(
        yaml.safe_dump(
            {
                "suite": "tiny",
                "seed": 1,
                "hardware": {"here": {"cpus": 1, "memory": "2GiB"}},
                "defaults": {"hardware": "here", "seeds": 1, "timeout": "5min"},
                "entries": small,
            }
        )
    )
    run = harness.run(suite, settings=Settings(results=tmp_path / "results", inline=True))
    assert run.failures() == []
    assert run.cell_count == sum(len(each["methods"]) for each in entries()) == 18


@pytest.mark.parametrize("name", ["smoothadv", "smoothadv-cifar", "smoothadv-full"])
def test_boards_of_a_suite_have_titles_of_their_own(name):
    """A rule, a factor or an attack that differs is told on each board, at its default, too."""
    specs = prepare(SUITES / f"{name}.yaml").plan.specs
    settings = {spec.title: spec.task_params for spec in specs}
    assert len(settings) == len({canonical(each) for each in settings.values()})
    for title, params in settings.items():
        if name == "smoothadv-full" and title.startswith("vision/cifar10"):
            assert f" rule={params['rule']} " in title
            assert f" attack={params['attack']} " in title
        if name == "smoothadv":
            assert f" factor={params['factor']}" in title
