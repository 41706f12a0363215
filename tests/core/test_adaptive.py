"""Seeds added until decided: the level over all looks, and runs that stop in balance."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from measured import Run as Measured
from measured import draws
from small_runs import small_run, suite_text

from harness.analyse.decided import Looks, judge_at, open_at, open_pairs
from harness.execute import Control, Execution
from harness.runner import Settings, run_prepared
from harness.runner.prepare import prepare
from harness.runner.waves import Waves, extended
from harness.suite.model import Difference, Reference, Seeds, Value

UNTIL = {"min": 8, "max": 256, "until": "decided"}
CLAIM = """claims:
  - {name: better, metric: loss, better: good, than: bad}
"""


def growing(least=8, most=64):
    return Seeds(values=tuple(range(least)), maximum=most, until="decided")


FIXED = Seeds(values=(0,))


def at_most(limit, **more):
    reference = Reference(kind="number", number=limit)
    return Value(name="c", metric="regret", comparison="at_most", reference=reference, **more)


def results_of(values):
    made = Measured()
    made.add("thompson", values)
    return made.results()


def share_decided(trials, seeds, *, is_planned):
    """The share of trials with a claim at its boundary that some look decides."""
    parts = np.split(draws(11, trials, seeds.maximum), trials // 40)
    return sum(decided(part, seeds, is_planned) for part in parts) / trials


def decided(values, seeds, is_planned):
    """How many of these trials, each a label of one suite, some look decides."""
    undecided = list(range(len(values)))
    for number, count in enumerate(Looks((seeds,)).schedules[0]):
        made = Measured()
        for trial in undecided:
            made.add(str(trial), values[trial, :count])
        looks = Looks((seeds if is_planned else FIXED,) * len(undecided))
        claims = [at_most(0.0, where={"label": str(trial)}) for trial in undecided]
        judged = judge_at(looks.at(number), claims, made.results())
        undecided = [
            trial
            for trial, found in zip(undecided, judged, strict=True)
            if found.verdict == "undecided"
        ]
    return len(values) - len(undecided)


@given(st.integers(1, 50), st.integers(1, 1_000))
def test_looks_are_at_most_six_from_the_least_to_the_most(least, more):
    sizes = Looks((growing(least, least + more),)).schedules[0]
    assert sizes[0] == least
    assert sizes[-1] == least + more
    assert len(sizes) <= 6
    assert list(sizes) == sorted(set(sizes))


def test_a_claim_at_its_boundary_is_decided_in_at_most_five_in_a_hundred_suites():
    share = share_decided(200, growing(), is_planned=True)
    assert share <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 200)


def test_the_same_looks_at_the_plain_level_would_decide_too_often():
    share = share_decided(200, growing(), is_planned=False)
    assert share > 0.05 + 2 * math.sqrt(0.05 * 0.95 / 200)


def test_a_large_effect_is_told_by_the_first_seeds():
    looks = Looks((growing(8, 256),))
    values = draws(3, 256) - 4
    assert judge_at(looks.at(0), [at_most(0.0)], results_of(values[:8]))[0].verdict == "held"


def test_levels_of_several_schedules_are_the_most_careful_of_them():
    one, other = growing(8, 256), growing(4, 16)
    both = Looks((one, other))
    for number in range(both.count):
        assert both.level(number, 0.95) >= Looks((one,)).level(number, 0.95)


def test_a_claim_on_groups_with_fixed_seeds_keeps_its_level():
    made = Measured()
    made.add("thompson", draws(1, 8))
    made.add("ucb1", draws(2, 8))
    looks = Looks((growing(), Seeds(values=tuple(range(8)))))
    fixed = Value(
        name="f", metric="regret", where={"label": "ucb1"}, comparison="between", low=-1, high=1
    )
    assert looks.at(0).level_of(fixed, made.results()) == 0.95
    assert looks.at(0).level_of(at_most(0.0), made.results()) > 0.98


def test_the_note_of_a_claim_tells_the_level_it_was_judged_at():
    judged = judge_at(Looks((growing(),)).at(2), [at_most(0.0)], results_of(draws(1, 18)))[0]
    assert "look 3 of 6" in judged.note
    assert "0.95 holds over all" in judged.note


def test_neighbours_whose_order_is_open_are_counted():
    made = Measured()
    noise = draws(5, 20)
    made.add("one", noise)
    made.add("two", noise + 0.01 * draws(6, 20))
    made.add("three", noise + 5 + 0.1 * draws(7, 20))
    assert open_pairs(made.results(), 0.95) == 1


@pytest.mark.parametrize(("seeds", "count"), [(29, 1), (30, 0)])
def test_methods_that_are_equal_at_thirty_seeds_are_decided(seeds, count):
    made = Measured()
    made.add("one", np.ones(seeds))
    made.add("two", np.ones(seeds))
    assert open_pairs(made.results(), 0.95) == count


def test_a_claim_and_its_pair_stay_open_until_both_are_decided():
    made = Measured()
    made.add("thompson", draws(1, 8))
    made.add("ucb1", draws(2, 8))
    claim = Difference(
        name="d", metric="regret", better={"label": "thompson"}, than={"label": "ucb1"}
    )
    left = open_at(Looks((growing(), growing())).at(0), [claim], made.results())
    assert (left.claims, left.pairs) == (1, 1)


def test_a_run_stops_when_all_is_decided_and_tells_the_seeds_saved(tmp_path):
    made = small_run(tmp_path, {"good": 0.0, "bad": 2.0}, seeds=UNTIL, tail=CLAIM)
    counts = made.cells().groupby("label").seed.nunique()
    used = int(counts["good"])
    assert used == counts["bad"] < 256
    assert made.planned == 2 * used
    saved = f"all is decided with {used} of 256 seeds, {512 - 2 * used:,} of 512 cells saved"
    assert saved in made.record.notes
    assert [row["verdict"] for row in made.claim_rows()] == ["held"]


def test_an_undecidable_pair_goes_to_the_most_seeds(tmp_path):
    seeds = {"min": 4, "max": 16, "until": "decided"}
    made = small_run(tmp_path, {"one": 0.0, "two": 1e-9}, seeds=seeds, noise=3.0)
    assert made.planned == made.cell_count == 32
    assert "not all is decided with 16 of 16 seeds" in made.record.notes


def test_a_run_that_is_stopped_between_looks_shows_no_verdict_and_goes_on(tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text(suite_text({"good": 0.0, "bad": 2.0}, seeds=UNTIL, tail=CLAIM))
    settings, control = Settings(results=tmp_path / "results", inline=True), Control()

    class StopsAtLook(_Watching):
        def notice(self, text):
            if text.startswith("look 1"):
                control.stop = True

    half = run_prepared(prepare(path), settings, watcher=StopsAtLook(), control=control)
    assert half.state == "interrupted"
    assert [row["verdict"] for row in half.claim_rows()] == ["not judged (cut)"]
    whole = run_prepared(prepare(path), settings)
    assert whole.path == half.path
    at_once = small_run(tmp_path / "other", {"good": 0.0, "bad": 2.0}, seeds=UNTIL, tail=CLAIM)
    assert whole.claim_rows() == at_once.claim_rows()


def test_a_budget_ends_in_balance_and_judges_nothing_that_is_incomplete(tmp_path):
    settings = Settings(results=tmp_path / "results", inline=True, budget_s=1e-9)
    made = small_run(
        tmp_path, {"good": 0.0, "bad": 2.0, "worse": 3.0}, seeds=64, tail=CLAIM, settings=settings
    )
    assert dict(made.cells().groupby("label").seed.nunique()) == {"good": 1, "bad": 1, "worse": 1}
    assert [row["verdict"] for row in made.claim_rows()] == ["not judged (cut)"]
    assert "the budget" in made.record.notes[0]
    more = small_run(tmp_path, {"good": 0.0, "bad": 2.0, "worse": 3.0}, seeds=64, tail=CLAIM)
    assert more.status_counts() == {"ok": 189, "reused": 3}


@pytest.mark.parametrize("budget", [3.0, 10.0, 100.0])
def test_no_wave_begins_that_would_not_fit_at_the_pace_so_far(budget, tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text(suite_text({"good": 0.0, "bad": 2.0}, seeds=64))
    plan = prepare(path).plan
    clock = _Clock()
    waves = Waves(plan, Looks(()), np.arange(len(plan)), budget, clock)
    done = []

    def execute(rows):
        clock.now += 0.1 * rows.size
        done.extend(plan.seed[rows].tolist())
        return Execution()

    waves.run(execute, lambda part, look: pytest.fail("nothing is judged"), done.append)
    assert clock.now <= budget
    assert len(set(Counter(done).values())) == 1  # every seed in both groups
    assert 2 * 0.1 * 2 * len(set(done)) > min(budget, 12.8)  # the next doubling did not fit


def test_without_adaptive_seeds_nothing_is_planned_anew(tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text(suite_text({"good": 0.0}, seeds=3))
    made = prepare(path)
    assert extended(made)[0] is made


def test_seeds_that_may_be_added_have_the_cells_of_a_fixed_suite(tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text(suite_text({"good": 0.0}, seeds=UNTIL))
    longest = extended(prepare(path))[0].plan
    path.write_text(suite_text({"good": 0.0}, seeds=256))
    assert (longest.cell_ids == prepare(path).plan.cell_ids).all()


class _Clock:
    now = 0.0

    def __call__(self):
        return self.now


class _Watching:
    def started(self, started): ...
    def wrote(self, plan, group): ...
    def tick(self, views): ...
    def notice(self, text): ...
    def finished(self): ...
