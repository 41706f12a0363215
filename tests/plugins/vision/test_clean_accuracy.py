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
from harness.errors import SuiteError
from harness.runner.prepare import prepare
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
        CleanAccuracy(dataset="digits").check(Pretrained())


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
    with pytest.raises(ValueError, match="64 hexadecimal digits, got 'zz"):
        replace(method, sha256="z" * 64)


def test_a_pickle_of_objects_is_refused_with_the_safe_way(tmp_path):
    mark = tmp_path / "mark"
    method = written(tmp_path / "w.pt", 4, lambda net, path: torch.save({"net": Runs(mark)}, path))
    with pytest.raises(UnsafeWeights, match=r"safetensors\.torch\.save_file"):
        method.network(Cell(0, Job()), "digits")
    assert not mark.exists()


SUITE = """suite: own
hardware: {any: {cpus: 1}}
defaults: {hardware: any, seeds: 1}
entries:
  - task: vision/digits
    params: {limit: 2, n: 100, radii: [0]}
    methods:
METHODS
"""


def prepared(folder, *methods):
    """A suite of weights: by file and backbone, prepared as ``harness run --check`` does."""
    lines = [
        f"      - vision/from-weights: {{weights: {file}, sha256: {sha}, backbone: {backbone}}}"
        for file, sha, backbone in methods
    ]
    (folder / "own.yaml").write_text(SUITE.replace("METHODS", "\n".join(lines)))
    return prepare(folder / "own.yaml")


def hashed(path):
    return path, hashlib.sha256(path.read_bytes()).hexdigest()


def test_weights_that_cannot_be_used_are_told_when_the_suite_is_checked(tmp_path):
    good, other, colour, unsafe, text = (
        tmp_path / name
        for name in ("w.safetensors", "v.safetensors", "colour.safetensors", "w.pt", "w.txt")
    )
    save_weights(build("small-cnn", (1, 8, 8), 10), good)
    save_weights(build("small-cnn", (1, 8, 8), 10), other)
    save_weights(build("small-cnn", (3, 8, 8), 10), colour)
    torch.save({"net": Runs(tmp_path / "mark")}, unsafe)
    text.write_text("no weights")
    with pytest.raises(SuiteError) as refused:
        prepared(
            tmp_path,
            (*hashed(good), "small-cnn"),
            ("gone.pt", "ab" * 32, "small-cnn"),
            (other, "ab" * 32, "small-cnn"),
            (*hashed(good), "resnet20"),
            (*hashed(colour), "small-cnn"),
            (*hashed(unsafe), "small-cnn"),
            (*hashed(text), "small-cnn"),
            (*hashed(good), "resnet21"),
        )
    faults = [(fault.line, fault.message) for fault in refused.value.faults]
    assert [line for line, _ in faults] == list(range(9, 16))
    for (_, message), told in zip(
        faults,
        (
            "gone.pt: weights lie there, or below HARNESS_DATA",
            "is another file than was declared",
            "does not fit: it has no bn1.weight",
            "are for images of 3 channels, these have 1",
            "is not loaded. Where you trust it",
            "w.txt is no checkpoint",
            "there is no backbone 'resnet21'",
        ),
        strict=True,
    ):
        assert told in message
    assert not (tmp_path / "mark").exists()


def test_a_board_names_weights_by_their_file_and_not_by_their_hash(tmp_path):
    save_weights(build("small-cnn", (1, 8, 8), 10), tmp_path / "w.safetensors")
    file, sha = hashed(tmp_path / "w.safetensors")
    (spec,) = prepared(tmp_path, (file, sha, "small-cnn")).plan.specs
    assert spec.label == f"vision/from-weights weights={file} backbone=small-cnn"
    assert spec.method_params["sha256"] == sha
