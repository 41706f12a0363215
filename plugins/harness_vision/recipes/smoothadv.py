"""SmoothAdv: adversarial training of the smoothed classifier.

=======  =============  ===============================================================
paper    here           what
=======  =============  ===============================================================
m        ``draws``      noise draws of an image, the same in attack and training
ε        ``epsilon``    ℓ2 radius of the attack
T        ``steps``      of the attack
warmup   ``warm_up``    epochs over which the radius grows to ε; 1: none
=======  =============  ===============================================================

A batch of B images is cut into m mini-batches of B/m; each image of one is repeated m times, the
attack raises −log of the *mean* softmax over its m draws, in evaluation mode, and the network
takes one step on the mean cross entropy at the attacked image under the same draws.

The README of the official code writes ε as 64/255 … 512/255; the code divides by 256.

Source: Salman et al. 2019, ``train_pgd.py`` and ``attacks.py`` of the official code.
"""

from __future__ import annotations

import warnings
from abc import abstractmethod
from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge
from torch import Tensor, nn
from torch.nn import functional

from harness_vision.attacks import ddn, pgd
from harness_vision.recipe import Recipe, Step

__all__ = ["SmoothAdvDDN", "SmoothAdvPGD"]


@dataclass(frozen=True, kw_only=True)
class _SmoothAdv(Recipe):
    """What the two attacks share."""

    epochs: Annotated[int, Ge(1)] = 150
    batch: Annotated[int, Ge(1)] = 256
    decay_every: Annotated[int, Ge(0)] = 50
    draws: Annotated[int, Ge(1)] = 1
    epsilon: Annotated[float, Ge(0)] = 0.25
    steps: Annotated[int, Ge(1)] = 2
    warm_up: Annotated[int, Ge(0)] = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.epsilon < 0 or self.steps < 1 or self.warm_up < 0:
            raise ValueError(
                "an attack needs epsilon ≥ 0, steps ≥ 1 and warm_up ≥ 0, got "
                f"{self.epsilon}, {self.steps} and {self.warm_up}"
            )

    def check(self, dataset: str) -> None:
        """As for any recipe; warns of a warm-up that the training does not outlast."""
        super().check(dataset)
        if self.warm_up > self.epochs and self.epsilon:
            most = self.radius(self.epochs - 1)
            warnings.warn(
                f"a warm-up of {self.warm_up} epochs is longer than the training of "
                f"{self.epochs}: no image is attacked beyond {most:.3g} of epsilon = "
                f"{self.epsilon:g}",
                stacklevel=2,
            )

    def minibatches(self) -> int:
        """m: one optimizer step for each."""
        return self.draws

    def radius(self, epoch: int) -> float:
        """ε_e = min(ε, (e+1) ε / warm-up)."""
        return self.epsilon * min(1.0, (epoch + 1) / max(self.warm_up, 1))

    def loss(self, net: nn.Module, images: Tensor, labels: Tensor, step: Step) -> Tensor:
        """The mean of CE(z(x_adv+δ_i), y) over images and draws."""
        noise = step.noise(images, self.sigma, self.draws)
        net.eval()
        attacked = self._attacked(net, images, labels, noise, step)
        net.train()
        rows = noise.view(len(images), self.draws, *images.shape[1:]) + attacked.unsqueeze(1)
        labels = labels.repeat_interleave(self.draws)
        return functional.cross_entropy(net(rows.flatten(0, 1)), labels)

    @abstractmethod
    def _attacked(
        self, net: nn.Module, images: Tensor, labels: Tensor, noise: Tensor, step: Step
    ) -> Tensor:
        """x_adv."""


@dataclass(frozen=True, kw_only=True)
class SmoothAdvPGD(_SmoothAdv):
    """Trains on images attacked by projected gradient steps in the ball of radius ε.

    Parameters
    ----------
    draws, epsilon, steps, warm_up
        m, ε, T, and the epochs over which the attack's radius grows.
    """

    def _attacked(
        self, net: nn.Module, images: Tensor, labels: Tensor, noise: Tensor, step: Step
    ) -> Tensor:
        return pgd(
            net,
            images,
            labels,
            noise,
            radius=self.radius(step.epoch),
            steps=self.steps,
            directions=step.directions,
        )


@dataclass(frozen=True, kw_only=True)
class SmoothAdvDDN(_SmoothAdv):
    """Trains on the shortest change of label found within ε; on noisy images where none was.

    Parameters
    ----------
    draws, epsilon, steps, warm_up
        m, ε, T, and the epochs over which the attack's radius grows.
    quantise
        Round attacked images to 256 levels, as the official code does.
    """

    steps: Annotated[int, Ge(1)] = 4
    quantise: bool = True

    def _attacked(
        self, net: nn.Module, images: Tensor, labels: Tensor, noise: Tensor, step: Step
    ) -> Tensor:
        return ddn(
            net,
            images,
            labels,
            noise,
            radius=self.radius(step.epoch),
            steps=self.steps,
            directions=step.directions,
            quantise=self.quantise,
        )
