"""Image classifiers: certified robustness by randomized smoothing, and how to train for it.

``images`` has the data sets, ``backbones`` the networks, ``scores`` what is measured of
certificates. Only names stand here: a module is imported when its first name is used.
"""

from __future__ import annotations

from collections.abc import Mapping

from harness import hookimpl

_METHODS = {
    "vision/plain": "harness_vision.recipes.plain:Plain",
    "vision/gaussian": "harness_vision.recipes.gaussian:Gaussian",
    "vision/stability": "harness_vision.recipes.stability:Stability",
    "vision/smoothadv-pgd": "harness_vision.recipes.smoothadv:SmoothAdvPGD",
    "vision/smoothadv-ddn": "harness_vision.recipes.smoothadv:SmoothAdvDDN",
    "vision/macer": "harness_vision.recipes.macer:Macer",
    "vision/consistency": "harness_vision.recipes.consistency:Consistency",
    "vision/published-row": "harness_vision.published:PublishedRow",
    "vision/pretrained": "harness_vision.pretrained:Pretrained",
    "vision/from-weights": "harness_vision.pretrained:FromWeights",
}

_TASKS = {
    "vision/digits": "harness_vision.certification.data_sets:Digits",
    "vision/cifar10": "harness_vision.certification.data_sets:Cifar10",
    "vision/fashion-mnist": "harness_vision.certification.data_sets:FashionMnist",
    "vision/imagenet": "harness_vision.certification.data_sets:ImageNet",
    "vision/published-logs": "harness_vision.published:PublishedLogs",
    "vision/clean-accuracy": "harness_vision.pretrained:CleanAccuracy",
}

_KINDS = {
    "vision/classifier": "harness_vision.classifier:Classifier",
    "vision/recipe": "harness_vision.recipe:Recipe",
    "vision/published-row": "harness_vision.published:PublishedRow",
}


@hookimpl
def harness_methods() -> Mapping[str, str]:
    """Methods by name."""
    return _METHODS


@hookimpl
def harness_tasks() -> Mapping[str, str]:
    """Tasks by name."""
    return _TASKS


@hookimpl
def harness_kinds() -> Mapping[str, str]:
    """Kinds that the tasks call."""
    return _KINDS


@hookimpl
def harness_datasets() -> Mapping[str, str]:
    """Image sets, pretrained weights and published certification logs."""
    from harness_vision.datasets import DATA_SETS

    return DATA_SETS
