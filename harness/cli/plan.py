"""``harness run --dry-run`` and ``--check``: what would run, and what it would cost."""

from __future__ import annotations

import numpy as np

from harness.cli import numbers
from harness.cli.text import Line, line, mark, say
from harness.errors import ExitCode
from harness.plan.records import Plan
from harness.runner import Prepared, Settings, plan_pending
from harness.runner.cost import Cost, cost_of
from harness.runner.session import Planned

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
    planned = plan_pending(prepared, settings)
    cost = cost_of(plan, planned.rows, settings.results)
    summary = _summary(prepared, planned.rows.size, planned.reused, cost)
    say([*_groups(plan, planned), line(), *summary])
    if planned.unserved.size and not settings.skip_unmet:
        say([line((what, "bad")) for what in prepared.unmet.told()])
        return ExitCode.HARDWARE
    return ExitCode.OK


def _groups(plan: Plan, planned: Planned) -> list[Line]:
    cells, to_run, lost = (
        np.bincount(plan.spec[rows], minlength=len(plan.specs))
        for rows in (slice(None), planned.rows, planned.unserved)
    )
    lines: list[Line] = []
    title = None
    for spec in plan.specs:
        if spec.title != title:
            title = spec.title
            lines += [*([line()] if lines else []), line((title, "strong"))]
        count = numbers.count(int(cells[spec.index]))
        told = _told(int(to_run[spec.index]), int(lost[spec.index]))
        lines.append(line(f"  {spec.label:<36} {count:>7} seeds  ", (told, "quiet")))
    return lines


def _told(to_run: int, lost: int) -> str:
    counts = ((to_run, "to run"), (lost, "cannot run here"))
    parts = [f"{numbers.count(count)} {what}" for count, what in counts if count]
    return " · ".join(parts) or "all reused"


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
