"""Networks whose smoothed answers are known, and shorthands of the tests on certification."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from harness.random.stream import Stream
from harness_vision.certification.noise import Noise


class HalfSpace(nn.Module):
    """Class 1 where ⟨w, x⟩ + b > 0: p_A and the distance to the boundary are closed forms."""

    def __init__(self, normal: Tensor, offset: float) -> None:
        super().__init__()
        self.normal, self.offset = normal.flatten(), offset

    def forward(self, pixels: Tensor) -> Tensor:
        side = pixels.flatten(1) @ self.normal + self.offset
        return torch.stack([-side, side], dim=1)

    def distance(self, images: Tensor) -> Tensor:
        side = images.flatten(1) @ self.normal + self.offset
        return side.abs() / self.normal.norm()


class Constant(nn.Module):
    """One class for every input."""

    def __init__(self, label: int, classes: int = 3) -> None:
        super().__init__()
        self.logits = torch.zeros(classes)
        self.logits[label] = 1.0

    def forward(self, pixels: Tensor) -> Tensor:
        return self.logits.expand(len(pixels), -1)


class ByParity(nn.Module):
    """Two classes that noise makes equally likely whatever the image: a coin."""

    def forward(self, pixels: Tensor) -> Tensor:
        side = torch.sin(1e4 * pixels.flatten(1)[:, 0])
        return torch.stack([side, -side], dim=1)


def small_network(seed: int = 0, channels: int = 1, size: int = 8) -> nn.Module:
    """An untrained convolutional network of two layers."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(channels, 8, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(8 * (size // 2) ** 2, 4),
    ).eval()


class Job:
    """What a cell asks of the harness."""

    suite_seed, task_name, method_name, threads = 7, "vision/digits", "given", 1

    def __init__(self, folder: Path, device: str = "cpu") -> None:
        self.folder, self.device = folder, device

    def checkpoint_dir(self, seed: int) -> Path:
        return self.folder

    def progress(self, seed: int, fraction: float) -> None:
        assert 0.0 < fraction <= 1.0


def noise_of(name: str | int = "model") -> Noise:
    """Generators of a model of that name."""
    return Noise(Stream("test", name))


def images_of(count: int, *, seed: int = 1, channels: int = 1, size: int = 8) -> Tensor:
    """Images in [0, 1]."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, channels, size, size, generator=generator)
