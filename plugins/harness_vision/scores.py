"""Scores of certificates: certified accuracy on a grid of radii, the mean radius, envelopes.

================  ==============================================================
paper             here
================  ==============================================================
certified acc. r  mean over the images of (right class and R ≥ r)
ACR               mean over the images of R · (right class); from the MACER paper
a table's row     the largest certified accuracy of its models, at each r apart
================  ==============================================================

Published logs and our own certificates go through these functions, so that a published figure
and one of ours are the same statistic. An abstention (class −1) is never right.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = [
    "ABSTAIN",
    "Certificates",
    "average_certified_radius",
    "certified_accuracy",
    "envelope",
]

ABSTAIN = -1
FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


class Certificates(NamedTuple):
    """What a smoothed classifier certified, one row an image."""

    index: IntArray  # (images,) place in the official test set
    label: IntArray  # (images,)
    prediction: IntArray  # (images,) −1: abstained
    radius: FloatArray  # (images,) ℓ2, in [0, 1] pixels; 0 where abstained
    time_s: FloatArray  # (images,)

    @property
    def correct(self) -> npt.NDArray[np.bool_]:
        """Whether the class is the right one; an abstention is not."""
        return (self.prediction == self.label) & (self.prediction != ABSTAIN)


def certified_accuracy(certificates: Certificates, radii: Sequence[float]) -> FloatArray:
    """The share of images that are right and certified at each of ``radii``.

    At radius 0 it is the accuracy of the smoothed classifier, abstentions counted wrong.
    """
    _refuse_none(certificates)
    reached = np.where(certificates.correct, certificates.radius, -np.inf)
    grid = np.asarray(radii, dtype=np.float64)
    return np.asarray((reached[:, None] >= grid).mean(axis=0), dtype=np.float64)


def average_certified_radius(certificates: Certificates) -> float:
    """The mean over all images of the radius, 0 where the class is not the right one."""
    _refuse_none(certificates)
    return float(np.where(certificates.correct, certificates.radius, 0.0).mean())


def envelope(models: Sequence[Certificates], radii: Sequence[float]) -> FloatArray:
    """The largest certified accuracy over ``models``, at each of ``radii`` apart."""
    if not models:
        raise ValueError("an envelope needs at least one model")
    curves: FloatArray = np.array([certified_accuracy(each, radii) for each in models])
    return np.asarray(curves.max(axis=0), dtype=np.float64)


def _refuse_none(certificates: Certificates) -> None:
    if not certificates.index.size:
        raise ValueError("there are no certificates to score")
