"""``harness check``: does a plugin keep the contract?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.text import Line, line, mark, say, say_json
from harness.errors import ExitCode

if TYPE_CHECKING:
    from harness.testing import Fact

__all__ = ["check"]

_STYLES = {"passed": "good", "failed": "bad", "skipped": "open"}


@click.command()
@click.argument("what")
@click.option("--seeds", default=3, show_default=True, type=click.IntRange(1), help="Cells each.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
def check(what: str, seeds: int, as_json: bool) -> int:
    """Hold a plugin to the contract.

    WHAT is a name (of a plugin, a method or a task), the path of a module, or a suite, whose
    methods and tasks are run at the sizes it gives. Cells are run again, alone, in another
    order, in a fresh process and as plain Python: their numbers must be the same. Exits with
    1 when something fails.
    """
    from harness.testing.plugins import plugin_facts, suite_facts

    is_suite = Path(what).suffix in (".yaml", ".yml")
    facts = list(
        suite_facts(Path(what), seeds, tell=_tell)
        if is_suite
        else plugin_facts(what, seeds, tell=_tell)
    )
    has_failed = any(fact.verdict == "failed" for fact in facts)
    if as_json:
        say_json([asdict(fact) for fact in facts])
    else:
        say(list(_lines(facts)))
    return ExitCode.VERDICT if has_failed else ExitCode.OK


def _tell(what: str) -> None:
    """What is being run: as plain Python it may take minutes."""
    click.echo(what, err=True)


def _lines(facts: Sequence[Fact]) -> Iterable[Line]:
    """A line a subject, and one for each of its facts that did not pass."""
    for subject in dict.fromkeys(fact.subject for fact in facts):
        own = [fact for fact in facts if fact.subject == subject]
        passed = sum(fact.verdict == "passed" for fact in own)
        rest = [fact for fact in own if fact.verdict != "passed"]
        worst = "failed" if any(fact.verdict == "failed" for fact in rest) else "skipped"
        style = _STYLES[worst if rest else "passed"]
        word = "1 fact holds" if passed == 1 else f"{passed} facts hold"
        yield line((f"{mark(style)} ", style), (subject, "strong"), (f"  {word}", "quiet"))
        for fact in rest:
            yield line("    ", (fact.verdict, _STYLES[fact.verdict]), f"  {fact.check}")
            yield line("            ", (fact.told, "quiet"))
    counts = {each: sum(fact.verdict == each for fact in facts) for each in _STYLES}
    told = " · ".join(f"{count} {each}" for each, count in counts.items() if count)
    yield line()
    yield line((told or "nothing was checked", "strong"))
