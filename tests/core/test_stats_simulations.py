"""How often verdicts are false, by simulation: what the intervals promise, and where they don't.

Each bound is the promise plus five standard errors of the simulation (a false alarm once in
three million), and each check stands beside one that shows it can fail.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from harness.stats import (
    agrees_with,
    at_most,
    combine,
    difference,
    equals,
    holm,
    rank_intervals,
    samples,
    share_of,
    spread,
    trend,
)


def allowed(rate, trials, errors=5.0):
    return rate + errors * math.sqrt(rate * (1 - rate) / trials)


def covered(columns, truth, level=0.95):
    intervals = [found.interval(level) for found in samples(columns)]
    return np.mean([low <= truth <= high for low, high, _ in intervals])


@pytest.mark.parametrize("seeds", [5, 16])
def test_student_t_covers_a_normal_mean_as_often_as_it_says(seeds):
    columns = np.random.default_rng(seeds).normal(size=(seeds, 10_000))
    misses = 1 - covered(columns, 0.0)
    assert abs(misses - 0.05) < 5 * math.sqrt(0.05 * 0.95 / 10_000)


@pytest.mark.parametrize(("seeds", "misses"), [(30, 0.10), (100, 0.068), (400, 0.063)])
def test_a_lognormal_mean_is_missed_less_than_student_t_misses_it(seeds, misses):
    # Measured with 8,000 samples: .075, .048 and .043, t alone .120, .078 and .062; the limits
    # are five standard errors above. The skewness is 6.
    columns = np.random.default_rng(seeds).lognormal(size=(seeds, 3_000))
    found = samples(columns)
    truth = math.exp(0.5)
    own = np.mean([s.p_value(truth) < 0.05 for s in found])
    student = np.mean([t_p_value(s, truth) < 0.05 for s in found])
    assert own < misses
    assert own < student


def t_p_value(found, null):
    student = found.confidence.parts[1]
    return 2 * min(student.above(null), student.below(null))


def test_a_true_bound_is_refuted_at_most_once_in_forty():
    # Gaussian values whose mean is the bound: the claim is true, and failed is false.
    for seeds, count in ((8, 8_000), (50, 1_500)):
        columns = np.random.default_rng(seeds).normal(3.0, 1.0, (seeds, count))
        verdicts = [at_most(found, 3.0).verdict for found in samples(columns)]
        failed, held = (verdicts.count(v) / count for v in ("failed", "held"))
        assert failed <= allowed(0.025, count, 2)
        assert held <= allowed(0.025, count, 2)
        assert failed > 0.015  # and not because nothing is ever refuted


@pytest.mark.parametrize(("trials", "share"), [(10, 0.3), (72, 0.05), (300, 0.5)])
def test_clopper_pearson_covers_at_least_what_it_says(trials, share):
    # Exact, no simulation: the probability of all counts whose interval has the truth.
    logs = [
        math.lgamma(trials + 1) - math.lgamma(k + 1) - math.lgamma(trials - k + 1)
        + k * math.log(share) + (trials - k) * math.log1p(-share)
        for k in range(trials + 1)
    ]  # fmt: skip
    inside = [share_of(k, trials).p_value(share) >= 0.05 for k in range(trials + 1)]
    coverage = sum(math.exp(logs[k]) for k in range(trials + 1) if inside[k])
    assert 0.95 <= coverage < 0.995


DIFFERENCES = {
    "normal": lambda random, shape: random.normal(size=shape),
    "heavy tails": lambda random, shape: random.standard_t(3, shape),
    "mostly zero": lambda random, shape: random.choice([-1.0, 1.0] + [0.0] * 8, size=shape),
    "skewed pair": lambda r, shape: r.exponential(size=shape) - r.exponential(size=shape),
}


@pytest.mark.parametrize("shape", DIFFERENCES)
@pytest.mark.parametrize("seeds", [20, 40])
def test_a_table_of_fifty_rows_without_a_difference_raises_one_false_alarm_in_twenty(shape, seeds):
    tables = 100 if seeds == 40 else 200
    values = DIFFERENCES[shape](np.random.default_rng(seeds), (seeds, 50 * tables))
    p_values = [found.p_value(0.0) for found in samples(values)]
    rows = np.array(p_values).reshape(tables, 50)
    alarms = np.mean([holm(row).min() <= 0.05 for row in rows])
    assert alarms <= allowed(0.05, tables, 3)
    assert (rows.min(axis=1) <= 0.05).mean() > 0.3  # the control: without Holm


def test_bca_alone_would_fail_such_a_table():
    values = DIFFERENCES["heavy tails"](np.random.default_rng(1), (40, 50 * 100))
    bootstraps = [found.confidence.parts[0] for found in samples(values)]
    p_values = np.array([2 * min(b.above(0.0), b.below(0.0), 0.5) for b in bootstraps])
    alarms = np.mean([holm(row).min() <= 0.05 for row in p_values.reshape(100, 50)])
    assert alarms > allowed(0.05, 100)


@pytest.mark.parametrize("seeds", [20, 40])
def test_an_effect_of_one_deviation_is_found_nine_times_in_ten_at_twenty_seeds(seeds):
    values = np.random.default_rng(seeds).normal(1.0, 1.0, (seeds, 2_000))
    assert np.mean([found.p_value(0.0) < 0.05 for found in samples(values)]) > 0.9


@pytest.mark.parametrize("seeds", [20, 40])
def test_equivalence_is_wrong_at_most_once_in_twenty_at_the_threshold(seeds):
    values = np.random.default_rng(seeds).normal(0.8, 1.0, (seeds, 3_000))
    held = np.mean([equals(s, 0.0, 0.8).verdict == "held" for s in samples(values)])
    assert held <= allowed(0.05, 3_000, 2)


def test_several_true_claims_together_fail_at_most_once_in_twenty():
    columns = np.random.default_rng(9).normal(size=(12, 8 * 1_000))
    decisions = [at_most(found, 0.0) for found in samples(columns)]
    failed = [combine(decisions[8 * k : 8 * k + 8]) == "failed" for k in range(1_000)]
    assert np.mean(failed) <= allowed(0.05, 1_000, 2)


def test_agreement_with_the_truth_hardly_ever_fails():
    for seeds in (10, 100):
        columns = np.random.default_rng(seeds).normal(size=(seeds, 4_000))
        failed = [agrees_with(s, 0.0, 10.0).verdict == "failed" for s in samples(columns)]
        assert np.sum(failed) <= 6  # 0.4 expected: a Poisson exceeds 6 once in 3e7


@pytest.mark.parametrize("seeds", [10, 60])
def test_the_slope_of_a_true_power_law_is_covered(seeds):
    random = np.random.default_rng(seeds)
    x, trials = np.array([1.0, 10.0, 100.0]), 300
    missed = 0
    for _ in range(trials):
        y = x**0.5 * random.gamma(4.0, 0.25, (seeds, 1)) * random.gamma(4.0, 0.25, (seeds, 3))
        low, high, _ = trend(x, y, scale="log-log").interval()
        missed += not low <= 0.5 <= high
    assert missed / trials <= allowed(0.06, trials)


@pytest.mark.parametrize("seeds", [10, 60])
def test_a_true_relative_difference_is_covered(seeds):
    random = np.random.default_rng(seeds)
    trials, missed = 300, 0
    for _ in range(trials):
        shared = random.gamma(9.0, 1 / 9, seeds)
        a, b = 1.2 * shared * random.gamma(9.0, 1 / 9, (2, seeds)) / [[1.0], [1.2]]
        low, high, _ = difference(a, b, "relative").interval()
        missed += not low <= 0.2 <= high
    assert missed / trials <= allowed(0.06, trials)


@pytest.mark.parametrize("ratios", [(1.0, 1.0, 1.0, 1.0), (1.0, 1.0, 1.5, 1.5)])
@pytest.mark.parametrize("seeds", [10, 60])
def test_a_true_spread_is_covered_with_ties_and_without(ratios, seeds):
    random = np.random.default_rng(seeds)
    trials, above, below = 150, 0, 0
    for _ in range(trials):
        y = random.gamma(4.0, 0.25, (seeds, 4)) * ratios
        low, high, _ = spread(y).interval()
        above += high < max(ratios)
        below += low > max(ratios)
    assert above / trials <= allowed(0.025, trials, 3)
    assert below / trials <= allowed(0.025, trials, 3)


@pytest.mark.parametrize("seeds", [15, 60])
def test_every_rank_span_contains_the_true_rank(seeds):
    # True means in steps that the seeds resolve in part; ties get any of their ranks.
    truth = np.array([0.0, 0.0, 0.2, 0.5, 0.5, 1.5])
    low_true = np.array([1 + (truth < t).sum() for t in truth])
    high_true = np.array([(truth <= t).sum() for t in truth])
    random, trials, wrong = np.random.default_rng(seeds), 150, 0
    narrow = 0
    for _ in range(trials):
        values = random.normal(size=seeds) + random.normal(size=(6, seeds)) + truth[:, None]
        spans = rank_intervals(values, "lower").spans
        wrong += any(
            s.low > low or s.high < high
            for s, low, high in zip(spans, low_true, high_true, strict=True)
        )
        narrow += spans[5].low > 1
    assert wrong / trials <= allowed(0.05, trials, 3)
    assert narrow / trials > 0.5  # the control: spans do say something
