"""Which cells this machine can serve, and what it lacks for the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from harness.execute.artifacts import is_built
from harness.hardware import Machine, told_gpus, unmet

if TYPE_CHECKING:
    import numpy.typing as npt

    from harness.plan.records import Plan

__all__ = ["Lacking", "lacking"]


@dataclass(frozen=True)
class Lacking:
    """What a machine cannot give: false where it gives everything.

    ``classes`` says by hardware class what is missing, ``artifacts`` by artifact id which one
    is neither in the cache nor to be built here, and why.
    """

    classes: Mapping[str, str] = field(default_factory=dict)
    artifacts: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.classes or self.artifacts)

    def told(self) -> list[str]:
        """A line for each."""
        lines = [f"{name}: {what}" for name, what in self.classes.items()]
        return lines + list(dict.fromkeys(self.artifacts.values()))

    def reasons(self, plan: Plan) -> npt.NDArray[np.object_]:
        """Why each cell of a plan cannot run here, empty for those that can: (cells,) of text."""
        by_spec = np.array([self.classes.get(spec.hardware, "") for spec in plan.specs], object)
        found: npt.NDArray[np.object_] = by_spec[plan.spec]
        if self.artifacts:
            for row in np.flatnonzero(found == "").tolist():
                needs = plan.specs[plan.spec[row]].artifacts.get(int(plan.seed[row]), ())
                found[row] = next((self.artifacts[i] for i in needs if i in self.artifacts), "")
        return found


def lacking(plan: Plan, machine: Machine) -> Lacking:
    """What ``machine`` lacks for a plan."""
    used = sorted({spec.hardware for spec in plan.specs})
    short = {name: ", ".join(unmet(plan.suite.hardware[name], machine)) for name in used}
    classes = {name: what for name, what in short.items() if what}
    return Lacking(classes, _out_of_reach(plan, machine, classes))


def _out_of_reach(plan: Plan, machine: Machine, without: Mapping[str, str]) -> dict[str, str]:
    """Artifacts that only a machine with more GPUs can build, and those that rest on them.

    Those of classes ``without`` which the machine does anyway are not looked at.
    """
    wanted = {
        artifact
        for spec in plan.specs
        if spec.artifacts and spec.hardware not in without
        for seed in plan.seed[plan.spec == spec.index].tolist()
        for artifact in spec.artifacts.get(seed, ())
    }
    for each in reversed(plan.artifacts):  # inputs come first
        if each.artifact_id in wanted:
            wanted.update(each.inputs)
    found: dict[str, str] = {}
    for each in plan.artifacts:
        if each.artifact_id not in wanted or is_built(each.artifact_id):
            continue
        lost = [found[other] for other in each.inputs if other in found]
        if each.gpus > len(machine.gpus):
            lost = [
                f"artifact {each.name}: needs {told_gpus(each.gpus)} to be built, has "
                f"{len(machine.gpus)}, and is not in the cache"
            ]
        if lost:
            found[each.artifact_id] = lost[0]
    return found
