"""Residual networks for 32 × 32 images: depth 6n + 2 with 16, 32 and 64 channels.

Where a stage changes the shape, the shortcut is either a 1 × 1 convolution with batch
normalisation (option B, the certification papers') or has no parameters: every second pixel, and
zeros for the new channels, half before and half after (option A, the original paper's).

========  =========  =========
depth     option A   option B   parameters, 10 classes
========  =========  =========
20          269,722    272,474
56          853,018    855,770
110       1,727,962  1,730,714
========  =========  =========

Source: He, Zhang, Ren & Sun 2016, section 4.2.
"""

from __future__ import annotations

from math import sqrt
from typing import Literal

import torch
from torch import nn
from torch.nn import functional

__all__ = ["CifarResNet", "Shortcut"]

Shortcut = Literal["A", "B"]
_PLANES = (16, 32, 64)


class _PadShortcut(nn.Module):
    """Option A."""

    def __init__(self, added: int) -> None:
        super().__init__()
        self.before = added // 2
        self.after = added - self.before

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return functional.pad(images[:, :, ::2, ::2], (0, 0, 0, 0, self.before, self.after))


class _Block(nn.Module):
    def __init__(self, before: int, planes: int, stride: int, shortcut: Shortcut) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, planes, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.shortcut: nn.Module
        if stride == 1 and before == planes:
            self.shortcut = nn.Identity()
        elif shortcut == "A":
            self.shortcut = _PadShortcut(planes - before)
        else:
            self.shortcut = nn.Sequential(
                nn.Conv2d(before, planes, 1, stride=stride, bias=False), nn.BatchNorm2d(planes)
            )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        out = torch.relu(self.bn1(self.conv1(images)))
        return torch.relu(self.bn2(self.conv2(out)) + self.shortcut(images))


class CifarResNet(nn.Module):
    """A ResNet-(6n+2), with the parameter names of the common CIFAR checkpoints.

    Parameters
    ----------
    depth
        6n + 2: 20, 32, 44, 56, 110.
    channels
        Of the images.
    shortcut
        ``A`` or ``B``, see the module.
    """

    def __init__(
        self, depth: int, classes: int, *, channels: int = 3, shortcut: Shortcut = "B"
    ) -> None:
        super().__init__()
        blocks, rest = divmod(depth - 2, 6)
        if rest or blocks < 1:
            raise ValueError(f"depth must be 6n + 2 with n ≥ 1, got {depth}")
        if shortcut not in ("A", "B"):
            raise ValueError(f"shortcut must be A or B, got {shortcut!r}")
        self.conv1 = nn.Conv2d(channels, _PLANES[0], 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(_PLANES[0])
        before = _PLANES[0]
        stages = []
        for stage, planes in enumerate(_PLANES):
            first = _Block(before, planes, 1 if stage == 0 else 2, shortcut)
            others = [_Block(planes, planes, 1, shortcut) for _ in range(blocks - 1)]
            stages.append(nn.Sequential(first, *others))
            before = planes
        self.layer1, self.layer2, self.layer3 = stages
        self.linear = nn.Linear(before, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                fan_out = module.kernel_size[0] * module.kernel_size[1] * module.out_channels
                nn.init.normal_(module.weight, 0.0, sqrt(2.0 / fan_out))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits."""
        out = torch.relu(self.bn1(self.conv1(images)))
        out = self.layer3(self.layer2(self.layer1(out)))
        return self.linear(out.mean(dim=(2, 3)))
