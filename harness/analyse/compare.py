"""Runs against a base: one row a (task, parameters, label, metric), each with a verdict.

What a verdict means stands in :mod:`harness.analyse.deciding`. Nothing is dropped in silence:
groups of one side are listed, and so is what could not be compared, with the reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np

from harness.analyse.columns import FloatArray
from harness.analyse.comparison import (
    VERDICTS,
    By,
    Comparison,
    Judged,
    NotCompared,
    OneSided,
    Row,
)
from harness.analyse.deciding import too_few, with_verdicts
from harness.analyse.effects import Change, changes, cluster_change, item_change, summary_change
from harness.analyse.pairing import COSTS, Matched, Paired, Pairing, paired_values
from harness.analyse.sides import BoardRow, Key, Side, groups_of
from harness.api.metric import Metric
from harness.errors import UsageError, nearest
from harness.suite.model import Tolerance

__all__ = ["compare"]


_ROUNDING = 1e-9


class _Found(NamedTuple):
    """A metric of a matched group, with its paired values."""

    pair: Matched
    metric: Metric
    values: Paired


def compare(
    base: Side,
    others: Sequence[Side],
    *,
    metric: str | None = None,
    threshold: Tolerance | None = None,
    level: float = 0.95,
) -> Comparison:
    """Compare one or more sides with a base.

    Parameters
    ----------
    base, others
        Runs, or leaderboards alone; where one of two is a leaderboard, means are compared
        without pairing.
    metric
        Only this one; all that have a direction unless given.
    threshold
        What counts as a change: a share of the base's mean (1 % unless given), or absolute.
    level
        Of intervals, and of all verdicts better and worse of the table together.

    Raises
    ------
    UsageError
        If no side has ``metric``.
    """
    threshold = threshold or Tolerance(amount=0.01, is_relative=True)
    judged: list[Judged] = []
    one_sided: list[OneSided] = []
    reasons: dict[NotCompared, None] = {}
    for other in others:
        table = _Table(base, other, metric, threshold, level, reasons)
        judged += table.judged()
        one_sided += table.one_sided()
    if metric is not None and not judged and not reasons:
        raise UsageError(_no_metric(metric, (base, *others)))
    rows = with_verdicts(judged, level)
    tests = sum(each.is_tested for each in judged)
    order = {verdict: place for place, verdict in enumerate(VERDICTS)}
    return Comparison(
        base=base,
        others=tuple(others),
        level=level,
        threshold=threshold,
        rows=tuple(sorted(rows, key=lambda row: order[row.verdict])),
        one_sided=tuple(one_sided),
        not_compared=tuple(reasons),
        tests=tests,
        too_few=too_few(judged, tests, level),
        notes=tuple(note for side in (base, *others) for note in side.notes),
    )


@dataclass(frozen=True)
class _Table:
    """The rows of one other side; why something is missing goes into ``reasons``."""

    base: Side
    other: Side
    metric: str | None
    threshold: Tolerance
    level: float
    reasons: dict[NotCompared, None]

    def judged(self) -> list[Judged]:
        """All rows, in the order of the base's plan."""
        if self.base.results is None or self.other.results is None:
            return list(self._of_boards())
        pairing = Pairing(self.base, self.other)
        found = list(self._found(pairing))
        return [
            self._judge(pairing, each, change)
            for each, change in zip(found, self._changes(found), strict=True)
            if change is not None
        ]

    def one_sided(self) -> Iterator[OneSided]:
        """Groups that one of the two has only."""
        if self.base.results is not None and self.other.results is not None:
            pairing = Pairing(self.base, self.other)
            for side, key in pairing.unmatched():
                yield _one_sided(side, key)
            for side, pair, seeds in pairing.unmatched_seeds():
                yield _one_sided(side, pair.key)._replace(seeds=seeds)
            return
        known = [{key: row for (key, _), row in each.board.items()} for each in self._sides]
        for side, mine, theirs in zip(self._sides, known, reversed(known), strict=True):
            for key in mine:
                if key not in theirs:
                    yield OneSided(side.name, key.task, mine[key].title, key.label)

    @property
    def _sides(self) -> tuple[Side, Side]:
        return self.base, self.other

    def _found(self, pairing: Pairing) -> Iterator[_Found]:
        """Every metric of every matched group that has values in common."""
        ours = pairing.results[0]
        for pair in pairing.matched:
            if not pairing.have_a_seed_in_common(pair):
                spec = ours.specs[pair.base]
                told = f"{pair.key.label} on {spec.title or spec.task}"
                self._skip(told, "no seed in common")
                continue
            why = pairing.why_no_costs(pair)
            kept: list[_Found] = []
            for metric in _metrics(ours.specs[pair.base].metrics, self.metric):
                if metric.is_cost and why:
                    self._skip("time and memory", why)
                    continue
                values = paired_values(pairing, pair, metric)
                if not values.seeds.size or not np.isfinite([values.base, values.other]).all():
                    self._skip_pair(pairing, pair, metric, values)
                    continue
                twin = self._twin(kept, metric, values)
                if twin:
                    self._skip(metric.name, f"{twin} in other units: the same change")
                    continue
                kept.append(_Found(pair, metric, values))
            yield from kept

    def _twin(self, kept: Sequence[_Found], metric: Metric, values: Paired) -> str:
        """The metric of which this one is a rescaling; an absolute threshold tells them apart."""
        if not self.threshold.is_relative or values.seeds.size < 2:
            return ""
        mine = np.concatenate([values.base, values.other])
        for each in kept:
            known = np.concatenate([each.values.base, each.values.other])
            if _is_rescaled(known, mine, each.metric.direction == metric.direction):
                return each.metric.name
        return ""

    def _twin_of_means(
        self, kept: Sequence[tuple[str, BoardRow, BoardRow]], mine: BoardRow, theirs: BoardRow
    ) -> str:
        """As ``_twin``, where means and intervals are all that is known."""
        numbers = _means_of(mine, theirs)
        if not self.threshold.is_relative or numbers is None:
            return ""
        for name, *sides in kept:
            known = _means_of(*sides)
            is_alike = sides[0].direction == mine.direction
            if known is not None and _is_rescaled(known, numbers, is_alike):
                return name
        return ""

    def _skip(self, what: str, why: str) -> None:
        self.reasons[NotCompared(what, why)] = None

    def _skip_pair(self, pairing: Pairing, pair: Matched, metric: Metric, values: Paired) -> None:
        spec = pairing.results[0].specs[pair.base]
        what = f"{metric.name} of {pair.key.label} on {spec.title or spec.task}"
        if values.seeds.size:
            is_lost = ~np.isfinite(values.base) | ~np.isfinite(values.other)
            self._skip(what, f"{int(is_lost.sum())} of {is_lost.size} values are no finite numbers")
            return
        why = _why_nothing(pairing, pair, metric.name, values.note)
        if why:
            self._skip(what, why)

    def _changes(self, found: Sequence[_Found]) -> list[Change | None]:
        """The change of each; those on as many seeds are resampled together."""
        answers: list[Change | None] = [None] * len(found)
        alike: dict[tuple[int, bool], list[int]] = {}
        relative = self.threshold.is_relative
        for place, (_, metric, values) in enumerate(found):
            if values.items_of is None:
                key = (values.seeds.size, metric.type == "exact")
                alike.setdefault(key, []).append(place)
            elif values.seeds.size == 1:
                answers[place] = item_change(values.base, values.other, relative=relative)
            else:
                sides = values.base, values.other
                answers[place] = cluster_change(*sides, values.items_of, relative=relative)
        for (_, is_exact), places in alike.items():
            base = np.column_stack([found[each].values.base for each in places])
            other = np.column_stack([found[each].values.other for each in places])
            kind: Literal["exact", "real"] = "exact" if is_exact else "real"
            made = changes(base, other, kind, relative=relative)
            for place, change in zip(places, made, strict=True):
                answers[place] = change
        return answers

    def _judge(self, pairing: Pairing, found: _Found, change: Change) -> Judged:
        pair, metric, values = found
        spec = pairing.results[0].specs[pair.base]
        is_same = bool((values.base == values.other).all())
        is_certain = is_same and pairing.is_same_code(pair, values.seeds)
        row = self._row(pair.key, metric.name, metric.unit, metric.direction, change)
        sides = zip(pairing.results, (pair.base, pair.other), strict=True)
        failures = [results.cells(group).failures for results, group in sides]
        notes = [values.note, f"called {pair.renamed} there" if pair.renamed else ""]
        row = replace(
            row,
            title=spec.title or spec.task,
            paired_by=_paired_by(values),
            n=values.base.size if _paired_by(values) == "item" else values.seeds.size,
            is_identical=is_same,
            failures=(failures[0], failures[1]),
            notes=tuple(note for note in (*notes, *_failed(row, failures, self)) if note),
        )
        if is_same:
            row = replace(row, p=None, low=None, high=None)
        return Judged(row, change, not is_certain, values.is_censored)

    def _row(self, key: Key, metric: str, unit: str, direction: str, change: Change) -> Row:
        made = change.sample
        interval = made.interval(self.level)
        return Row(
            against=self.other.name,
            task=key.task,
            task_params=key.task_params,
            title=key.task,
            label=key.label,
            metric=metric,
            unit=unit,
            direction=direction,
            paired_by="mean",
            n=made.n,
            base=change.base,
            other=change.other,
            is_relative=change.is_relative,
            change=made.value,
            low=interval.low if interval else None,
            high=interval.high if interval else None,
            p=made.p_value(0.0) if interval else None,
            threshold=_threshold(self.threshold, change),
        )

    def _of_boards(self) -> Iterator[Judged]:
        """Rows of means that are not paired, since of one side nothing else is known."""
        self._skip("pairs of seeds", "a leaderboard has means only: compared by Welch's t")
        met: dict[Key, list[tuple[str, BoardRow, BoardRow]]] = {}
        for (key, metric), mine in self.base.board.items():
            theirs = self.other.board.get((key, metric))
            if theirs is None or not _is_wanted(metric, mine.direction, self.metric):
                continue
            if not _is_finite(mine, theirs):
                self._skip(f"{metric} of {key.label} on {mine.title}", "a mean is no finite number")
                continue
            if mine.is_cost or theirs.is_cost:
                self._skip("time and memory", "a leaderboard does not say what ran alone")
                continue
            before = met.setdefault(key, [])
            twin = self._twin_of_means(before, mine, theirs)
            if twin:
                self._skip(metric, f"{twin} in other units: the same change")
                continue
            before.append((metric, mine, theirs))
            change = summary_change(
                mine.summary, theirs.summary, relative=self.threshold.is_relative
            )
            if change is None:
                self._skip(f"{metric} of {key.label} on {mine.title}", "a side has no interval")
                continue
            row = self._row(key, metric, mine.unit, mine.direction, change)
            failures = (mine.failures, theirs.failures)
            row = replace(
                row, title=mine.title, failures=failures, notes=_failed(row, failures, self)
            )
            yield Judged(row, change, True, (mine.censored > 0, theirs.censored > 0))


