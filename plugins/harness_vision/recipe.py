"""The kind ``Recipe``: a classifier that is trained here. A new recipe is its loss::

    @dataclass(frozen=True, kw_only=True)
    class Smoothed(Recipe):
        \"\"\"Minimises the loss of the smoothed classifier itself.\"\"\"

        draws: int = 4

        def loss(self, net, images, labels, step):
            return smoothed_loss(
                net(step.noisy(images, self.sigma, self.draws)), labels, self.draws
            ).mean()

Everything else (order, learning rate, checkpoints, a start from other weights, pseudo-labels) is
the training's, the same for all recipes. Models of one seed share initialisation, order and
noise whatever the recipe, so that their differences pair.

=======  ==============  ============================================================
paper    here            what
=======  ==============  ============================================================
σ        ``sigma``       noise in [0, 1] pixels, of the training and of the certificate
m        ``draws``       noise draws of an image
B        ``batch``       images that the loader gives at once
w        ``pseudo_weight``  weight of a batch with pseudo-labels
=======  ==============  ============================================================

Source: Salman et al. 2019, ``train_pgd.py`` of the official code; Cohen et al. 2019.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
import torch
from annotated_types import Ge, Gt, Interval
from torch import Tensor, nn

from harness import Artifact, Cell
from harness_vision import augmentation
from harness_vision.augmentation import Augmentation
from harness_vision.backbones import PUBLISHED, NormalisationName, Shortcut, refuse_unknown
from harness_vision.batches import Batches
from harness_vision.classifier import Classifier
from harness_vision.images import training_images
from harness_vision.images.image_set import IntArray
from harness_vision.networks import Blueprint, refuse_unfit_start

if TYPE_CHECKING:
    from harness_vision.training import TrainedClassifier

__all__ = ["Recipe", "Step", "TrainingCollapsed"]

# What the papers use on each set, and on small ones what a single CPU can train.
_USUAL = {
    "digits": "small-cnn",
    "fashion-mnist": "small-cnn",
    "cifar10-4000": "strided-cnn",
    "cifar10": "resnet110",
    "imagenet": "resnet50",
}


class TrainingCollapsed(ArithmeticError):
    """A training that ended at chance, or in numbers that are none."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """Where a training is, and the randomness of this moment.

    Both generators start anew in each epoch, from the model's seed and the epoch's number.
    """

    epoch: int  # from 0
    noise_source: torch.Generator
    directions: torch.Generator  # for an attack's random directions: apart from the noise

    def noise(self, images: Tensor, sigma: float, draws: int = 1) -> Tensor:
        """N(0, σ²) noise, (images · draws, …); an image's draws stand next to each other."""
        rows = torch.empty(
            (len(images) * draws, *images.shape[1:]), dtype=images.dtype, device=images.device
        )
        return rows.normal_(0.0, sigma, generator=self.noise_source)

    def noisy(self, images: Tensor, sigma: float, draws: int = 1) -> Tensor:
        """Images under fresh noise, (images · draws, …), as :meth:`noise`; never clipped."""
        rows = self.noise(images, sigma, draws)
        rows.view(len(images), draws, *images.shape[1:]).add_(images.unsqueeze(1))
        return rows


