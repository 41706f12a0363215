"""Where the noise of an image comes from: a source for each (model, image, stage).

Batch size, the order of images, the worker and the other images of a batch change nothing,
because a source serves one image in one stage and is asked for whole blocks of :data:`BLOCK`
draws. On a CPU a block is filled at its address (key of the source, number of the block), three
times faster than torch's ``normal_`` (1.2 ns a number against 3.5) and with the same bits on
every machine. On a GPU a block is one call of a generator of its own, whatever the batch.

The two differ, and so do GPUs of two models: a radius repeats to the bit on one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch

from harness.kernels import specialise
from harness.random import Stream, fill_normals

__all__ = ["BLOCK", "AddressedSource", "GeneratedSource", "Noise", "Source", "Stage"]

# The first look of the sequential test and the default n0, so that nothing is drawn in vain; an
# image whose draws are no multiple throws the rest of its last block away.
BLOCK = 100

Stage = Literal["select", "estimate", "predict", "attack", "attacked"]


class Source(ABC):
    """Noisy copies of one image, block after block."""

    @abstractmethod
    def write(self, rows: Any, image: Any, sigma: float) -> None:
        """Write the next noisy copies.

        Parameters
        ----------
        rows : (blocks · BLOCK, numbers) float32
            Contiguous: numpy's on a CPU, a tensor elsewhere.
        image : (numbers,) float32
            The same kind of array.
        sigma
            Of the noise that is added; the copies are not clipped.
        """


class Noise:
    """Sources for the images of one model.

    Parameters
    ----------
    stream
        Named by the model. Two models with equal streams meet equal noise.
    device
        ``cpu`` or ``cuda``.
    """

    def __init__(self, stream: Stream, device: str = "cpu") -> None:
        self._stream = stream
        self.device = device

    def source(self, image: int, stage: Stage) -> Source:
        """The source of one image in one stage, at its start."""
        stream = self._stream.sub("noise", int(image), stage)
        return (
            AddressedSource(stream)
            if self.device == "cpu"
            else GeneratedSource(stream, self.device)
        )

    def sources(self, images: Sequence[int], stage: Stage) -> list[Source]:
        """One for each image."""
        return [self.source(image, stage) for image in images]

    def generator(self, image: int) -> torch.Generator:
        """For what an attack draws besides its noise."""
        return self._stream.sub("directions", int(image)).torch(self.device)


class AddressedSource(Source):
    """Blocks at the addresses (key, number of the block)."""

    __slots__ = ("_block", "_key", "_write")

    def __init__(self, stream: Stream) -> None:
        self._key = stream.key
        self._block = 0
        self._write = specialise(write_copies)

    def write(self, rows: Any, image: Any, sigma: float) -> None:
        """Write the next blocks."""
        blocks = rows.reshape(len(rows) // BLOCK, -1)
        self._write(blocks, image, np.float32(sigma), self._key, self._block)
        self._block += len(blocks)


class GeneratedSource(Source):
    """Blocks of a generator on the device."""

    def __init__(self, stream: Stream, device: str) -> None:
        self._generator = stream.torch(device)

    def write(self, rows: Any, image: Any, sigma: float) -> None:
        """Write the next blocks."""
        for start in range(0, len(rows), BLOCK):
            rows[start : start + BLOCK].normal_(0.0, sigma, generator=self._generator)
        rows.add_(image)


def write_copies(blocks: Any, image: Any, sigma: float, key: int, first: int) -> None:
    """Noisy copies of ``image`` in each row of ``blocks``, at addresses from ``first`` on."""
    for i in range(blocks.shape[0]):
        block = blocks[i]
        fill_normals(block, key, first + i, 0)
        copies = block.reshape(block.size // image.size, image.size)
        copies *= sigma
        copies += image
