"""Certify a classifier: a data set with the settings of the certification.

The method says how the base classifier comes about and which σ it is smoothed with; the task has
the images, the rule, and what is asked besides: nothing, the accuracy under attack, or whether
an attack breaks a certificate.

=======  ================  ==================================================
paper    here              what
=======  ================  ==================================================
n0, n    ``n0``, ``n``     draws that select the class, draws that estimate
α        ``alpha``         most that a certificate is wrong with, an image
r        ``radii``         grid of the curves, and of the sequential test
T, m     ``attack_steps``, ``attack_draws``
=======  ================  ==================================================

Noise is named by (suite seed, task, seed, model, image, stage): the two rules see the same
draws, and so do two grids.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from math import inf
from typing import Annotated, ClassVar, Literal

import numpy as np
import torch
from annotated_types import Ge, Interval
from torch import Tensor

from harness import Artifact, Cell, Method, Metric, Outcome, Task
from harness_vision.allocator import keep_freed_memory
from harness_vision.arithmetic import threads
from harness_vision.certification.certify import Certification, joined
from harness_vision.certification.confidence import (
    FloatArray,
    IntArray,
    draws_needed,
    largest_certificate,
)
from harness_vision.certification.guards import require_count, require_increasing, require_level
from harness_vision.certification.kept import read_part, write_part
from harness_vision.certification.noise import BLOCK, Noise
from harness_vision.certification.sequential import FixedRule, Rule, SequentialRule
from harness_vision.classifier import SKIPPED_IMAGES, Classifier
from harness_vision.images import ImageSet, load, training_images
from harness_vision.scores import ABSTAIN, Certificates, certified_accuracy
from harness_vision.smoothed import Precision, SmoothedClassifier

__all__ = ["CertificationTask"]

TOGETHER = 100  # images certified at a time: what a killed cell loses at most
LEAST_ATTACKED = 0.02  # smallest radius whose certificate is attacked, as in the sixth statement
_COUNTABLE = 1e9  # beyond it a number of draws is told by its size alone

# What is told of a training, by the name that the training has for it.
_OF_TRAINING = {
    "training_s": "train_s",
    "training_images_skipped": "images_skipped",
    "labeller_accuracy": "labeller_accuracy",
}

METRICS = (
    Metric(
        name="mean_certified_accuracy",
        direction="higher",
        description="certified accuracy averaged over the grid of radii",
    ),
    Metric(
        name="certified_accuracy",
        direction="higher",
        axis="radius",
        between="next",
        description="share of images that are right and certified at the radius",
    ),
    Metric(
        name="average_certified_radius",
        unit="pixels",
        direction="higher",
        has_items=True,
        description="radius where the class is right, 0 elsewhere; the sequential test cuts it",
    ),
    Metric(
        name="smoothed_accuracy",
        type="share",
        direction="higher",
        has_items=True,
        description="accuracy of the smoothed classifier, abstentions counted wrong",
    ),
    Metric(name="abstained", type="share", has_items=True, description="no class was certified"),
    Metric(
        name="empirical_accuracy",
        direction="higher",
        axis="radius",
        description="accuracy of the smoothed classifier under SmoothAdv's attack",
    ),
    Metric(
        name="broken",
        type="share",
        has_items=True,
        description="certificates whose class an attack within factor · radius changed",
    ),
    Metric(
        name="attack_abstained",
        type="share",
        direction="none",
        has_items=True,
        description="attacked images whose vote was too close to tell",
    ),
    Metric(
        name="draws",
        direction="lower",
        has_items=True,
        description="noisy copies that the estimation of an image took, without the n0",
    ),
    *SKIPPED_IMAGES,
    Metric(
        name="labeller_accuracy",
        direction="none",
        description="of the model that labelled the images whose labels were hidden, on these",
    ),
    Metric(name="certification_s", unit="s", is_cost=True, description="of all images"),
    Metric(name="training_s", unit="s", is_cost=True, description="of all its stages"),
)


@dataclass(frozen=True, kw_only=True)
class CertificationTask(Task):
    """What the certification of any data set shares; subclasses name theirs.

    Parameters
    ----------
    radii
        Grid of the curves, increasing, in [0, 1] pixels; the sequential test settles these.
    rule
        ``fixed``: n draws an image, as published; ``sequential``: at most n, until the radius
        is settled on the grid, with the same guarantee.
    n0
        Draws that select an image's class.
    n
        Draws that estimate its share: of the fixed rule all, of the sequential one the most.
    alpha
        Most that a certificate is wrong with, for each image.
    closeness
        The sequential test stops, too, when lower and upper end of the radius are this close;
        0: never for that.
    every, limit
        Only test images whose index is a multiple of ``every``, at most ``limit`` of them
        (0: all).
    train_images
        How many training images the classifier may use, the first ones; 0: all.
    attack
        ``certificates``: attack each certified class within ``factor`` · radius, outside the
        box, too; ``empirical``: attack each label within each radius of the grid.
    factor
        1 and above is beyond the certificate.
    attack_steps
        T of SmoothAdv-PGD.
    attack_draws
        m of SmoothAdv-PGD, its noise draws of an image; 50 · m copies go through the network
        and back together, whatever ``batch`` is.
    predict_draws
        n of PREDICT on attacked images.
    batch
        Noisy copies at a time, where nothing is attacked; memory grows with it.
    precision
        Of the network's arithmetic; a certificate is valid for the network in this precision.
    channels_last
        Layout of the network's tensors: faster for deep networks, slower for small ones.
    """

    accepts: ClassVar = Classifier
    metrics: ClassVar[tuple[Metric, ...]] = METRICS

    radii: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75)
    rule: Literal["sequential", "fixed"] = "sequential"
    n0: Annotated[int, Ge(1)] = 100
    n: Annotated[int, Ge(1)] = 100_000
    alpha: Annotated[float, Interval(gt=0, lt=1)] = 0.001
    closeness: Annotated[float, Ge(0)] = 0.0
    every: Annotated[int, Ge(1)] = 1
    limit: Annotated[int, Ge(0)] = 0
    train_images: Annotated[int, Ge(0)] = 0
    attack: Literal["none", "certificates", "empirical"] = "none"
    factor: Annotated[float, Ge(0)] = 0.999
    attack_steps: Annotated[int, Ge(1)] = 20
    attack_draws: Annotated[int, Ge(1)] = 16
    predict_draws: Annotated[int, Ge(1)] = 1_000
    batch: Annotated[int, Ge(BLOCK)] = 500
    precision: Precision = "float32"
    channels_last: bool = False

    def __post_init__(self) -> None:
        require_count("n0", self.n0)
        require_count("n", self.n)
        require_level("alpha", self.alpha)
        require_increasing("radii", self.radii)
        if not 0.0 <= self.factor < inf:
            raise ValueError(f"factor must be a number of at least 0, got {self.factor:g}")

    def data(self) -> str:
        """The image set's name."""
        raise NotImplementedError

    def check(self, method: Method) -> None:
        """Refuse a method without noise or for other images; warn of radii out of reach."""
        assert isinstance(method, Classifier), "the core refuses others"
        if not method.sigma > 0.0:
            raise ValueError(f"sigma must be above 0 to smooth with, got {method.sigma:g}")
        method.check(self.data())
        method.check_images(self.data(), training_images(self.data(), self.train_images))
        if self.rule == "fixed" and self.closeness:
            warnings.warn(
                f"closeness = {self.closeness:g} has no effect: the fixed rule always draws all "
                f"{self.n:,}",
                stacklevel=2,
            )
        if self.attack == "certificates" and not self.factor:
            warnings.warn("factor = 0 attacks nothing: no image is moved", stacklevel=2)
        reach = largest_certificate(method.sigma, self.n, self.alpha)
        beyond = [radius for radius in self.radii if radius > reach]
        if beyond:
            needed = draws_needed(beyond[0], method.sigma, self.alpha)
            least = f"{needed:,.0f}" if needed < _COUNTABLE else f"{needed:.0e}"
            most = f"radii up to {reach:.4g}" if reach > 0.0 else "nothing"
            warnings.warn(
                f"{self.n:,} draws at sigma = {method.sigma:g} certify {most}: "
                f"{beyond[0]:g} is out of reach and needs n of {least} at least",
                stacklevel=2,
            )

    def artifacts(self, method: Method, seed: int) -> Sequence[Artifact]:
        """The trained network."""
        assert isinstance(method, Classifier), "the core refuses others"
        return method.artifacts(self.data(), seed, self.train_images)

    def rule_for(self, sigma: float) -> Rule:
        """The rule with its tables."""
        if self.rule == "fixed":
            return FixedRule(self.n, self.alpha)
        return SequentialRule(
            sigma=sigma,
            alpha=self.alpha,
            draws=self.n,
            grid=self.radii,
            precision=self.closeness,
        )

    def evaluate(self, method: Method, cells: Sequence[Cell]) -> Iterator[Outcome]:
        """Certify each cell's model on all images, and attack it where that is asked."""
        assert isinstance(method, Classifier), "the core refuses others"
        keep_freed_memory()
        images: ImageSet | None = None
        for cell in cells:
            if images is None:
                images = load(
                    self.data(),
                    cell.data,
                    "test",
                    every=self.every,
                    limit=self.limit or None,
                    readers=cell.threads,
                )
            with threads(cell.threads):
                outcome = self._certified(method, cell, images)
            yield outcome

    def _certified(self, method: Classifier, cell: Cell, images: ImageSet) -> Outcome:
        smoothed = self._smoothed(method, cell)
        found = self._certification(smoothed, self.rule_for(method.sigma), cell, images)
        told = _told(found, images)
        names = [str(index) for index in images.indices]
        items = _items(found, told, names)
        accuracies = certified_accuracy(told, self.radii)
        curves = {"certified_accuracy": (self.radii, accuracies.tolist())}
        if self.attack == "certificates":
            items |= self._attack_certificates(smoothed, images, found)
        elif self.attack == "empirical":
            curves["empirical_accuracy"] = (self.radii, self._under_attack(smoothed, images))
        final = {
            "mean_certified_accuracy": float(accuracies.mean()),
            "images_skipped": float(len(images.skipped)),
            "certification_s": float(found.seconds.sum()),
        }
        training = method.training(cell, self.data(), self.train_images)
        final |= {ours: training[its] for ours, its in _OF_TRAINING.items() if its in training}
        records = _records(found, told, names)
        records |= {f"skipped {each.where}": each.reason for each in images.skipped}
        return Outcome(cell=cell, final=final, curves=curves, items=items, records=records)

    def _certification(
        self, smoothed: SmoothedClassifier, rule: Rule, cell: Cell, images: ImageSet
    ) -> Certification:
        """Certify part by part: no more images are decoded, and lost when killed, at a time."""
        parts = []
        for rows in _parts(len(images)):
            path = cell.checkpoint_dir / f"from-{rows.start}.npz"
            part = read_part(path)
            if part is None:
                pixels = torch.from_numpy(images.pixels(rows))
                indices = images.indices[rows].tolist()
                part = smoothed.certify(pixels, indices, rule, selection=self.n0)
                write_part(path, part)
            parts.append(part)
            cell.progress(min(rows.stop, len(images)) / len(images))
        return joined(parts)

    def _smoothed(self, method: Classifier, cell: Cell) -> SmoothedClassifier:
        network = method.network(cell, self.data(), self.train_images)
        if cell.device != "cpu":  # what the process shares stays where it is
            network = deepcopy(network).to(cell.device)
        model = [repr(each) for each in self.artifacts(method, cell.seed)[:1]] or [repr(method)]
        return SmoothedClassifier(
            network,
            method.sigma,
            Noise(cell.task_stream.sub("certification", *model), cell.device),
            batch=self.batch,
            precision=self.precision,
            channels_last=self.channels_last,
        )

    def _attack_certificates(
        self, smoothed: SmoothedClassifier, images: ImageSet, found: Certification
    ) -> Mapping[str, tuple[Sequence[str], Sequence[float]]]:
        """Whether an attack within factor · R changed each certified class."""
        rows = np.flatnonzero((found.classes != ABSTAIN) & (found.radii > LEAST_ATTACKED))
        if not rows.size:
            return {}
        classes, radii = found.classes[rows], self.factor * found.radii[rows]
        answers = np.concatenate(
            [
                self._answers(smoothed, images, rows[part], classes[part], radii[part], False)
                for part in _parts(len(rows))
            ]
        )
        names = [str(index) for index in images.indices[rows]]
        has_none = answers == ABSTAIN
        return {
            "broken": (names, ((answers != classes) & ~has_none).astype(np.float64).tolist()),
            "attack_abstained": (names, has_none.astype(np.float64).tolist()),
        }

    def _under_attack(self, smoothed: SmoothedClassifier, images: ImageSet) -> list[float]:
        """Accuracy of PREDICT on images attacked within each radius of the grid."""
        right = np.zeros(len(self.radii))
        for part in _parts(len(images)):
            rows = np.arange(len(images))[part]
            labels = images.labels[rows]
            for place, radius in enumerate(self.radii):
                within = np.full(len(rows), radius)
                answers = self._answers(smoothed, images, rows, labels, within, True)
                right[place] += (answers == labels).sum()
        return (right / len(images)).tolist()

    def _answers(
        self,
        smoothed: SmoothedClassifier,
        images: ImageSet,
        rows: IntArray,
        labels: IntArray,
        radii: FloatArray,
        in_box: bool,
    ) -> IntArray:
        """PREDICT on images that were moved away from their labels."""
        pixels = torch.from_numpy(images.pixels(rows))
        indices = images.indices[rows].tolist()
        moved: Tensor = smoothed.attacked(
            pixels,
            indices,
            labels,
            radii,
            draws=self.attack_draws,
            steps=self.attack_steps,
            in_box=in_box,
        )
        return smoothed.predict(
            moved, indices, draws=self.predict_draws, alpha=self.alpha, stage="attacked"
        )


