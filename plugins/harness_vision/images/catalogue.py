"""Image sets by name, through the data layer.

=================  ==================  =======================  =============================
name               train / test        shape                    from
=================  ==================  =======================  =============================
``digits``         1,297 / 500         1 × 8 × 8                scikit-learn, no file
``cifar10-4000``   4,000 / 1,000       3 × 32 × 32              binary files
``cifar10``        50,000 / 10,000     3 × 32 × 32              either official archive
``fashion-mnist``  60,000 / 10,000     1 × 28 × 28              official idx files
``imagenet``       1.28 M / 50,000     3 × 224 × 224            folders; test is ``val``
=================  ==================  =======================  =============================
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from harness.errors import DataMissing
from harness_vision.images import cifar, digits, folder, idx
from harness_vision.images.image_set import ImageSet, Kept

__all__ = ["ImageSetName", "Split", "classes_of", "load", "of_files", "shape_of", "training_images"]

ImageSetName = Literal["digits", "cifar10-4000", "cifar10", "fashion-mnist", "imagenet"]
Split = Literal["train", "test"]
Find = Callable[[str], Path]  # ``cell.data`` or a build context's

_SHAPES = {
    "digits": digits.SHAPE,
    "cifar10-4000": cifar.SHAPE,
    "cifar10": cifar.SHAPE,
    "fashion-mnist": (1, 28, 28),
    "imagenet": folder.SHAPE,
}
_TRAINING = {
    "digits": 1_297,
    "cifar10-4000": 4_000,
    "cifar10": 50_000,
    "fashion-mnist": 60_000,
    "imagenet": 1_281_167,
}
_FASHION = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)


def classes_of(name: str) -> int:
    """How many classes an image set has, without loading it."""
    _refuse_unknown(name, "train")
    return len(folder.wnids()) if name == "imagenet" else 10


def shape_of(name: str) -> tuple[int, int, int]:
    """Channels, height and width of an image set, without loading it."""
    _refuse_unknown(name, "train")
    return _SHAPES[name]


def of_files(name: str) -> bool:
    """Whether an image set is pictures of any size in files, without loading it."""
    _refuse_unknown(name, "train")
    return name == "imagenet"


def training_images(name: str, first: int = 0) -> int:
    """How many training images an image set has, or its ``first`` ones, without loading it.

    Raises
    ------
    ValueError
        When it has fewer than ``first``.
    """
    _refuse_unknown(name, "train")
    if first > _TRAINING[name]:
        raise ValueError(
            f"{name} has {_TRAINING[name]:,} training images, got train_images: {first}"
        )
    return first or _TRAINING[name]


def load(
    name: str,
    data: Find,
    split: Split,
    *,
    every: int = 1,
    limit: int | None = None,
    readers: int = 1,
) -> ImageSet:
    """An image set, verified by the data layer.

    Parameters
    ----------
    name
        See the table above.
    data
        Where a declared data set lies: ``cell.data`` or ``context.data``.
    split
        ``train`` or ``test``.
    every
        Take only images whose official index is a multiple of this (20 and 100 in the
        published grids).
    limit
        Take at most so many of those.
    readers
        Threads that decode image files; they change no pixel.

    Raises
    ------
    DataMissing
        When the set is not on this machine; the message names the command.
    ValueError
        For an unknown name or split, and when no image is left.
    """
    _refuse_unknown(name, split)
    if every < 1 or (limit is not None and limit < 1):
        raise ValueError(f"every and limit must be at least 1, got {every} and {limit}")
    if name == "imagenet":
        root = data("imagenet") / ("train" if split == "train" else "val")
        kept = folder.read_folder(root, folder.wnids(), every=every, limit=limit, readers=readers)
        classes = folder.imagenet_classes()
    else:
        kept, classes = _in_memory(name, data, split)
        kept = _chosen(kept, every, limit)
    if not len(kept.labels):
        told = "; ".join(f"{each.where}: {each.reason}" for each in kept.skipped[:3])
        empty = f"no index is a multiple of {every}" if every > 1 else "it is empty"
        raise ValueError(f"no image is left of {name} {split}: {told or empty}")
    return ImageSet(
        name=name,
        split=split,
        classes=classes,
        shape=_SHAPES[name],
        raw=kept.raw,
        white=digits.WHITE if name == "digits" else 255,
        labels=kept.labels,
        indices=kept.indices,
        skipped=kept.skipped,
    )


def _in_memory(name: str, data: Find, split: str) -> tuple[Kept, tuple[str, ...]]:
    if name == "digits":
        return digits.read_digits(split), digits.CLASSES
    if name == "cifar10-4000":
        path = data("cifar10-4000-train" if split == "train" else "cifar10-4000-test")
        return cifar.read_binary(path.read_bytes(), path.name), cifar.CLASSES
    if name == "cifar10":
        return _archive(_cifar10(data), split), cifar.CLASSES
    if split == "train":
        images, labels = data("fashion-mnist-train-images"), data("fashion-mnist-train-labels")
    else:
        images, labels = data("fashion-mnist-test-images"), data("fashion-mnist-test-labels")
    return idx.read_pair(images, labels, len(_FASHION)), _FASHION


def _cifar10(data: Find) -> Path:
    """Either official archive: both hold the same images in the same order."""
    try:
        return data("cifar10-binary")
    except DataMissing as missing:
        try:
            return data("cifar10-python")
        except DataMissing:
            raise missing from None


@lru_cache(maxsize=2)
def _archive(path: Path, split: str) -> Kept:
    return cifar.read_archive(path, split)


def _chosen(kept: Kept, every: int, limit: int | None) -> Kept:
    rows = np.flatnonzero(kept.indices % every == 0)[:limit]
    if len(rows) == len(kept.labels):
        return kept
    return Kept(kept.raw[rows], kept.labels[rows], kept.indices[rows], kept.skipped)


def _refuse_unknown(name: str, split: str) -> None:
    if name not in get_args(ImageSetName):
        raise ValueError(
            f"there is no image set {name!r}; there are {', '.join(get_args(ImageSetName))}"
        )
    if split not in get_args(Split):
        raise ValueError(f"a split is train or test, got {split!r}")
