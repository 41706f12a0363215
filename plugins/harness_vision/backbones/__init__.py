"""Networks: built once, in one place, for training, certification and fine-tuning.

:func:`build` gives a :class:`Backbone` by name; it takes [0, 1] pixels. Weights are loaded by
:func:`load_weights` and written by :func:`save_weights`.
"""

from harness_vision.backbones.cifar_resnet import Shortcut
from harness_vision.backbones.normalised import Backbone, NormalisationName
from harness_vision.backbones.pretrained import PUBLISHED, PretrainedName, pretrained
from harness_vision.backbones.registry import (
    BACKBONES,
    build,
    parameters_of,
    refuse_unknown,
)
from harness_vision.backbones.weights import (
    UnfitWeights,
    UnsafeWeights,
    fitting_state,
    load_weights,
    misfit_of,
    save_weights,
)

__all__ = [
    "BACKBONES",
    "PUBLISHED",
    "Backbone",
    "NormalisationName",
    "PretrainedName",
    "Shortcut",
    "UnfitWeights",
    "UnsafeWeights",
    "build",
    "fitting_state",
    "load_weights",
    "misfit_of",
    "parameters_of",
    "pretrained",
    "refuse_unknown",
    "save_weights",
]
