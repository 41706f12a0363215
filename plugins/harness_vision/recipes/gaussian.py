"""Gaussian augmentation: cross entropy on noisy images.

Source: Cohen, Rosenfeld & Kolter 2019, ``train.py`` of the official code (one draw a visit, 90
epochs, batches of 400, learning rate 0.1, a tenth every 30 epochs).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge
from torch import Tensor, nn
from torch.nn import functional

from harness_vision.recipe import Recipe, Step

__all__ = ["Gaussian"]


@dataclass(frozen=True, kw_only=True)
class Gaussian(Recipe):
    """Cross entropy under noise, averaged over ``draws`` copies of each image.

    Parameters
    ----------
    draws
        Copies of an image in a mini-batch.
    steps
        Optimizer steps a batch, each on its share of the images; 0: as many as draws, which is
        SmoothAdv with an attack of radius 0.
    """

    draws: Annotated[int, Ge(1)] = 1
    steps: Annotated[int, Ge(0)] = 0

    def minibatches(self) -> int:
        """As many as draws unless ``steps`` says otherwise."""
        return self.steps or self.draws

    def loss(self, net: nn.Module, images: Tensor, labels: Tensor, step: Step) -> Tensor:
        """The mean of CE(z(x+δ_i), y) over images and draws."""
        rows = step.noisy(images, self.sigma, self.draws)
        return functional.cross_entropy(net(rows), labels.repeat_interleave(self.draws))
