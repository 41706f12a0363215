"""What a task measures, and what theory says about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Bound", "BoundRole", "Direction", "Metric", "MetricType"]

Direction = Literal["lower", "higher", "none"]
MetricType = Literal["real", "share", "exact"]
BoundRole = Literal["guarantee", "lower_bound", "optimum", "exact"]
Holds = Literal["always", "in_expectation", "with_probability"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """One quantity that a task reports of each cell.

    Parameters
    ----------
    name
        As in claims and on boards: ``regret``, ``certified_accuracy``.
    unit
        In words, empty for a pure number.
    direction
        Which way is better; ``none`` where neither is (a metric of direction ``none`` is
        never ranked).
    type
        ``real``: a number a seed; ``share``: 0 or 1 a cell, or a mean of such items;
        ``exact``: the same for every seed, judged as it is, without an interval.
    axis
        Name of its curve's x (``round``, ``episode``, ``radius``); ``None``: no curve.
    between
        What may stand between two points of the curve: ``nothing``; ``step``, the value of the
        point before; ``next``, that of the point after (what is certified at a larger radius
        is so at a smaller one); ``linear``, the line between them.
    has_items
        Scores come an item and the core computes their mean; then a task never gives a
        final value for it.
    is_cost
        Time, memory: compared only on one machine, claimed only on an exclusive class.
    tolerance
        Relative difference within which a recomputation agrees; 0 is to the bit.
    expected
        Its value where nothing is amiss (no image skipped); a cell with another one is told
        when a run ends and above the boards. ``None``: any value is as good as another.
    description
        One line for ``harness show``.
    """

    name: str
    unit: str = ""
    direction: Direction = "lower"
    type: MetricType = "real"
    axis: str | None = None
    between: Literal["nothing", "step", "next", "linear"] = "nothing"
    has_items: bool = False
    is_cost: bool = False
    tolerance: float = 0.0
    expected: float | None = None
    description: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bound:
    """What theory says of a metric, and how it holds.

    Parameters
    ----------
    metric
        Name of the metric bounded.
    role
        ``guarantee``: the method's upper bound (on its loss); ``lower_bound``: no method
        can be below; ``optimum``: the best value there is; ``exact``: the metric's true
        value or expectation.
    value
        In the metric's unit.
    at
        Point of the curve, ``None`` for the final value.
    name
        Empty for the one shown on the board; further ones of the same metric, role and
        ``at`` carry a name (``as printed``).
    holds
        ``always``: in every cell; ``in_expectation``: of the mean; ``with_probability``:
        in all but a share ``delta`` of cells.
    delta
        Only for ``with_probability``.
    trivial
        The value from which on the bound says nothing (the horizon, for regret with gaps
        of at most 1). A bound beyond it is vacuous.
    source
        Paper and theorem.
    """

    metric: str
    role: BoundRole
    value: float
    at: float | None = None
    name: str = ""
    holds: Holds = "always"
    delta: float | None = None
    trivial: float | None = None
    source: str = ""

    @property
    def is_vacuous(self) -> bool:
        """Whether the bound says no more than what is trivially true."""
        if self.trivial is None:
            return False
        if self.role == "lower_bound":
            return self.value <= self.trivial
        return self.value >= self.trivial
