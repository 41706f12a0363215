"""The sequential test: its plan, its error by exact binomials, and what would be wrong."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr

from harness_vision.certification.confidence import lower_bound, radius_of, smallest_hits
from harness_vision.certification.sequential import FixedRule, SequentialRule, looks_of

GRID = (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0)


def counts_at(looks, share, runs, seed):
    """Hits in total at each look, (runs, looks): exact binomials in place of a network."""
    draws = np.random.default_rng(seed).binomial(
        np.diff(looks, prepend=0), share, size=(runs, len(looks))
    )
    return draws.cumsum(axis=1)


def run_to_the_end(rule, hits):
    """Stop every run as the rule says: hits with −1 after the stop, the looks, the reasons."""
    seen = np.full_like(hits, -1)
    reasons = np.full(len(hits), None, dtype=object)
    live = np.arange(len(hits))
    for look in range(hits.shape[1]):
        seen[live, look] = hits[live, look]
        reasons[live] = rule.reasons(seen[live, : look + 1])
        live = live[[reason is None for reason in reasons[live]]]
        if not len(live):
            break
    return seen, rule.looks[(seen >= 0).sum(axis=1) - 1], reasons


def sequential(draws=5_000, alpha=0.001, grid=GRID, **more):
    return SequentialRule(sigma=1.0, alpha=alpha, draws=draws, grid=grid, **more)


def test_looks_grow_by_half_in_whole_hundreds():
    assert looks_of(100_000).tolist() == [
        100, 200, 300, 500, 800, 1_100, 1_700, 2_600, 3_800, 5_800, 8_600, 13_000, 19_500,
        29_200, 43_800, 65_700, 98_500, 100_000,
    ]  # fmt: skip
    assert looks_of(5_000).tolist() == [100, 200, 300, 500, 800, 1_100, 1_700, 2_600, 3_800, 5_000]
    assert looks_of(40).tolist() == [40]


@pytest.mark.parametrize("draws", [50, 100, 101, 5_000, 100_000])
def test_the_error_of_all_looks_together_is_alpha(draws):
    alphas = sequential(draws).alphas
    assert alphas.sum() == pytest.approx(0.001, rel=1e-12)
    assert len(alphas) == 1 or alphas[-1] == pytest.approx(0.0005)


@pytest.mark.parametrize("share", [0.5, 0.8413447, 0.9772499])
@pytest.mark.parametrize("draws", [5_000, 100_000])
def test_a_bound_is_above_the_truth_with_probability_at_most_alpha(share, draws):
    runs, alpha = 20_000, 0.05
    rule = sequential(draws, alpha)
    hits = counts_at(rule.looks, share, runs, seed=1)
    seen, _, _ = run_to_the_end(rule, hits)
    errors = (rule.bounds(seen) > share).mean()
    # 3 standard errors; measured .028 to .038 against .05, so an alarm is no matter of chance.
    assert errors <= alpha + 3 * np.sqrt(alpha * (1 - alpha) / runs)


def test_it_holds_at_the_published_level_too():
    runs, alpha = 200_000, 0.001
    rule = sequential(5_000, alpha)
    hits = counts_at(rule.looks, 0.5, runs, seed=2)
    seen, _, _ = run_to_the_end(rule, hits)
    errors = (rule.bounds(seen) > 0.5).mean()
    assert errors <= alpha + 3 * np.sqrt(alpha * (1 - alpha) / runs)


def test_control_the_whole_of_alpha_at_every_look_errs_three_times_as_often():
    runs, alpha = 20_000, 0.05
    rule = sequential(5_000, alpha)
    hits = counts_at(rule.looks, 0.5, runs, seed=1)
    peeking = lower_bound(hits, rule.looks, alpha).max(axis=1)
    assert (peeking > 0.5).mean() > 3 * alpha


def test_the_fixed_rule_errs_at_most_alpha():
    rule = FixedRule(5_000, 0.05)
    hits = counts_at(rule.looks, 0.5, 20_000, seed=3)
    errors = (rule.bounds(hits) > 0.5).mean()
    assert errors <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 20_000)
    assert set(rule.reasons(hits)) == {"exhausted"}


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.99])
def test_it_gives_up_what_the_fixed_rule_certifies_in_at_most_beta_of_runs(share):
    rule = sequential(5_000)
    hits = counts_at(rule.looks, share, 4_000, seed=4)
    seen, _, reasons = run_to_the_end(rule, hits)
    fixed = (hits[:, -1, None] >= rule.fixed).sum(axis=1)
    gave_up = (reasons == "above") & (rule.reached(seen) < fixed)
    # β = .05 at most at a radius; 3 standard errors.
    assert gave_up.mean() <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 4_000)


def test_the_reasons_are_what_they_say():
    rule = sequential(5_000, grid=GRID[:-1])
    for share, expected in ((0.9999, "below"), (0.2, "above"), (0.5, "above")):
        hits = counts_at(rule.looks, share, 500, seed=5)
        seen, draws, reasons = run_to_the_end(rule, hits)
        radii = radius_of(rule.bounds(seen), 1.0)
        assert (reasons == expected).mean() > 0.5
        assert (radii[reasons == "below"] >= GRID[-2]).all()
        assert (draws[reasons == "exhausted"] == 5_000).all()


def test_integer_thresholds_and_quantiles_tell_the_same_radii():
    rule = sequential(100_000)
    hits = counts_at(rule.looks, 0.95, 500, seed=6)
    seen, _, _ = run_to_the_end(rule, hits)
    by_quantile = (rule.bounds(seen)[:, None] >= ndtr(np.array(GRID))).sum(axis=1)
    assert (rule.reached(seen) == by_quantile).all()


def test_a_hopeless_image_is_never_certified():
    """p far below the threshold: an underflow that turns into evidence would show here."""
    rule = sequential(100_000, grid=(1.0,))
    hits = counts_at(rule.looks, 0.6, 2_000, seed=7)
    seen, draws, reasons = run_to_the_end(rule, hits)
    assert rule.reached(seen).max() == 0
    assert set(reasons) == {"above"}
    assert draws.max() <= 1_000


def test_a_radius_out_of_reach_stops_nobody_from_finishing():
    rule = sequential(1_000, grid=(0.0, 2.0, 3.5))  # 3.5 σ needs 29,691 hits
    hits = counts_at(rule.looks, 1.0, 10, seed=8)
    seen, draws, reasons = run_to_the_end(rule, hits)
    assert set(reasons) == {"above"}
    assert (radius_of(rule.bounds(seen), 1.0) >= 2.0).all()
    assert (draws == 500).all()


def test_precision_stops_an_image_whose_radius_is_narrow():
    wide, narrow = sequential(100_000, precision=0.5), sequential(100_000)
    hits = counts_at(wide.looks, 0.7, 200, seed=9)
    seen, draws, reasons = run_to_the_end(wide, hits)
    _, all_draws, _ = run_to_the_end(narrow, hits)
    assert "precision" in set(reasons)
    assert draws.mean() < all_draws.mean()
    assert (wide.bounds(seen)[reasons == "precision"] >= 0.5).all()


def test_five_thousand_draws_cannot_certify_three_sigma():
    """5,114 hits in a row are the least: a smaller n for everybody is no saving."""
    assert smallest_hits(float(ndtr(3.0)), 5_000, 0.001) == 5_001
    assert sequential(5_000, grid=(3.0,)).fixed.tolist() == [5_001]
