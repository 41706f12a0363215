"""What the store asks of a plan: it lies below planning and does not import it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from harness.api.metric import Bound, Metric

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["PlannedCells", "PlannedSpec", "PlannedSuite"]


class PlannedSuite(Protocol):
    """A suite, of which only the name is stored."""

    @property
    def name(self) -> str:
        """As in the file."""


class PlannedSpec(Protocol):
    """What cells share that differ in their seed only."""

    @property
    def task(self) -> str:
        """Registered name."""

    @property
    def task_params(self) -> Mapping[str, Any]:
        """All parameters, plain JSON values."""

    @property
    def title(self) -> str:
        """The task with the parameters that differ from their defaults."""

    @property
    def method(self) -> str:
        """Registered name."""

    @property
    def method_params(self) -> Mapping[str, Any]:
        """All parameters, plain JSON values."""

    @property
    def label(self) -> str:
        """Name of (method, parameters) in the suite."""

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """In the order of their numbers."""

    @property
    def bounds(self) -> tuple[Bound, ...]:
        """What planning knows of the task and the method."""

    @property
    def hardware(self) -> str:
        """Name of the declared class."""

    @property
    def device(self) -> str:
        """``cpu`` or ``cuda``."""

    @property
    def timeout_s(self) -> float:
        """Seconds that a cell may take; infinite where there is no limit."""

    @property
    def memory_bytes(self) -> int | None:
        """Memory that a worker may take."""

    @property
    def code_id(self) -> bytes:
        """16 bytes."""


class PlannedCells(Protocol):
    """A plan's cells in columns; a cell's number is its row."""

    @property
    def suite(self) -> PlannedSuite:
        """Where the cells are from."""

    @property
    def specs(self) -> Sequence[PlannedSpec]:
        """What ``spec`` points into."""

    @property
    def cell_ids(self) -> npt.NDArray[np.uint8]:
        """(cells, 16)."""

    @property
    def spec(self) -> npt.NDArray[np.int32]:
        """(cells,) index into ``specs``."""

    @property
    def seed(self) -> npt.NDArray[np.int64]:
        """(cells,)."""
