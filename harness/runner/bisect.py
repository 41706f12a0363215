"""Which commit changed a metric: the suite at midpoints, until two neighbours are told apart.

Every commit is held against the good one by a paired test, so noise that is shared by seed
does not count. Cells whose code a commit did not touch are reused, wherever they were computed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, NamedTuple

from harness.analyse.changed import Change, Changes, Chosen, changes
from harness.analyse.results import Results
from harness.errors import HarnessError, UsageError
from harness.runner.at import summary_at
from harness.runner.results import Run
from harness.runner.revisions import Repository, Revision
from harness.store.parquet import read_table

__all__ = ["Asked", "Bisected", "bisect", "first_changed"]

_SIGNS = {"higher": 1, "lower": -1}  # of a change for the better

Answer = Literal["same", "changed", "untestable"]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The question: which suite and numbers, between which commits."""

    suite: Path
    results: Path
    good: str
    bad: str
    chosen: Chosen
    only: Literal["", "worse", "better"] = ""
    options: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Bisected:
    """The answer.

    Parameters
    ----------
    suspects
        Commits of which one changed the metric, the oldest first: a single one, unless those
        between could not be tested. Empty when the bad commit has the good one's numbers.
    subject
        First line of the last suspect's message.
    change
        The surest group at the last suspect.
    others
        How many more groups changed there.
    direction
        Of the metric: which way is better.
    commits
        How many commits there were to choose from.
    evaluations
        How many commits the suite was run at, the good one included.
    """

    suspects: tuple[Revision, ...]
    subject: str
    change: Change | None
    others: int
    direction: str
    commits: int
    evaluations: int

    @property
    def is_better(self) -> bool | None:
        """Whether the change is an improvement; ``None`` where neither way is."""
        if self.change is None or self.direction not in _SIGNS:
            return None
        return _SIGNS[self.direction] * (self.change.after - self.change.before) > 0


class Found(NamedTuple):
    """Where the change is, as places in the list of commits: after ``low``, up to ``high``."""

    low: int
    high: int
    is_changed: bool


def first_changed(count: int, ask: Callable[[int], Answer]) -> Found:
    """Find the first changed one of ``count`` commits, the last of which is taken as changed.

    The middle leans right, so that the last commit, which is asked only when no other was
    changed, is reached with the fewest questions: at most ``ceil(log2(count))`` in all unless
    ``count`` is a power of two and the change is in the last commit, which takes one more.
    Those that cannot be tested are passed over for the nearest that can.
    """
    low, high, untestable = -1, count - 1, set[int]()
    is_known = False
    while high - low > 1:
        middle = (low + high + 1) // 2
        open_ones = [each for each in range(low + 1, high) if each not in untestable]
        if not open_ones:
            break
        place = min(open_ones, key=lambda each: abs(each - middle))
        answer = ask(place)
        if answer == "untestable":
            untestable.add(place)
        elif answer == "changed":
            high, is_known = place, True
        else:
            low = place
    return Found(low, high, is_known or ask(high) == "changed")


def bisect(asked: Asked, tell: Callable[[str], None]) -> Bisected:
    """Find the commit.

    Raises
    ------
    UsageError
        When a revision is none, the good one is not before the bad one, or has no such metric.
    """
    repository = Repository.around(asked.suite)
    good, bad = repository.revision(asked.good), repository.revision(asked.bad)
    commits = repository.between(good, bad)
    if not commits:
        raise UsageError(f"{asked.good} and {asked.bad} are the same commit")
    search = _Search(asked, repository, commits, tell)
    search.start(good)
    found = first_changed(len(commits), search.ask)
    if not found.is_changed:
        return search.told((), ())
    return search.told(tuple(commits[found.low + 1 : found.high + 1]), search.changed[found.high])


@dataclass
class _Search:
    """Asks commits, each tree once, and remembers how they answered."""

    asked: Asked
    repository: Repository
    commits: Sequence[Revision]
    tell: Callable[[str], None]
    changed: dict[int, tuple[Change, ...]] = field(default_factory=dict)
    evaluations: int = 0
    _reference: Results = field(init=False)
    _directions: dict[str, str] = field(default_factory=dict)
    _chosen: Chosen = field(init=False)
    _known: dict[str, tuple[Answer, Changes | None]] = field(default_factory=dict)

    def start(self, good: Revision) -> None:
        """Measure the good commit, which others are held against."""
        self._reference = self._measured(good)
        self._chosen = chosen = replace(self.asked.chosen, sign=self._sign())
        own = changes(self._reference, self._reference, chosen)
        if not own.groups:
            where = "".join(f" of {each}" for each in (chosen.label, chosen.task) if each)
            told = f'{good.short} has no value of "{chosen.metric}"{where}'
            raise UsageError(f"{told} (its metrics: {', '.join(sorted(self._directions))})")
        self.tell(f"{good.short} good        {len(own.groups)} groups")

    def _sign(self) -> int:
        """That of the changes that count."""
        if not self.asked.only:
            return 0
        metric = self.asked.chosen.metric
        direction = self._directions.get(metric, "none")
        if direction not in _SIGNS:
            raise UsageError(f'neither way is better for "{metric}": leave --only out')
        return _SIGNS[direction] * (1 if self.asked.only == "better" else -1)

    def ask(self, place: int) -> Answer:
        """How a commit compares with the good one."""
        revision = self.commits[place]
        if revision.tree not in self._known:
            self._known[revision.tree] = self._answer(revision)
        answer, found = self._known[revision.tree]
        if found is not None and found.changed:
            self.changed[place] = found.changed
        return answer

    def told(self, suspects: tuple[Revision, ...], changed: tuple[Change, ...]) -> Bisected:
        """The answer, with what it cost."""
        return Bisected(
            suspects=suspects,
            subject=self.repository.subject(suspects[-1]) if suspects else "",
            change=changed[0] if changed else None,
            others=max(len(changed) - 1, 0),
            direction=self._directions.get(self.asked.chosen.metric, "none"),
            commits=len(self.commits),
            evaluations=self.evaluations,
        )

    def _answer(self, revision: Revision) -> tuple[Answer, Changes | None]:
        try:
            found = changes(self._reference, self._measured(revision), self._chosen)
        except HarnessError as error:
            self.tell(f"{revision.short} untestable  {str(error).splitlines()[0]}")
            return "untestable", None
        if not found.groups:
            self.tell(f"{revision.short} untestable  none of the groups has a value")
            return "untestable", None
        answer: Answer = "changed" if found.changed else "same"
        moved = f", {found.differing} with other numbers" if found.differing else ""
        count = f"{len(found.changed)} of {len(found.groups)} groups changed{moved}"
        self.tell(f"{revision.short} {answer:<10}  {count}")
        return answer, found

    def _measured(self, revision: Revision) -> Results:
        self.evaluations += 1
        asked = self.asked
        summary = summary_at(revision, asked.suite, asked.results, asked.options)
        run = Run(Path(summary["path"]))
        self._directions = {row["metric"]: row["direction"] for row in summary["leaderboard"]}
        items = run.path / "items.parquet"
        return Results.from_tables(
            run.table("cells"),
            run.table("measurements"),
            items=read_table(items) if items.exists() else None,
        )
