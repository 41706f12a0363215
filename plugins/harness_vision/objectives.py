"""The losses of noise draws: what SmoothAdv's adversary maximises, and what rivals minimise.

==========  ==============  ========================================================
paper       here            what
==========  ==============  ========================================================
m           ``draws``       noise draws of an image; its rows stand next to each other
z(x'+δ_i)   ``logits``      (images · draws, classes)
y           ``labels``      (images,)
F           softmax z       the soft base classifier
J(x')       answer          (images,) −log of the *mean* over the draws of F_y
==========  ==============  ========================================================

J is the loss of the smoothed classifier. The mean of −log F_y attacks the base classifier under
noise, which is another thing; by Jensen it is never smaller than J.

Source: Salman et al. 2019, equation (3) and ``attacks.py`` of the official code.
"""

from __future__ import annotations

from math import log

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["mean_probabilities", "smoothed_loss", "true_log_probabilities"]


def true_log_probabilities(logits: Tensor, labels: Tensor, draws: int) -> Tensor:
    """ℓ_i = log F(x'+δ_i)_y as (images, draws)."""
    rows = labels.repeat_interleave(draws).unsqueeze(1)
    return functional.log_softmax(logits, dim=1).gather(1, rows).view(-1, draws)


def smoothed_loss(logits: Tensor, labels: Tensor, draws: int) -> Tensor:
    """J = log m − logsumexp_i ℓ_i for each image.

    The official code takes the log of a mean clamped at 1e−20, whose gradient is exactly 0
    below the clamp; here ∂J/∂z_i = w_i (F_i − e_y), w = softmax ℓ, holds everywhere.
    """
    return log(draws) - true_log_probabilities(logits, labels, draws).logsumexp(dim=1)


def mean_probabilities(logits: Tensor, draws: int) -> Tensor:
    """F̄: the mean over an image's draws of softmax z, (images, classes)."""
    return torch.softmax(logits, dim=1).view(-1, draws, logits.shape[1]).mean(dim=1)
