"""The module that every backbone is: [0, 1] pixels in, float32 logits out.

Normalisation is its first layer, after any noise, so that σ, ε and radii stay lengths in pixels.
It is part of the definition and not of the weights: a state dict is the network's alone.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import nn

__all__ = ["NORMALISATIONS", "Backbone", "Constants", "NormalisationName"]


class Constants(NamedTuple):
    """Mean and standard deviation of each channel, in [0, 1] pixels."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


NormalisationName = Literal["none", "cifar10", "cifar10-mean", "imagenet", "imagenet-mean"]
_CIFAR10 = Constants((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010))
_IMAGENET = Constants((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_ONES = (1.0, 1.0, 1.0)
NORMALISATIONS: dict[str, Constants | None] = {
    "none": None,
    "cifar10": _CIFAR10,
    "cifar10-mean": Constants(_CIFAR10.mean, _ONES),  # some published checkpoints
    "imagenet": _IMAGENET,
    "imagenet-mean": Constants(_IMAGENET.mean, _ONES),
}


class Backbone(nn.Module):
    """A network behind its normalisation.

    With ``bf16`` the cast is part of the network: noise is added in float32 outside, and what
    is certified is the network with its cast, and no other.

    Parameters
    ----------
    network
        Takes normalised images, gives logits.
    constants
        ``None``: pixels go in as they are.
    shape
        Channels, height and width that it was built for.
    bf16, channels_last
        How it computes; neither unless said.
    """

    def __init__(
        self,
        network: nn.Module,
        constants: Constants | None,
        shape: tuple[int, int, int],
        *,
        bf16: bool = False,
        channels_last: bool = False,
    ) -> None:
        super().__init__()
        if constants is not None and len(constants.mean) != shape[0]:
            raise ValueError(
                f"the normalisation is of {len(constants.mean)} channels, images have {shape[0]}: "
                "say normalise: none"
            )
        self.network = network
        self.shape = shape
        self.bf16 = bf16
        self.channels_last = channels_last
        self.constants = constants
        mean, std = constants or Constants((0.0,), (1.0,))
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, -1, 1, 1), persistent=False)
        if bf16:
            network.to(torch.bfloat16)
        if channels_last:
            network.to(memory_format=torch.channels_last)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Logits (images, classes) of images (images, channels, height, width)."""
        inner = (pixels - self.mean) / self.std if self.constants else pixels
        if self.bf16:
            inner = inner.to(torch.bfloat16)
        if self.channels_last:
            inner = inner.contiguous(memory_format=torch.channels_last)
        logits: torch.Tensor = self.network(inner)
        return logits.float() if self.bf16 else logits
