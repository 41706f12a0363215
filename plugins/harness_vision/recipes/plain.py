"""Plain training: cross entropy on clean images."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor, nn
from torch.nn import functional

from harness_vision.recipe import Recipe, Step

__all__ = ["Plain"]


@dataclass(frozen=True, kw_only=True)
class Plain(Recipe):
    """Cross entropy on clean images; σ is that of the certificate only."""

    def loss(self, net: nn.Module, images: Tensor, labels: Tensor, step: Step) -> Tensor:
        """CE(z(x), y)."""
        return functional.cross_entropy(net(images), labels)

    def noise_level(self) -> float:
        """0: it never saw noise."""
        return 0.0

    def as_trained(self) -> Recipe:
        """One model for every σ."""
        return replace(super().as_trained(), sigma=Recipe.sigma)
