"""Networks that come with weights, as classifiers; and any classifier's accuracy without noise.

The accuracy on the test images at hand stands beside the published one. The first 1,000 test
images of CIFAR-10 give a 95 % interval of about ±1.7 points: they can agree with a published
figure, and cannot confirm its digits.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from string import hexdigits
from typing import Annotated, ClassVar

import torch
from annotated_types import Ge
from torch import nn

from harness import Artifact, Cell, Method, Metric, Outcome, Task
from harness_vision.arithmetic import exact_kernels
from harness_vision.backbones import (
    NormalisationName,
    PretrainedName,
    Shortcut,
    fitting_state,
    load_weights,
    pretrained,
)
from harness_vision.classifier import SKIPPED_IMAGES, Classifier
from harness_vision.images import ImageSet, ImageSetName, load, training_images
from harness_vision.images.image_set import IntArray
from harness_vision.networks import Blueprint

__all__ = ["CleanAccuracy", "FromWeights", "Pretrained"]

_ITS_DATA = ("cifar10", "cifar10-4000")
_BATCH = 250
_HEX_DIGITS = 64


@dataclass(frozen=True, kw_only=True)
class Pretrained(Classifier):
    """Published weights as they are, never trained here and never trained on noise.

    Parameters
    ----------
    weights
        Trained on CIFAR-10: ResNet-20 (91.73 %) or ResNet-56 (93.39 %).
    """

    weights: PretrainedName = "cifar10-resnet20"

    def check(self, dataset: str) -> None:
        """Refuse a data set of other classes."""
        if dataset not in _ITS_DATA:
            raise ValueError(f"{self.weights} knows CIFAR-10's classes, not those of {dataset}")

    def network(self, cell: Cell, dataset: str, images: int = 0) -> nn.Module:
        """The network with its weights."""
        return pretrained(self.weights, cell.data).requires_grad_(False)


@dataclass(frozen=True, kw_only=True)
class FromWeights(Classifier):
    """Weights of a file of your own, in a backbone by name.

    Parameters
    ----------
    weights
        A safetensors file, or a checkpoint of torch that holds tensors only; absolute, or below
        ``HARNESS_DATA``.
    sha256
        Of the file: what was certified is part of a cell's identity, not what lies there today.
    backbone
        ``small-cnn``, ``strided-cnn``, ``resnet20`` (32, 44, 56, 110) for CIFAR, ``resnet50`` for
        ImageNet, ``timm/NAME``.
    normalise, shortcut
        Of the backbone; null: its own.
    bf16, channels_last
        How it computes whatever the task: a certificate of a bf16 network is of that one only.
    """

    unlabelled: ClassVar[tuple[str, ...]] = ("sha256",)

    weights: str
    sha256: str
    backbone: str
    normalise: NormalisationName | None = None
    shortcut: Shortcut | None = None
    bf16: bool = False
    channels_last: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.sha256) != _HEX_DIGITS or not set(self.sha256) <= set(hexdigits):
            raise ValueError(f"sha256 has {_HEX_DIGITS} hexadecimal digits, got {self.sha256!r}")

    def check(self, dataset: str) -> None:
        """Refuse a file that is absent, another, unsafe, or of another network."""
        fitting_state(self._blueprint(dataset).example(), self._file())

    def network(self, cell: Cell, dataset: str, images: int = 0) -> nn.Module:
        """The backbone with these weights."""
        file = self._file()
        loaded = self._blueprint(dataset).build(0, bf16=self.bf16, channels_last=self.channels_last)
        load_weights(loaded, file)
        return loaded.eval().requires_grad_(False)

    def _blueprint(self, dataset: str) -> Blueprint:
        return Blueprint.on(
            dataset, self.backbone, normalise=self.normalise, shortcut=self.shortcut
        )

    def _file(self) -> Path:
        """Where the weights lie, their hash checked."""
        # An absolute path stays as it is.
        path = Path(os.environ.get("HARNESS_DATA", ""), self.weights)
        if not path.is_file():
            raise ValueError(f"there is no file {path}: weights lie there, or below HARNESS_DATA")
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != self.sha256.lower():
            raise ValueError(f"{path} is another file than was declared: its sha256 is {found}")
        return path


@dataclass(frozen=True, kw_only=True)
class CleanAccuracy(Task):
    """Accuracy of a base classifier on clean test images: no noise, no vote.

    Parameters
    ----------
    dataset
        Whose test images.
    every, limit
        Only test images whose index is a multiple of ``every``, at most ``limit`` of them
        (0: all).
    train_images
        How many training images the classifier may use, the first ones; 0: all.
    """

    accepts: ClassVar[type[Method]] = Classifier
    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric(
            name="accuracy",
            type="share",
            direction="higher",
            has_items=True,
            description="clean test images whose class is right",
        ),
        *SKIPPED_IMAGES,
    )

    dataset: ImageSetName = "digits"
    every: Annotated[int, Ge(1)] = 1
    limit: Annotated[int, Ge(0)] = 0
    train_images: Annotated[int, Ge(0)] = 0

    def check(self, method: Method) -> None:
        """Refuse a classifier for other images."""
        assert isinstance(method, Classifier), "the kind is checked before"
        method.check(self.dataset)
        method.check_images(self.dataset, training_images(self.dataset, self.train_images))

    def artifacts(self, method: Method, seed: int) -> Sequence[Artifact]:
        """The classifier's."""
        assert isinstance(method, Classifier), "the kind is checked before"
        return method.artifacts(self.dataset, seed, self.train_images)

    def evaluate(self, method: Method, cells: Sequence[Cell]) -> Iterator[Outcome]:
        """Ask the classifier for every test image."""
        assert isinstance(method, Classifier), "the kind is checked before"
        for cell in cells:
            test = load(
                self.dataset,
                cell.data,
                "test",
                every=self.every,
                limit=self.limit or None,
                readers=cell.threads,
            )
            network = method.network(cell, self.dataset, self.train_images)
            labels = _classes(network, test, cell)
            final = {"images_skipped": float(len(test.skipped))}
            training = method.training(cell, self.dataset, self.train_images)
            if "images_skipped" in training:
                final["training_images_skipped"] = training["images_skipped"]
            yield Outcome(
                cell=cell,
                final=final,
                items={
                    "accuracy": (
                        [str(index) for index in test.indices],
                        [float(each) for each in labels == test.labels],
                    )
                },
                records={each.where: each.reason for each in test.skipped},
            )


@torch.no_grad()
def _classes(network: nn.Module, test: ImageSet, cell: Cell) -> IntArray:
    found: list[torch.Tensor] = []
    network = deepcopy(network).to(cell.device) if cell.device != "cpu" else network
    for start in range(0, len(test), _BATCH):
        pixels = torch.from_numpy(test.pixels(slice(start, start + _BATCH))).to(cell.device)
        with exact_kernels():
            logits = network(pixels)
        if not bool(torch.isfinite(logits).all()):
            raise ValueError(f"the network's logits are not finite (images from {start} on)")
        found.append(logits.argmax(dim=1).cpu())
        cell.progress(min(1.0, (start + _BATCH) / len(test)))
    labels: IntArray = torch.cat(found).numpy()
    return labels
