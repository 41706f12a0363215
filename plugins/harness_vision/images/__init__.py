"""Labelled images: read once, in one place, for training, certification and fine-tuning.

:func:`load` gives a split of a named set; pixels come as float32 in [0, 1].
"""

from harness_vision.images.catalogue import (
    ImageSetName,
    Split,
    classes_of,
    load,
    of_files,
    shape_of,
    training_images,
)
from harness_vision.images.image_set import CorruptImage, ImageSet, Skipped

__all__ = [
    "CorruptImage",
    "ImageSet",
    "ImageSetName",
    "Skipped",
    "Split",
    "classes_of",
    "load",
    "of_files",
    "shape_of",
    "training_images",
]
