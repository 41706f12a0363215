"""Two small convolutional networks for one CPU; neither has batch normalisation."""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["SmallCNN", "StridedCNN"]


class SmallCNN(nn.Module):
    """The digits protocol's network: 38,282 parameters on 1 × 8 × 8 images of 10 classes."""

    def __init__(self, shape: tuple[int, int, int], classes: int) -> None:
        super().__init__()
        channels, height, width = shape
        self.conv1 = nn.Conv2d(channels, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, stride=2, padding=1)
        self.hidden = nn.Linear(32 * _halved(height) * _halved(width), 64)
        self.linear = nn.Linear(64, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits."""
        out = torch.relu(self.conv2(torch.relu(self.conv1(images))))
        return self.linear(torch.relu(self.hidden(out.flatten(1))))


class StridedCNN(nn.Module):
    """Three 3 × 3 convolutions of stride 2 (32, 64, 128 channels), then a linear layer."""

    def __init__(self, shape: tuple[int, int, int], classes: int) -> None:
        super().__init__()
        channels, height, width = shape
        self.conv1 = nn.Conv2d(channels, 32, 3, stride=2, padding=1)
        self.conv2 = nn.Conv2d(32, 64, 3, stride=2, padding=1)
        self.conv3 = nn.Conv2d(64, 128, 3, stride=2, padding=1)
        for _ in range(3):
            height, width = _halved(height), _halved(width)
        self.linear = nn.Linear(128 * height * width, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits."""
        out = torch.relu(self.conv2(torch.relu(self.conv1(images))))
        return self.linear(torch.relu(self.conv3(out)).flatten(1))


def _halved(size: int) -> int:
    return (size + 1) // 2
