"""Thirty real systems on the same 2,000 images: item pairing and rank intervals.

CIFAR-10.1 v6 with the predictions that its authors published; one cell a system, one seed.
"""

import json
import os
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from compared import side
from measured import SOLVED, Run
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar

from harness.analyse.compare import compare
from harness.stats import holm

DATA = Path(os.environ.get("HARNESS_DATA", "")) / "cifar10.1"
PREDICTIONS = DATA / "model_predictions/v6_predictions"
pytestmark = pytest.mark.skipif(
    not (os.environ.get("HARNESS_DATA") and PREDICTIONS.is_dir()),
    reason="CIFAR-10.1 is not under HARNESS_DATA",
)


@pytest.fixture(scope="module")
def right():
    """System → (2,000,) whether it labels the image rightly."""
    labels = np.load(DATA / "datasets/cifar10.1_v6_labels.npy", allow_pickle=False)
    predicted = {
        path.name.removesuffix("_predictions.json"): json.loads(path.read_text())
        for path in sorted(PREDICTIONS.glob("*.json"))
    }
    return {name: np.array(each) == labels for name, each in predicted.items()}


@pytest.fixture(scope="module")
def systems(right):
    return {name: system(right, name) for name in right}


def system(right, name, label="system"):
    run = Run()
    group = run.add(label, curve={0.0: [0.0]}, seeds=[0], metric="unused")
    items = {f"image {n}": float(value) for n, value in enumerate(right[name])}
    run.score(group, 0, "solved", items)
    return side(run, name, metrics=(SOLVED,))


@pytest.mark.parametrize(
    ("base", "other", "verdict"),
    [
        ("resnet_basic_110", "wrn_28_10", "better"),
        ("wrn_28_10", "resnet_basic_110", "worse"),
        ("resnet_basic_110", "resnet_basic_56", "undecided"),
        ("wrn_28_10", "random_features_32k_no_aug", "worse"),
    ],
)
def test_two_systems_are_compared_image_by_image(right, systems, base, other, verdict):
    (row,) = compare(systems[base], [systems[other]]).rows
    one, two = right[base], right[other]
    table = [[(one & two).sum(), (one & ~two).sum()], [(~one & two).sum(), (~one & ~two).sum()]]
    assert (row.paired_by, row.n) == ("item", 2_000)
    by_t = stats.ttest_rel(
        two.astype(float), one.astype(float)
    ).pvalue  # in the far tails a little more cautious
    assert row.p == pytest.approx(max(mcnemar(table, exact=True).pvalue, by_t), rel=1e-6)
    assert row.verdict == verdict


def test_accuracies_are_the_published_ones(right):
    assert len(right) == 30
    assert right["resnet_basic_110"].mean() == pytest.approx(0.854)
    assert right["wrn_28_10"].mean() == pytest.approx(0.9015)


def test_one_base_against_all_others_shares_the_correction(systems):
    names = [name for name in systems if name != "wrn_28_10"]
    comparison = compare(systems["wrn_28_10"], [systems[name] for name in names])
    assert comparison.tests == 29
    p_values = {row.against: row.p for row in comparison.rows}
    corrected = holm([p_values[name] for name in names])
    found = {row.against: row.p_holm for row in comparison.rows}
    assert [found[name] for name in names] == pytest.approx(corrected)


def test_rank_spans_by_mcnemar_hold_the_order_and_leave_neighbours_open(right, systems):
    names = sorted(right, key=lambda name: -right[name].mean())
    pairs = list(combinations(range(len(names)), 2))
    p_values = []
    for i, j in pairs:
        (row,) = compare(systems[names[i]], [systems[names[j]]]).rows
        p_values.append(row.p if row.p is not None else 1.0)
    decided = holm(p_values) < 0.05
    better = np.zeros((30, 30), bool)
    for (i, j), is_decided in zip(pairs, decided, strict=True):
        better[i, j] = is_decided
    low = 1 + better.sum(axis=0)
    high = 30 - better.sum(axis=1)
    assert ((low <= np.arange(1, 31)) & (np.arange(1, 31) <= high)).all()
    neighbours = [better[i, i + 1] for i in range(29)]
    assert sum(neighbours) <= 5  # most neighbours cannot be told apart by 2,000 images
    assert decided.sum() > 250  # most pairs can
