"""The kind ``Classifier``: what a certification task asks of a method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from math import inf, isinf
from typing import Annotated

from annotated_types import Gt
from torch import nn

from harness import Artifact, Cell, Method, Metric

__all__ = ["SKIPPED_IMAGES", "Classifier"]

_MOST_NOISE = 1e6  # pixels: float32 networks make no numbers of much more

# What every task that asks a classifier tells of the images at hand.
SKIPPED_IMAGES = (
    Metric(
        name="images_skipped",
        type="exact",
        direction="none",
        expected=0.0,
        description="test images left out as corrupt or mislabelled; the records name them",
    ),
    Metric(
        name="training_images_skipped",
        type="exact",
        direction="none",
        expected=0.0,
        description="training images left out for that; the log of the build names them",
    ),
)


@dataclass(frozen=True, kw_only=True)
class Classifier(Method):
    """A base classifier, to be smoothed with noise of ``sigma`` and certified.

    Subclasses define :meth:`network`; those that are built first also :meth:`artifacts`. Both
    get the name of the image set, as :func:`harness_vision.images.load` knows it, and how many
    of its training images may be used, the first ones (0: all).

    Parameters
    ----------
    sigma
        Standard deviation of the noise, in [0, 1] pixels.
    """

    sigma: Annotated[float, Gt(0)] = 0.25

    def __post_init__(self) -> None:
        if not self.sigma >= 0:
            raise ValueError(f"sigma must be at least 0, got {self.sigma}")
        if _MOST_NOISE < self.sigma < inf:
            raise ValueError(
                f"sigma is a length in [0, 1] pixels and at most {_MOST_NOISE:g}, got "
                f"{self.sigma:g}"
            )
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, float) and isinf(value):
                raise ValueError(f"{each.name} must be finite, got {value:g}")

    def check(self, dataset: str) -> None:
        """Refuse an image set that the classifier cannot serve: raise ``ValueError``.

        Tasks ask it in their own ``check``, so that it is told at planning.
        """
        return

    def check_images(self, dataset: str, images: int) -> None:
        """Refuse a number of training images that it cannot work with: raise ``ValueError``.

        Told at planning, as :meth:`check`.
        """
        return

    def artifacts(self, dataset: str, seed: int, images: int = 0) -> Sequence[Artifact]:
        """What must be built before :meth:`network` is called, for the cell of ``seed``."""
        return ()

    def network(self, cell: Cell, dataset: str, images: int = 0) -> nn.Module:
        """[0, 1] pixels → logits, in evaluation mode, on the CPU.

        It may be shared with other cells of the process: leave it as it is.
        """
        raise NotImplementedError

    def training(self, cell: Cell, dataset: str, images: int = 0) -> Mapping[str, float]:
        """What the training reported (``train_s``, ``train_accuracy``); empty without one."""
        return {}
