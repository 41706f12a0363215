"""The certification tasks: logs, curves and items of a cell, attacks on certificates, bad input."""

from __future__ import annotations

import json
import tempfile
import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from image_files import archive, binary_records, drawn, pickled_batch
from scipy.special import ndtri
from smoothing_models import Constant, HalfSpace, Job
from torch import nn

import harness
from harness.api.cell import Cell
from harness.data.locate import sha256_of
from harness.runner.settings import Settings
from harness_vision import datasets
from harness_vision.certification.data_sets import Cifar10, Digits, FashionMnist, ImageNet
from harness_vision.classifier import Classifier
from harness_vision.images import load
from harness_vision.recipes.gaussian import Gaussian
from harness_vision.recipes.smoothadv import SmoothAdvPGD


@dataclass(frozen=True, kw_only=True)
class Brightness(Classifier):
    """Digit 3 where the image is bright, digit 5 where it is dark."""

    def network(self, cell, dataset, images=0):
        return Ten(HalfSpace(torch.ones(64), -19.5), 5, 3).eval()


@dataclass(frozen=True, kw_only=True)
class Always(Classifier):
    """One digit."""

    digit: int = 3

    def network(self, cell, dataset, images=0):
        return Constant(self.digit, classes=10).eval()


class Ten(nn.Module):
    """Two classes of ten."""

    def __init__(self, inner, negative, positive):
        super().__init__()
        self.inner, self.places = inner, [negative, positive]

    def forward(self, pixels):
        logits = torch.full((len(pixels), 10), -1e3)
        logits[:, self.places] = self.inner(pixels)
        return logits


def outcome(task, method, seed=0):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        task.check(method)
    with tempfile.TemporaryDirectory() as folder:
        return outcome_in(Path(folder), task, method, seed)


def outcome_in(folder, task, method, seed=0):
    (found,) = task.evaluate(method, [Cell(seed, Job(folder))])
    return found


def digits(**more):
    return Digits(**{"limit": 60, "n": 1_000} | more)


def log_of(found):
    return {name: json.loads(line) for name, line in found.records.items()}


def test_what_has_no_effect_is_told():
    method = SmoothAdvPGD(epochs=4, warm_up=10, epsilon=0.5)
    with pytest.warns(UserWarning, match=r"no image is attacked beyond 0\.2 of epsilon = 0\.5"):
        digits(radii=(0.0,)).check(method)
    task = digits(rule="fixed", closeness=0.1, radii=(0.0,))
    with pytest.warns(UserWarning, match=r"closeness = 0\.1 has no effect"):
        task.check(Always())
    task = digits(attack="certificates", factor=0.0, radii=(0.0,))
    with pytest.warns(UserWarning, match="factor = 0 attacks nothing"):
        task.check(Always())
    with pytest.warns(UserWarning, match="hidden = 0 hides no labels"):
        digits(radii=(0.0,)).check(Gaussian(labeller="plain"))


def test_the_log_names_each_image_with_its_label_class_radius_and_time():
    found = log_of(outcome(digits(), Always()))
    images = load("digits", None, "test", limit=60)
    assert list(found) == [str(index) for index in images.indices]
    for row, line in enumerate(found.values()):
        assert line["index"] == images.indices[row]
        assert line["label"] == images.labels[row]
        assert line["prediction"] == 3
        assert line["correct"] == (line["label"] == 3)
        assert line["time_s"] > 0
        assert line["draws"] == 500  # settles 2 σ; 2.5 σ is out of reach of 1,000
    assert {line["stopped"] for line in found.values()} == {"above"}


def test_curves_and_items_are_the_logs_statistics():
    task = digits(rule="fixed")
    found = outcome(task, Brightness())
    log = list(log_of(found).values())
    radii = np.array([line["radius"] for line in log])
    right = np.array([line["correct"] for line in log], dtype=bool)
    at, values = found.curves["certified_accuracy"]
    assert list(at) == list(task.radii)
    assert values == pytest.approx([(right & (radii >= r)).mean() for r in task.radii])
    assert found.final["mean_certified_accuracy"] == pytest.approx(np.mean(values))
    means = {metric: float(np.mean(values)) for metric, (_, values) in found.items.items()}
    assert means["smoothed_accuracy"] == pytest.approx(values[0])
    assert means["average_certified_radius"] == pytest.approx((radii * right).mean())
    assert means["draws"] == 1_000
    assert found.final["certification_s"] > 0


