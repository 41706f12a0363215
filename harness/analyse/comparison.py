"""What a comparison says: rows with verdicts, what is on one side only, what was not compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from harness.analyse.effects import Change
from harness.analyse.sides import Side
from harness.suite.model import Tolerance

__all__ = ["VERDICTS", "By", "Comparison", "Judged", "NotCompared", "OneSided", "Row", "Verdict"]

Verdict = Literal["worse", "undecided", "better", "equivalent"]
By = Literal["seed", "seed and item", "item", "mean"]

VERDICTS: tuple[Verdict, ...] = ("worse", "undecided", "better", "equivalent")


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One metric of one group on two sides.

    ``change``, ``low``, ``high`` and ``threshold`` are shares of the base's mean where
    ``is_relative``, else in the metric's unit; ``p`` is of no change and ``p_holm`` after
    the table's correction, ``None`` where nothing was tested.
    """

    against: str  # the name of the other side
    task: str
    task_params: str
    title: str
    label: str
    metric: str
    unit: str
    direction: str
    paired_by: By
    n: int  # common seeds; of one seed's items, items
    base: float
    other: float
    is_relative: bool
    change: float
    low: float | None
    high: float | None
    p: float | None
    threshold: float
    p_holm: float | None = None
    verdict: Verdict = "undecided"
    seeds_to_decide: int | None = None
    is_identical: bool = False  # every value the same
    is_tested: bool = True  # false: the same code gave the same numbers
    failures: tuple[int, int] = (0, 0)
    notes: tuple[str, ...] = ()


class OneSided(NamedTuple):
    """A group that one side has only, or seeds of a group that both have."""

    side: str
    task: str
    title: str
    label: str
    seeds: tuple[int, ...] = ()  # empty: the whole group


class NotCompared(NamedTuple):
    """What both sides have and was not compared, and why."""

    what: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """All rows against one base, and what is not among them.

    ``tests`` is how many rows Holm corrects for; ``too_few`` says so where no row could be
    told better or worse however it came out.
    """

    base: Side
    others: tuple[Side, ...]
    level: float
    threshold: Tolerance
    rows: tuple[Row, ...]
    one_sided: tuple[OneSided, ...]
    not_compared: tuple[NotCompared, ...]
    tests: int
    too_few: str = ""
    notes: tuple[str, ...] = ()

    def counts(self) -> dict[Verdict, int]:
        """How many rows have which verdict."""
        return {each: sum(row.verdict == each for row in self.rows) for each in VERDICTS}


class Judged(NamedTuple):
    """A row before the table's correction, with what its verdict needs."""

    row: Row
    change: Change
    is_tested: bool
    drift: tuple[bool, bool]  # whether values of the base, of the other, are lower bounds
