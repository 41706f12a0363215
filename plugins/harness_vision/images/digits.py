"""scikit-learn's handwritten digits with a fixed split: the data set that needs no file.

Alpaydin & Kaynak's optical digits (UCI): 1,797 images of 8 × 8 pixels with values 0 to 16. The
split is a permutation by NumPy's frozen ``RandomState(0)``: 1,297 images to train on, 500 to test.
"""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_digits

from harness_vision.images.image_set import Kept

__all__ = ["CLASSES", "SHAPE", "WHITE", "read_digits"]

CLASSES = tuple(str(digit) for digit in range(10))
SHAPE = (1, 8, 8)
WHITE = 16
_TRAIN = 1297


def read_digits(split: str) -> Kept:
    """The split's images, in its order; an index is the image's place in scikit-learn's set."""
    images, labels = load_digits(return_X_y=True)
    order = np.random.RandomState(0).permutation(len(labels))
    rows = order[:_TRAIN] if split == "train" else order[_TRAIN:]
    pixels = images[rows].astype(np.uint8).reshape(-1, *SHAPE)
    return Kept(pixels, labels[rows].astype(np.int64), rows.astype(np.int64), ())
