"""The policy of the plugin guide, as a stranger's package, on the board beside ours."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

GUIDE = Path(__file__).parents[2] / "docs" / "plugin-guide.md"
HARNESS = Path(sys.executable).with_name("harness")
SUITE = """\
suite: stranger
description: A stranger's policy beside ours.
seed: 1
defaults: {seeds: 8}
entries:
  - task: bandits/bernoulli
    params: {arms: 5, horizon: 500}
    methods: [bandits/lucky, bandits/uniform]
claims:
  - {name: luck helps, metric: regret, better: bandits/lucky, than: bandits/uniform}
"""


def block(language, text):
    """The first code block of a language."""
    return re.search(rf"```{language}\n(.*?)```", text, re.DOTALL).group(1)


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    """A folder with what pip would install: the module, and its entry point."""
    site = tmp_path_factory.mktemp("site")
    guide = GUIDE.read_text()
    (site / "lucky.py").write_text(block("python", guide))
    info = site / "lucky_policy-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: lucky-policy\nVersion: 0.1\n")
    points = re.search(r"entry-points\.harness\]\n(.*)", block("toml", guide)).group(1)
    name, target = (part.strip().strip('"') for part in points.split("=", 1))
    (info / "entry_points.txt").write_text(f"[harness]\n{name} = {target}\n")
    return site


def harness(site, *arguments, cwd):
    return subprocess.run(
        [HARNESS, *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(site)},
    )


def test_the_guides_policy_has_at_most_twelve_lines_of_the_authors(stranger):
    lines = [line for line in (stranger / "lucky.py").read_text().splitlines() if line.strip()]
    assert len(lines) <= 12


def test_it_is_listed_and_runs_beside_ours(stranger, tmp_path):
    (tmp_path / "suite.yaml").write_text(SUITE)
    assert "bandits/lucky" in harness(stranger, "list", "methods", cwd=tmp_path).stdout
    answer = harness(stranger, "run", "suite.yaml", "--json", cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    told = json.loads(answer.stdout)
    regret = {row["label"]: row["mean"] for row in told["leaderboard"] if row["metric"] == "regret"}
    assert set(regret) == {"bandits/lucky", "bandits/uniform"}
    assert told["claims"][0]["verdict"] == "held"


def test_the_board_says_that_it_ran_as_plain_python(stranger, tmp_path):
    (tmp_path / "suite.yaml").write_text(SUITE)
    answer = harness(stranger, "run", "suite.yaml", cwd=tmp_path)
    assert "plain Python, since it does not compile: bandits/lucky" in answer.stdout
