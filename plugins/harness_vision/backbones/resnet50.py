"""ResNet-50 with torchvision's parameter names: 25,557,032 parameters with 1,000 classes.

The stride of a stage stands at the 3 × 3 convolution, as torchvision has it.

Source: He, Zhang, Ren & Sun 2016.
"""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["ResNet50"]

_STAGES = ((64, 3), (128, 4), (256, 6), (512, 3))  # planes, blocks
_EXPANSION = 4


class _Bottleneck(nn.Module):
    def __init__(self, before: int, planes: int, stride: int) -> None:
        super().__init__()
        after = planes * _EXPANSION
        self.conv1 = nn.Conv2d(before, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, after, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(after)
        self.relu = nn.ReLU(inplace=True)
        self.downsample: nn.Module | None = None
        if stride != 1 or before != after:
            self.downsample = nn.Sequential(
                nn.Conv2d(before, after, 1, stride=stride, bias=False), nn.BatchNorm2d(after)
            )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        out = self.relu(self.bn1(self.conv1(images)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        kept = images if self.downsample is None else self.downsample(images)
        return self.relu(out + kept)


class ResNet50(nn.Module):
    """The 50-layer network for ImageNet."""

    def __init__(self, classes: int, *, channels: int = 3) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        before = 64
        stages = []
        for stage, (planes, blocks) in enumerate(_STAGES):
            first = _Bottleneck(before, planes, 1 if stage == 0 else 2)
            before = planes * _EXPANSION
            stages.append(
                nn.Sequential(first, *(_Bottleneck(before, planes, 1) for _ in range(blocks - 1)))
            )
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.fc = nn.Linear(before, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits."""
        out = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        out = self.layer4(self.layer3(self.layer2(self.layer1(out))))
        return self.fc(out.mean(dim=(2, 3)))
