"""Something expensive that cells share: a trained model, an exact optimum, a corpus."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

from harness.random.stream import Stream

__all__ = ["Artifact", "BuildContext"]


class BuildContext(Protocol):
    """What :meth:`Artifact.build` works with.

    ``folder`` is empty and becomes the artifact when ``build`` returns; ``checkpoint_dir`` is
    kept until then, so that a build killed half way goes on; ``stream`` comes from (suite
    seed, the artifact's name, its seed).
    """

    folder: Path
    stream: Stream
    checkpoint_dir: Path
    device: str
    threads: int

    def artifact(self, artifact: Artifact) -> Any:
        """An input, loaded."""

    def data(self, name: str) -> Path:
        """Where a data set lies, verified."""

    def report(self, metric: str, value: float) -> None:
        """A number kept with the artifact (final loss, duality gap)."""


@dataclass(frozen=True, kw_only=True)
class Artifact(ABC):
    """Built once by the planner, loaded by every cell that lists it.

    A frozen dataclass: its fields are its identity, with its name, its code and the suite's
    seed. A field called ``seed`` takes part in the stream; ``None`` means shared by all seeds.
    """

    name: ClassVar[str] = ""
    timeout_s: ClassVar[float] = 3600.0

    def inputs(self) -> Sequence[Artifact]:
        """Artifacts that must be built before this one."""
        return ()

    def rests_on(self) -> Sequence[type[Any]]:
        """Classes that a field names, whose code then counts as the artifact's own."""
        return ()

    def device(self) -> str:
        """Where it is built, ``cpu`` or ``cuda``; empty: where the cells are that list it."""
        return ""

    @abstractmethod
    def build(self, context: BuildContext) -> None:
        """Write the artifact into ``context.folder``; nothing else survives."""

    @abstractmethod
    def load(self, folder: Path) -> Any:
        """Read what :meth:`build` wrote."""
