"""Stability training: labels from clean images, and agreement under noise.

Source: Li et al. 2019, as in the official code of Jeong & Shin 2020 (λ = 2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import torch
from annotated_types import Ge
from torch import Tensor, nn
from torch.nn import functional

from harness_vision.recipe import Recipe, Step

__all__ = ["Stability"]


@dataclass(frozen=True, kw_only=True)
class Stability(Recipe):
    """Cross entropy on clean images plus λ times the cross entropy of noisy answers to clean ones.

    Parameters
    ----------
    strength
        λ, the weight of H(F(x), F(x+δ)) = −Σ_c F(x)_c log F(x+δ)_c.
    """

    strength: Annotated[float, Ge(0)] = 2.0

    def loss(self, net: nn.Module, images: Tensor, labels: Tensor, step: Step) -> Tensor:
        """CE(z(x), y) + λ H(F(x), F(x+δ)); the gradient goes through both of H's arguments."""
        noisy = step.noisy(images, self.sigma)
        # One pass for both, so that batch normalisation sees the two kinds together.
        clean, moved = net(torch.cat([images, noisy])).chunk(2)
        agreement = -(torch.softmax(clean, 1) * functional.log_softmax(moved, 1)).sum(1).mean()
        return functional.cross_entropy(clean, labels) + self.strength * agreement
