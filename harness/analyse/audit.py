"""Do stored numbers agree with recomputed ones, and how much does a sample of cells say?

Everything here is a function of its arguments; :mod:`harness.runner.audit` reads folders and
recomputes. Cells are drawn systematically from a list that is ordered by group and shuffled
within groups: every cell has the same chance, and every group its share of the sample.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from harness.api.metric import Metric
from harness.stats.distributions import beta_quantile

__all__ = [
    "Agreement",
    "CellAudit",
    "Deviation",
    "NumberKey",
    "Numbers",
    "agreement",
    "altered_at_most",
    "chance_to_catch",
    "drawn",
]

IntArray = npt.NDArray[np.int64]
Agreement = Literal["exact", "within tolerance", "differs", "not recomputed"]

_ROUNDING = 1e-12  # of a declared tolerance itself: 3 % of a float is not a float


class NumberKey(NamedTuple):
    """One number of a cell.

    ``of`` says what it belongs to: empty for a measurement, ``item NAME`` for the score of an
    item, the role and name of a bound that the cell decided.
    """

    metric: str
    at: float | None = None
    of: str = ""

    def __str__(self) -> str:
        point = "" if self.at is None else f" at {self.at:g}"
        return f"{self.metric}{f' ({self.of})' if self.of else ''}{point}"


Numbers = Mapping[NumberKey, float]


class Deviation(NamedTuple):
    """A number that is not the same twice; ``None`` where one side has none."""

    key: NumberKey
    stored: float | None
    recomputed: float | None

    @property
    def relative(self) -> float:
        """Difference over the larger of the two; infinite where one is missing."""
        if self.stored is None or self.recomputed is None:
            return math.inf
        if self.stored == self.recomputed:
            return 0.0
        size = max(abs(self.stored), abs(self.recomputed))
        return abs(self.stored - self.recomputed) / size if math.isfinite(size) else math.inf


@dataclass(frozen=True, kw_only=True, slots=True)
class CellAudit:
    """How one cell's numbers compare.

    Parameters
    ----------
    numbers
        How many were compared.
    worst
        The number that deviates most beyond what is allowed; where all agree, most at all.
    reason
        Why the cell could not be recomputed.
    """

    agreement: Agreement
    numbers: int = 0
    worst: Deviation | None = None
    reason: str = ""


def agreement(stored: Numbers, recomputed: Numbers, metrics: Mapping[str, Metric]) -> CellAudit:
    """Hold a cell's stored numbers against recomputed ones.

    A number agrees when it is the same to the bit or differs by at most its metric's declared
    relative tolerance; one that only one side has differs. Costs are never the same twice and
    are left out.
    """
    keys = [key for key in {**stored, **recomputed} if not _is_cost(key, metrics)]
    deviations = [
        Deviation(key, stored.get(key), recomputed.get(key))
        for key in keys
        if stored.get(key) != recomputed.get(key)
    ]
    if not deviations:
        return CellAudit(agreement="exact", numbers=len(keys))
    worst = max(deviations, key=lambda each: _excess(each, metrics))
    is_within = _excess(worst, metrics) <= 0
    told: Agreement = "within tolerance" if is_within else "differs"
    return CellAudit(agreement=told, numbers=len(keys), worst=worst)


def drawn(group: Sequence[int] | IntArray, size: int, seed: int) -> IntArray:
    """Rows of a systematic random sample, ascending.

    Parameters
    ----------
    group
        The group of each cell.
    size
        How many cells; all of them where there are no more.
    seed
        Of the draw: the same one gives the same sample.
    """
    groups = np.asarray(group, np.int64)
    total = groups.size
    if size >= total:
        return np.arange(total, dtype=np.int64)
    random = np.random.default_rng(seed)
    order = random.permutation(total)
    names, place = np.unique(groups, return_inverse=True)
    rank_of_group = random.permutation(names.size)
    order = order[np.argsort(rank_of_group[place[order]], kind="stable")]
    # Ticks total/size apart from one random start: each cell is met with chance size/total.
    ticks = (random.uniform() + np.arange(size)) * (total / size)
    chosen = order[np.minimum(ticks.astype(np.int64), total - 1)]
    return np.sort(np.unique(chosen))


def chance_to_catch(altered: int, total: int, size: int) -> float:
    """The least chance that a sample of ``size`` meets one of ``altered`` cells of ``total``.

    ``1 - (1 - altered/total)^size``: what independent draws would reach. A single altered cell
    is met with chance ``size/total``; that a group has no more than its share of the sample
    only helps where alterations are spread.
    """
    if size >= total:
        return float(altered > 0)
    return 1 - (1 - altered / total) ** size


def altered_at_most(size: int, total: int, differing: int = 0, confidence: float = 0.95) -> float:
    """The share of cells that may be altered, given ``differing`` of ``size`` were.

    Clopper and Pearson's upper limit, one-sided; with none differing it is the x that solves
    ``(1 - x)^size = 1 - confidence``. Of a sample that is everything it is what was found.
    """
    if size >= total:
        return differing / total if total else 0.0
    if not size or differing >= size:
        return 1.0
    return beta_quantile(confidence, differing + 1, size - differing)


def _is_cost(key: NumberKey, metrics: Mapping[str, Metric]) -> bool:
    return key.metric in metrics and metrics[key.metric].is_cost


def _excess(deviation: Deviation, metrics: Mapping[str, Metric]) -> float:
    """How far a deviation is beyond its metric's tolerance; positive: not allowed."""
    name = deviation.key.metric
    tolerance = metrics[name].tolerance if name in metrics else 0.0
    return deviation.relative - tolerance * (1 + _ROUNDING)
