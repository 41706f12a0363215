"""From a file to a plan that this machine can run, with every fault told at once."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from harness.data import describe
from harness.errors import Fault, HardwareUnmet, SuiteError, UsageError
from harness.hardware import Machine, observe
from harness.plan.planner import plan_suite
from harness.plan.records import Plan
from harness.registry import Registry
from harness.runner.serving import Lacking, lacking
from harness.suite.loader import Cuts, Loaded, load_suite
from harness.suite.select import claim_faults

__all__ = ["Prepared", "narrowed", "prepare", "refuse_unmet"]


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A plan, the machine it is for, and what that machine cannot give.

    Cells that want what ``unmet`` names are planned and, with ``--skip-unmet``, left out.
    """

    plan: Plan
    machine: Machine
    registry: Registry
    unmet: Lacking

    def of(self, plan: Plan) -> Prepared:
        """The same with another plan."""
        return replace(self, plan=plan, unmet=lacking(plan, self.machine))


def prepare(
    path: Path,
    *,
    registry: Registry | None = None,
    overrides: Sequence[str] = (),
    cuts: Cuts | None = None,
) -> Prepared:
    """Read, validate and plan a suite.

    Raises
    ------
    SuiteError
        With every fault of the file, those of its claims included.
    PluginError
        When a plugin that the suite names fails.
    """
    registry = registry or Registry()
    with redirect_stdout(sys.stderr):  # what plugins print is no output of ours
        loaded = load_suite(path, registry, overrides=overrides, cuts=cuts or Cuts())
        describe({name: thing.at for name, thing in registry.things("dataset").items()})
        plan = plan_suite(loaded.suite, registry)
    faults = _claim_faults(loaded, plan)
    if faults:
        raise SuiteError(loaded.suite.path, faults)
    machine = observe()
    return Prepared(
        plan=plan,
        machine=machine,
        registry=registry,
        unmet=lacking(plan, machine),
    )


def _claim_faults(loaded: Loaded, plan: Plan) -> list[Fault]:
    """Claims that select nothing that is planned; a suite cut down is not asked."""
    if loaded.suite.cuts:
        return []
    metrics = {metric.name: metric for spec in plan.specs for metric in spec.metrics}
    return [
        loaded.fault(("claims", number, *key), message, hint)
        for number, claim in enumerate(loaded.suite.claims)
        for key, message, hint in claim_faults(claim, plan.specs, metrics)
    ]


def narrowed(prepared: Prepared, cell: str) -> Prepared:
    """The plan cut down to the cells whose id (hexadecimal) starts with ``cell``.

    Raises ``UsageError`` when there is none.
    """
    if not cell:
        return prepared
    plan = prepared.plan
    ids = (bytes(each).hex() for each in plan.cell_ids)
    rows = [row for row, each in enumerate(ids) if each.startswith(cell.lower())]
    if not rows:
        raise UsageError(
            f'no cell has an id that starts with "{cell}"; '
            "harness results --failed tells the ids of failed cells"
        )
    suite = replace(plan.suite, cuts=(*plan.suite.cuts, f"--cell {cell}"))
    used, spec = np.unique(plan.spec[rows], return_inverse=True)
    left = replace(
        plan,
        suite=suite,
        specs=tuple(replace(plan.specs[old], index=new) for new, old in enumerate(used)),
        cell_ids=plan.cell_ids[rows],
        spec=spec.astype(np.int32),
        seed=plan.seed[rows],
    )
    return prepared.of(left)


def refuse_unmet(prepared: Prepared) -> None:
    """Raise ``HardwareUnmet`` when something asks for what this machine cannot give."""
    if prepared.unmet:
        raise HardwareUnmet(
            f"this machine cannot give what the suite asks for "
            f"({'; '.join(prepared.unmet.told())}); "
            "run elsewhere, or leave those cells out with --skip-unmet"
        )
