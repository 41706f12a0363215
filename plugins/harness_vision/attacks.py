"""Attacks on a smoothed classifier: SmoothAdv's PGD and DDN over noise draws.

========  ===============  ===============================================================
paper     here             what
========  ===============  ===============================================================
x, y      ``images``       (b, …) in [0, 1] where the box is kept, ``labels`` (b,)
δ         ``noise``        (b · m, …), the same draws in every step, an image's together
ε         ``radius``       ℓ2, one number or (b,) one an image
T         ``steps``
u         ``offset``       the answer is x + u
γ         ``shrink``       DDN's change of norm, .05
ν         ``norm``         DDN's norm, from ε
========  ===============  ===============================================================

The network must be in evaluation mode; gradients of its parameters are never taken. The default
gradient is that of −log of the mean softmax, by backpropagation; :func:`stein_gradient` needs
none.

Source: Salman et al. 2019, official code (``PGD_L2``, ``DDN``); DDN: Rony et al. 2019.
"""

from __future__ import annotations

from collections.abc import Callable
from math import cos, pi, sqrt
from typing import TypeAlias

import torch
from torch import Tensor, nn

__all__ = [
    "Gradient",
    "ddn",
    "ddn_rate",
    "loss_gradient",
    "pgd",
    "refuse_outside_box",
    "rounding_slack",
    "stein_gradient",
]

