"""The smoothed classifier g round a network f: certify it, ask it, attack it.

=========  ==============================================================
paper      here
=========  ==============================================================
g(x)       the label that f gives most often to x + N(0, σ²I)
CERTIFY    :meth:`SmoothedClassifier.certify`
PREDICT    :meth:`SmoothedClassifier.predict`
=========  ==============================================================

Noise is drawn and added in float32, and a network of another precision casts within itself: a
certificate is then about the function "cast, then f" and valid for that one only, so certify in
the precision in which you deploy. On a GPU, tf32 and kernels chosen by trial are off meanwhile.
What theory assumes and floats cannot give is exactly Gaussian noise.

Source: Cohen et al. 2019; Salman et al. 2019, section on the empirical attack.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from harness_vision.arithmetic import exact_kernels
from harness_vision.attacks import pgd
from harness_vision.certification.certify import Certification, certify
from harness_vision.certification.confidence import FloatArray, IntArray
from harness_vision.certification.noise import Noise
from harness_vision.certification.predict import predict
from harness_vision.certification.sequential import Rule
from harness_vision.certification.voting import Booth, refuse_training

__all__ = ["Precision", "SmoothedClassifier"]

Precision = Literal["float32", "bfloat16"]

_ATTACKED_TOGETHER = 50  # fixed, so that what an image meets does not depend on the batch


class SmoothedClassifier:
    """A network with Gaussian noise round it.

    Parameters
    ----------
    network
        In evaluation mode; pixels in [0, 1], shape (rows, *image), to logits (rows, classes).
        Normalisation is its first layer.
    sigma
        Standard deviation of the noise, in pixels.
    noise
        Generators of the model's noise; fresh for each image and stage.
    batch
        Most noisy copies at a time.
    precision
        Of the network's arithmetic. bfloat16 is 1.5 to 2 times faster on most CPUs.
    channels_last
        Faster for deep convolutional networks, slower for small ones.

    Raises
    ------
    ValueError
        For σ ≤ 0 and for a network in training mode.
    """

    def __init__(
        self,
        network: nn.Module,
        sigma: float,
        noise: Noise,
        *,
        batch: int = 500,
        precision: Precision = "float32",
        channels_last: bool = False,
    ) -> None:
        self.network = _with_arithmetic(network, precision, channels_last)
        self.noise = noise
        self._booth = Booth(self.network, sigma, batch=batch, device=noise.device)

    def certify(
        self,
        images: Tensor,
        indices: Sequence[int],
        rule: Rule,
        *,
        selection: int = 100,
    ) -> Certification:
        """Class and certified radius of each image; see :mod:`certification.certify`."""
        _refuse_unnamed(images, indices)
        _refuse_normalised(images)
        with exact_kernels():
            return certify(self._booth, images, indices, rule, self.noise, selection=selection)

    def predict(
        self,
        images: Tensor,
        indices: Sequence[int],
        *,
        draws: int,
        alpha: float,
        stage: Literal["predict", "attacked"] = "predict",
    ) -> IntArray:
        """The class of each image, −1 where the vote is too close to tell.

        Attacked images may lie outside [0, 1].
        """
        _refuse_unnamed(images, indices)
        if stage == "predict":
            _refuse_normalised(images)
        with exact_kernels():
            return predict(
                self._booth, images, indices, self.noise, draws=draws, alpha=alpha, stage=stage
            )

    def attacked(
        self,
        images: Tensor,
        indices: Sequence[int],
        labels: IntArray,
        radii: FloatArray,
        *,
        draws: int,
        steps: int,
        in_box: bool = True,
    ) -> Tensor:
        """Images moved by SmoothAdv's PGD away from their labels, each within its radius.

        Parameters
        ----------
        images : (images, *image) float32
        indices
            Names the noise of each image.
        labels : (images,) int64
            What the attack moves away from.
        radii : (images,) float64
        draws
            m, noise draws of an image, the same in every step.
        steps
            T.
        in_box
            Whether pixels stay in [0, 1]; without the box the attack is stronger.
        """
        device = self.noise.device
        moved = [images[:0].to(device)]
        for start in range(0, len(images), _ATTACKED_TOGETHER):
            part = slice(start, start + _ATTACKED_TOGETHER)
            chosen = images[part].to(device)
            sources = self.noise.sources(indices[part], "attack")
            with exact_kernels(repeat=True):
                found = pgd(
                    self.network,
                    chosen,
                    torch.as_tensor(labels[part], device=device),
                    self._booth.noise(chosen, sources, draws),
                    radius=torch.as_tensor(radii[part].astype(np.float32), device=device),
                    steps=steps,
                    directions=self.noise.generator(indices[start]),
                    in_box=in_box,
                )
            moved.append(found)
        return torch.cat(moved)


class _Cast(nn.Module):
    """A network of another precision or layout; noise stays in float32 outside it.

    What is not asked for stays as the network has it: one of bfloat16 may come as such.
    """

    def __init__(self, network: nn.Module, precision: Precision, channels_last: bool) -> None:
        super().__init__()
        self.network = network
        self.is_half, self.channels_last = precision == "bfloat16", channels_last
        if self.is_half:
            network.to(torch.bfloat16)
        if channels_last:
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, pixels: Tensor) -> Tensor:
        cast = pixels.to(torch.bfloat16) if self.is_half else pixels
        if self.channels_last:
            cast = cast.contiguous(memory_format=torch.channels_last)
        logits: Tensor = self.network(cast)
        return logits.float()


def _with_arithmetic(network: nn.Module, precision: Precision, channels_last: bool) -> nn.Module:
    if precision == "float32" and not channels_last:
        return network
    refuse_training(network)
    # The caller's network keeps its own precision.
    return _Cast(deepcopy(network), precision, channels_last).train(network.training)


def _refuse_unnamed(images: Tensor, indices: Sequence[int]) -> None:
    if not len(images):
        raise ValueError("there are no images")
    if len(indices) != len(images):
        raise ValueError(f"{len(images)} images have {len(indices)} indices to name their noise")
    if not all(isinstance(each, int | np.integer) for each in indices):
        raise ValueError("an index that names an image's noise is a whole number")
    if len(set(indices)) != len(indices):
        raise ValueError("two images have one index: they would share their noise")


def _refuse_normalised(images: Tensor) -> None:
    low, high = float(images.min()), float(images.max())
    if low < 0.0:
        raise ValueError(
            f"images reach down to {low:.4g}: are they normalised? σ and radii are lengths in "
            "[0, 1] pixels; the normalisation belongs into the network"
        )
    if high > 1.0:
        raise ValueError(
            f"images reach up to {high:.4g}: σ and radii are lengths in [0, 1] pixels; divide "
            "bytes by 255"
        )
