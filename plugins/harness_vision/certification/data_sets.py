"""Certification on a data set each: digits, CIFAR-10, Fashion-MNIST, ImageNet.

Grids and strides are the paper's where it has them: 500 images of CIFAR-10 (every 20th) and of
ImageNet (every 100th). The full release of CIFAR-10 and its small part share the task, so a
model of either meets the same noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge

from harness_vision.certification.noise import BLOCK
from harness_vision.certification.task import CertificationTask

__all__ = ["Cifar10", "Digits", "FashionMnist", "ImageNet"]


@dataclass(frozen=True, kw_only=True)
class Digits(CertificationTask):
    """scikit-learn's digits, 8 × 8: 1,297 training images, 500 test images, no file."""

    radii: tuple[float, ...] = (0.0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75)
    batch: Annotated[int, Ge(BLOCK)] = 1_000

    def data(self) -> str:
        """The embedded set."""
        return "digits"


@dataclass(frozen=True, kw_only=True)
class Cifar10(CertificationTask):
    """CIFAR-10, every 20th test image unless told otherwise.

    Parameters
    ----------
    source
        ``cifar10``: the full release; ``cifar10-4000``: its first 4,000 training and 1,000 test
        images.
    """

    radii: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 2.25)
    every: Annotated[int, Ge(1)] = 20
    source: Literal["cifar10", "cifar10-4000"] = "cifar10"

    def data(self) -> str:
        """The release or its small part."""
        return self.source


@dataclass(frozen=True, kw_only=True)
class FashionMnist(CertificationTask):
    """Fashion-MNIST, 28 × 28, every 20th test image unless told otherwise."""

    radii: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 2.25)
    every: Annotated[int, Ge(1)] = 20

    def data(self) -> str:
        """The official idx files."""
        return "fashion-mnist"


@dataclass(frozen=True, kw_only=True)
class ImageNet(CertificationTask):
    """ImageNet, 224 × 224, every 100th validation image unless told otherwise."""

    radii: tuple[float, ...] = (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5)
    every: Annotated[int, Ge(1)] = 100
    batch: Annotated[int, Ge(BLOCK)] = 200

    def data(self) -> str:
        """Folders of JPEG files."""
        return "imagenet"