Gradient: TypeAlias = Callable[[nn.Module, Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]
Radius: TypeAlias = float | Tensor

_LEVELS = 255  # DDN rounds to multiples of 1/255, whatever the images' own levels
_TINY = torch.finfo(torch.float32).tiny


def loss_gradient(
    net: nn.Module, points: Tensor, labels: Tensor, noise: Tensor
) -> tuple[Tensor, Tensor]:
    """∇J at ``points`` (b, …), and the logits (b · m, classes) that were met on the way."""
    draws = len(noise) // len(points)
    with torch.enable_grad():
        moving = points.detach().requires_grad_()
        logits = net(_noisy(moving, noise))
    # ∂J/∂z_i = w_i (F_i − e_y), w = softmax over the draws: one graph less to walk back.
    chances = torch.log_softmax(logits.detach(), dim=1)
    rows = labels.repeat_interleave(draws).unsqueeze(1)
    weights = torch.softmax(chances.gather(1, rows).view(-1, draws), dim=1).view(-1, 1)
    slopes = chances.exp_().scatter_add_(1, rows, -torch.ones_like(weights)).mul_(weights)
    (gradient,) = torch.autograd.grad(logits, moving, slopes)
    return gradient, logits.detach()


def stein_gradient(
    net: nn.Module, points: Tensor, labels: Tensor, noise: Tensor
) -> tuple[Tensor, Tensor]:
    """−(1/m) Σ F(x'+δ_i)_y δ_i: by Stein's identity along ∇(−E F_y), without a backward pass."""
    draws = len(noise) // len(points)
    with torch.no_grad():
        logits = net(_noisy(points, noise))
        rows = labels.repeat_interleave(draws).unsqueeze(1)
        true = torch.softmax(logits, dim=1).gather(1, rows)
        weighted = (true * noise.flatten(1)).view(len(points), draws, -1)
    return -weighted.mean(dim=1).view_as(points), logits


@torch.no_grad()
def pgd(
    net: nn.Module,
    images: Tensor,
    labels: Tensor,
    noise: Tensor,
    *,
    radius: Radius,
    steps: int,
    directions: torch.Generator,
    in_box: bool = True,
    gradient: Gradient = loss_gradient,
) -> Tensor:
    """X + u after ``steps`` normalised gradient steps of 2ε/T that raise J.

    Parameters
    ----------
    net
        In evaluation mode.
    images, labels, noise, radius
        See the table above. An image's answer depends on the other images only where its
        gradient is 0.
    directions
        Draws the step of an image whose gradient is exactly 0.
    in_box
        Whether x + u stays in [0, 1]; a certificate holds without the box, too.

    Returns
    -------
    (b, …) with ‖u‖₂ ≤ ε up to float rounding.
    """
    _refuse_bad(net, images, noise, radius, steps, in_box=in_box)
    reach = _column(radius, images)
    offset = torch.zeros_like(images)
    for _ in range(steps):
        slope, _ = gradient(net, images + offset, labels, noise)
        offset += (2.0 / steps) * reach.view(_across(images)) * _unit(slope, directions)
        # The box first, the ball second: shrinking towards x keeps the box.
        if in_box:
            offset = (images + offset).clamp_(0.0, 1.0).sub_(images)
        _shrink_into(offset, reach)
    return images + offset


@torch.no_grad()
def ddn(
    net: nn.Module,
    images: Tensor,
    labels: Tensor,
    noise: Tensor,
    *,
    radius: Radius,
    steps: int,
    directions: torch.Generator,
    quantise: bool = True,
    shrink: float = 0.05,
    gradient: Gradient = loss_gradient,
) -> Tensor:
    """X + the shortest change of label found, at most ε long; x where none was found.

    The label (the mode over the draws) is looked at *before* each step, so T steps try T − 1
    changes, and an image that is wrong under its noise already stays as it is.

    Parameters
    ----------
    quantise
        Round to multiples of 1/255, as the official code does: ‖u‖ may then exceed ε, and x + u
        leave the box, by what :func:`rounding_slack` says.

    Returns
    -------
    (b, …), in the box and the ball, both up to the rounding.
    """
    _refuse_bad(net, images, noise, radius, steps, in_box=True)
    across = _across(images)
    reach = _column(radius, images)
    farthest = _lengths(torch.maximum(images, 1.0 - images))
    norm, best_norm = reach.clone(), farthest.clone()
    offset, best = torch.zeros_like(images), torch.zeros_like(images)
    for step in range(steps):
        slope, logits = gradient(net, images + offset, labels, noise)
        length = _lengths(offset)
        is_adversarial = _mode(logits, len(images)) != labels
        is_better = is_adversarial & (length < best_norm)
        best_norm = torch.where(is_better, length, best_norm)
        best = torch.where(is_better.view(across), offset, best)
        offset = offset + ddn_rate(step, steps) * _unit(slope, directions)
        norm = norm * torch.where(is_adversarial, 1.0 - shrink, 1.0 + shrink)
        norm = torch.minimum(norm, farthest)
        offset *= (norm / _lengths(offset).clamp_min(_TINY)).view(across)
        moved = images + offset
        offset = (_rounded(moved) if quantise else moved).clamp_(0.0, 1.0).sub_(images)
    _shrink_into(best, reach)
    return images + (_rounded(best) if quantise else best)


def ddn_rate(step: int, steps: int) -> float:
    """DDN's step length in step 0 … T − 1: a cosine from below 1 down to .01."""
    return 0.01 + 0.99 * (1.0 + cos(pi * (step + 1) / steps)) / 2.0


def rounding_slack(images: Tensor) -> float:
    """√d/510: by how much rounding to 255 levels may lengthen an offset of these images."""
    return sqrt(images[0].numel()) / (2 * _LEVELS)


def refuse_outside_box(images: Tensor) -> None:
    """Refuse images that are not in [0, 1]: ``ValueError`` with the reason."""
    low, high = (float(each) for each in torch.aminmax(images))
    if low < 0.0:
        raise ValueError(
            f"images reach down to {low:.4g}: are they normalised? σ and ε are lengths in [0, 1] "
            "pixels; the normalisation belongs into the network, as its first layer"
        )
    if not high <= 1.0:
        raise ValueError(f"images reach up to {high:.4g}: pixels must lie in [0, 1] (/ 255?)")


def _noisy(points: Tensor, noise: Tensor) -> Tensor:
    rows = noise.view(len(points), -1, *points.shape[1:]) + points.unsqueeze(1)
    return rows.flatten(0, 1)


def _refuse_bad(
    net: nn.Module, images: Tensor, noise: Tensor, radius: Radius, steps: int, *, in_box: bool
) -> None:
    if net.training:
        raise ValueError("the network is in training mode: call net.eval() before an attack")
    if steps < 1:
        raise ValueError(f"an attack takes at least 1 step, got {steps}")
    if not bool((torch.as_tensor(radius) >= 0).all()):
        raise ValueError(f"the radius of an attack must be at least 0, got {radius}")
    if len(noise) % len(images) or not len(noise):
        raise ValueError(f"{len(noise)} noise draws are no multiple of {len(images)} images")
    if in_box:
        refuse_outside_box(images)


def _across(images: Tensor) -> tuple[int, ...]:
    """Shape in which a number an image meets the images."""
    return (-1, *(1 for _ in images.shape[1:]))


def _column(radius: Radius, images: Tensor) -> Tensor:
    given = torch.as_tensor(radius, dtype=images.dtype, device=images.device)
    return given.expand(len(images)).contiguous()


def _lengths(offset: Tensor) -> Tensor:
    lengths: Tensor = torch.linalg.vector_norm(offset.flatten(1), dim=1)
    return lengths


def _unit(slope: Tensor, directions: torch.Generator) -> Tensor:
    """Slopes at length 1; where one is exactly 0, a standard normal vector, as it is drawn."""
    lengths = _lengths(slope)
    is_zero = lengths == 0
    unit = slope / lengths.masked_fill(is_zero, 1.0).view(_across(slope))
    if bool(is_zero.any()):
        drawn = torch.empty_like(unit[is_zero]).normal_(generator=directions)
        unit[is_zero] = drawn
    return unit


def _shrink_into(offset: Tensor, reach: Tensor) -> None:
    """Pull offsets that are longer than ``reach`` back onto the sphere, in place."""
    lengths = _lengths(offset)
    factor = torch.where(lengths > reach, reach / lengths.clamp_min(_TINY), 1.0)
    offset *= factor.view(_across(offset))


def _rounded(pixels: Tensor) -> Tensor:
    return pixels.mul(_LEVELS).round_().div_(_LEVELS)


def _mode(logits: Tensor, images: int) -> Tensor:
    return logits.argmax(dim=1).view(images, -1).mode(dim=1).values
