"""What is still open when seeds are added in waves, at a level that allows for the looks.

At each look every claim and every pair of neighbours on a board is judged at the level that
the looks leave for it (:func:`harness.stats.looks`), so that over all looks together a true
null is refuted with the probability that one look would have. Spending is even (Pocock): a
large effect is told by the first seeds, at the price of a wider interval at the last look.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from harness.analyse.claims import ClaimResult, Plugins, judge
from harness.analyse.leaderboard import TaskBoard, ranked_by, seed_matrix, task_boards
from harness.analyse.results import Results
from harness.api.metric import Metric
from harness.stats import BOOTSTRAP_SEEDS, MOST_LOOKS, looks, rank_intervals
from harness.suite.filters import SelectionFault, select
from harness.suite.model import Claim, Seeds

__all__ = ["Look", "Looks", "Open", "judge_at", "open_at", "open_pairs"]

BOARD_LEVEL = 0.95


@dataclass(frozen=True)
class Looks:
    """The looks of a suite's groups.

    Parameters
    ----------
    groups
        The seeds that each group asks for, in the order of the plan's specs.
    """

    groups: tuple[Seeds, ...]

    @cached_property
    def schedules(self) -> tuple[tuple[int, ...], ...]:
        """For each group how many seeds it has at each look; fixed groups have all at once."""
        own = [_sizes(seeds) for seeds in self.groups]
        most = max((len(sizes) for sizes in own), default=1)
        return tuple(sizes + (sizes[-1],) * (most - len(sizes)) for sizes in own)

    @property
    def count(self) -> int:
        """How many looks there are; one where every group is fixed."""
        return len(self.schedules[0]) if self.schedules else 1

    @property
    def are_planned(self) -> bool:
        """Whether any group gets seeds added."""
        return any(map(_is_adaptive, self.groups))

    @cached_property
    def _planned(self) -> frozenset[tuple[int, ...]]:
        return frozenset(_sizes(seeds) for seeds in self.groups if _is_adaptive(seeds))

    def level(self, number: int, level: float) -> float:
        """The level at look ``number`` at which ``level`` holds over all looks.

        Where groups have different schedules it is the widest interval's: no group is judged
        more boldly than its own looks allow.
        """
        levels = [_levels(sizes, level) for sizes in self._planned]
        return max((each[min(number, len(each) - 1)] for each in levels), default=level)

    def at(self, number: int) -> Look:
        """One of the looks, from 0."""
        return Look(self, number)


class Look(NamedTuple):
    """A moment at which seeds may stop being added."""

    looks: Looks
    number: int

    def level_of(self, claim: Claim, results: Results) -> float:
        """The level for a claim: its own where no group of it gets seeds added."""
        try:
            chosen = {spec.index for spec in select(results.specs, claim.where)}
        except SelectionFault:
            return claim.level
        groups = self.looks.groups
        if not any(_is_adaptive(groups[index]) for index in chosen):
            return claim.level
        return self.looks.level(self.number, claim.level)

    @property
    def board_level(self) -> float:
        """The level of the board's intervals and ranks."""
        return self.looks.level(self.number, BOARD_LEVEL)

    @property
    def told(self) -> str:
        """``look 3 of 6``."""
        return f"look {self.number + 1} of {self.looks.count}"


class Open(NamedTuple):
    """What is undecided: claims, and neighbours on boards."""

    claims: int
    pairs: int

    def __bool__(self) -> bool:
        return self.claims > 0 or self.pairs > 0

    def __str__(self) -> str:
        claims = f"{self.claims} claim{'' if self.claims == 1 else 's'}"
        return f"{claims} and {self.pairs} pair{'' if self.pairs == 1 else 's'} of neighbours open"


def open_at(
    look: Look, claims: Sequence[Claim], results: Results, plugins: Plugins | None = None
) -> Open:
    """What more seeds could decide."""
    judged = judge_at(look, claims, results, plugins)
    return Open(
        sum(result.verdict == "undecided" for result in judged),
        open_pairs(results, look.board_level),
    )


def judge_at(
    look: Look, claims: Sequence[Claim], results: Results, plugins: Plugins | None = None
) -> list[ClaimResult]:
    """Every claim's result at the level that the look allows, which its note tells."""
    judged = []
    for claim in claims:
        level = look.level_of(claim, results)
        found = judge(replace(claim, level=level), results, plugins=plugins)
        if level != claim.level:
            told = (
                f"{look.told}, judged at level {level:.4f} so that {claim.level:g} holds over all"
            )
            found = replace(found, note="; ".join(filter(None, (found.note, told))))
        judged.append(found)
    return judged


def open_pairs(results: Results, level: float) -> int:
    """Neighbours on a board whose order the data leave open, over all ranked metrics.

    Two methods that are equal at every one of 30 seeds or more are decided: they are equal.
    """
    return sum(
        _open_neighbours(results, board, metric, level)
        for board in task_boards(results)
        for metric in board.metrics
    )


def _open_neighbours(results: Results, board: TaskBoard, metric: Metric, level: float) -> int:
    direction = ranked_by(results, board, metric)
    columns = [results.last(group, metric.name) for group in board.groups]
    columns = [column for column in columns if column.seeds.size]
    if direction is None or len(columns) < 2:
        return 0
    matrix = seed_matrix(columns)
    ranks = rank_intervals(matrix, direction, level, metric.type)
    return sum(
        bool(ranks.p_values[one, other] >= 1 - level) and not _are_equal(matrix[one], matrix[other])
        for one, other in pairwise(ranks.order)
    )


def _are_equal(one: np.ndarray, other: np.ndarray) -> bool:
    both = ~np.isnan(one) & ~np.isnan(other)
    return int(both.sum()) >= BOOTSTRAP_SEEDS and bool((one[both] == other[both]).all())


def _is_adaptive(seeds: Seeds) -> bool:
    return seeds.until is not None and seeds.maximum is not None


@cache
def _levels(sizes: tuple[int, ...], level: float) -> tuple[float, ...]:
    """The level at each look: 0.1 s of integrals, the same for every claim."""
    return tuple(looks(sizes, level, "pocock"))


def _sizes(seeds: Seeds) -> tuple[int, ...]:
    """Seeds at each look: from the least to the most in equal ratios, at most six looks."""
    least = len(seeds.values)
    if seeds.maximum is None or seeds.until is None:
        return (least,)
    ratio = seeds.maximum / least
    steps = MOST_LOOKS - 1
    return tuple(sorted({round(least * ratio ** (step / steps)) for step in range(MOST_LOOKS)}))
