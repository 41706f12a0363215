"""``harness.evaluate`` on classifiers: their models are built, or taken from the cache."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from types import ModuleType

import pytest
from vision_world import SMALL

import harness
from harness.errors import UsageError
from harness.runner.settings import Settings
from harness_vision.certification.data_sets import Cifar10, Digits
from harness_vision.images import load
from harness_vision.recipes.gaussian import Gaussian
from harness_vision.recipes.plain import Plain
from harness_vision.training import TrainedClassifier

TASK = {"limit": 6, "n": 200, "radii": (0.0, 0.25), "train_images": 128}
SUITE = """suite: same
seed: 3
hardware: {any: {cpus: 1}}
defaults: {hardware: any, seeds: 2}
entries:
  - task: vision/digits
    params: {limit: 6, n: 200, radii: [0, 0.25], train_images: 128}
    methods:
      - vision/plain:
          {epochs: 2, batch: 64, lr: 0.05, decay_every: 13, last_batch: drop, on_collapse: keep}
        as: plain
"""


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def builds(monkeypatch):
    """Recipes of the models that are built."""
    seen = []
    original = TrainedClassifier.build

    def counted(self, context):
        seen.append(self.recipe)
        original(self, context)

    monkeypatch.setattr(TrainedClassifier, "build", counted)
    return seen


def evaluate(task=Digits(**TASK), **methods):  # noqa: B008
    return harness.evaluate(task, methods, seeds=2, suite_seed=3)


def test_a_classifier_is_trained_once_and_is_that_of_a_suite(tmp_path, builds):
    plain = Plain(on_collapse="keep", **SMALL)
    frame = evaluate(plain=plain)
    assert list(frame["status"]) == ["ok"] * 2
    assert len(builds) == 2  # one a seed
    again = evaluate(plain=plain)
    (tmp_path / "same.yaml").write_text(SUITE)
    settings = Settings(results=tmp_path / "results", inline=True)
    run = harness.run(tmp_path / "same.yaml", settings=settings)
    assert len(builds) == 2
    finals = run.measurements()
    theirs = finals[finals["at"].isna()].merge(run.cells(), on="cell_id")
    for metric in ("smoothed_accuracy", "average_certified_radius", "training_s"):
        values = theirs[theirs["metric"] == metric].sort_values("seed")["value"].tolist()
        assert again[metric].tolist() == frame[metric].tolist() == values


def test_a_model_that_rests_on_another_is_built_after_it(builds):
    hidden = Gaussian(hidden=0.5, labeller="plain", on_collapse="keep", **SMALL)
    frame = evaluate(hidden=hidden)
    assert list(frame["status"]) == ["ok"] * 2
    assert [each.rpartition(":")[2] for each in builds] == ["Plain", "Gaussian", "Gaussian"]


def test_what_was_typed_in_is_built_anew_each_time(builds, monkeypatch):
    @dataclass(frozen=True, kw_only=True)
    class Typed(Plain):
        """A recipe of a module without a file, as a notebook's is."""

    notebook = ModuleType("a_notebook")
    notebook.Typed = Typed
    Typed.__module__, Typed.__qualname__ = "a_notebook", "Typed"
    monkeypatch.setitem(sys.modules, "a_notebook", notebook)
    for _ in range(2):
        frame = evaluate(typed=Typed(on_collapse="keep", **SMALL))
        assert list(frame["status"]) == ["ok"] * 2
    assert builds == ["a_notebook:Typed"] * 4


def test_a_model_that_cannot_be_built_is_told(monkeypatch):
    monkeypatch.setenv("HARNESS_DATA", "nowhere")
    with pytest.raises(UsageError, match="harness data fetch cifar10-binary"):
        harness.evaluate(Cifar10(radii=(0.0,)), {"plain": Plain(**SMALL)}, seeds=1)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"batch": 512}, "128 training images make no batch of 512"),
        ({"hidden": 0.9}, "13 training images make no batch of 64"),
        ({"hidden": 0.9999}, "hides the labels of all of the 128 training images"),
        ({"hidden": 0.0001}, "hides the labels of none of the 128 training images"),
        ({"hidden": 0.1}, "13 images with hidden labels make no batch of 64"),
    ],
    ids=["batch", "hidden", "all-hidden", "none-hidden", "pseudo"],
)
def test_images_that_make_no_batch_are_refused_before_anything_is_built(builds, wrong, told):
    with pytest.raises(UsageError, match=told):
        evaluate(plain=Plain(**SMALL | {"batch": 64, "last_batch": "drop"} | wrong))
    assert not builds


def test_more_training_images_than_there_are_are_refused(builds):
    with pytest.raises(UsageError, match="1,297 training images, got train_images: 1298"):
        evaluate(task=Digits(**TASK | {"train_images": 1_298}), plain=Plain(**SMALL))
    assert not builds


def test_a_classifier_that_does_not_fit_is_refused_before_anything_is_built(builds):
    with pytest.raises(UsageError, match="are for images of 3 channels, these have 1"):
        evaluate(start=Plain(weights="cifar10-resnet20"))
    assert not builds


def test_images_of_the_pretraining_that_make_no_batch_are_refused():
    recipe = Plain(batch=5_000, last_batch="drop", pretrained_on="cifar10-4000")
    with pytest.raises(ValueError, match="4000 training images make no batch of 5000"):
        recipe.check_images("cifar10", 50_000)


def test_a_stride_that_leaves_no_image_is_told():
    with pytest.raises(ValueError, match="no index is a multiple of 5000"):
        load("digits", None, "test", every=5_000)


@pytest.mark.parametrize("factor", [float("inf"), float("nan"), -1.0])
def test_a_factor_that_is_no_number_is_refused(factor):
    with pytest.raises(ValueError, match="factor must be a number of at least 0"):
        Digits(factor=factor)


@pytest.mark.parametrize(
    "rests_on", [{"hidden": 0.5, "labeller": "plain"}, {"pretrained_on": "digits"}]
)
def test_a_model_that_rests_on_one_at_chance_fails_and_says_so(rests_on):
    recipe = Gaussian(**rests_on, backbone="small-cnn", **SMALL | {"lr": 1e-9})
    frame = evaluate(weak=recipe)
    assert list(frame["status"]) == ["failed"] * 2
    assert frame["error"].str.contains("a model it rests on ended at chance").all()


def test_seconds_count_all_stages_and_the_labellers_accuracy_is_told(monkeypatch):
    build = TrainedClassifier.build

    def slow(self, context):
        build(self, context)
        context.report("train_s", 1.0 if self.left_out else 10.0)

    monkeypatch.setattr(TrainedClassifier, "build", slow)
    recipe = Gaussian(hidden=0.5, labeller="plain", on_collapse="keep", **SMALL)
    frame = evaluate(semi=recipe, alone=Gaussian(on_collapse="keep", **SMALL))
    assert frame["training_s"].tolist() == [11.0, 11.0, 10.0, 10.0]
    shares = frame["labeller_accuracy"].tolist()
    assert 0.0 < shares[0] == shares[1] <= 1.0  # one labeller for all seeds
    assert frame["labeller_accuracy"].isna().tolist() == [False, False, True, True]
