"""A sink for cells that are looked at here and now: rows are kept, nothing is written."""

from __future__ import annotations

from collections.abc import Sequence

from harness.execute import ArtifactDone, WorkerView
from harness.store.rows import Group

__all__ = ["MemorySink"]


class MemorySink:
    """Keeps groups of outcomes; what fails to build is told by its cells, and nobody watches."""

    def __init__(self) -> None:
        self.groups: list[Group] = []

    def write(self, group: Group) -> None:
        """Keep a group."""
        self.groups.append(group)

    def artifact_done(self, done: ArtifactDone) -> None:
        """An artifact was built, found, or failed."""

    def tick(self, views: Sequence[WorkerView]) -> None:
        """What the workers do meanwhile."""
