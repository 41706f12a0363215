"""A set of labelled images, as training and certification read it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

__all__ = [
    "ByteArray",
    "CorruptImage",
    "Decoded",
    "ImageSet",
    "IntArray",
    "Kept",
    "Raw",
    "Skipped",
    "UnitArray",
    "keep",
]

ByteArray = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]
UnitArray = npt.NDArray[np.float64]  # uniform numbers in [0, 1)
Rows = Sequence[int] | IntArray | slice


class CorruptImage(ValueError):
    """An image file that cannot be decoded; the message names it."""


class Skipped(NamedTuple):
    """An image that is not in the set, and why."""

    where: str  # file, and the record in it
    reason: str


class Raw(Protocol):
    """Bytes of images by row: an array, or files that are decoded when they are asked for."""

    def __getitem__(self, rows: IntArray) -> ByteArray:
        """Images (rows, channels, height, width)."""

    def __len__(self) -> int:
        """How many there are."""


class Decoded(ABC):
    """Images that lie in files of any size and are decoded each time that they are asked for."""

    @abstractmethod
    def __getitem__(self, rows: IntArray) -> ByteArray:
        """Images (rows, channels, height, width): the middle of each picture."""

    @abstractmethod
    def crops(self, rows: IntArray, draws: UnitArray) -> ByteArray:
        """Random parts of the pictures, in the shape of the images.

        Parameters
        ----------
        draws
            (rows, 10, 4) numbers that :func:`harness_vision.images.views.random_area` takes.
        """

    @abstractmethod
    def chosen(self, rows: IntArray) -> Decoded:
        """These rows, in this order; nothing is decoded."""

    @abstractmethod
    def __len__(self) -> int:
        """How many there are."""


class Kept(NamedTuple):
    """What a reader found in its files: rows of equal length, and what it left out."""

    raw: Raw
    labels: IntArray
    indices: IntArray
    skipped: tuple[Skipped, ...]


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images and labels of one split.

    Pixels are kept as bytes and handed out as float32 in [0, 1]: σ, ε and radii are lengths in
    these pixels, and normalisation is the first layer of a network.

    Parameters
    ----------
    name, split
        As in :func:`harness_vision.images.load`.
    classes
        Names of the classes, in the order of the labels.
    shape
        Channels, height, width.
    raw
        Bytes of the images, (images, channels, height, width).
    white
        The byte that stands for 1.0: 255, or 16 for digits.
    labels
        (images,) 0 … classes − 1.
    indices
        (images,) place of each image in the official split, counting skipped ones.
    skipped
        Images left out, by name and reason.
    """

    name: str
    split: str
    classes: tuple[str, ...]
    shape: tuple[int, int, int]
    raw: Raw
    white: int
    labels: IntArray
    indices: IntArray
    skipped: tuple[Skipped, ...] = ()

    def __len__(self) -> int:
        """How many images there are."""
        return int(self.labels.size)

    def pixels(self, rows: Rows = slice(None)) -> FloatArray:
        """Images in [0, 1], float32, (rows, channels, height, width).

        Raises
        ------
        CorruptImage
            When an image file cannot be decoded.
        """
        chosen = np.arange(len(self))[rows]
        return self._in_unit_box(self.raw[chosen])

    def crops(self, rows: Rows, draws: UnitArray) -> FloatArray:
        """Random parts of pictures that lie in files, brought to the shape of the images.

        Raises
        ------
        CorruptImage
            When an image file cannot be decoded.
        ValueError
            When the images have that shape already.
        """
        if not isinstance(self.raw, Decoded):
            raise ValueError(f"the images of {self.name} are of one size: nothing is resized")
        return self._in_unit_box(self.raw.crops(np.arange(len(self))[rows], draws))

    def _in_unit_box(self, raw: ByteArray) -> FloatArray:
        return raw.astype(np.float32) / np.float32(self.white)

    @property
    def are_files(self) -> bool:
        """Whether images are decoded each time that they are asked for."""
        return isinstance(self.raw, Decoded)

    def take(self, rows: Rows) -> ImageSet:
        """The set of these rows, in this order."""
        raw, chosen = self.raw, np.arange(len(self))[rows]
        return replace(
            self,
            raw=raw.chosen(chosen) if isinstance(raw, Decoded) else _Chosen(raw, chosen),
            labels=self.labels[chosen],
            indices=self.indices[chosen],
        )


class _Chosen:
    """Rows of an array; nothing is copied until it is asked for."""

    def __init__(self, raw: Raw, rows: IntArray) -> None:
        if isinstance(raw, _Chosen):
            raw, rows = raw.raw, raw.rows[rows]
        self.raw = raw
        self.rows = rows

    def __getitem__(self, rows: IntArray) -> ByteArray:
        return self.raw[self.rows[rows]]

    def __len__(self) -> int:
        return len(self.rows)


def keep(
    images: ByteArray,
    labels: IntArray,
    classes: int,
    where: Sequence[str],
    skipped: Sequence[Skipped] = (),
) -> Kept:
    """Leave out the images whose label is none of the classes; ``where`` names each image."""
    is_known = (labels >= 0) & (labels < classes)
    strangers = [
        Skipped(where[row], f"label {labels[row]} is outside the {classes} classes")
        for row in np.flatnonzero(~is_known)
    ]
    indices = np.arange(labels.size, dtype=np.int64)
    if not is_known.all():
        images, labels, indices = images[is_known], labels[is_known], indices[is_known]
    return Kept(images, labels.astype(np.int64), indices, (*skipped, *strangers))
