"""Counting labels: compiled loops over numpy's views on a CPU, tensors on any other device.

On a CPU a small tensor operation between two forward passes costs 30 µs, a tenth of a batch of a
small network for five of them; one compiled loop over the logits costs 10. On a GPU the counts
stay there until they are asked for.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from harness.kernels import specialise
from harness_vision.certification.confidence import IntArray

__all__ = ["Counter", "DeviceCounter", "HostCounter", "counter_on"]

_NAN = "the network's logits are NaN: a label of it means nothing"


class Counter(ABC):
    """Counts of one task: label by label, or of one label an image."""

    @abstractmethod
    def flat(self, copies: Tensor) -> Any:
        """A view (rows, numbers) as the device's sources and loops take it."""

    @abstractmethod
    def owners(self, segments: Sequence[tuple[int, int]]) -> Any:
        """Which image each row of a batch of (image, rows) is a copy of."""

    @abstractmethod
    def start(self, images: int, sought: IntArray | None) -> None:
        """Begin anew: count every label, or only those that are ``sought``, one an image."""

    @abstractmethod
    def add(self, logits: Tensor, owners: Any) -> None:
        """Count the labels of a batch; ``ArithmeticError`` for NaN, here or at :meth:`counts`."""

    @abstractmethod
    def counts(self) -> IntArray:
        """(images, classes), or (images,) where one label was sought."""


def counter_on(device: str) -> Counter:
    """The counter of a device."""
    return HostCounter() if device == "cpu" else DeviceCounter(device)


class HostCounter(Counter):
    """Counts in numpy arrays, by compiled loops."""

    def __init__(self) -> None:
        self._count_labels = specialise(count_labels)
        self._count_hits = specialise(count_hits)

    def flat(self, copies: Tensor) -> Any:
        """A view (rows, numbers)."""
        return copies.reshape(len(copies), -1).numpy()

    def owners(self, segments: Sequence[tuple[int, int]]) -> Any:
        """One number a row."""
        places, rows = zip(*segments, strict=True)
        return np.repeat(np.array(places, dtype=np.int64), rows)

    def start(self, images: int, sought: IntArray | None) -> None:
        """Begin anew."""
        self._sought = sought
        self._images = images
        self._counts: IntArray | None = None
        if sought is not None:
            self._counts = np.zeros(images, dtype=np.int64)

    def add(self, logits: Tensor, owners: Any) -> None:
        """Count a batch."""
        found = (logits if logits.dtype == torch.float32 else logits.float()).numpy()
        if self._counts is None:
            self._counts = np.zeros((self._images, found.shape[1]), dtype=np.int64)
        if self._sought is None:
            nans = self._count_labels(found, owners, self._counts)
        else:
            nans = self._count_hits(found, owners, self._sought, self._counts)
        if nans:
            raise ArithmeticError(_NAN)

    def counts(self) -> IntArray:
        """What was counted."""
        return np.zeros((self._images, 0), np.int64) if self._counts is None else self._counts


class DeviceCounter(Counter):
    """Counts in tensors on their device."""

    def __init__(self, device: str) -> None:
        self._device = device

    def flat(self, copies: Tensor) -> Any:
        """A view (rows, numbers)."""
        return copies.reshape(len(copies), -1)

    def owners(self, segments: Sequence[tuple[int, int]]) -> Any:
        """One number a row."""
        places, rows = torch.tensor(segments, device=self._device).unbind(dim=1)
        return places.repeat_interleave(rows)

    def start(self, images: int, sought: IntArray | None) -> None:
        """Begin anew."""
        self._images = images
        self._sought = None if sought is None else torch.as_tensor(sought, device=self._device)
        self._counts = torch.zeros(images, dtype=torch.int64, device=self._device)
        self._classes = 0
        self._sum = torch.zeros((), device=self._device)

    def add(self, logits: Tensor, owners: Any) -> None:
        """Count a batch."""
        largest, labels = logits.max(dim=1)
        # NaN is the largest of its row, so a sum of one number a row finds it, and the device
        # is asked for it once.
        self._sum = self._sum + largest.sum()
        if self._sought is not None:
            self._counts.index_add_(0, owners, (labels == self._sought[owners]).long())
            return
        if not self._classes:
            self._classes = logits.shape[1]
            self._counts = self._counts.repeat_interleave(self._classes)
        places = owners * self._classes + labels
        self._counts.index_add_(0, places, torch.ones_like(labels))

    def counts(self) -> IntArray:
        """What was counted."""
        if bool(self._sum.isnan()):
            raise ArithmeticError(_NAN)
        found = self._counts if self._sought is not None else self._counts.view(self._images, -1)
        return found.cpu().numpy()


def count_labels(logits: Any, owners: Any, counts: Any) -> int:
    """Add one at (owner, label) for each row, the lowest label on a tie; counts NaN logits."""
    nans = 0
    for row in range(logits.shape[0]):
        label = 0
        for c in range(logits.shape[1]):
            nans += logits[row, c] != logits[row, c]
            if logits[row, c] > logits[row, label]:
                label = c
        counts[owners[row], label] += 1
    return nans


def count_hits(logits: Any, owners: Any, sought: Any, counts: Any) -> int:
    """Add one at the owner of each row that has the owner's label; counts NaN logits.

    A row has the label when no lower one is as large and no higher one is larger: without the
    branches of a search that is a quarter of the time.
    """
    nans = 0
    for row in range(logits.shape[0]):
        owner = owners[row]
        label = sought[owner]
        largest = logits[row, label]
        above = 0
        for c in range(label):
            above += logits[row, c] >= largest
            nans += logits[row, c] != logits[row, c]
        for c in range(label, logits.shape[1]):
            above += logits[row, c] > largest
            nans += logits[row, c] != logits[row, c]
        counts[owner] += above == 0
    return nans
