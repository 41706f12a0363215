"""``harness run --dry-run`` and ``--check``: what would run, and what it would cost."""

from __future__ import annotations

import numpy as np

from harness.cli import numbers
from harness.cli.text import Line, line, mark, say
from harness.errors import ExitCode
from harness.runner import Prepared, Settings, plan_pending
from harness.runner.cost import Cost, cost_of

__all__ = ["print_plan"]


def print_plan(prepared: Prepared, settings: Settings, *, brief: bool) -> int:
    """Print the plan, or with ``brief`` only that the suite is well; the exit code."""
    plan = prepared.plan
    claims = len(plan.suite.claims)
    counted = f"{numbers.count(len(plan))} cells, {claims} claim{'' if claims == 1 else 's'}"
    if brief:
        say(
            [
                line(
                    (f"{mark('good')} ", "good"),
                    (plan.suite.name, "strong"),
                    f" is well: {counted}",
                )
            ]
        )
        return ExitCode.OK
    rows, reusable = plan_pending(prepared, settings)
    cost = cost_of(plan, rows, settings.results)
    reused = 0 if reusable is None else int((reusable.run >= 0).sum())
    say([*_groups(prepared, rows), line(), *_summary(prepared, rows.size, reused, cost)])
    if prepared.unmet and not settings.skip_unmet:
        say([line((what, "bad")) for what in prepared.unmet.told()])
        return ExitCode.HARDWARE
    return ExitCode.OK


def _groups(prepared: Prepared, rows: np.ndarray) -> list[Line]:
    plan = prepared.plan
    planned = np.bincount(plan.spec, minlength=len(plan.specs))
    pending = np.bincount(plan.spec[rows], minlength=len(plan.specs))
    lost = np.bincount(plan.spec[prepared.unmet.reasons(plan) != ""], minlength=len(plan.specs))
    lines: list[Line] = []
    title = None
    for spec, total, left, out in zip(plan.specs, planned, pending, lost, strict=True):
        if spec.title != title:
            title = spec.title
            lines += [*([line()] if lines else []), line((title, "strong"))]
        reused = "" if out else "all reused"
        to_run = f"{numbers.count(int(left))} to run" if left else reused
        if spec.hardware in prepared.unmet.classes:
            to_run = f"cannot run here: {spec.hardware}"
        elif out:
            to_run = " · ".join(
                filter(None, [to_run, f"{numbers.count(int(out))} cannot run here"])
            )
        lines.append(
            line(f"  {spec.label:<36} {numbers.count(int(total)):>7} seeds  ", (to_run, "quiet"))
        )
    return lines


def _summary(prepared: Prepared, pending: int, reused: int, cost: Cost) -> list[Line]:
    total = numbers.count(len(prepared.plan))
    told = f"{total} cells: {numbers.count(pending)} to run, {numbers.count(reused)} reused"
    lines = [line((told, "strong"))]
    most = sum(seeds.maximum or len(seeds.values) for seeds in prepared.plan.suite.seeds)
    if any(seeds.until for seeds in prepared.plan.suite.seeds) and most > len(prepared.plan):
        lines.append(line(f"seeds are added until all is decided: at most {most:,} cells"))
    if not pending:
        return lines
    if cost.known == pending:
        lines.append(line(f"about {numbers.duration(cost.seconds)} of one core, by earlier runs"))
    elif cost.known:
        known = f"{numbers.count(cost.known)} of them took {numbers.duration(cost.seconds)} before"
        lines.append(line(f"{known}; nothing is known of the others"))
    else:
        lines.append(line("nothing like them has run before, so no time can be told"))
    return lines
