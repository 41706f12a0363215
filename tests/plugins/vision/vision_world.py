"""Trainings on digits without a run, and a plugin of two small tasks that share one model."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from harness import Artifact, Cell, Method, Metric, Outcome, Task, hookimpl
from harness.random.stream import Stream
from harness_vision.classifier import Classifier
from harness_vision.images import load
from harness_vision.objectives import smoothed_loss
from harness_vision.recipe import Recipe, Step
from harness_vision.recipes.plain import Plain

# Batches of the digits protocol, few of them.
SMALL = {"epochs": 2, "batch": 64, "lr": 0.05, "decay_every": 13, "last_batch": "drop"}
IMAGES = 128


class BuildContext:
    """What an artifact's build works with."""

    def __init__(self, folder: Path, stream: Stream, checkpoint_dir: Path) -> None:
        self.folder, self.stream, self.checkpoint_dir = folder, stream, checkpoint_dir
        self.device, self.threads = "cpu", 1
        self.metrics: dict[str, float] = {}
        self.built: list[str] = []

    def report(self, metric: str, value: float) -> None:
        self.metrics[metric] = float(value)

    def data(self, name: str) -> Path:
        raise FileNotFoundError(name)

    def artifact(self, artifact: Artifact) -> nn.Module:
        self.built.append(artifact.recipe)
        network, _ = built(artifact, self.folder.parent / f"input{len(self.built)}")
        return network


def context_of(artifact: Artifact, folder: Path) -> BuildContext:
    """A context whose folders lie below ``folder``, its stream as in a suite of seed 0."""
    for name in ("artifact", "checkpoint"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    seed = "shared" if artifact.seed is None else artifact.seed
    stream = Stream("artifact", 0, artifact.name, seed)
    return BuildContext(folder / "artifact", stream, folder / "checkpoint")


def built(artifact: Artifact, folder: Path) -> tuple[nn.Module, dict[str, float]]:
    """The artifact, built and loaded, and what it reported."""
    context = context_of(artifact, folder)
    artifact.build(context)
    return artifact.load(context.folder), context.metrics


def trained(recipe: Recipe, folder: Path, *, seed: int = 0, images: int = IMAGES) -> nn.Module:
    """What a recipe trains on digits."""
    return built(recipe.model("digits", seed, images), folder)[0]


def weights_of(network: nn.Module) -> dict[str, Tensor]:
    return network.state_dict()


def are_equal(one: nn.Module, other: nn.Module) -> bool:
    """Whether two networks have the same weights, bit for bit."""
    first, second = weights_of(one), weights_of(other)
    return all(torch.equal(first[name], second[name]) for name in first | second)


@dataclass(frozen=True, kw_only=True)
class Smoothed(Recipe):
    """A stranger's recipe: minimises −log of the mean softmax."""

    draws: int = 4

    def loss(self, net: nn.Module, images: Tensor, labels: Tensor, step: Step) -> Tensor:
        logits = net(step.noisy(images, self.sigma, self.draws))
        return smoothed_loss(logits, labels, self.draws).mean()


@dataclass(frozen=True, kw_only=True)
class KilledOnce(Plain):
    """Plain training whose process is killed in an epoch, the first time."""

    epoch: int = 1
    marker: str = ""

    def loss(self, net: nn.Module, images: Tensor, labels: Tensor, step: Step) -> Tensor:
        if step.epoch == self.epoch and not Path(self.marker).exists():
            Path(self.marker).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().loss(net, images, labels, step)


@dataclass(frozen=True, kw_only=True)
class Unlearning(Recipe):
    """Pulls every answer towards class 0 from the wrong side: it ends at chance."""

    def loss(self, net: nn.Module, images: Tensor, labels: Tensor, step: Step) -> Tensor:
        return functional.cross_entropy(net(images), torch.zeros_like(labels))


@dataclass(frozen=True, kw_only=True)
class _OfClassifier(Task):
    accepts = Classifier

    images: int = IMAGES

    def artifacts(self, method: Method, seed: int) -> Sequence[Artifact]:
        return method.artifacts("digits", seed, self.images)

    def evaluate(self, method: Method, cells: Sequence[Cell]) -> Iterator[Outcome]:
        for cell in cells:
            net = method.network(cell, "digits", self.images)
            test = load("digits", cell.data, "test")
            with torch.no_grad():
                logits = net(torch.from_numpy(test.pixels()))
            found = self.score(logits, torch.from_numpy(test.labels))
            seconds = method.training(cell, "digits", self.images)["train_s"]
            yield Outcome(cell=cell, final=found | {"train_s": seconds})


@dataclass(frozen=True, kw_only=True)
class Errors(_OfClassifier):
    """The share of test images that are named wrongly."""

    metrics = (Metric(name="wrong"), Metric(name="train_s", unit="s"))

    def score(self, logits: Tensor, labels: Tensor) -> dict[str, float]:
        return {"wrong": float((logits.argmax(1) != labels).double().mean())}


@dataclass(frozen=True, kw_only=True)
class Surprise(_OfClassifier):
    """The mean cross entropy of test images."""

    metrics = (Metric(name="loss"), Metric(name="train_s", unit="s"))

    def score(self, logits: Tensor, labels: Tensor) -> dict[str, float]:
        return {"loss": float(functional.cross_entropy(logits, labels))}


@hookimpl
def harness_methods() -> Mapping[str, str]:
    return {
        "world/smoothed": "vision_world:Smoothed",
        "world/unlearning": "vision_world:Unlearning",
        "world/gaussian": "harness_vision.recipes.gaussian:Gaussian",
        "world/plain": "harness_vision.recipes.plain:Plain",
    }


@hookimpl
def harness_tasks() -> Mapping[str, str]:
    return {"world/errors": "vision_world:Errors", "world/surprise": "vision_world:Surprise"}
