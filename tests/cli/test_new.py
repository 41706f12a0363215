"""Packages that ``harness new`` writes: they keep the contract, and their own tests pass."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.registry import Registry
from harness.testing import scaffold

HARNESS = Path(sys.executable).with_name("harness")


def install(folder):
    """What pip would leave of a package on the import path: its entry points."""
    project = (folder / "pyproject.toml").read_text()
    name = re.search(r'^name = "(.*)"', project, re.MULTILINE).group(1)
    points = project.partition("entry-points.harness]\n")[2].partition("\n\n")[0]
    info = folder / f"{name.replace('-', '_')}-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1\n")
    lines = points.replace('"', "").splitlines()
    (info / "entry_points.txt").write_text("\n".join(["[harness]", *lines, ""]))


def told(folder, *command):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), *sys.path[1:]])}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_new_plugin_keeps_the_contract_and_its_claims_hold(tmp_path):
    scaffold.plugin("acme", tmp_path)
    folder = tmp_path / "acme"
    install(folder)
    run = json.loads(told(folder, HARNESS, "run", "suites/acme.yaml", "--json", "--inline"))
    assert [claim["verdict"] for claim in run["claims"]] == ["held"] * 3
    assert "4 passed" in told(
        folder, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"
    )


def test_a_copy_of_a_method_is_one_of_its_own_and_keeps_the_contract(tmp_path):
    scaffold.copied("method", "acme/mine", "bandits/uniform", tmp_path, Registry())
    folder = tmp_path / "acme-mine"
    install(folder)
    assert "class Mine(Policy)" in (folder / "acme_mine.py").read_text()
    facts = json.loads(told(folder, HARNESS, "check", "acme/mine", "--seeds", "1", "--json"))
    assert {fact["verdict"] for fact in facts} == {"passed"}
    assert any(fact["subject"].startswith("acme/mine on bandits/") for fact in facts)


@pytest.mark.parametrize(
    ("name", "fault"),
    [("Acme", "lower-case"), ("class", "cannot be a name"), ("json", "another module")],
)
def test_a_name_that_serves_no_package_is_refused(tmp_path, name, fault):
    with pytest.raises(UsageError, match=fault):
        scaffold.plugin(name, tmp_path)
    assert not list(tmp_path.iterdir())


def test_nothing_is_written_over_and_nothing_unknown_copied(tmp_path):
    (tmp_path / "acme").mkdir()
    with pytest.raises(UsageError, match="is there already"):
        scaffold.plugin("acme", tmp_path)
    with pytest.raises(
        UsageError, match=r'no method is called "bandits/ucb".*nearest: bandits/ucb1'
    ):
        scaffold.copied("method", "acme/mine", "bandits/ucb", tmp_path, Registry())
    with pytest.raises(UsageError, match="is already taken"):
        scaffold.copied("method", "bandits/moss", "bandits/ucb1", tmp_path, Registry())
