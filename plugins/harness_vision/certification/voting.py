"""Labels that a network gives to noisy copies of images, many images in a batch.

The loop that certification spends its time in. Noisy copies are written in place into one
buffer, and only counts leave the device: all that is not the forward pass takes 4 to 5 % of the
time for a network of 38,000 parameters in batches of 1,000, and less for any larger one.

The network is one fixed function of one image. What may not be one is refused: a module in
training mode, dropout that is active, logits that are NaN.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from harness_vision.certification.confidence import IntArray
from harness_vision.certification.counting import counter_on
from harness_vision.certification.guards import require_sigma
from harness_vision.certification.noise import BLOCK, Source

__all__ = ["Booth", "refuse_training"]


def refuse_training(network: nn.Module) -> None:
    """Refuse a network that is not one fixed function of each image.

    Raises
    ------
    ValueError
        When a part of it is in training mode: dropout is active there, and batch statistics
        make one image's logits depend on the others.
    """
    for name, module in network.named_modules():
        if module.training:
            what = f"{type(module).__name__} {name!r}" if name else "the network"
            raise ValueError(f"{what} is in training mode: call network.eval() first")


class Booth:
    """A network and the buffer in which noisy copies are made.

    Parameters
    ----------
    network
        Takes pixels in [0, 1], shape (rows, *image), and gives logits (rows, classes). Whatever
        it normalises or casts is a part of it.
    sigma
        Standard deviation of the noise, in pixels.
    batch
        Most noisy copies at a time, at least one block; rounded down to whole blocks. Memory
        grows with it and with nothing else.
    device
        Where the network is.
    """

    def __init__(
        self, network: nn.Module, sigma: float, *, batch: int = 500, device: str = "cpu"
    ) -> None:
        require_sigma(sigma)
        if batch < BLOCK:
            raise ValueError(f"a batch holds at least one block of {BLOCK} draws, got {batch}")
        refuse_training(network)
        self.network = network
        self.sigma = sigma
        self.device = device
        self._rows = batch - batch % BLOCK
        self._counter = counter_on(device)
        self._buffer = self._full = torch.empty(0)
        self._flat: Any = None
        self._is_checked = False

    def histogram(self, images: Tensor, sources: Sequence[Source], draws: int) -> IntArray:
        """How often each image is given each label: (images, classes).

        Parameters
        ----------
        images : (images, *image) float32
        sources
            One for each image.
        draws
            Noisy copies of each.
        """
        wanted = [(place, draws) for place in range(len(images))]
        return self._count(images, sources, None, wanted)

    def hits(
        self,
        images: Tensor,
        sources: Sequence[Source],
        targets: IntArray,
        wanted: Sequence[tuple[int, int]],
    ) -> IntArray:
        """How often images are given the label that is looked for.

        Parameters
        ----------
        images : (images, *image) float32
        sources
            One for each image; they go on where they stood.
        targets : (images,) int64
        wanted
            (position of an image, draws); images that are not named stay as they are.

        Returns
        -------
        (images,) int64
        """
        return self._count(images, sources, targets, wanted)

    def noise(self, images: Tensor, sources: Sequence[Source], draws: int) -> Tensor:
        """Noise alone, (images · draws, *image), an image's draws next to each other."""
        rows = torch.empty(draws + -draws % BLOCK, *images.shape[1:], device=self.device)
        flat = self._counter.flat(rows)
        nothing = self._counter.flat(torch.zeros(1, *images.shape[1:], device=self.device))[0]
        drawn = []
        for source in sources:
            source.write(flat, nothing, self.sigma)
            drawn.append(rows[:draws].clone())
        return torch.cat(drawn)

    @torch.inference_mode()
    def _count(
        self,
        images: Tensor,
        sources: Sequence[Source],
        sought: IntArray | None,
        wanted: Sequence[tuple[int, int]],
    ) -> IntArray:
        self._make_room(images)
        flat = self._counter.flat(images.detach().to(self.device, torch.float32))
        self._counter.start(len(images), sought)
        owners: Any = None
        known: list[tuple[int, int]] = []
        for segments in _batches(wanted, self._rows):
            end = self._write(flat, sources, segments)
            noisy = self._full if end == self._rows else self._buffer[:end]
            logits = self.network(noisy)
            if not self._is_checked:
                self._check(noisy, logits)
            if segments != known:  # one batch after another is often of one image
                owners, known = self._counter.owners(segments), segments
            self._counter.add(logits, owners)
        return self._counter.counts()

    def _make_room(self, images: Tensor) -> None:
        """The buffer, made anew when images of another shape come.

        One block longer than a batch: the last block of an image is drawn whole, and what is
        over is overwritten by the next image's.
        """
        shape = (self._rows + BLOCK, *images.shape[1:])
        if self._buffer.shape != shape:
            self._buffer = torch.empty(shape, device=self.device)
            self._full = self._buffer[: self._rows]
            self._flat = self._counter.flat(self._buffer)

    def _write(
        self, flat: Any, sources: Sequence[Source], segments: Sequence[tuple[int, int]]
    ) -> int:
        """Write noisy copies of images one after another; gives the number of rows."""
        start = 0
        for place, rows in segments:
            whole = start + rows + -rows % BLOCK
            sources[place].write(self._flat[start:whole], flat[place], self.sigma)
            start += rows
        return start

    def _check(self, noisy: Tensor, logits: Tensor) -> None:
        """Refuse, once, what gives one input different logits."""
        if logits.ndim != 2 or len(logits) != len(noisy):
            raise ValueError(
                f"a network gives logits (rows, classes), got {tuple(logits.shape)} "
                f"for {len(noisy)} images"
            )
        again = self.network(noisy)
        # Not bit for bit: kernels of GPUs may sum in another order.
        if not torch.allclose(logits, again, rtol=1e-3, atol=1e-3, equal_nan=True):
            raise ValueError(
                "the network gives one input different logits: is dropout active? "
                "A certificate is about one fixed function"
            )
        self._is_checked = True


def _batches(wanted: Sequence[tuple[int, int]], capacity: int) -> Iterator[list[tuple[int, int]]]:
    """Cut (image, draws) into batches; an image is cut between blocks only."""
    batch: list[tuple[int, int]] = []
    room = capacity
    for place, draws in wanted:
        left = draws
        while left > 0:
            take = min(left, room - room % BLOCK) if left > room else left
            if take == 0:
                yield batch
                batch, room = [], capacity
                continue
            batch.append((place, take))
            left -= take
            room -= take
    if batch:
        yield batch
