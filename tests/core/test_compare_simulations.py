"""False verdicts and power of whole tables, by simulation through ``compare`` itself.

Thresholds of the small tests are set so that a true rate at its limit fails by chance once in
a million runs; the large ones hold the figure itself plus two standard errors.
"""

from dataclasses import replace
from math import sqrt

import numpy as np
import pytest
from compared import run_of, side
from scipy import stats

from harness.analyse.compare import compare
from harness.analyse.sides import Side
from harness.suite.model import Tolerance

ANY_CHANGE = Tolerance(amount=0.0, is_relative=True)


class Tables:
    """Two sides whose values are drawn anew, without building their tables again."""

    def __init__(self, rows: int, seeds: int) -> None:
        values = {f"m{row}": np.arange(seeds, dtype=float) for row in range(rows)}
        self._templates = side(run_of(values), "base"), side(run_of(values), "other")

    def with_values(self, *values: np.ndarray) -> list[Side]:
        """Sides with (rows, seeds) values; rows lie in the order of the groups and seeds."""
        made = []
        for template, own in zip(self._templates, values, strict=True):
            measured = replace(template.results.measured, value=own.ravel())
            made.append(replace(template, results=replace(template.results, measured=measured)))
        return made


def false_alarms(tables: int, rows: int, seeds: int, law: str) -> int:
    """Tables without any difference in which some row is told better or worse."""
    made, generator = Tables(rows, seeds), np.random.default_rng([rows, seeds])
    found = 0
    for _ in range(tables):
        # Instances shared by both sides, then each side's own noise by one law: without a
        # difference the sides could be exchanged.
        shared = 10 + generator.normal(size=(rows, seeds))
        draw = generator.exponential if law == "skewed" else generator.normal
        base, other = (shared + draw(size=(rows, seeds)) for _ in range(2))
        one, two = made.with_values(base, other)
        counts = compare(one, [two], metric="regret", threshold=ANY_CHANGE).counts()
        found += counts["worse"] + counts["better"] > 0
    return found


def wrongly_equivalent(tables: int, seeds: int, threshold: float) -> int:
    """Of 50 rows a table: those called equivalent whose true change is the threshold itself."""
    made, generator = Tables(50, seeds), np.random.default_rng([tables, seeds])
    allowed = Tolerance(amount=threshold, is_relative=True)
    found = 0
    for _ in range(tables):
        base = 10 + generator.normal(size=(50, seeds))
        noise = 0.15 * generator.normal(size=(50, seeds))
        one, two = made.with_values(base, base + 10 * threshold + noise)
        found += compare(one, [two], metric="regret", threshold=allowed).counts()["equivalent"]
    return found


def share_found(repeats: int, seeds: int) -> float:
    """How often a paired effect of one standard deviation is found as a single comparison."""
    made, generator = Tables(1, seeds), np.random.default_rng(seeds)
    found = 0
    for _ in range(repeats):
        base = 10 + generator.normal(size=(1, seeds))
        one, two = made.with_values(base, base + 1 + generator.normal(size=(1, seeds)))
        (row,) = compare(one, [two], metric="regret").rows
        found += row.verdict == "worse"
    return found / repeats


def test_a_table_of_fifty_rows_rarely_raises_a_false_alarm():
    tables = 120
    allowed = stats.binom.isf(1e-6, tables, 0.05)
    assert false_alarms(tables, 50, 20, "normal") <= allowed


def test_the_count_of_false_alarms_can_exceed_what_is_allowed():
    # The control: rows judged at .05 each, without the correction, raise the alarm at once.
    generator = np.random.default_rng(3)
    gaps = generator.normal(size=(120, 50, 20))
    p = stats.ttest_1samp(gaps, 0, axis=2).pvalue
    assert ((p < 0.05).any(axis=1)).sum() > stats.binom.isf(1e-6, 120, 0.05)


@pytest.mark.parametrize("seeds", [20, 40])
def test_equivalent_is_rarely_wrong_at_the_threshold(seeds):
    assert wrongly_equivalent(10, seeds, 0.01) <= stats.binom.isf(1e-6, 500, 0.05)


def test_an_effect_of_one_deviation_is_found_at_twenty_seeds():
    # The power of the paired t test there is .988 (noncentral t).
    assert share_found(150, 20) >= 0.9


def test_within_the_threshold_enough_seeds_tell_equivalence():
    made, generator = Tables(50, 200), np.random.default_rng(8)
    base = 10 + generator.normal(size=(50, 200))
    one, two = made.with_values(base, base + 0.2 * generator.normal(size=(50, 200)))
    assert compare(one, [two], metric="regret").counts()["equivalent"] >= 45


@pytest.mark.slow
@pytest.mark.parametrize("law", ["normal", "skewed"])
@pytest.mark.parametrize("seeds", [20, 64])
def test_two_thousand_tables_keep_the_level(seeds, law):
    tables = 2_000
    rate = false_alarms(tables, 50, seeds, law) / tables
    print(f"false alarms over 50 rows, {seeds} seeds, {law}: {rate:.4f}")
    assert rate <= 0.05 + 2 * sqrt(0.05 * 0.95 / tables)


@pytest.mark.slow
def test_two_thousand_single_comparisons_find_one_deviation():
    power = share_found(2_000, 20)
    print(f"power at one deviation, 20 seeds: {power:.4f}")
    assert power >= 0.9


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [20, 64])
def test_twenty_thousand_rows_at_the_threshold(seeds):
    rate = wrongly_equivalent(400, seeds, 0.01) / 20_000
    print(f"equivalent at the threshold, {seeds} seeds: {rate:.4f}")
    assert rate <= 0.05
