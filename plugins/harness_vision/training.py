"""The artifact ``TrainedClassifier``: one class for all recipes, so that models of a seed pair.

Its random stream comes from the suite's seed, its name and its seed, never from its fields:
initialisation, order and noise are shared by all recipes. An epoch's randomness comes from its
number, so a training that was killed goes on from its last checkpoint with the same bits.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import MISSING, dataclass, fields, replace
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch import nn

from harness import Artifact
from harness_vision.allocator import keep_freed_memory
from harness_vision.arithmetic import exact_kernels, threads
from harness_vision.backbones import Backbone, pretrained
from harness_vision.batches import hidden_rows
from harness_vision.images import ImageSet, load
from harness_vision.images.image_set import IntArray
from harness_vision.loop import Training, predictions
from harness_vision.networks import Blueprint, read_network, start_from, write_network
from harness_vision.recipe import Recipe

if TYPE_CHECKING:
    from harness.api.artifact import BuildContext

__all__ = ["TrainedClassifier"]

# By name, so that the code of a recipe counts for the models that it labels for and no others.
_LABELLERS = {
    "plain": "harness_vision.recipes.plain:Plain",
    "gaussian": "harness_vision.recipes.gaussian:Gaussian",
}
_OF_THE_START = ("weights", "pretrained_on", "pretraining_epochs")
_OF_LABELS = ("hidden", "labeller", "pseudo_weight")
_SCORED = 10_000  # training images that the accuracies at the end are taken on, at most
_FILE = "model.safetensors"


@dataclass(frozen=True, kw_only=True)
class TrainedClassifier(Artifact):
    """A network trained by a recipe; loads in evaluation mode, on the CPU.

    Reports ``training_loss`` (mean of the last epoch), ``train_accuracy`` and
    ``noisy_train_accuracy`` (under one draw of the recipe's noise), ``train_s`` and
    ``train_cpu_s``, ``images_left_out`` (an epoch), ``images_skipped`` (corrupt, or of no class)
    and, with pseudo-labels, ``labeller_accuracy`` (on the images whose labels were hidden).
    ``collapsed`` is 1 where the training ended at chance; one whose loss is no number fails.
    ``resumed_after_epoch`` is there where an earlier try was killed and this one went on.

    Parameters
    ----------
    dataset, images
        Training images by name; only the first ``images`` of them unless it is 0.
    recipe, parameters
        ``module:Class`` and what differs from its defaults; :meth:`by` fills them.
    left_out
        Share of the images that are not trained on: those whose labels a later training
        hides.
    """

    name: ClassVar[str] = "vision/trained-classifier"
    timeout_s: ClassVar[float] = 30 * 24 * 3600.0

    dataset: str
    recipe: str
    parameters: Mapping[str, Any]
    images: int = 0
    left_out: float = 0.0
    seed: int | None = None

    @classmethod
    def by(
        cls,
        recipe: Recipe,
        dataset: str,
        seed: int | None,
        *,
        images: int = 0,
        left_out: float = 0.0,
    ) -> TrainedClassifier:
        """What ``recipe`` trains on ``dataset``."""
        trained = recipe.as_trained()
        kind = type(trained)
        return cls(
            dataset=dataset,
            recipe=f"{kind.__module__}:{kind.__qualname__}",
            parameters=_differing(trained),
            images=images,
            left_out=left_out,
            seed=seed,
        )

    def trainer(self) -> Recipe:
        """The recipe as an object."""
        kind: type[Recipe] = resolve_name(self.recipe)
        return kind(**{name: _frozen(value) for name, value in self.parameters.items()})

    def rests_on(self) -> Sequence[type[Any]]:
        """The recipe's class and, where labels are hidden, that of the labeller's."""
        recipe = self.trainer()
        labeller = [resolve_name(_LABELLERS[recipe.labeller])] if recipe.hidden else []
        return [type(recipe), *labeller]

    def device(self) -> str:
        """Where the recipe says."""
        return self.trainer().trained_on

    def inputs(self) -> Sequence[Artifact]:
        """The model to start from and the one that labels, where the recipe asks for them."""
        recipe = self.trainer()
        return [each for each in (self._start(recipe), self._labeller(recipe)) if each is not None]

    def _start(self, recipe: Recipe) -> TrainedClassifier | None:
        if not recipe.pretrained_on:
            return None
        before = replace(
            recipe,
            **_at_defaults((*_OF_THE_START, *_OF_LABELS)),
            epochs=recipe.pretraining_epochs,
            backbone=recipe.backbone_on(self.dataset),
        )
        return TrainedClassifier.by(before, recipe.pretrained_on, None)

    def _labeller(self, recipe: Recipe) -> TrainedClassifier | None:
        if not recipe.hidden:
            return None
        own = {each.name: getattr(recipe, each.name) for each in fields(Recipe)}
        labeller = resolve_name(_LABELLERS[recipe.labeller])
        return TrainedClassifier.by(
            labeller(**own | _at_defaults((*_OF_THE_START, *_OF_LABELS))),
            self.dataset,
            None,
            images=self.images,
            left_out=recipe.hidden,
        )

    def build(self, context: BuildContext) -> None:
        """Train, or go on where a killed training stopped."""
        recipe = self.trainer()
        if context.device == "cuda" and not torch.cuda.is_available():
            why = (
                f"torch {torch.__version__} finds none here"
                if torch.version.cuda
                else f"torch {torch.__version__} was built without CUDA"
            )
            raise ValueError(
                f"the model is trained on a GPU and {why}: build it on a machine that has one, "
                "with this cache, or say trained_on: cpu"
            )
        keep_freed_memory()
        with threads(context.threads), exact_kernels(repeat=True):
            images = load(
                self.dataset,
                context.data,
                "train",
                limit=self.images or None,
                readers=context.threads,
            )
            _tell_skipped(images, context)
            if self.left_out:
                known = np.setdiff1d(np.arange(len(images)), hidden_rows(images, self.left_out))
                images = images.take(known)
            blueprint, net = self._begun(recipe, context)
            hidden = hidden_rows(images, recipe.hidden)
            training = Training(
                recipe=recipe,
                net=net,
                images=images,
                labels=self._labels(recipe, images, hidden, context),
                pseudo=hidden,
                context=context,
            )
            progress = training.run()
            context.report("training_loss", progress.loss)
            context.report("train_s", progress.wall_s)
            context.report("train_cpu_s", progress.cpu_s)
            context.report("images_left_out", training.batches().left_out)
            _score(training)
            write_network(context.folder / _FILE, net, blueprint)

    def load(self, folder: Path) -> nn.Module:
        """The network in evaluation mode, on the CPU, its parameters without gradients."""
        return read_network(folder / _FILE)

    def _begun(self, recipe: Recipe, context: BuildContext) -> tuple[Blueprint, Backbone]:
        """The network before its first epoch, on its device."""
        blueprint = recipe.blueprint(self.dataset)
        net = blueprint.build(context.stream.sub("weights").key)
        start = self._start(recipe)
        if recipe.weights:
            start_from(net, pretrained(recipe.weights, context.data), keeps_last=True)
        elif start is not None:
            start_from(net, context.artifact(start), keeps_last=False)
        return blueprint, net.to(context.device)

    def _labels(
        self, recipe: Recipe, images: ImageSet, hidden: IntArray, context: BuildContext
    ) -> IntArray:
        """The labels to train on: the labeller's where they are hidden."""
        labels = images.labels.copy()
        labeller = self._labeller(recipe)
        if labeller is not None:
            # A copy: the one given is shared with whatever else the process does.
            given = deepcopy(context.artifact(labeller)).to(context.device)
            stream = context.stream.sub("labelling")
            labels[hidden] = predictions(given, images, hidden, 0.0, stream, context.device)
            right = labels[hidden] == images.labels[hidden]
            context.report("labeller_accuracy", float(right.mean()))
        return labels


def _tell_skipped(images: ImageSet, context: BuildContext) -> None:
    """Count the files and records that are not trained on, and name them in the log."""
    context.report("images_skipped", len(images.skipped))
    for each in images.skipped:
        print(f"not trained on: {each.where}: {each.reason}", file=sys.stderr)


def _score(training: Training) -> None:
    """Report the accuracies on training images, and whether the last one is chance."""
    recipe, context = training.recipe, training.context
    rows = np.arange(min(len(training.images), _SCORED))
    truth = training.images.labels[rows]
    stream = context.stream.sub("score")
    training.net.eval()
    for metric, sigma in (("train_accuracy", 0.0), ("noisy_train_accuracy", recipe.noise_level())):
        found = predictions(training.net, training.images, rows, sigma, stream, context.device)
        accuracy = float((found == truth).mean())
        context.report(metric, accuracy)
    context.report("collapsed", float(training.has_collapsed(accuracy)))


def _differing(recipe: Recipe) -> dict[str, Any]:
    """Parameters that differ from their defaults: a new one with a default changes no model."""
    found = {}
    for each in fields(recipe):
        value = getattr(recipe, each.name)
        # 1 and 1.0 would be two models.
        if isinstance(each.default, float) and isinstance(value, int):
            value = float(value)
        if each.default is MISSING or value != each.default:
            found[each.name] = value
    return found


def _frozen(value: Any) -> Any:
    """Lists as tuples: fields come back from JSON in a worker."""
    return tuple(map(_frozen, value)) if isinstance(value, (list, tuple)) else value


def _at_defaults(names: Sequence[str]) -> dict[str, Any]:
    return {each.name: each.default for each in fields(Recipe) if each.name in names}
