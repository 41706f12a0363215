"""Which images a training sees when: batches of an epoch, and hidden labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from harness.random import Stream
from harness_vision.images import ImageSet
from harness_vision.images.image_set import IntArray

__all__ = ["Batch", "Batches", "hidden_rows"]


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
