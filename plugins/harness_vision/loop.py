"""The loop of a training: epochs, mini-batches, learning rate, and what it reports.

Source: ``train_pgd.py`` of the official code (mini-batches, schedule).
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from harness.api.artifact import BuildContext
from harness.random import Stream
from harness_vision.attacks import refuse_outside_box
from harness_vision.augmentation import augmented
from harness_vision.batches import Batch, Batches
from harness_vision.checkpoint import Checkpoint, Progress
from harness_vision.descent import Descent
from harness_vision.images import ImageSet
from harness_vision.images.image_set import IntArray
from harness_vision.recipe import Recipe, Step, TrainingCollapsed

__all__ = ["Training", "predictions"]

_LR_DECAY = 0.1
_AT_ONCE = 500
# A classifier that always names the commonest class is at chance; above it by less than this
# share of what is left, a training has learned nothing.
_BARELY = 0.1


@dataclass(frozen=True, kw_only=True)
class Training:
    """One training, from wherever its checkpoint is.

    Parameters
    ----------
    recipe, net
        What is trained how; the network is on its device and changed in place.
    images, labels
        The training images, and the labels to train on.
    pseudo
        Rows whose label is a model's.
    context
        Stream, checkpoint folder, device.
    """

    recipe: Recipe
    net: nn.Module
    images: ImageSet
    labels: IntArray
    pseudo: IntArray
    context: BuildContext

    def run(self) -> Progress:
        """Train to the last epoch.

        Raises
        ------
        TrainingCollapsed
            When an epoch's loss is no number.
        """
        recipe = self.recipe
        descent = Descent(
            list(self.net.parameters()),
            momentum=recipe.momentum,
            weight_decay=recipe.weight_decay,
        )
        batches = self.batches()
        checkpoint = Checkpoint(self.context.checkpoint_dir, self.net, descent)
        progress = checkpoint.restore()
        if progress.epochs:
            self._tell_resumed(progress)
        for epoch in range(progress.epochs, recipe.epochs):
            wall_s, cpu_s = time.monotonic(), time.process_time()
            stream = self.context.stream.sub("epoch", epoch)
            loss = self._epoch(epoch, batches.epoch(stream.sub("order")), stream, descent)
            progress = Progress(
                epochs=epoch + 1,
                loss=loss,
                wall_s=progress.wall_s + time.monotonic() - wall_s,
                cpu_s=progress.cpu_s + time.process_time() - cpu_s,
            )
            checkpoint.save_if_due(progress)
        checkpoint.save(progress)
        return progress

    def _tell_resumed(self, progress: Progress) -> None:
        """Say in the worker's log, and beside the model, where an earlier try had come to."""
        print(
            f"the training goes on after epoch {progress.epochs} of {self.recipe.epochs}, "
            f"from {self.context.checkpoint_dir}",
            file=sys.stderr,
        )
        self.context.report("resumed_after_epoch", progress.epochs)

    def batches(self) -> Batches:
        """How epochs are cut; refuses images that make no batch."""
        known = np.setdiff1d(np.arange(len(self.images)), self.pseudo)
        return self.recipe.batches(known, self.pseudo)

    def _rate(self, epoch: int) -> float:
        falls = epoch // self.recipe.decay_every if self.recipe.decay_every else 0
        return self.recipe.lr * _LR_DECAY**falls

    def _epoch(self, epoch: int, batches: list[Batch], stream: Stream, descent: Descent) -> float:
        """Train one epoch; the mean loss of its optimizer steps."""
        device = self.context.device
        step = Step(
            epoch=epoch,
            noise_source=stream.sub("noise").torch(device),
            directions=stream.sub("directions").torch(device),
        )
        augmenting = stream.sub("augment").torch()
        parts, rate = self.recipe.minibatches(), self._rate(epoch)
        # Summed on the device: to fetch each loss would make a GPU wait for every step.
        total = torch.zeros((), dtype=torch.float64, device=device)
        self.net.train()
        read = self._read(batches, augmenting)
        with _seeded(stream.sub("layers"), device):
            for batch, pixels in zip(batches, read, strict=True):
                labels = torch.from_numpy(self.labels[batch.rows]).to(device)
                cut = zip(pixels.to(device).chunk(parts), labels.chunk(parts), strict=True)
                for images, own in cut:
                    loss = self.recipe.loss(self.net, images, own, step) * batch.weight
                    descent.step(loss, rate)
                    total += loss.detach()
        mean = float(total) / (parts * len(batches))
        if not math.isfinite(mean):
            raise TrainingCollapsed(
                f"the training loss is {mean} in epoch {epoch + 1} of {self.recipe.epochs}: "
                "try a smaller lr"
            )
        return mean

    def _read(self, batches: Sequence[Batch], augmenting: torch.Generator) -> Iterator[Tensor]:
        """The pixels of each batch; a card that works on one does not wait for the next's files."""
        if self.context.device == "cpu" or not self.images.are_files:
            yield from (self._pixels(batch, augmenting) for batch in batches)
            return
        with ThreadPoolExecutor(1) as ahead:
            coming = ahead.submit(self._pixels, batches[0], augmenting)
            for batch in batches[1:]:
                pixels = coming.result()
                coming = ahead.submit(self._pixels, batch, augmenting)
                yield pixels
            yield coming.result()

    def _pixels(self, batch: Batch, augmenting: torch.Generator) -> Tensor:
        augment = self.recipe.augment_on(self.images.name)
        pixels = augmented(self.images, batch.rows, augment, augmenting)
        refuse_outside_box(pixels)
        return pixels

    def has_collapsed(self, accuracy: float) -> bool:
        """Whether ``accuracy``, on the training images, is no more than chance."""
        counts = np.bincount(self.labels)
        chance = float(counts.max() / counts.sum())
        return accuracy <= chance + min(chance, _BARELY * (1.0 - chance))


@contextmanager
def _seeded(stream: Stream, device: str) -> Iterator[None]:
    """What layers draw by themselves (dropout) is this epoch's, whatever was drawn before."""
    seed = stream.key % 2**63
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        if device == "cuda":
            torch.cuda.manual_seed_all(seed)
        yield


def predictions(
    net: nn.Module, images: ImageSet, rows: IntArray, sigma: float, stream: Stream, device: str
) -> IntArray:
    """Labels of ``rows`` in evaluation mode, under one draw of noise each."""
    generator = stream.torch(device)
    found = []
    with torch.no_grad():
        for begin in range(0, len(rows), _AT_ONCE):
            pixels = torch.from_numpy(images.pixels(rows[begin : begin + _AT_ONCE])).to(device)
            noise = torch.empty_like(pixels).normal_(0.0, sigma, generator=generator)
            found.append(net(pixels + noise).argmax(dim=1).cpu().numpy())
    return np.concatenate(found)
