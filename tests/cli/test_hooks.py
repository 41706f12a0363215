"""Hooks of an installed package: figures that it publishes, columns that it asks for, settings."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from commands import HEAD, Folder, settled

PACKAGE = """
from harness import hookimpl
from harness.execute.inline import InlineExecutor


@hookimpl
def harness_published():
    figure = {"task": "trouble/one", "label": "paper", "metric": "loss", "source": "Acme 2020"}
    return [figure | {"value": 12.5}, figure | {"task": "acme/absent", "value": 1}]


@hookimpl
def harness_leaderboard_columns():
    return {"from where": "source", "how many": "n"}


@hookimpl
def harness_executors():
    return {"acme/backwards": "acme_hooks:Backwards", "acme/odd": "acme_hooks:Odd"}


class Backwards(InlineExecutor):
    def run(self, plan, rows, sink, control):
        print("backwards")
        return super().run(plan, rows[::-1], sink, control)


class Odd:
    def __init__(self, queue):
        pass


@hookimpl
def harness_configure(settings):
    print("workers:", settings["workers"])
"""
SUITE = f"{HEAD}entries: [{{task: trouble/one, methods: [trouble/plain]}}]\n"


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder in which a package with hooks is found, and a run made there."""
    folder = Folder.at(tmp_path_factory.mktemp("hooks"), SUITE)
    folder.write("acme_hooks.py", PACKAGE)
    info = folder.path / "acme_hooks-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-hooks\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text("[harness]\nacme = acme_hooks\n")
    folder.env["PYTHONPATH"] = f"{folder.path}:{folder._options['env']['PYTHONPATH']}"
    return folder, folder.run("run", "toy.yaml", "--workers", "2")


def test_figures_of_a_package_stand_beside_ours_and_stay_with_the_run(installed):
    folder, done = installed
    assert "paper (published)" in settled(done, 0)
    (record,) = folder.path.glob("results/toy/*/run.json")
    (figure,) = json.loads(record.read_text())["published"]
    assert (figure["plugin"], figure["value"]) == ("acme", 12.5)
    assert "cells agree" in settled(folder.run("audit", "toy", "--plugin", "trouble.py"), 0)


def test_a_package_hears_the_settings_of_a_run(installed):
    _, done = installed
    assert done.stderr.count("workers: 2") == 1


def test_columns_of_a_package_are_on_the_board(installed):
    folder, _ = installed
    for form in ("table", "md"):
        printed = settled(folder.run("leaderboard", "toy", "--format", form), 0)
        assert "from where" in printed
        assert "how many" in printed
        assert "Acme 2020" in printed


def test_a_column_that_there_is_none_of_is_refused_with_the_packages_name(installed):
    folder, _ = installed
    before = (folder.path / "acme_hooks.py").read_text()
    folder.write("acme_hooks.py", before.replace('"how many": "n"', '"how many": "sauce"'))
    try:
        printed = settled(folder.run("leaderboard", "toy"), 2)
    finally:
        folder.write("acme_hooks.py", before)
    assert 'plugin "acme": leaderboard.parquet has no column "sauce"; nearest: source' in printed


def test_a_run_on_a_packages_executor_measures_the_same(installed):
    folder, _ = installed
    for place, how in (("own", []), ("theirs", ["--executor", "acme/backwards"])):
        done = folder.run("run", "toy.yaml", "--results", place, "--fresh", *how)
        settled(done, 0)
        assert ("backwards" in done.stdout + done.stderr) == bool(how)
    own, theirs = (
        pd.read_parquet(next(folder.path.glob(f"{place}/toy/*/measurements.parquet")))
        for place in ("own", "theirs")
    )
    assert sorted(own["value"]) == sorted(theirs["value"])
    assert len(own) == len(theirs) > 0


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("acme/backward", 'there is no executor "acme/backward"; nearest: acme/backwards'),
        ("acme/odd", 'executor "acme/odd" cannot be made: TypeError'),
    ],
)
def test_an_executor_that_cannot_be_had_is_told(installed, name, told):
    folder, _ = installed
    assert told in settled(folder.run("run", "toy.yaml", "--executor", name), 2)


def test_two_ways_to_run_are_refused(installed):
    folder, _ = installed
    done = folder.run("run", "toy.yaml", "--executor", "acme/backwards", "--inline")
    assert "are two ways to run" in settled(done, 2)