def _parts(count: int) -> list[slice]:
    return [slice(start, start + TOGETHER) for start in range(0, count, TOGETHER)]


def _told(found: Certification, images: ImageSet) -> Certificates:
    """Ours in the shape of the published logs, to be scored by the same functions."""
    return Certificates(
        index=images.indices,
        label=images.labels,
        prediction=found.classes,
        radius=found.radii,
        time_s=found.seconds,
    )


def _items(
    found: Certification, told: Certificates, names: Sequence[str]
) -> dict[str, tuple[Sequence[str], Sequence[float]]]:
    is_right = told.correct
    return {
        "average_certified_radius": (names, np.where(is_right, found.radii, 0.0).tolist()),
        "smoothed_accuracy": (names, is_right.astype(np.float64).tolist()),
        "abstained": (names, (found.classes == ABSTAIN).astype(np.float64).tolist()),
        "draws": (names, found.draws.astype(np.float64).tolist()),
    }


def _records(found: Certification, told: Certificates, names: Sequence[str]) -> dict[str, str]:
    """The log, a line an image: the published columns, the draws and why they stopped."""
    return {
        name: json.dumps(
            {
                "index": int(told.index[i]),
                "label": int(told.label[i]),
                "prediction": int(told.prediction[i]),
                "radius": float(told.radius[i]),
                "correct": int(told.correct[i]),
                "time_s": round(float(told.time_s[i]), 6),
                "draws": int(found.draws[i]),
                "hits": int(found.hits[i]),
                "stopped": found.reasons[i],
            }
        )
        for i, name in enumerate(names)
    }
