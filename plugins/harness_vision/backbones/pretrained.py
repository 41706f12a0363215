"""Networks that come with weights, through the data layer.

====================  =======================  ==========================================
name                  network                  published accuracy on CIFAR-10's test set
====================  =======================  ==========================================
``cifar10-resnet20``  ResNet-20, shortcut A    91.73 %
``cifar10-resnet56``  ResNet-56, shortcut A    93.39 %
====================  =======================  ==========================================

Their input is normalised with ImageNet's constants; CIFAR-10's own give nearly the same accuracy
and other logits. The figures are those of the repository's README; the checkpoints' own records
say 91.78 and 93.62, and only all 10,000 test images can tell which of the two the weights give.

Source: github.com/akamaster/pytorch_resnet_cifar10 at d5489e8; He et al. 2016.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

from harness_vision.backbones.normalised import Backbone
from harness_vision.backbones.registry import build
from harness_vision.backbones.weights import load_weights

__all__ = ["PUBLISHED", "PretrainedName", "pretrained"]

PretrainedName = Literal["cifar10-resnet20", "cifar10-resnet56"]
PUBLISHED: dict[str, float] = {"cifar10-resnet20": 0.9173, "cifar10-resnet56": 0.9339}


def pretrained(
    name: str,
    data: Callable[[str], Path],
    *,
    bf16: bool = False,
    channels_last: bool = False,
) -> Backbone:
    """A pretrained network in evaluation mode.

    Parameters
    ----------
    name
        See the table above; also the data set that holds the weights.
    data
        Where a declared data set lies: ``cell.data`` or ``context.data``.

    Raises
    ------
    DataMissing
        When the weights are not on this machine.
    ValueError
        For an unknown name.
    """
    if name not in PUBLISHED:
        known = ", ".join(get_args(PretrainedName))
        raise ValueError(f"there are no pretrained weights {name!r}; there are {known}")
    model = build(name, (3, 32, 32), 10, seed=0)
    load_weights(model, data(name))
    return Backbone(
        model.network, model.constants, model.shape, bf16=bf16, channels_last=channels_last
    ).eval()
