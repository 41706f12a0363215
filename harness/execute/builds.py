"""Which artifacts wait, are built, or failed; what may run because of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from harness.api.parameters import plain
from harness.execute.artifacts import BuildOrder, artifact_metrics, is_built
from harness.execute.records import ArtifactDone
from harness.store.rows import Status

if TYPE_CHECKING:
    from harness.plan.records import ArtifactSpec, Plan

__all__ = ["Builds", "Missing", "build_order"]


class Missing(Exception):
    """An artifact is not to be had; ``status`` is what its cells become."""

    def __init__(self, message: str, status: Status) -> None:
        super().__init__(message)
        self.status = status


class Builds:
    """The artifacts that some rows of a plan need, inputs included.

    What is in the cache already is done from the start, see :attr:`found`.
    """

    def __init__(self, plan: Plan, needed: Iterable[str]) -> None:
        self._specs = {each.artifact_id: each for each in plan.artifacts}
        wanted = self._with_inputs(needed)
        self.found: list[ArtifactDone] = []
        self._waiting: dict[str, ArtifactSpec] = {}
        self._failed: dict[str, Missing] = {}
        # Inputs come first in the plan, and so in this order.
        for artifact_id, spec in self._specs.items():
            if artifact_id not in wanted:
                continue
            if is_built(artifact_id):
                metrics = artifact_metrics(artifact_id)
                self.found.append(ArtifactDone(artifact_id, spec.name, "reused", 0.0, metrics))
            else:
                self._waiting[artifact_id] = spec

    def _with_inputs(self, needed: Iterable[str]) -> set[str]:
        wanted: set[str] = set()
        left = list(needed)
        while left:
            artifact_id = left.pop()
            if artifact_id not in wanted:
                wanted.add(artifact_id)
                left += self._specs[artifact_id].inputs
        return wanted

    def spec(self, artifact_id: str) -> ArtifactSpec:
        """The artifact's record in the plan."""
        return self._specs[artifact_id]

    @property
    def waiting(self) -> list[ArtifactSpec]:
        """Those neither built nor failed, inputs first."""
        return list(self._waiting.values())

    def is_ready(self, needs: Sequence[str]) -> bool:
        """Whether all of them are built."""
        return not any(each in self._waiting or each in self._failed for each in needs)

    def missing(self, needs: Sequence[str]) -> Missing | None:
        """Why one of them will never be built; ``None`` if none has failed."""
        return next((self._failed[each] for each in needs if each in self._failed), None)

    def finish(self, artifact_id: str, status: Status, message: str) -> None:
        """Note how a build ended."""
        spec = self._waiting.pop(artifact_id)
        if status is Status.OK or status is Status.REUSED:
            return
        verb = "skipped" if status is Status.SKIPPED else "failed"
        cells = Status.SKIPPED if status is Status.SKIPPED else Status.FAILED
        self._failed[artifact_id] = Missing(f"artifact {spec.name} {verb}: {message}", cells)


def build_order(spec: ArtifactSpec, builds: Builds) -> BuildOrder:
    """What a worker needs to build the artifact."""
    return BuildOrder(
        artifact_id=spec.artifact_id,
        name=spec.name,
        at=spec.at,
        fields=plain(spec.fields),
        seed=spec.seed,
        suite_seed=spec.suite_seed,
        device=spec.device,
        cpus=spec.cpus,
        inputs={builds.spec(each).key: each for each in spec.inputs},
    )
