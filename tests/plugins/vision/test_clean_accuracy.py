"""Accuracy without noise: a count over the test images, of any classifier."""

import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from image_files import Runs
from smoothing_models import Constant

from harness.api.cell import Cell
from harness.data import describe, locate
from harness_vision.backbones import UnfitWeights, UnsafeWeights, build, save_weights
from harness_vision.classifier import Classifier
from harness_vision.datasets import DATA_SETS
from harness_vision.pretrained import CleanAccuracy, FromWeights, Pretrained

REAL = Path(os.environ.get("HARNESS_DATA", "nowhere"))
needs_weights = pytest.mark.skipif(
    not (REAL / "cifar10-resnet").is_dir(), reason="no pretrained networks under HARNESS_DATA"
)


class Job:
    suite_seed, task_name, method_name, device, threads = 1, "task", "method", "cpu", 1

    def data(self, name):
        describe(DATA_SETS)
        return locate(name)

    def progress(self, seed, fraction):
        assert 0.0 < fraction <= 1.0


@dataclass(frozen=True, kw_only=True)
class Always(Classifier):
    """One class for every image; ``asked`` notes what it was asked for."""

    kept: int = 0

    def network(self, cell, dataset, images=0):
        return Broken() if self.kept < 0 else Constant(self.kept, 10)


class Broken(torch.nn.Module):
    def forward(self, pixels):
        return torch.full((len(pixels), 10), float("nan"))


def outcome(task, method):
    return next(iter(task.evaluate(method, [Cell(0, Job())])))


def test_a_constant_class_is_right_as_often_as_it_occurs():
    got = outcome(CleanAccuracy(dataset="digits"), Always(kept=4))
    ids, right = got.items["accuracy"]
    assert sum(right) == 60  # of the 500 test digits, 60 are a four
    assert ids[:2] == ["1768", "1452"]
    assert got.final == {"images_skipped": 0.0}


def test_a_part_of_the_test_set_can_be_asked_for():
    got = outcome(CleanAccuracy(dataset="digits", every=20, limit=7), Always())
    assert [int(each) % 20 for each in got.items["accuracy"][0]] == [0] * 7


def test_logits_that_are_no_numbers_are_refused():
    with pytest.raises(ValueError, match="logits are not finite"):
        outcome(CleanAccuracy(dataset="digits"), Always(kept=-1))


def test_pretrained_weights_are_refused_on_other_classes():
    with pytest.raises(ValueError, match="knows CIFAR-10's classes, not those of digits"):
        CleanAccuracy(dataset="digits").artifacts(Pretrained(), 0)


@needs_weights
def test_the_pretrained_network_is_a_classifier_as_any_other():
    task = CleanAccuracy(dataset="cifar10-4000", limit=40)
    _, right = outcome(task, Pretrained(weights="cifar10-resnet56")).items["accuracy"]
    assert sum(right) >= 36


def written(path, seed, write=save_weights):
    """Weights of a small network in a file, and what the method is told of them."""
    write(build("small-cnn", (1, 8, 8), 10, seed=seed), path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return FromWeights(weights=str(path), sha256=digest, backbone="small-cnn")


def test_weights_of_a_file_are_those_that_are_asked(tmp_path, monkeypatch):
    method = written(tmp_path / "w.safetensors", seed=4)
    cell, pixels = Cell(0, Job()), torch.rand(5, 1, 8, 8)
    expected = build("small-cnn", (1, 8, 8), 10, seed=4)(pixels)
    assert torch.equal(method.network(cell, "digits")(pixels), expected)
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path))
    below = replace(method, weights="w.safetensors")
    assert torch.equal(below.network(cell, "digits")(pixels), expected)


def test_another_file_or_network_is_refused(tmp_path):
    method, cell = written(tmp_path / "w.safetensors", seed=4), Cell(0, Job())
    with pytest.raises(UnfitWeights, match=r"does not fit: it has no bn1\.weight"):
        replace(method, backbone="resnet20").network(cell, "digits")
    written(tmp_path / "w.safetensors", seed=5)
    with pytest.raises(ValueError, match="another file than was declared"):
        method.network(cell, "digits")
    with pytest.raises(ValueError, match="there is no file"):
        replace(method, weights="gone.pt").network(cell, "digits")
    with pytest.raises(ValueError, match="64 hexadecimal digits, got 'abc'"):
        replace(method, sha256="abc")


def test_a_pickle_of_objects_is_refused_with_the_safe_way(tmp_path):
    mark = tmp_path / "mark"
    method = written(tmp_path / "w.pt", 4, lambda net, path: torch.save({"net": Runs(mark)}, path))
    with pytest.raises(UnsafeWeights, match=r"safetensors\.torch\.save_file"):
        method.network(Cell(0, Job()), "digits")
    assert not mark.exists()