def test_a_constant_classifier_has_the_closed_form():
    found = outcome(digits(rule="fixed", radii=(0.0, 0.5, 0.62)), Always(digit=3))
    share = np.mean([line["label"] == 3 for line in log_of(found).values()])
    largest = 0.25 * ndtri(0.001 ** (1 / 1_000))  # .6158
    assert 0.5 < largest < 0.62
    assert list(found.curves["certified_accuracy"][1]) == pytest.approx([share, share, 0.0])


def test_the_two_rules_agree_on_the_grid_and_see_the_same_draws():
    fixed, sequential = (
        outcome(digits(rule=rule, n=5_000), Brightness()) for rule in ("fixed", "sequential")
    )
    one, other = (np.array(each.curves["certified_accuracy"][1]) for each in (fixed, sequential))
    assert np.abs(one - other).max() <= 2 / 60
    assert np.mean(sequential.items["draws"][1]) < 2_500


def test_a_cell_repeats_to_the_bit_whatever_the_batch():
    usual, again, other = (outcome(digits(batch=batch), Brightness()) for batch in (500, 500, 100))
    without_time = [
        {name: {**line, "time_s": 0} for name, line in log_of(each).items()}
        for each in (usual, again, other)
    ]
    assert without_time[0] == without_time[1] == without_time[2]


def test_seeds_and_models_have_noises_of_their_own():
    def hits(method, seed):
        return [line["hits"] for line in log_of(outcome(digits(), method, seed)).values()]

    assert hits(Brightness(), 0) != hits(Brightness(), 1)
    assert hits(Brightness(sigma=0.250001), 0) != hits(Brightness(), 0)


def test_a_subset_of_the_images_gets_the_same_certificates():
    many, few = (log_of(outcome(digits(limit=limit), Brightness())) for limit in (60, 7))
    for name, line in few.items():
        assert {**line, "time_s": 0} == {**many[name], "time_s": 0}


@dataclass(frozen=True, kw_only=True)
class Mortal(Brightness):
    """Dies when it is asked about more images than it may see."""

    def network(self, cell, dataset, images=0):
        return Dying(super().network(cell, dataset, images)).eval()


class Dying(nn.Module):
    calls_left = 0

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, pixels):
        if not Dying.calls_left:
            raise KeyboardInterrupt
        Dying.calls_left -= 1
        return self.inner(pixels)


def test_a_killed_certification_goes_on_with_the_same_certificates(tmp_path):
    task = digits(limit=250)
    Dying.calls_left = 10_000
    whole = outcome(task, Mortal())
    used = 10_000 - Dying.calls_left
    Dying.calls_left = used // 2
    with pytest.raises(KeyboardInterrupt):
        outcome_in(tmp_path, task, Mortal())
    done = len(list(tmp_path.glob("*.npz")))
    assert 0 < done < 3
    Dying.calls_left = used - 1  # not enough for all of it again
    resumed = outcome_in(tmp_path, task, Mortal())
    assert {n: {**line, "time_s": 0} for n, line in log_of(resumed).items()} == {
        n: {**line, "time_s": 0} for n, line in log_of(whole).items()
    }


def test_no_attack_breaks_a_certificate_of_a_half_space_and_beyond_it_one_does():
    within, beyond = (
        outcome(digits(attack="certificates", factor=factor, attack_steps=4), Brightness())
        for factor in (0.999, 2.0)
    )
    names, broken = within.items["broken"]
    log = log_of(within)
    attacked = [name for name, line in log.items() if line["radius"] > 0.02]
    assert list(names) == attacked
    assert np.mean(broken) == 0.0
    # Along the normal the boundary is nearer than 2 R, but for certificates cut by the grid.
    assert np.mean(beyond.items["broken"][1]) > 0.5


