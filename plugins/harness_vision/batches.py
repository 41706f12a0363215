"""Which images a training sees when: batches of an epoch, hidden labels, augmentation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from harness.random import Stream
from harness_vision.images import ImageSet
from harness_vision.images.image_set import IntArray

__all__ = ["Batch", "Batches", "crop_and_flip", "hidden_rows"]

_CROP_SHARE = 8  # padding of 32/8 = 4 for CIFAR


class Batch(NamedTuple):
    """Rows of the image set, and what their loss is multiplied with."""

    rows: IntArray
    weight: float


@dataclass(frozen=True, kw_only=True)
class Batches:
    """Cuts each epoch's order into batches.

    Parameters
    ----------
    known, pseudo
        Rows with given labels, and rows labelled by a model.
    size, parts
        Images of a batch; what the number of images of every batch is a multiple of.
    drops_last
        Leave out the last batch where it is not full.
    pseudo_weight
        Weight of a batch of ``pseudo`` rows.
    """

    known: IntArray
    pseudo: IntArray
    size: int
    parts: int
    drops_last: bool
    pseudo_weight: float

    def __post_init__(self) -> None:
        cut = f" in {self.parts} mini-batches" if self.parts > 1 else ""
        if not self._cut(self.known):
            raise ValueError(
                f"{len(self.known)} training images make no batch of {self.size}{cut}: take a "
                "smaller batch, or last_batch: keep"
            )
        # An epoch draws as many batches of these as of the others, however often.
        if len(self.pseudo) and not self._cut(self.pseudo):
            raise ValueError(
                f"{len(self.pseudo)} images with hidden labels make no batch of {self.size}{cut}: "
                "hide more, or take a smaller batch, or last_batch: keep"
            )

    @property
    def left_out(self) -> int:
        """Labelled images that an epoch does not use; others in each epoch."""
        return len(self.known) - sum(map(len, self._cut(self.known)))

    def epoch(self, stream: Stream) -> list[Batch]:
        """The batches of one epoch: as many of pseudo-labelled images as of labelled ones."""
        generator = stream.numpy()
        known = self._cut(generator.permutation(self.known))
        batches = [Batch(rows, 1.0) for rows in known]
        if not len(self.pseudo):
            return batches
        spare: list[IntArray] = []
        while len(spare) < len(known):
            spare += self._cut(generator.permutation(self.pseudo))
        batches += [Batch(rows, self.pseudo_weight) for rows in spare[: len(known)]]
        return [batches[place] for place in generator.permutation(len(batches))]

    def _cut(self, order: IntArray) -> list[IntArray]:
        return list(self._slices(order))

    def _slices(self, order: IntArray) -> Iterator[IntArray]:
        for begin in range(0, len(order), self.size):
            rows = order[begin : begin + self.size]
            rows = rows[: len(rows) - len(rows) % self.parts]
            if len(rows) == self.size or (len(rows) and not self.drops_last):
                yield rows


def hidden_rows(images: ImageSet, share: float) -> IntArray:
    """Rows whose labels are hidden: one draw for each data set, the same for all models."""
    count = round(share * len(images))
    stream = Stream("harness_vision hidden labels", images.name, len(images))
    return np.sort(stream.numpy().permutation(len(images))[:count])


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
