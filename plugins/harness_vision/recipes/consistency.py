"""Consistency regularisation: noisy copies of an image shall agree, and on something.

F_i = softmax z(x+δ_i), F̄ their mean over the m draws; the loss of an image is
(1/m) Σ CE(z(x+δ_i), y) + λ (1/m) Σ KL(F̄ ‖ F_i) + η H(F̄).

Source: Jeong & Shin 2020, official code at a11954aa (m = 2, λ = 10 its default, 5 at larger σ).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge
from torch import Tensor, nn
from torch.nn import functional

from harness_vision.objectives import mean_probabilities
from harness_vision.recipe import Recipe, Step

__all__ = ["Consistency"]

_SMALLEST = 1e-20  # what the official code clamps probabilities at before the log


@dataclass(frozen=True, kw_only=True)
class Consistency(Recipe):
    """Gaussian augmentation whose copies of an image are pulled together.

    Parameters
    ----------
    draws
        m, copies of an image; the whole batch makes one optimizer step.
    strength, entropy
        λ and η.
    """

    draws: Annotated[int, Ge(1)] = 2
    strength: Annotated[float, Ge(0)] = 10.0
    entropy: Annotated[float, Ge(0)] = 0.5

    def loss(self, net: nn.Module, images: Tensor, labels: Tensor, step: Step) -> Tensor:
        """The loss above, averaged over the images."""
        logits = net(step.noisy(images, self.sigma, self.draws))
        loss = functional.cross_entropy(logits, labels.repeat_interleave(self.draws))
        if not self.strength and not self.entropy:
            return loss
        mean = mean_probabilities(logits, self.draws)  # (images, classes)
        log_mean = mean.clamp_min(_SMALLEST).log()
        log_each = functional.log_softmax(logits, 1).view(len(images), self.draws, -1)
        # KL(F̄ ‖ F_i) averaged over the draws: F̄ · (log F̄ − mean_i log F_i).
        divergence = (mean * (log_mean - log_each.mean(1))).sum(1).mean()
        spread = -(mean * log_mean).sum(1).mean()
        return loss + self.strength * divergence + self.entropy * spread
