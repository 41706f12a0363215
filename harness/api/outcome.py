"""What a task hands back for one cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness.api.metric import Bound

if TYPE_CHECKING:
    from harness.api.cell import Cell

__all__ = ["Outcome", "Skip"]


class Skip(Exception):
    """Raised by a task to skip the first cell not yet yielded, with the reason."""


@dataclass(slots=True, kw_only=True)
class Outcome:
    """The results of one cell, yielded as soon as the cell is done.

    Parameters
    ----------
    cell
        The cell it belongs to. Cells are answered in the order in which they were given.
    final
        Value of each metric at the end. A metric that has no value is left out; NaN and
        infinity make the cell fail (what did not end within its limits is ``censored``).
    curves
        ``{metric: (at, values)}``: two sequences of equal length, ``at`` increasing.
    items
        ``{metric: (ids, values)}``: scores an item, ids strings. A metric has items or a
        final value, never both.
    records
        ``{item: text}``: what a person may want to read of an item (prompt, answer).
    bounds
        What is known only for this instance.
    facts
        What the instance decided; the core asks the method's guarantees again with it.
    censored
        Metrics whose final value is a lower bound of the true one.
    skip_reason
        Set by :meth:`skip` only.
    """

    cell: Cell
    final: Mapping[str, float] = field(default_factory=dict)
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]] = field(default_factory=dict)
    items: Mapping[str, tuple[Sequence[str], Sequence[float]]] = field(default_factory=dict)
    records: Mapping[str, str] = field(default_factory=dict)
    bounds: Sequence[Bound] = ()
    facts: Any = None
    censored: frozenset[str] = frozenset()
    skip_reason: str | None = None

    @classmethod
    def skip(cls, cell: Cell, reason: str) -> Outcome:
        """An outcome that skips ``cell``; ``reason`` is shown wherever its value would be."""
        return cls(cell=cell, skip_reason=reason)
