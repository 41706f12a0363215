"""Backbones by name.

===============  ================================================  =====================
name             network                                           normalisation
===============  ================================================  =====================
``small-cnn``    two convolutions, one hidden layer (digits)       none
``strided-cnn``  three strided convolutions (CIFAR on one CPU)     CIFAR-10's, in colour
``resnet20``     CIFAR ResNet with shortcuts B, as ``resnet32``,    CIFAR-10's
                 ``resnet44``, ``resnet56``, ``resnet110``
``resnet50``     ImageNet's                                        ImageNet's
``timm/NAME``    timm's model NAME, where timm is installed        the model's own
===============  ================================================  =====================

A name of pretrained weights (``cifar10-resnet20``, ``cifar10-resnet56``) is a backbone, too: the
network that those weights are of, with fresh ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from harness_vision.backbones.cifar_resnet import CifarResNet, Shortcut
from harness_vision.backbones.normalised import (
    NORMALISATIONS,
    Backbone,
    Constants,
    NormalisationName,
)
from harness_vision.backbones.resnet50 import ResNet50
from harness_vision.backbones.small import SmallCNN, StridedCNN
from harness_vision.backbones.timm_models import refuse_unknown_model, timm_constants, timm_network

__all__ = ["BACKBONES", "build", "parameters_of", "refuse_unknown"]

_CIFAR_RESNETS = {f"resnet{depth}": depth for depth in (20, 32, 44, 56, 110)}
_OF_WEIGHTS = {"cifar10-resnet20": 20, "cifar10-resnet56": 56}  # shortcut A, ImageNet's constants
BACKBONES = ("small-cnn", "strided-cnn", *_CIFAR_RESNETS, *_OF_WEIGHTS, "resnet50")
_TIMM = "timm/"


def build(
    name: str,
    shape: tuple[int, int, int],
    classes: int,
    *,
    normalise: NormalisationName | None = None,
    shortcut: Shortcut | None = None,
    seed: int | None = None,
    bf16: bool = False,
    channels_last: bool = False,
) -> Backbone:
    """A backbone with fresh weights, in training mode.

    Parameters
    ----------
    name
        One of :data:`BACKBONES`, or ``timm/NAME``.
    shape
        Channels, height and width of the images.
    classes
        How many logits it gives.
    normalise
        Constants of its first layer; ``None``: those of the table above.
    shortcut
        Of the CIFAR ResNets, ``A`` or ``B``; ``None``: that of the table above.
    seed
        Fixes the initial weights, and leaves torch's global generator as it was. ``None``:
        they are drawn from the global generator.
    bf16, channels_last
        How it computes. A certificate of a bf16 network is one of that network only.

    Raises
    ------
    ValueError
        For an unknown name or option, or where timm is needed and not installed.
    """
    if classes < 2 or min(shape) < 1:
        raise ValueError(f"at least 2 classes and 1 pixel, got {classes} classes of {shape}")
    if normalise is not None and normalise not in NORMALISATIONS:
        raise ValueError(f"normalise must be one of {', '.join(NORMALISATIONS)}, got {normalise!r}")
    with _seeded(seed):
        network = _network(name, shape, classes, shortcut)
    constants = _own_constants(name, network, shape[0])
    if normalise is not None:
        constants = NORMALISATIONS[normalise]
    return Backbone(network, constants, shape, bf16=bf16, channels_last=channels_last)


def refuse_unknown(name: str) -> None:
    """Raise ``ValueError`` where no backbone has this name, or timm is needed and not here."""
    if name.startswith(_TIMM):
        refuse_unknown_model(name.removeprefix(_TIMM))
    elif name not in BACKBONES:
        known = ", ".join(BACKBONES)
        raise ValueError(f"there is no backbone {name!r}; there are {known}, timm/NAME")


def parameters_of(module: nn.Module) -> int:
    """How many trainable numbers a module has."""
    return sum(each.numel() for each in module.parameters())


def _network(
    name: str, shape: tuple[int, int, int], classes: int, shortcut: Shortcut | None
) -> nn.Module:
    refuse_unknown(name)
    channels = shape[0]
    if name in _CIFAR_RESNETS:
        depth = _CIFAR_RESNETS[name]
        return CifarResNet(depth, classes, channels=channels, shortcut=shortcut or "B")
    if name in _OF_WEIGHTS:
        depth = _OF_WEIGHTS[name]
        return CifarResNet(depth, classes, channels=channels, shortcut=shortcut or "A")
    if shortcut is not None:
        raise ValueError(f"shortcut is of the CIFAR ResNets, {name} has no choice of it")
    if name.startswith(_TIMM):
        return timm_network(name.removeprefix(_TIMM), classes, shape)
    if name == "small-cnn":
        return SmallCNN(shape, classes)
    if name == "strided-cnn":
        return StridedCNN(shape, classes)
    return ResNet50(classes, channels=channels)


def _own_constants(name: str, network: nn.Module, channels: int) -> Constants | None:
    if name.startswith(_TIMM):
        return timm_constants(network)
    if name == "small-cnn" or channels != 3:
        return None
    is_imagenet = name == "resnet50" or name in _OF_WEIGHTS
    return NORMALISATIONS["imagenet" if is_imagenet else "cifar10"]


@contextmanager
def _seeded(seed: int | None) -> Iterator[None]:
    if seed is None:
        yield
        return
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield
