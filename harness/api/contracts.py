"""The two things that a plugin brings: methods and tasks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from harness.api.artifact import Artifact
from harness.api.cell import Cell
from harness.api.metric import Bound, Metric
from harness.api.outcome import Outcome

__all__ = ["Method", "Task"]


@dataclass(frozen=True, kw_only=True)
class Method:
    """An algorithm with parameters; subclassed by each kind.

    The fields of the frozen dataclass are the parameters: typed, and validated when a suite
    is loaded. Ranges are written ``Annotated[float, Interval(ge=0, le=1)]`` with
    :mod:`annotated_types`; what ties several parameters together raises ``ValueError`` in
    ``__post_init__``. ``unlabelled`` names those that a label leaves out, such as a file's hash.
    """

    unlabelled: ClassVar[tuple[str, ...]] = ()

    def guarantees(self, task: Task, facts: Any = None) -> Sequence[Bound]:
        """What theory promises for this method on ``task``.

        Asked at planning with ``facts=None``, and again with a cell's ``Outcome.facts``.
        """
        return ()


@dataclass(frozen=True, kw_only=True)
class Task(ABC):
    """A problem with parameters and metrics: it evaluates methods and scores them.

    Raises nothing of its own; see :meth:`evaluate` for what an exception does.
    """

    accepts: ClassVar[type[Method]]
    metrics: ClassVar[tuple[Metric, ...]]

    def bounds(self) -> Sequence[Bound]:
        """Lower bounds, optima and exact values of the task, whatever the method."""
        return ()

    def artifacts(self, method: Method, seed: int) -> Sequence[Artifact]:
        """What must be built before the cell (``method``, ``seed``) can run."""
        return ()

    def check(self, method: Method) -> None:
        """Refuse ``method`` at planning: raise ``ValueError`` with the reason."""
        return

    @abstractmethod
    def evaluate(self, method: Method, cells: Sequence[Cell]) -> Iterator[Outcome]:
        """Yield one outcome a cell, in the order of ``cells``, each as soon as it is done.

        Called in a worker process with the cells of one job, which differ in seed only. An
        exception, or a raised :class:`~harness.api.outcome.Skip`, belongs to the first cell
        not yet yielded; ``evaluate`` is then called again with the cells after it.
        """
