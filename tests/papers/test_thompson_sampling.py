"""Bubeck & Liu 2013 through the whole harness: claims hold, and wrong programs break them."""

from pathlib import Path

import pytest

import harness
from harness.runner import Settings

CONTROLS = Path(__file__).parents[1] / "controls" / "wrong_bandits.py"

SUITE = """\
suite: thompson-small
description: The statements of the paper at a tenth of their size, and what must break them.
seed: 2013
plugins: [{controls}]
defaults: {{seeds: 100}}
entries:
  - task: bandits/bernoulli
    params: {{arms: 10, horizon: 3000}}
    methods:
      - bandits/thompson: {{prior: task}}
        as: thompson
      - bandits/ucb1
  - task: bandits/bernoulli
    params: {{arms: 10, horizon: 3000, prior: two-point}}
    methods:
      - bandits/uniform
      - bandits/thompson
      - controls/pessimist
  - task: bandits/lower-bound-prior
    params: {{arms: 10, horizon: 1000}}
    methods:
      - bandits/thompson: {{prior: task}}
        as: thompson
      - bandits/moss
  - task: controls/leaky-prior
    params: {{arms: 10, horizon: 1000}}
    methods: [controls/first-arm]
claims:
  - {{name: 9.1 prior-free bound, metric: regret_over_guarantee_rate, at_most: 1,
     where: {{task: bandits/bernoulli, label: [thompson, bandits/thompson]}}}}
  - {{name: 9.1 control uniform, metric: regret_over_guarantee_rate, at_most: 1,
     where: {{label: bandits/uniform}}, expect: failed}}
  - {{name: 9.1 control wrong sign, metric: regret_over_guarantee_rate, at_most: 1,
     where: {{label: controls/pessimist}}, expect: failed}}
  - {{name: 9.2 lower bound, metric: regret, at_least: lower_bound,
     where: {{task: bandits/lower-bound-prior}}}}
  - {{name: 9.2 control told the answer, metric: regret, at_least: lower_bound,
     where: {{task: controls/leaky-prior}}, expect: failed}}
  - {{name: 9.6 below UCB1, metric: regret, better: thompson, than: bandits/ucb1,
     where: {{task: bandits/bernoulli}}}}
  - {{name: 9.6 control sides swapped, metric: regret, better: bandits/ucb1, than: thompson,
     where: {{task: bandits/bernoulli}}, expect: failed}}
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("thompson")
    path = folder / "thompson-small.yaml"
    path.write_text(SUITE.format(controls=CONTROLS))
    return harness.run(path, settings=Settings(results=folder / "results"))


def names(run):
    return {row["name"]: row for row in run.claim_rows()}


@pytest.mark.parametrize(
    "claim",
    ["9.1 prior-free bound", "9.2 lower bound", "9.6 below UCB1"],
)
def test_a_statement_of_the_paper_holds(run, claim):
    assert names(run)[claim]["verdict"] == "held"


@pytest.mark.parametrize(
    "claim",
    [
        "9.1 control uniform",
        "9.1 control wrong sign",
        "9.2 control told the answer",
        "9.6 control sides swapped",
    ],
)
def test_a_wrong_program_breaks_it(run, claim):
    assert names(run)[claim]["verdict"] == "failed"


def test_no_cell_failed(run):
    assert run.failed_count == 0
    assert run.exit_code(strict=True) == 0


def test_uniform_play_costs_nine_tenths_a_round_on_one_good_arm_of_ten(run):
    board = run.leaderboard()
    row = board[(board.label == "bandits/uniform") & (board.metric == "regret")].iloc[0]
    # Closed form n (1 − 1/K); a round costs 1 with probability 0.9. False alarm: 3e-7.
    standard_error = (3000 * 0.9 * 0.1 / 100) ** 0.5
    assert abs(row["mean"] - 0.9 * 3000) < 5.1 * standard_error


@pytest.mark.slow
def test_the_published_suite_comes_out_as_expected(tmp_path):
    path = Path(__file__).parents[2] / "suites" / "thompson-sampling.yaml"
    run = harness.run(path, settings=Settings(results=tmp_path))
    unexpected = [row for row in run.claim_rows() if row["verdict"] != row["expect"]]
    assert unexpected == []