def _one_sided(side: Side, key: Key) -> OneSided:
    results = side.results
    assert results is not None, "both are runs"
    spec = results.specs[groups_of(results)[key]]
    return OneSided(side.name, key.task, spec.title or key.task, key.label)


def _is_finite(*sides: BoardRow) -> bool:
    numbers = [number for each in sides for number in each.summary if number is not None]
    return bool(np.isfinite(numbers).all())


def _is_rescaled(known: FloatArray, numbers: FloatArray, is_alike: bool) -> bool:
    """Whether numbers of both sides are those of a metric that was met, in other units.

    ``is_alike`` is whether the same way is better for both.
    """
    if known.size != numbers.size or np.ptp(known) == 0:
        return False
    factor = float(known @ numbers / (known @ known))
    if (factor > 0) != is_alike:
        return False
    return bool((np.abs(numbers - factor * known) <= _ROUNDING * np.abs(numbers)).all())


def _means_of(*sides: BoardRow) -> FloatArray | None:
    """Means and intervals of both sides, the intervals by their size; ``None`` without them."""
    numbers: list[float] = []
    for mean, low, high, n in (each.summary for each in sides):
        if low is None or high is None or n < 2:
            return None
        numbers += [mean, *sorted((low, high), key=abs)]
    return np.array(numbers)


