"""Runs of one suite side by side: in the order of their commits, compared as the command does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.analyse.compare import compare
from harness.analyse.comparison import Comparison
from harness.analyse.history import Series, history
from harness.analyse.sides import Side
from harness.errors import HarnessError, StoreError
from harness.report.records import RunPage, TaskPage
from harness.runner.arguments import commit_order
from harness.runner.sides import load_side

__all__ = ["Across", "in_order"]


def in_order(pages: Sequence[RunPage], repository: Path | None = None) -> list[RunPage]:
    """The newest first: by git's history where every commit is in it, else by their starts."""
    places = commit_order(repository or Path()) if len(pages) > 1 else {}
    is_known = all(page.record.commit in places for page in pages)

    def age(page: RunPage) -> tuple[int, float]:
        place = places[page.record.commit] if is_known and places else 0
        return place, page.record.started.timestamp()

    return sorted(pages, key=age, reverse=True)


@dataclass(frozen=True)
class Across:
    """Several runs of a suite; of one run nothing is compared.

    ``comparisons`` are of the newest run against the one before and, with more than two,
    against the first.
    """

    runs: Sequence[RunPage]  # the newest first
    sides: tuple[Side, ...]  # what can be compared, the oldest first
    comparisons: tuple[Comparison, ...]
    notes: tuple[str, ...]  # what cannot be compared, and why

    @classmethod
    def of(cls, runs: Sequence[RunPage]) -> Across:
        """The runs, the newest first, read again as sides of a comparison."""
        sides, comparisons, notes = [], [], []
        for page in reversed(runs if len(runs) > 1 else ()):
            try:
                sides.append(load_side(page.path, page.record.run_id))
            except StoreError as error:
                notes.append(str(error))
        for base in dict.fromkeys([len(sides) - 2, 0] if len(sides) > 1 else []):
            try:
                comparisons.append(compare(sides[base], sides[-1:]))
            except (HarnessError, ArithmeticError) as error:  # the page has more to show
                notes.append(
                    f"{sides[-1].name} cannot be compared with {sides[base].name}: {error}"
                )
        return cls(runs, tuple(sides), tuple(comparisons), tuple(notes))

    def series(self, task: TaskPage, label: str, metric: str) -> Series | None:
        """A label's metric over all runs, with its tests; ``None`` where nothing is known."""
        if len(self.sides) < 2:
            return None
        try:
            found = history(self.sides, task.title, label, metric)
        except (HarnessError, ArithmeticError):
            return None
        return next((each for each in found if each.title == task.title), None)
