"""The Python API of what the commands do: run, load, evaluate."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from commands import Folder

import harness
from harness.errors import ExitCode, SuiteError, UsageError
from harness.runner import Settings

SUITE = """suite: toy
seed: 11
defaults: {seeds: 5}
entries:
  - task: bandits/bernoulli
    params: {arms: 3, horizon: 50}
    methods: [bandits/uniform, {bandits/epsilon-greedy: {epsilon: 0.2}, as: greedy}]
claims:
  - name: uniform play is worse
    metric: regret
    better: greedy
    than: bandits/uniform
"""


@pytest.fixture(autouse=True)
def plain_python(monkeypatch, tmp_path):
    monkeypatch.setenv("HARNESS_JIT", "0")
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def finished(tmp_path):
    folder = Folder.at(tmp_path, SUITE)
    settings = Settings(results=tmp_path / "results", inline=True)
    return harness.run(folder.path / "toy.yaml", settings=settings)


def test_a_run_gives_frames(finished, tmp_path):
    assert isinstance(finished, harness.Run)
    assert (finished.state, finished.suite) == ("finished", "toy")
    cells, board, claims = finished.cells(), finished.leaderboard(), finished.claims()
    assert all(isinstance(each, pd.DataFrame) for each in (cells, board, claims))
    assert cells["status"].tolist() == ["ok"] * 10
    regret = board[board["metric"] == "regret"].set_index("label")["mean"].to_dict()
    finals = finished.measurements()
    finals = finals[finals["at"].isna() & (finals["metric"] == "regret")]
    of_label = finals.merge(cells, on="cell_id").groupby("label", observed=True)["value"].mean()
    assert of_label.to_dict() == pytest.approx(regret)
    assert claims["name"].tolist() == ["uniform play is worse"]
    assert finished.exit_code() in (ExitCode.OK, ExitCode.VERDICT)


def test_a_run_can_be_loaded_by_its_suite_its_id_its_folder_and_as_the_latest(finished, tmp_path):
    results = tmp_path / "results"
    for name in (None, "toy", finished.run_id, finished.path, str(finished.path)):
        loaded = harness.load(name, results=results)
        pd.testing.assert_frame_equal(loaded.leaderboard(), finished.leaderboard())
    with pytest.raises(UsageError, match="nearest: toy"):
        harness.load("tyo", results=results)
    with pytest.raises(UsageError, match="no runs in"):
        harness.load(results=tmp_path / "nowhere")


def test_objects_are_evaluated_as_a_suite_evaluates_them(finished):
    from harness_bandits.bernoulli import Bernoulli
    from harness_bandits.epsilon_greedy import EpsilonGreedy
    from harness_bandits.uniform import Uniform

    frame = harness.evaluate(
        Bernoulli(arms=3, horizon=50),
        {"bandits/uniform": Uniform(), "greedy": EpsilonGreedy(epsilon=0.2)},
        seeds=5,
        suite_seed=11,
    )
    finals = finished.measurements()
    finals = finals[finals["at"].isna()].merge(finished.cells(), on="cell_id")
    for metric in ("regret", "best_arm_share"):
        mine = frame.set_index(["label", "seed"])[metric]
        chosen = finals[finals["metric"] == metric]
        if chosen.empty:
            continue
        theirs = chosen.set_index(["label", "seed"])["value"]
        np.testing.assert_array_equal(mine.sort_index(), theirs.sort_index())
    other = harness.evaluate(Bernoulli(arms=3, horizon=50), [Uniform()], seeds=5, suite_seed=12)
    same = frame[frame["label"] == "bandits/uniform"]["regret"].to_numpy()
    assert (other["regret"].to_numpy() != same).any()


def test_faults_are_raised_as_errors_that_tell_all(tmp_path):
    folder = Folder.at(tmp_path, SUITE.replace("horizon: 50", "horizon: -1, arm: 3"))
    with pytest.raises(SuiteError) as caught:
        harness.run(folder.path / "toy.yaml")
    assert len(caught.value.faults) == 2
    assert caught.value.exit_code == 2
