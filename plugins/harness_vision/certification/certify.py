"""CERTIFY: a class and a radius within which the smoothed classifier cannot change its mind.

1. n0 draws select ĉ, the label most often given (the lowest on a tie).
2. Fresh draws estimate: at each look of the rule, hits of ĉ so far; images that are settled
   leave the batch.
3. p̲ is the Clopper–Pearson bound on the share of hits. Below ½ the answer is "abstain" (class
   −1, radius 0), else ĉ with radius σΦ⁻¹(p̲).

With :class:`FixedRule` that is the published algorithm. For each image, the probability that
the class is wrong or the radius too large is at most α; it is no simultaneous statement.

Source: Cohen et al. 2019, CERTIFY and Theorem 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter
from typing import NamedTuple

import numpy as np
from torch import Tensor

from harness.kernels import compile_seconds
from harness_vision.certification.confidence import FloatArray, IntArray, radius_of
from harness_vision.certification.guards import require_count
from harness_vision.certification.noise import Noise, Source
from harness_vision.certification.sequential import Reason, Rule, SequentialRule
from harness_vision.certification.voting import Booth
from harness_vision.scores import ABSTAIN

__all__ = ["Certification", "certify", "joined"]


class Certification(NamedTuple):
    """What certification says of images, in the order in which they were given."""

    classes: IntArray  # (images,) −1 where it abstained
    radii: FloatArray  # (images,) in pixels, 0 where it abstained
    hits: IntArray  # (images,) draws that gave the selected class, of ``draws``
    draws: IntArray  # (images,) of the estimation, without the n0 of the selection
    reasons: tuple[Reason, ...]  # why drawing stopped
    seconds: FloatArray  # (images,) a batch's time is shared by its draws


def certify(
    booth: Booth,
    images: Tensor,
    indices: Sequence[int],
    rule: Rule,
    noise: Noise,
    *,
    selection: int = 100,
) -> Certification:
    """Classes and certified radii of images under Gaussian noise.

    Memory is one batch and a source an image. Several images together fill the batches of
    the short first looks.

    Parameters
    ----------
    booth
        The network with its σ.
    images : (images, *image) float32
        Pixels.
    indices
        Names the noise of each image; its place in the data set.
    rule
        How many draws, and how they are judged.
    noise
        The model's noise.
    selection
        n0.

    Raises
    ------
    ArithmeticError
        When the network gives NaN.
    ValueError
        For n0 below 1, and a rule of another σ.
    """
    require_count("n0", selection)
    if isinstance(rule, SequentialRule) and rule.sigma != booth.sigma:
        raise ValueError(
            f"the rule settles radii at sigma = {rule.sigma:g}, the classifier's is {booth.sigma:g}"
        )
    began = _clock()
    counts = booth.histogram(images, noise.sources(indices, "select"), selection)
    classes = counts.argmax(axis=1)
    selecting = (_clock() - began) / max(len(images), 1)
    found = _estimate(booth, images, classes, rule, noise.sources(indices, "estimate"))
    bounds = rule.bounds(found.seen)
    is_sure = bounds >= 0.5
    looks = (found.seen >= 0).sum(axis=1)
    return Certification(
        classes=np.where(is_sure, classes, ABSTAIN),
        radii=np.where(is_sure, radius_of(np.where(is_sure, bounds, 0.5), booth.sigma), 0.0),
        hits=found.seen.max(axis=1),
        draws=rule.looks[looks - 1],
        reasons=found.reasons,
        seconds=selecting + found.seconds,
    )


class _Estimate(NamedTuple):
    """What was seen of each image until it stopped."""

    seen: IntArray  # (images, looks) hits in total, −1 for looks that an image did not get to
    reasons: tuple[Reason, ...]
    seconds: FloatArray  # (images,)


def _estimate(
    booth: Booth, images: Tensor, classes: IntArray, rule: Rule, sources: Sequence[Source]
) -> _Estimate:
    """Draw from look to look; images that are settled leave the batch."""
    seen = np.full((len(images), len(rule.looks)), -1, dtype=np.int64)
    reasons: dict[int, Reason] = {}
    seconds = np.zeros(len(images))
    hits = np.zeros(len(images), dtype=np.int64)
    live, before = list(range(len(images))), 0
    for look, total in enumerate(rule.looks.tolist()):
        if not live:
            break
        began = _clock()
        wanted = [(place, total - before) for place in live]
        hits += booth.hits(images, sources, classes, wanted)
        seconds[live] += (_clock() - began) / len(live)
        seen[live, look] = hits[live]
        told = rule.reasons(seen[live, : look + 1])
        reasons |= {i: reason for i, reason in zip(live, told, strict=True) if reason}
        live = [place for place in live if place not in reasons]
        before = total
    return _Estimate(seen, tuple(reasons[i] for i in range(len(images))), seconds)


def _clock() -> float:
    """Seconds, without those spent compiling."""
    return perf_counter() - compile_seconds()


def joined(parts: Sequence[Certification]) -> Certification:
    """Parts of a set of images, in their order, as one."""
    return Certification(
        classes=np.concatenate([part.classes for part in parts]),
        radii=np.concatenate([part.radii for part in parts]),
        hits=np.concatenate([part.hits for part in parts]),
        draws=np.concatenate([part.draws for part in parts]),
        reasons=tuple(reason for part in parts for reason in part.reasons),
        seconds=np.concatenate([part.seconds for part in parts]),
    )
