"""PREDICT: the class that the smoothed classifier gives, or none when the vote is too close.

n draws; n_A ≥ n_B are the two largest counts. When the exact two-sided test of n_A out of
n_A + n_B against ½ has a p-value above α the answer is "abstain" (−1), else the top class, which
is wrong with probability at most α.

Source: Cohen et al. 2019, PREDICT.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import bdtrc
from torch import Tensor

from harness_vision.certification.confidence import FloatArray, IntArray
from harness_vision.certification.guards import require_count, require_level
from harness_vision.certification.noise import Noise
from harness_vision.certification.voting import Booth
from harness_vision.scores import ABSTAIN

__all__ = ["predict", "tie_p_value"]


def tie_p_value(first: npt.ArrayLike, second: npt.ArrayLike) -> FloatArray:
    """p-value of the two-sided binomial test of two counts against a tie; first ≥ second.

    The law is symmetric at ½, so both tails are one: 2 P(Bin(n_A + n_B, ½) ≥ n_A), at most 1.
    """
    top, total = np.asarray(first), np.asarray(first) + np.asarray(second)
    return np.minimum(1.0, 2.0 * bdtrc(top - 1.0, total, 0.5))


def predict(
    booth: Booth,
    images: Tensor,
    indices: Sequence[int],
    noise: Noise,
    *,
    draws: int,
    alpha: float,
    stage: Literal["predict", "attacked"] = "predict",
) -> IntArray:
    """The class of each image, −1 where the vote is too close.

    Parameters
    ----------
    booth
        The network with its σ.
    images : (images, *image) float32
    indices
        Names the noise of each image.
    noise
        The model's noise.
    draws
        n.
    alpha
        Most that the class is wrong with.
    stage
        ``attacked`` for images that were made with the predictions' noise in mind.

    Returns
    -------
    (images,) int64
    """
    require_count("n", draws)
    require_level("alpha", alpha)
    return vote(booth.histogram(images, noise.sources(indices, stage), draws), alpha)


def vote(counts: IntArray, alpha: float) -> IntArray:
    """The winner of each row of counts (images, classes), −1 where it is too close."""
    ordered = np.sort(counts, axis=1)
    second = ordered[:, -2] if counts.shape[1] > 1 else np.zeros(len(counts), dtype=np.int64)
    is_close = tie_p_value(ordered[:, -1], second) > alpha
    return np.where(is_close, ABSTAIN, counts.argmax(axis=1))
