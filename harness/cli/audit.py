"""``harness audit``: do a run's numbers come out again?"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli import numbers
from harness.cli.options import results_option, run_argument
from harness.cli.text import Line, line, mark, say
from harness.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from harness.runner.audit import Audit, AuditedCell

__all__ = ["audit"]

_STYLES = {
    "exact": "good",
    "within tolerance": "good",
    "differs": "bad",
    "not recomputed": "open",
}
_SHOWN = 20


@click.command()
@run_argument
@click.option(
    "--sample", default=20, show_default=True, type=click.IntRange(1), help="Cells to recompute."
)
@click.option("--draw", default=0, show_default=True, help="Seed of the draw of the sample.")
@click.option("--at-commit", is_flag=True, help="Recompute with the code of the run's commit.")
@click.option(
    "--plugin",
    "plugins",
    multiple=True,
    type=click.Path(path_type=Path, exists=True),
    help="A plugin that is not installed: a file or a package's folder (repeatable).",
)
@click.option("--inline", is_flag=True, help="Recompute in this process: no isolation.")
@click.option("--workers", type=click.IntRange(1), help="Worker processes.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@results_option
def audit(run: str | None, results: str, at_commit: bool, **options: Any) -> int:
    """Check a run's files and recompute a random sample of its cells.

    RUN is a run's id, a suite's name (its latest run) or a folder, a stranger's too: nothing
    in it is executed, cells are computed by the code that is installed here. Exits with 1
    when something disagrees.
    """
    from harness.runner import load

    found = load(run, results=results)
    if at_commit:
        from harness.runner.at import audit_at

        return audit_at(found.path, found.record.commit, _forwarded(options))
    made = _audited(found.path, options)
    if options["as_json"]:
        click.echo(json.dumps(_plain(made), indent=2, ensure_ascii=False))
    else:
        say(list(_lines(made)))
    return ExitCode.OK if made.agrees else ExitCode.VERDICT


def _audited(folder: Path, options: dict[str, Any]) -> Audit:
    from harness.registry import Registry
    from harness.runner.audit import Checked, audit

    registry = Registry()
    registry.add_paths(options["plugins"])
    how = Checked(
        sample=options["sample"],
        seed=options["draw"],
        inline=options["inline"],
        workers=options["workers"],
    )
    return audit(folder, how=how, registry=registry)


def _forwarded(options: dict[str, Any]) -> list[str]:
    if options["plugins"]:
        raise UsageError("--plugin is code at hand, which --at-commit does not use")
    given = ["--sample", str(options["sample"]), "--draw", str(options["draw"])]
    given += ["--workers", str(options["workers"])] if options["workers"] else []
    given += ["--inline"] if options["inline"] else []
    return [*given, "--json"] if options["as_json"] else given


def _lines(made: Audit) -> Iterator[Line]:
    yield line((f"audit of {made.run}", "strong"), f" · {len(made.cells)} of {made.total} cells")
    for finding in made.findings:
        yield line("  ", (f"{mark('bad')} ", "bad"), (finding.file, "place"), f" {finding.told}")
    if not made.findings:
        journal = "" if any("there is no journal" in note for note in made.notes) else " journal,"
        told = f"sums,{journal} board and claims fit each other"
        yield line("  ", (f"{mark('good')} ", "good"), told)
    yield line()
    ordered = sorted(made.cells, key=lambda each: _STYLES[each.found.agreement] == "good")
    for cell in ordered[:_SHOWN]:
        yield _cell(cell)
    if len(ordered) > _SHOWN:
        rest = Counter(each.found.agreement for each in ordered[_SHOWN:])
        told = ", ".join(f"{count} {agreement}" for agreement, count in rest.items())
        yield line((f"  and {len(ordered) - _SHOWN} more: {told}", "quiet"))
    yield line()
    yield _verdict(made)
    other = sum(not each.is_same_code for each in made.cells)
    if other:
        told = f"{other} of these cells were computed by other code than is here"
        yield line((f"{told}: --at-commit recomputes with the run's own", "quiet"))
    for note in made.notes:
        yield line((note, "quiet"))


def _cell(cell: AuditedCell) -> Line:
    found = cell.found
    style = _STYLES[found.agreement]
    told = found.reason or f"{found.numbers} numbers"
    if found.worst is not None:
        worst = found.worst
        told = f"{worst.key}: stored {_told(worst.stored)}, now {_told(worst.recomputed)}"
    doubt = " (in doubt)" if cell.is_suspect else ""
    return line(
        "  ",
        (f"{mark(style)} ", style),
        f"{found.agreement:<17}",
        f"{cell.label} on {cell.title}, seed {cell.seed}{doubt}  ",
        (told, "quiet" if style == "good" else ""),
    )


def _told(value: float | None) -> str:
    return "nothing" if value is None else f"{value:.17g}"


def _verdict(made: Audit) -> Line:
    differing, compared = made.count("differs"), made.compared
    if made.findings:
        files = ", ".join(dict.fromkeys(finding.file for finding in made.findings))
        told = f"the folder contradicts itself ({files})"
        if compared:
            told += f"; recomputed, {compared - differing} of {compared} cells agree"
        return line((f"{mark('bad')} ", "bad"), told)
    if not compared:
        return line((f"{mark('open')} ", "open"), "nothing could be recomputed here")
    share = made.altered_at_most
    reach = f"at most {numbers.significant(100 * share)} % of the {made.total} cells are altered"
    if compared >= made.total:
        return line(_sign(differing), f"{compared - differing} of all {compared} cells agree")
    return line(
        _sign(differing),
        f"{compared - differing} of {compared} cells agree: {reach}, with 95 % confidence",
    )


def _sign(differing: int) -> tuple[str, str]:
    style = "bad" if differing else "good"
    return f"{mark(style)} ", style


def _plain(made: Audit) -> dict[str, Any]:
    return {
        "run": made.run,
        "agrees": made.agrees,
        "findings": [finding._asdict() for finding in made.findings],
        "notes": list(made.notes),
        "total": made.total,
        "compared": made.compared,
        "differing": made.count("differs"),
        "altered_at_most": made.altered_at_most,
        "confidence": 0.95,
        "draw": made.seed,
        "cells": [_plain_cell(each) for each in made.cells],
    }


def _plain_cell(cell: AuditedCell) -> dict[str, Any]:
    worst = cell.found.worst
    return {
        "cell": cell.cell,
        "task": cell.title,
        "label": cell.label,
        "seed": cell.seed,
        "same_code": cell.is_same_code,
        "agreement": cell.found.agreement,
        "numbers": cell.found.numbers,
        "reason": cell.found.reason,
        "worst": None
        if worst is None
        else {
            "number": str(worst.key),
            "stored": worst.stored,
            "recomputed": worst.recomputed,
        },
    }
