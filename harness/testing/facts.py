"""What a check found: one fact about one subject."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

__all__ = ["Fact", "NotConforming", "require"]

Verdict = Literal["passed", "failed", "skipped"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Fact:
    """One check of one subject.

    Parameters
    ----------
    subject
        What was checked: a plugin, a method, a method on a task.
    check
        What should be so, as a sentence: ``repeats to the bit``.
    verdict
        ``skipped``: it could not be asked here.
    told
        What was found instead, or why it could not be asked.
    """

    subject: str
    check: str
    verdict: Verdict = "passed"
    told: str = ""

    def __str__(self) -> str:
        return f"{self.subject}: {self.check}{f': {self.told}' if self.told else ''}"


class NotConforming(AssertionError):
    """Some facts failed; ``facts`` are all that were asked."""

    def __init__(self, facts: Sequence[Fact]) -> None:
        self.facts = tuple(facts)
        failed = [str(each) for each in facts if each.verdict == "failed"]
        super().__init__("\n".join(failed))


def require(facts: Iterable[Fact]) -> tuple[Fact, ...]:
    """The facts, if none failed.

    Raises
    ------
    NotConforming
        With every fact that failed, a line each.
    """
    found = tuple(facts)
    if any(each.verdict == "failed" for each in found):
        raise NotConforming(found)
    return found