def test_under_attack_accuracy_falls_with_the_radius_and_stays_above_the_certified():
    found = outcome(digits(attack="empirical", attack_steps=4, attack_draws=4), Brightness())
    _, certified = found.curves["certified_accuracy"]
    _, empirical = found.curves["empirical_accuracy"]
    assert all(low <= high for low, high in zip(certified, empirical, strict=True))
    assert empirical[-1] < empirical[0]


def test_cells_without_an_attack_have_no_value_for_it():
    found = outcome(digits(), Brightness())
    assert "broken" not in found.items
    assert "empirical_accuracy" not in found.curves
    assert "training_s" not in found.final


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"alpha": 0.0}, "alpha must lie between 0 and 1, got 0"),
        ({"alpha": 1.0}, "alpha must lie between 0 and 1, got 1"),
        ({"n": 0}, "n must be a whole number of at least 1, got 0"),
        ({"n0": 0}, "n0 must be a whole number of at least 1, got 0"),
        ({"radii": ()}, "radii is empty"),
        ({"radii": (-0.1, 0.5)}, "a radius must be at least 0 and finite, got -0.1"),
        ({"radii": (0.0, 0.5, 0.5)}, "radii must increase, got 0.5, then 0.5"),
        ({"radii": (0.0, float("nan"))}, "radii must increase|at least 0"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_settings_that_certify_nothing_are_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        Digits(**parameters)


def test_a_radius_out_of_reach_is_told_with_the_draws_that_it_needs():
    told = r"radii up to 0\.7996: 0\.875 is out of reach and needs n of 29,691"
    with pytest.warns(UserWarning, match=told):
        Digits(n=10_000, radii=(0.0, 0.5, 0.875)).check(Always())


def test_a_method_without_noise_is_refused():
    with pytest.raises(ValueError, match="sigma must be"):
        digits().check(Always(sigma=0.0))


@pytest.mark.parametrize(
    ("task", "name"),
    [
        (Digits(), "digits"),
        (Cifar10(), "cifar10"),
        (Cifar10(source="cifar10-4000"), "cifar10-4000"),
        (FashionMnist(), "fashion-mnist"),
        (ImageNet(), "imagenet"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_task_has_its_image_set(task, name):
    assert task.data() == name


SUITE = """suite: layouts
hardware: {any: {cpus: 1}}
defaults: {hardware: any, seeds: 1}
entries:
  - task: vision/cifar10
    params: {limit: 3, n: 100, radii: [0], batch: 100}
    methods:
      - vision/plain: {backbone: strided-cnn, epochs: 1, batch: 20, on_collapse: keep}
        as: plain
"""


@pytest.mark.parametrize(
    ("layout", "write", "suffix", "declared"),
    [
        ("binary", binary_records, ".bin", "CIFAR10_BINARY"),
        ("python", pickled_batch, "", "CIFAR10_PYTHON"),
    ],
)
def test_a_suite_trains_and_certifies_on_either_archive_and_counts_what_it_skips(
    tmp_path, monkeypatch, layout, write, suffix, declared
):
    labels, pixels = drawn(60, 9)
    labels[20] = 77
    members = {f"c/data_batch_{n}{suffix}": write(*drawn(20, n)) for n in range(1, 6)}
    members[f"c/test_batch{suffix}"] = write(labels, pixels)
    folder = tmp_path / "data" / "cifar10"
    folder.mkdir(parents=True)
    path = archive(folder / f"cifar-10-{layout}.tar.gz", members)
    official = getattr(datasets, declared)
    assert official.path == f"cifar10/{path.name}"
    monkeypatch.setattr(datasets, declared, replace(official, sha256=sha256_of(path)))
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    (tmp_path / "layouts.yaml").write_text(SUITE)
    settings = Settings(results=tmp_path / "results", inline=True)
    run = harness.run(tmp_path / "layouts.yaml", settings=settings)
    assert run.failures() == []
    records = pd.read_parquet(run.path / "records.parquet").set_index("item")["record"]
    assert list(records.index[:2]) == ["0", "40"]
    skipped = f"skipped test_batch{suffix}, record 20"
    assert records[skipped] == "label 77 is outside the 10 classes"
    measured = run.measurements().set_index("metric")["value"]
    assert measured["images_skipped"] == 1.0
