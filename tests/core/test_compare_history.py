"""Change-points in a series of runs."""

import numpy as np
import pytest
from compared import TASK, noisy, run_of, side
from scipy import stats

from harness.analyse.history import history
from harness.errors import UsageError


def runs(means, seeds=20, spread=0.2):
    base = noisy(1, seeds)
    return [
        side(run_of({"a": base + mean + noisy(2 + n, seeds, 0.0, spread)}), f"run{n}")
        for n, mean in enumerate(means)
    ]


def changes_of(series):
    return [place for place, each in enumerate(series.moments) if each.is_change]


def test_a_step_is_marked_where_it_happened():
    (series,) = history(runs([0, 0, 0, 2, 2]), TASK, "a", "regret")
    assert changes_of(series) == [3]
    assert series.moments[3].change == pytest.approx(0.2, abs=0.03)
    assert series.has_drifted


def test_without_a_change_nothing_is_marked():
    (series,) = history(runs([0] * 6), TASK, "a", "regret")
    assert changes_of(series) == []
    assert not series.has_drifted


def test_a_drift_of_steps_too_small_to_see_is_told():
    (series,) = history(runs(np.linspace(0, 0.8, 9), spread=0.5), TASK, "a", "regret")
    assert changes_of(series) == []
    assert series.has_drifted
    assert series.drift == pytest.approx(0.08, abs=0.05)


def test_steps_of_the_same_code_and_numbers_are_not_tested():
    values = {"a": noisy(1, 20)}
    sides = [side(run_of(values), f"run{n}", code=b"same") for n in range(4)]
    (series,) = history(sides, TASK, "a", "regret")
    assert series.tests == 0
    assert all(each.is_same_code for each in series.moments[1:])


def test_runs_without_a_seed_in_common_are_compared_unpaired():
    first = side(run_of({"a": noisy(1, 20)}, seeds=range(20)), "x")
    second = side(run_of({"a": noisy(2, 20, 13.0)}, seeds=range(20, 40)), "y")
    (series,) = history([first, second], TASK, "a", "regret")
    expected = stats.ttest_ind(noisy(1, 20), noisy(2, 20, 13.0), equal_var=False).pvalue
    assert series.moments[1].p == pytest.approx(expected, rel=100)  # relative, not absolute
    assert changes_of(series) == [1]


def test_false_change_points_are_rare_over_a_whole_series():
    marked = sum(
        bool(changes_of(history(runs_of_noise(repeat), TASK, "a", "regret")[0]))
        for repeat in range(25)
    )
    assert marked <= stats.binom.isf(1e-6, 25, 0.05)


def runs_of_noise(repeat):
    return [side(run_of({"a": noisy(100 * repeat + n, 8)}), f"run{n}") for n in range(4)]


def test_each_setting_of_the_task_is_a_series():
    made = run_of({"a": noisy(1, 9)})
    made.add("a", noisy(2, 9), task_params={"arms": 2})
    found = history([side(made, "x")], TASK, "bandits/a", "regret")
    assert [each.title for each in found] == [f"{TASK} arms=10", f"{TASK} arms=2"]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (("bandits/bernouli", "a", "regret"), "nearest: bandits/bernoulli"),
        ((TASK, "b", "regret"), 'no run has the method "b"'),
        ((TASK, "a", "regrets"), "nearest: regret"),
    ],
)
def test_what_no_run_has_is_refused_with_what_there_is(asked, told):
    with pytest.raises(UsageError, match=told):
        history(runs([0, 0]), *asked)
