"""How training images are changed from one visit to the next.

=====================  =============================================================
``crop-flip``          padded by an eighth with 0, cropped at random, flipped by a coin
``resized-crop-flip``  a random part of the picture brought to size, flipped by a coin
``none``               as they are
=====================  =============================================================

Source: the official code of Cohen et al. 2019 and Salman et al. 2019 (``datasets.py``): the
first for CIFAR-10, the second for ImageNet.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from harness_vision.images import ImageSet, of_files
from harness_vision.images.image_set import IntArray
from harness_vision.images.views import DRAWS

__all__ = ["Augmentation", "augmented", "crop_and_flip", "refuse_unfit", "usual"]

Augmentation = Literal["none", "crop-flip", "resized-crop-flip"]

_CROP_SHARE = 8  # padding of 32/8 = 4 for CIFAR
_USUAL: dict[str, Augmentation] = {
    "cifar10": "crop-flip",
    "cifar10-4000": "crop-flip",
    "imagenet": "resized-crop-flip",
}


def usual(dataset: str) -> Augmentation:
    """What the papers train on a data set with; the small ones of others are left as they are."""
    return _USUAL.get(dataset, "none")


def refuse_unfit(how: Augmentation, dataset: str) -> None:
    """Refuse parts of pictures where the images have their size already.

    Raises
    ------
    ValueError
        When it does not fit.
    """
    if how == "resized-crop-flip" and not of_files(dataset):
        raise ValueError(
            f"augment: {how} resizes parts of larger pictures, and the images of {dataset} are "
            "of one size: take crop-flip"
        )


def augmented(
    images: ImageSet, rows: IntArray, how: Augmentation, generator: torch.Generator
) -> Tensor:
    """Images of a batch as the network is trained on them, float32 in [0, 1], on the CPU."""
    if how == "resized-crop-flip":
        draws = torch.rand((len(rows), *DRAWS), dtype=torch.float64, generator=generator)
        parts = torch.from_numpy(images.crops(rows, draws.numpy()))
        flips = torch.rand(len(rows), generator=generator) < 0.5
        return torch.where(flips[:, None, None, None], parts.flip(3), parts)
    pixels = torch.from_numpy(images.pixels(rows))
    return crop_and_flip(pixels, generator) if how == "crop-flip" else pixels


def crop_and_flip(images: Tensor, generator: torch.Generator) -> Tensor:
    """Random crops after a padding of an eighth with 0, and random flips, image by image."""
    count, _, height, width = images.shape
    pad = height // _CROP_SHARE
    padded = functional.pad(images, (pad, pad, pad, pad))
    shifts = torch.randint(0, 2 * pad + 1, (2, count), generator=generator)
    flips = torch.rand(count, generator=generator) < 0.5
    rows = shifts[0][:, None] + torch.arange(height)  # (count, height)
    columns = torch.arange(width).expand(count, -1)
    columns = shifts[1][:, None] + torch.where(flips[:, None], columns.flip(1), columns)
    image = torch.arange(count)[:, None, None]
    # Advanced indices around the slice put (count, height, width) first, channels last.
    return padded[image, :, rows[:, :, None], columns[:, None, :]].movedim(-1, 1).contiguous()
