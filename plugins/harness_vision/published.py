"""Tables 1 and 2 of Salman et al. 2019 from the authors' own logs, by the same scorer as ours.

A method is a row of a table, and the metric is its envelope: at each radius the largest
certified accuracy of the row's logs. Which logs a row pools is what the authors' analysis
script pools; nothing is drawn, so a cell has one value.

========================  =======  ==================================================
row                       table    logs
========================  =======  ==================================================
``cohen``                 1        Cohen et al.'s own three on ImageNet
``cohen``                 2        ResNet-110 retrained by Salman et al.: 4
``ours``                  1        one-step PGD and two-step DDN: 24
``ours``                  2        14
``pre-training``          2        14
``semi-supervision``      2        11
``both``                  2        13
``replication``           1        Salman et al.'s own training of Cohen et al.'s: 3
========================  =======  ==================================================

A log that is not whole is left out and named. One is admitted, by its path: Cohen et al.'s
ImageNet log at σ = 0.25 has 427 of 500 images, in their repository too, and Table 1's first cell
was computed from it. The logs behind the tables were not all made at one confidence level:
Cohen et al.'s on ImageNet are at α = 0.01, those of Salman et al. at 0.001, which favours the
former. α is shown beside each row and nothing is corrected.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple

from harness import Cell, Method, Metric, Outcome, Task
from harness_vision.logs import CertificationLog, read_logs
from harness_vision.scores import average_certified_radius, certified_accuracy, envelope

__all__ = ["ADMITTED", "PublishedLogs", "PublishedRow", "Pool", "pooled"]

RowName = Literal["cohen", "ours", "pre-training", "semi-supervision", "both", "replication"]

RADII: dict[int, tuple[float, ...]] = {
    1: (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5),
    2: (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 2.25),
}
_BEST = "data/certify/best_models"
_COHEN_IMAGENET = "data_cohen/certify/imagenet/resnet50"
_FOLDERS: dict[tuple[int, str], tuple[str, ...]] = {
    (1, "cohen"): tuple(
        f"{_COHEN_IMAGENET}/noise_{sigma}/test/sigma_{sigma}" for sigma in ("0.25", "0.50", "1.00")
    ),
    (1, "ours"): (f"{_BEST}/imagenet/PGD_1step/", f"{_BEST}/imagenet/DDN_2steps/"),
    (1, "replication"): (f"{_BEST}/imagenet/replication/",),
    (2, "cohen"): (f"{_BEST}/cifar10/cohen/",),
    (2, "ours"): (f"{_BEST}/cifar10/ours/",),
    (2, "pre-training"): (f"{_BEST}/cifar10/ours_pretraining/",),
    (2, "semi-supervision"): (f"{_BEST}/cifar10/ours_selftraining/",),
    (2, "both"): (f"{_BEST}/cifar10/ours_pretraining_selftraining/",),
}


class Admitted(NamedTuple):
    """A partial log that a published cell was computed from."""

    rows: int
    of: int

    @property
    def reason(self) -> str:
        """What stands beside it wherever it is used."""
        return (
            f"partial: {self.rows} of {self.of}, admitted because the printed cell was computed "
            "from it"
        )


ADMITTED = {f"{_COHEN_IMAGENET}/noise_0.25/test/sigma_0.25": Admitted(rows=427, of=500)}


class Pool(NamedTuple):
    """The logs of a row, and those that are left out of it."""

    scored: tuple[CertificationLog, ...]
    left_out: tuple[CertificationLog, ...]


@dataclass(frozen=True, kw_only=True)
class PublishedRow(Method):
    """A row of a published table.

    Parameters
    ----------
    row
        See the table of the module.
    admit_partial
        Whether the one partial log that a printed cell rests on counts.
    """

    row: RowName = "ours"
    admit_partial: bool = True


@dataclass(frozen=True, kw_only=True)
class PublishedLogs(Task):
    """The published tables of Salman et al. 2019, scored from the authors' logs.

    Parameters
    ----------
    table
        1: ImageNet; 2: CIFAR-10.
    """

    accepts: ClassVar[type[Method]] = PublishedRow
    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric(
            name="mean_certified_accuracy",
            direction="higher",
            type="exact",
            description="mean of certified_accuracy over the table's radii",
        ),
        Metric(
            name="certified_accuracy",
            direction="higher",
            type="exact",
            axis="radius",
            description="largest certified accuracy of the row's logs, at each radius apart",
        ),
        Metric(
            name="accuracy_at_zero",
            direction="higher",
            type="exact",
            description="largest accuracy at radius 0 of the row's logs",
        ),
        Metric(
            name="average_radius",
            direction="higher",
            type="exact",
            description="largest average certified radius of the row's logs",
        ),
        Metric(
            name="alpha",
            direction="none",
            type="exact",
            description="confidence level of the row's logs, where they tell one and the same",
        ),
        Metric(
            name="logs",
            direction="none",
            type="exact",
            description="logs that the envelope is of",
        ),
        Metric(
            name="logs_left_out",
            direction="none",
            type="exact",
            description="unfinished or header-only logs in the row's folders, named in records",
        ),
    )

    table: Literal[1, 2] = 1

    def __post_init__(self) -> None:
        if self.table not in RADII:
            raise ValueError(f"table must be 1 or 2, got {self.table!r}")

    def check(self, method: Method) -> None:
        """Refuse a row that the table does not have."""
        assert isinstance(method, PublishedRow), "the kind is checked before"
        if (self.table, method.row) not in _FOLDERS:
            rows = ", ".join(row for table, row in _FOLDERS if table == self.table)
            raise ValueError(f"table {self.table} has no row {method.row!r}; it has {rows}")

    def evaluate(self, method: Method, cells: Sequence[Cell]) -> Iterator[Outcome]:
        """Score the row's logs."""
        assert isinstance(method, PublishedRow), "check() refuses others"
        for cell in cells:
            archive = cell.data("smoothadv-published-logs")
            yield self._outcome(cell, pooled(archive, self.table, method))

    def _outcome(self, cell: Cell, pool: Pool) -> Outcome:
        radii = RADII[self.table]
        models = [log.certificates for log in pool.scored]
        curve = envelope(models, radii)
        final = {
            "mean_certified_accuracy": float(curve.mean()),
            "accuracy_at_zero": float(envelope(models, [0.0])[0]),
            "average_radius": max(map(average_certified_radius, models)),
            "logs": float(len(pool.scored)),
            "logs_left_out": float(len(pool.left_out)),
        }
        told = {log.alpha for log in pool.scored if log.alpha is not None}
        if len(told) == 1:
            final["alpha"] = told.pop()
        return Outcome(
            cell=cell,
            final=final,
            curves={"certified_accuracy": (radii, curve.tolist())},
            records={log.path: self._record(log, log in pool.scored) for log in _all(pool)},
        )

    def _record(self, log: CertificationLog, is_scored: bool) -> str:
        """What a reader may want to know of one log, as JSON."""
        rows = int(log.certificates.index.size)
        admitted = ADMITTED.get(log.path)
        told: dict[str, object] = {
            "scored": is_scored,
            "status": admitted.reason if admitted and is_scored else log.status,
            "images": rows,
            "alpha": log.alpha,
        }
        if rows:
            accuracy = certified_accuracy(log.certificates, (0.0, *RADII[self.table]))
            told["certified_accuracy"] = [round(each, 4) for each in accuracy.tolist()]
        return json.dumps(told)


@lru_cache(maxsize=16)
def pooled(archive: Path, table: int, row: PublishedRow) -> Pool:
    """The logs in the row's folders, those that are not whole told apart.

    Raises
    ------
    ValueError
        When no log is left, or the admitted one is not the log that was admitted.
    """
    folders = _FOLDERS[table, row.row]
    found = tuple(read_logs(archive, lambda path: path.startswith(folders)))
    scored = tuple(log for log in found if _counts(log, row))
    if not scored:
        raise ValueError(f"{archive.name} has no whole log of table {table}, row {row.row}")
    return Pool(scored, tuple(log for log in found if log not in scored))


def _counts(log: CertificationLog, row: PublishedRow) -> bool:
    if log.status == "whole":
        return True
    admitted = ADMITTED.get(log.path)
    if admitted is None or not row.admit_partial:
        return False
    if log.certificates.index.size != admitted.rows:
        raise ValueError(
            f"{log.path} has {log.certificates.index.size} images; it is admitted with "
            f"{admitted.rows} of {admitted.of}"
        )
    return True


def _all(pool: Pool) -> tuple[CertificationLog, ...]:
    return (*pool.scored, *pool.left_out)
