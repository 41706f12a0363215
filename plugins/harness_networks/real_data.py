"""Median regression and support vector machines on real data, split over the nodes.

================  =====  ==========================================================
data              loss   rows × features, as loaded
================  =====  ==========================================================
diabetes          lad    442 × 10, features and target standardised
breast-cancer     svm    569 × 30, standardised, the first ``features`` of them
digits            both   1,797 × 64, pixels / 16; even against odd, or the digit
a9a               svm    32,561 × 123, below ``HARNESS_DATA``
agaricus          svm    6,513 × 126, below ``HARNESS_DATA``
================  =====  ==========================================================

An intercept is added. Rows that do not divide by the number of nodes are dropped from the end.
Separable or rank-deficient data make ‖θ*‖ huge and every bound void: take fewer features, or a
ball. Sorted by target the nodes differ, and nothing is drawn: ``networks/data-sorted``
judges its numbers as they are.

Source: scikit-learn's data sets (UCI); LIBSVM's copies of Adult and Mushroom.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

import numpy as np
from annotated_types import Ge
from sklearn import datasets

from harness import Artifact, Cell, Method, Metric
from harness_networks.instance import (
    Instance,
    read_instance,
    slopes_instance,
    split_rows,
    write_instance,
)
from harness_networks.metrics import METRICS, exact
from harness_networks.objectives import FloatArray
from harness_networks.task import NetworkTask

__all__ = ["RealData", "RealRows", "SortedData", "load_rows"]

_LOW = {"lad": -1.0, "svm": 0.0}


class _Table(NamedTuple):
    """What is known of data without loading them."""

    rows: int
    features: int
    losses: tuple[str, ...]
    file: str = ""  # the declared data set, empty where scikit-learn has the data


_TABLES = {
    "diabetes": _Table(442, 10, ("lad",)),
    "breast-cancer": _Table(569, 30, ("svm",)),
    "digits": _Table(1_797, 64, ("lad", "svm")),
    "a9a": _Table(32_561, 123, ("svm",), "libsvm-a9a"),
    "agaricus": _Table(6_513, 126, ("svm",), "libsvm-agaricus"),
}


def load_rows(data: str, loss: str, features: int, context: Any) -> tuple[FloatArray, FloatArray]:
    """Rows a_j with an intercept, and targets (labels ±1 of ``svm``), in the file's order."""
    table = _TABLES[data]
    if table.file:
        path = context.data(table.file)
        in_file, target = datasets.load_svmlight_file(str(path), n_features=table.features)
        rows = in_file.toarray()
        target = np.where(target > 0.5, 1.0, -1.0)
    elif data == "digits":
        rows, digit = datasets.load_digits(return_X_y=True)
        rows = rows / 16.0
        target = digit.astype(float) if loss == "lad" else np.where(digit % 2 == 0, 1.0, -1.0)
    elif data == "diabetes":
        rows, target = datasets.load_diabetes(return_X_y=True)
        rows, target = _standardised(rows), _standardised(target)
    else:
        rows, label = datasets.load_breast_cancer(return_X_y=True)
        rows, target = _standardised(rows), np.where(label > 0, 1.0, -1.0)
    if features:
        rows = rows[:, :features]
    return np.hstack([rows, np.ones((len(rows), 1))]), np.asarray(target, dtype=np.float64)


def _standardised(values: FloatArray) -> FloatArray:
    return (values - values.mean(axis=0)) / values.std(axis=0)


@dataclass(frozen=True, kw_only=True)
class RealRows(Artifact):
    """Real rows, split, with their exact optimum; ``seed`` is set where the split is drawn."""

    name: ClassVar[str] = "networks/data"

    nodes: int
    data: str
    loss: str
    features: int
    split: str
    ball: float
    seed: int | None = None

    def build(self, context) -> None:
        rows, target = load_rows(self.data, self.loss, self.features, context)
        # The rows dropped are the file's last ones, so that every split has one optimum.
        count = len(target) // self.nodes * self.nodes or len(target)
        if self.split == "shuffled":
            order = context.stream.numpy().permutation(count)
        else:
            order = np.argsort(target[:count], kind="stable")
        rows, target = rows[order], target[order]
        if self.loss == "svm":
            rows, target = -target[:, None] * rows, np.full(len(target), -1.0)
        split, offsets = split_rows(rows, target, self.nodes)
        ball = self.ball or inf
        instance = slopes_instance(split, offsets, _LOW[self.loss], ball=ball)
        write_instance(instance, context.folder)
        context.report("minimum", instance.minimum)
        context.report("radius", instance.radius)

    def load(self, folder: Path) -> Instance:
        return read_instance(folder)


@dataclass(frozen=True, kw_only=True)
class RealData(NetworkTask):
    """Real rows over the nodes of a network, in an order drawn by the seed.

    Parameters
    ----------
    data, loss
        diabetes goes with lad; breast-cancer, a9a and agaricus with svm; digits with both.
    features
        How many, from the first; 0: all.
    ball
        Radius of the ball that θ lies in; 0: θ is free.
    """

    data: Literal["diabetes", "breast-cancer", "digits", "a9a", "agaricus"] = "diabetes"
    loss: Literal["lad", "svm"] = "lad"
    features: Annotated[int, Ge(0)] = 0
    ball: Annotated[float, Ge(0)] = 0.0

    split: ClassVar[str] = "shuffled"

    def __post_init__(self) -> None:
        super().__post_init__()
        table = _TABLES[self.data]
        if self.loss not in table.losses:
            raise ValueError(f"{self.data} goes with loss: {' or '.join(table.losses)}")
        if self.features > table.features:
            raise ValueError(f"{self.data} has {table.features} features, got {self.features}")
        if self.node_count() > table.rows:
            raise ValueError(
                f"{self.data} has {table.rows} rows, fewer than {self.node_count()} nodes"
            )

    def artifacts(self, method: Method, seed: int) -> Sequence[Artifact]:
        """The split rows."""
        return (self._rows(seed),)

    def _rows(self, seed: int) -> RealRows:
        return RealRows(
            nodes=self.node_count(),
            data=self.data,
            loss=self.loss,
            features=self.features,
            split=self.split,
            ball=float(self.ball),
            seed=seed if self.split == "shuffled" else None,
        )

    def instance(self, cell: Cell) -> Instance:
        """The split rows."""
        return cell.artifact(self._rows(cell.seed))


@dataclass(frozen=True, kw_only=True)
class SortedData(RealData):
    """Real rows in the order of their targets: nodes differ, and nothing is drawn."""

    metrics: ClassVar[tuple[Metric, ...]] = exact(METRICS)
    split: ClassVar[str] = "sorted"