def _metrics(declared: Sequence[Metric], wanted: str | None) -> list[Metric]:
    """Those to compare: with a direction, and the costs of every cell."""
    known = {each.name: each for each in (*declared, *COSTS)}
    return [each for each in known.values() if _is_wanted(each.name, each.direction, wanted)]


def _is_wanted(metric: str, direction: str, wanted: str | None) -> bool:
    return direction != "none" and wanted in (None, metric)


def _no_metric(metric: str, sides: Sequence[Side]) -> str:
    known = {
        each.name
        for side in sides
        if side.results is not None
        for spec in side.results.specs
        for each in spec.metrics
        if each.direction != "none"
    }
    known |= {name for side in sides for _, name in side.board}
    near = nearest(metric, sorted(known))
    hint = f"nearest: {near}" if near else f"there are: {', '.join(sorted(known))}"
    return f'no group has the metric "{metric}" with a direction on both sides ({hint})'


def _paired_by(values: Paired) -> By:
    if values.items_of is None:
        return "seed"
    return "item" if values.seeds.size == 1 else "seed and item"


def _why_nothing(pairing: Pairing, pair: Matched, metric: str, note: str) -> str:
    """Why a metric has no values in common; empty where neither side has any."""
    told = []
    groups = (pair.base, pair.other)
    sides = zip((pairing.base, pairing.other), pairing.results, groups, strict=True)
    for side, results, group in sides:
        cells = results.cells(group)
        if not results.last(group, metric).seeds.size:
            reason = f": {cells.reasons[0]}" if cells.reasons else ""
            failed = f"all {cells.failures} cells failed{reason}" if cells.failures else ""
            told.append(f"{side.name} has no value" + (f" ({failed})" if failed else ""))
    if len(told) == 2:
        return "; ".join(told) if "failed" in "".join(told) else ""
    return told[0] if told else note or "no seed in common"


def _failed(row: Row, failures: Sequence[int], table: _Table) -> tuple[str, ...]:
    return tuple(
        f"{count} cell{'s' if count > 1 else ''} failed on {side.name}"
        for count, side in zip(failures, (table.base, table.other), strict=True)
        if count
    )


def _threshold(threshold: Tolerance, change: Change) -> float:
    """On the scale of the change; a share of a base that may be zero is no amount at all."""
    if threshold.is_relative and not change.is_relative:
        return 0.0
    return threshold.amount
