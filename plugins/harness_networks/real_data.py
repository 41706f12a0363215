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
ball. With ``split: sorted`` by target the nodes differ, and nothing is drawn:
``networks/data-sorted`` judges its numbers as they are.

Source: scikit-learn's data sets (UCI); LIBSVM's copies of Adult and Mushroom.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

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
from harness_networks.objectives import FloatArray
from harness_networks.size import Size
from harness_networks.task import METRICS, NetworkTask, exact
from harness_networks.topologies import is_real

__all__ = ["RealData", "RealRows", "SortedData", "load_rows"]


_LOW = {"lad": -1.0, "svm": 0.0}
_SVMLIGHT = {"a9a": ("libsvm-a9a", 123), "agaricus": ("libsvm-agaricus", 126)}
_BOTH = ("digits",)
_ROWS = {"diabetes": 442, "breast-cancer": 569, "digits": 1797, "a9a": 32561, "agaricus": 6513}
_LOSS = {"diabetes": "lad", "breast-cancer": "svm", "a9a": "svm", "agaricus": "svm"}


def load_rows(data: str, loss: str, features: int, context: Any) -> tuple[FloatArray, FloatArray]:
    """Rows a_j with an intercept, and targets (labels ±1 of ``svm``), in the file's order."""
    if data in _SVMLIGHT:
        name, width = _SVMLIGHT[data]
        sparse_rows, target = datasets.load_svmlight_file(str(context.data(name)), n_features=width)
        rows = sparse_rows.toarray()
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

    size: str
    nodes: int
    data: str
    loss: str
    features: int
    split: str
    ball: float
    seed: int | None = None

    def build(self, context) -> None:
        nodes = Size(self.size, self.nodes).count(context)
        rows, target = load_rows(self.data, self.loss, self.features, context)
        count = len(target) - len(target) % nodes if len(target) >= nodes else len(target)
        order = np.arange(len(target))
        if self.split == "shuffled":
            # The rows dropped are the file's last ones, so that every split has one optimum.
            order = context.stream.numpy().permutation(count)
        elif self.split == "sorted":
            order = np.argsort(target[:count], kind="stable")
        rows, target = rows[order], target[order]
        if self.loss == "svm":
            rows, target = -target[:, None] * rows, np.full(len(target), -1.0)
        split, offsets = split_rows(rows, target, nodes)
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
        See the table above.
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
        if self.data not in _BOTH and self.loss != _LOSS[self.data]:
            raise ValueError(f"{self.data} goes with loss: {_LOSS[self.data]}")
        if self.nodes > _ROWS[self.data] and not is_real(self.topology):
            raise ValueError(
                f"{self.data} has {_ROWS[self.data]} rows, fewer than {self.nodes} nodes"
            )

    def artifacts(self, method: Method, seed: int) -> Sequence[Artifact]:
        """The split rows."""
        return (self._rows(seed),)

    def _rows(self, seed: int) -> RealRows:
        size = Size.of(self)
        return RealRows(
            size=size.graph,
            nodes=size.nodes,
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

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.topology in ("erdos-renyi", "geometric", "barabasi-albert", "regular"):
            raise ValueError(f"{self.topology} is drawn: take networks/data")