@dataclass(frozen=True, kw_only=True)
class Recipe(Classifier):
    """A way to train a base classifier; subclasses define :meth:`loss`.

    Parameters
    ----------
    backbone
        ``small-cnn``, ``strided-cnn``, ``resnet20`` (32, 44, 56, 110) for CIFAR, ``resnet50`` for
        ImageNet, ``timm/NAME``; empty: the data set's usual one.
    normalise, shortcut
        Of the backbone; empty: its own.
    epochs, batch
        Passes over the training images, and images of a batch.
    last_batch
        ``keep`` the last batch of an epoch, less what the mini-batches do not divide, or
        ``drop`` it where it is not full.
    lr, momentum, weight_decay
        Of stochastic gradient descent; the decay holds for all parameters.
    decay_every
        After so many epochs the learning rate falls to a tenth; 0: never.
    augment
        ``crop-flip`` (crops at random, after a padding of an eighth, and flips),
        ``resized-crop-flip`` (random parts of larger pictures, and flips) or ``none``; empty: as
        the papers train on the data set.
    weights
        Published weights to start from, ``cifar10-resnet20`` or ``cifar10-resnet56``; they bring
        their backbone. The last layer is made anew where its classes do not fit.
    pretrained_on
        A data set on which this recipe is run first, for ``pretraining_epochs``; the last layer
        is then made anew. One such model serves all seeds.
    hidden
        Share of the training images whose labels are hidden: they are labelled by ``labeller``,
        trained on the rest (one for all seeds), and come as batches of their own, as many an
        epoch as there are labelled ones, in random order.
    pseudo_weight
        What the loss of such a batch is multiplied with.
    trained_on
        ``cpu`` or ``cuda``, part of what the model is; empty: the device of the cells. A model
        of ``cuda`` is trained there and can be certified on CPUs.
    on_collapse
        ``fail``: a cell whose model is at chance fails, so that no average has it; ``keep`` it
        where a training is cut short on purpose.
    """

    backbone: str = ""
    normalise: Literal["", NormalisationName] = ""
    shortcut: Literal["", Shortcut] = ""
    epochs: Annotated[int, Ge(1)] = 90
    batch: Annotated[int, Ge(1)] = 400
    last_batch: Literal["keep", "drop"] = "keep"
    lr: Annotated[float, Gt(0)] = 0.1
    momentum: Annotated[float, Interval(ge=0, lt=1)] = 0.9
    weight_decay: Annotated[float, Ge(0)] = 1e-4
    decay_every: Annotated[int, Ge(0)] = 30
    augment: Literal["", Augmentation] = ""
    weights: str = ""
    pretrained_on: str = ""
    pretraining_epochs: Annotated[int, Ge(1)] = 30
    hidden: Annotated[float, Interval(ge=0, lt=1)] = 0.0
    labeller: Literal["plain", "gaussian"] = "gaussian"
    pseudo_weight: Annotated[float, Gt(0)] = 1.0
    trained_on: Literal["", "cpu", "cuda"] = ""
    on_collapse: Literal["fail", "keep"] = "fail"

    def __post_init__(self) -> None:
        super().__post_init__()
        if getattr(self, "draws", 1) < 1:
            raise ValueError("an image has at least 1 noise draw: draws must be 1 or more")
        parts = self.minibatches()
        if parts < 1:
            raise ValueError(f"a batch is cut into at least 1 mini-batch, got {parts}")
        if self.batch % parts:
            raise ValueError(
                f"a batch of {self.batch} images cannot be cut into {parts} equal mini-batches: "
                "take a batch that their number divides"
            )
        if self.weights and self.pretrained_on:
            raise ValueError("weights and pretrained_on are two starts: give one of them")

    def minibatches(self) -> int:
        """Into how many mini-batches a batch is cut; each makes one optimizer step."""
        return 1

    def noise_level(self) -> float:
        """σ of the images that the network is trained on; 0: clean ones."""
        return self.sigma

    def loss(self, net: nn.Module, images: Tensor, labels: Tensor, step: Step) -> Tensor:
        """The loss of a mini-batch, a scalar to be minimised.

        Called once an optimizer step, with the network in training mode; leave it so.

        Parameters
        ----------
        net
            Images in [0, 1] → logits.
        images, labels
            (b, channels, height, width) float32 and (b,) int64; do not write into them.
        step
            The epoch, and noise.
        """
        raise NotImplementedError

    def as_trained(self) -> Recipe:
        """The recipe with what does not shape the training at its default."""
        return replace(self, on_collapse="fail")

    def check(self, dataset: str) -> None:
        """Refuse unknown names, and a start from weights that do not fit the network."""
        if self.weights and self.weights not in PUBLISHED:
            known = ", ".join(PUBLISHED)
            raise ValueError(f"there are no weights {self.weights!r}; there are {known}")
        usual = (Recipe.labeller, Recipe.pseudo_weight)
        if not self.hidden and (self.labeller, self.pseudo_weight) != usual:
            told = "labeller and pseudo_weight have no effect: hidden = 0 hides no labels"
            warnings.warn(told, stacklevel=2)
        backbone = self.backbone_on(dataset)
        refuse_unknown(backbone)
        for trained_on in filter(None, (dataset, self.pretrained_on)):
            augmentation.refuse_unfit(self.augment_on(trained_on), trained_on)
        net = self.blueprint(dataset).example()
        if self.weights:
            given = Blueprint.on("cifar10", self.weights).example()
            refuse_unfit_start(net, given, keeps_last=True)
        elif self.pretrained_on:
            before = replace(self, backbone=backbone, pretrained_on="")
            given = before.blueprint(self.pretrained_on).example()
            refuse_unfit_start(net, given, keeps_last=False)

    def check_images(self, dataset: str, images: int) -> None:
        """Refuse images that make no batch, as the training would."""
        hidden = round(self.hidden * images)
        if self.hidden and hidden in (0, images):
            whose = "none" if not hidden else "all"
            raise ValueError(
                f"hidden: {self.hidden:g} hides the labels of {whose} of the {images:,} training "
                "images"
            )
        self.batches(np.arange(images - hidden), np.arange(hidden))
        if self.pretrained_on:
            before = replace(self, pretrained_on="", hidden=0.0)
            before.check_images(self.pretrained_on, training_images(self.pretrained_on))

    def batches(self, known: IntArray, pseudo: IntArray) -> Batches:
        """How epochs are cut; refuses images that make no batch."""
        return Batches(
            known=known,
            pseudo=pseudo,
            size=self.batch,
            parts=self.minibatches(),
            drops_last=self.last_batch == "drop",
            pseudo_weight=self.pseudo_weight,
        )

    def backbone_on(self, dataset: str) -> str:
        """The backbone's name: the field, or the usual one."""
        if not self.backbone and not self.weights and dataset not in _USUAL:
            raise ValueError(f"{dataset} has no usual backbone: give backbone")
        return self.backbone or self.weights or _USUAL[dataset]

    def augment_on(self, dataset: str) -> Augmentation:
        """How training images are changed: the field, or the usual way."""
        return self.augment or augmentation.usual(dataset)

    def blueprint(self, dataset: str) -> Blueprint:
        """The network that is trained on a data set."""
        return Blueprint.on(
            dataset,
            self.backbone_on(dataset),
            normalise=self.normalise or None,
            shortcut=self.shortcut or None,
        )

    def model(self, dataset: str, seed: int | None, images: int = 0) -> TrainedClassifier:
        """The artifact: the network that this recipe trains."""
        from harness_vision.training import TrainedClassifier

        return TrainedClassifier.by(self, dataset, seed, images=images)

    def artifacts(self, dataset: str, seed: int, images: int = 0) -> Sequence[Artifact]:
        """The trained network, then the models that it starts from and that labelled for it."""
        model = self.model(dataset, seed, images)
        return (model, *model.inputs()) if self.hidden or self.pretrained_on else (model,)

    def network(self, cell: Cell, dataset: str, images: int = 0) -> nn.Module:
        """The trained network.

        Raises
        ------
        TrainingCollapsed
            When it is at chance, or a model that it rests on is, unless such models are kept.
        """
        model, *others = self.artifacts(dataset, cell.seed, images)
        if self.on_collapse == "fail":
            for each in others:
                _refuse_chance(cell.artifact_metrics(each), "the training of a model it rests on")
            _refuse_chance(cell.artifact_metrics(model), "the training")
        net: nn.Module = cell.artifact(model)
        return net

    def training(self, cell: Cell, dataset: str, images: int = 0) -> Mapping[str, float]:
        """Loss, accuracies and seconds of the training; seconds count all its stages."""
        reported = [
            cell.artifact_metrics(each) for each in self.artifacts(dataset, cell.seed, images)
        ]
        seconds = {
            name: sum(each[name] for each in reported) for name in ("train_s", "train_cpu_s")
        }
        return reported[0] | seconds


def _refuse_chance(reported: Mapping[str, float], what: str) -> None:
    if reported.get("collapsed"):
        raise TrainingCollapsed(
            f"{what} ended at chance: accuracy {reported['noisy_train_accuracy']:.3f} "
            f"on its own training images, loss {reported['training_loss']:.3g}; try a smaller "
            "lr, a smaller epsilon or a warm-up (on_collapse: keep takes it as it is)"
        )
