"""Words and numbers of a comparison, as the terminal, Markdown and the page all write them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from harness.cli import numbers
from harness.errors import ExitCode

if TYPE_CHECKING:
    from harness.analyse.comparison import Comparison, Row
    from harness.analyse.sides import Side

__all__ = [
    "Block",
    "arrows",
    "as_json",
    "blocks_of",
    "counts_text",
    "exit_code",
    "left_out",
    "plural",
    "remark",
    "reason_text",
    "rules_text",
    "side_text",
    "subject",
]

_MINUS = "−"
_FEW = 4


@dataclass(frozen=True, kw_only=True)
class Block:
    """The rows of one metric against one side, which share an axis."""

    against: str
    metric: str
    unit: str
    direction: str
    rows: Sequence[Row]

    @property
    def seeds(self) -> int | None:
        """The number of pairs, where it is the same in all rows."""
        counts = {row.n for row in self.rows}
        return counts.pop() if len(counts) == 1 else None


def plural(count: int, noun: str) -> str:
    """``1 task``, ``20 tasks``."""
    return f"{numbers.count(count)} {noun}{'' if count == 1 else 's'}"


def blocks_of(rows: Sequence[Row]) -> list[Block]:
    """Rows by side and metric; the block of the gravest row first, as the rows are sorted."""
    grouped: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        grouped.setdefault((row.against, row.metric), []).append(row)
    return [
        Block(
            against=against,
            metric=metric,
            unit=found[0].unit,
            direction=found[0].direction,
            rows=found,
        )
        for (against, metric), found in grouped.items()
    ]


def side_text(side: Side) -> str:
    """A side's name with its commit, or its run where the name says the commit already."""
    commit = f"{side.commit[:7]}{'' if side.is_clean else '+'}" if side.commit else ""
    if commit and not side.name.startswith(commit[:7]):
        return f"{side.name} {commit}"
    return side.name


def subject(comparison: Comparison) -> str:
    """What was compared: suites, groups, seeds, machines."""
    sides = (comparison.base, *comparison.others)
    suites = dict.fromkeys(side.suite for side in sides if side.suite)
    groups = {(row.task, row.task_params, row.label) for row in comparison.rows}
    counts = {row.n for row in comparison.rows if row.paired_by != "mean"}
    seeds = f", n {numbers.count(counts.pop())} each" if len(counts) == 1 else ""
    word = "group" if len(groups) == 1 else "groups"
    parts = [" and ".join(suites), f"{numbers.count(len(groups))} {word} in common{seeds}"]
    if len(suites) > 1:
        parts.append("different suites: where cells match")
    return " · ".join(part for part in (*parts, _machines(sides)) if part)


def _machines(sides: Sequence[Side]) -> str:
    known = [set(side.identity.machines) for side in sides if side.identity is not None]
    if len(known) < len(sides):
        return ""
    return "same machine" if len(set.union(*known)) == 1 else "different machines"


def counts_text(comparison: Comparison) -> list[tuple[str, str]]:
    """(verdict, ``2 undecided``) for each verdict that some row has."""
    return [
        (verdict, f"{numbers.count(count)} {verdict}")
        for verdict, count in comparison.counts().items()
        if count
    ]


def rules_text(comparison: Comparison) -> str:
    """The threshold and the correction, in words."""
    threshold = comparison.threshold
    amount = (
        f"{numbers.trimmed(100 * threshold.amount)} %"
        if threshold.is_relative
        else (numbers.trimmed(threshold.amount))
    )
    level = f"{numbers.trimmed(100 * comparison.level)} % intervals"
    over = f"Holm over {numbers.count(comparison.tests)}" if comparison.tests else "nothing to test"
    return f"within ±{amount}: the same · {level}, {over}"


def arrows(direction: str) -> tuple[str, str]:
    """What the left and the right of the axis mean."""
    return ("← better", "worse →") if direction == "lower" else ("← worse", "better →")


def remark(row: Row) -> str:
    """What a row's verdict needs besides its numbers."""
    told = []
    if row.is_identical:
        told.append("identical")
    if row.seeds_to_decide:
        word = "items" if row.paired_by == "item" else "seeds"
        told.append(f"~{numbers.count(row.seeds_to_decide)} {word}")
    if row.paired_by in ("item", "mean"):
        told.append("one seed, by item" if row.paired_by == "item" else "not paired")
    told += [note for note in row.notes if not (row.is_identical and note.startswith("the same"))]
    return "; ".join(told)


def left_out(comparison: Comparison) -> tuple[list[str], list[str]]:
    """What is on one side only, and what was not compared and why: a text each."""
    sides: dict[tuple[str, str], list[str]] = {}
    seeds: Counter[tuple[str, tuple[int, ...]]] = Counter()
    for each in comparison.one_sided:
        if each.seeds:
            seeds[each.side, each.seeds] += 1
        else:
            sides.setdefault((each.side, each.title), []).append(each.label)
    one_sided = [
        f"{side}: {', '.join(labels)} on {title}" for (side, title), labels in sides.items()
    ]
    one_sided += [
        f"{side}: {_seeds_text(alone)} of {plural(groups, 'group')}"
        for (side, alone), groups in seeds.items()
    ]
    return one_sided, [f"{each.what}: {each.why}" for each in comparison.not_compared]


def _seeds_text(seeds: Sequence[int]) -> str:
    """``seed 3``, ``seeds 8 to 15``, ``12 seeds (0, 2, 4 …)``."""
    first, last = seeds[0], seeds[-1]
    if len(seeds) == 1:
        return f"seed {first}"
    if last - first == len(seeds) - 1:
        return f"seeds {first} to {last}"
    more = " …" if len(seeds) > _FEW else ""
    return f"{plural(len(seeds), 'seed')} ({', '.join(map(str, seeds[:_FEW]))}{more})"


def exit_code(comparison: Comparison, *, strict: bool = False) -> ExitCode:
    """``VERDICT`` on a regression; with ``strict`` also where something is undecided.

    ``USER`` where nothing could be compared: a check that compared nothing has not passed.
    """
    if not comparison.rows:
        return ExitCode.USER
    counts = comparison.counts()
    if counts["worse"] or (strict and counts["undecided"]):
        return ExitCode.VERDICT
    return ExitCode.OK


def reason_text(comparison: Comparison, code: ExitCode) -> str:
    """The exit code with its reason; empty where all is well."""
    if code == ExitCode.OK:
        return ""
    if code == ExitCode.USER:
        return "exit 2: nothing in common to compare"
    counts = comparison.counts()
    if counts["worse"]:
        word = "regression" if counts["worse"] == 1 else "regressions"
        return f"exit 1: {numbers.count(counts['worse'])} {word}"
    return f"exit 1: {numbers.count(counts['undecided'])} undecided (--strict)"


def as_json(comparison: Comparison, code: ExitCode) -> dict[str, Any]:
    """The comparison for programs."""
    one = comparison
    sides = [
        {
            "name": side.name,
            "suite": side.suite,
            "run": side.run_id,
            "commit": side.commit,
            "is_clean": side.is_clean,
            "path": side.path,
        }
        for side in (one.base, *one.others)
    ]
    return {
        "base": sides[0],
        "others": sides[1:],
        "level": one.level,
        "threshold": asdict(one.threshold),
        "tests": one.tests,
        "counts": one.counts(),
        "rows": [asdict(row) for row in one.rows],
        "one_sided": [each._asdict() for each in one.one_sided],
        "not_compared": [each._asdict() for each in one.not_compared],
        "too_few": one.too_few,
        "notes": list(one.notes),
        "exit_code": int(code),
    }
