"""Whether a metric changed between two runs: paired by seed, corrected over the groups."""

from __future__ import annotations

import math

import numpy as np
import pytest
from measured import Run, draws

from harness.analyse.changed import Chosen, changes


def values(shift, noise=0.0, seeds=8):
    made = Run()
    made.add("one", draws(1, seeds) + shift + noise * draws(2, seeds))
    made.add("two", draws(3, seeds))
    return made.results()


@pytest.mark.parametrize(
    ("shift", "noise", "changed"),
    [(0.0, 0.0, 0), (0.5, 0.0, 1), (1.0, 0.1, 1), (0.0, 1e-9, 0)],
    ids=["same", "shifted", "shifted and noisy", "only noise"],
)
def test_a_change_is_a_paired_difference_over_seeds(shift, noise, changed):
    found = changes(values(0.0), values(shift, noise), Chosen(metric="regret"))
    assert len(found.changed) == changed
    assert found.differing == (shift != 0 or noise != 0)


def test_noise_alone_is_called_a_change_in_at_most_five_in_a_hundred():
    random, trials, wrong = np.random.default_rng(4), 100, 0
    for _ in range(trials):
        sides = []
        for _ in range(2):
            made = Run()
            for label in ("one", "two", "three"):
                made.add(label, random.standard_normal(8))
            sides.append(made.results())
        wrong += bool(changes(*sides, Chosen(metric="regret")).changed)
    assert wrong / trials <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / trials)
