"""What a task yielded, checked and turned into rows.

Every fault is an :class:`InvalidOutcome` whose message names the metric and, where it has one,
the point. The common outcome, a few final values, takes under a microsecond.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

from harness.api.metric import Bound, Metric
from harness.api.outcome import Outcome
from harness.errors import nearest
from harness.store.rows import (
    BOUND_HOLDS,
    BOUND_ROLES,
    CENSORED,
    HAS_AT,
    MEASUREMENT_FORMAT,
    MEASUREMENT_ROW,
    BoundRow,
    ItemRow,
    RecordRow,
)

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from harness.api.contracts import Method, Task

__all__ = ["InvalidOutcome", "OutcomeReader", "Points", "Reading", "clean"]

_pack = struct.Struct(MEASUREMENT_FORMAT).pack

# Longest text kept of one record; a prompt or an answer beyond it is cut and says so.
_RECORD_CHARS = 1 << 16

# Points told by ``cell.report``: (metric, at) → value, so that a point told again counts once.
Points = dict[tuple[int, float], float]


class InvalidOutcome(Exception):
    """A task yielded what it may not; the message says what."""


class Reading(NamedTuple):
    """The rows of one outcome."""

    measurements: bytes
    items: Sequence[ItemRow] = ()
    records: Sequence[RecordRow] = ()
    bounds: Sequence[BoundRow] = ()


def clean(text: str) -> str:
    """``text`` without what UTF-8 cannot hold (lone surrogates)."""
    return text.encode("utf-8", "replace").decode()


class OutcomeReader:
    """Reads the outcomes of one spec.

    Parameters
    ----------
    metrics
        Those that the task declares; rows name them by their place here.
    task, method
        For guarantees that depend on an outcome's facts, and for messages.
    """

    def __init__(self, metrics: Sequence[Metric], task: Task, method: Method) -> None:
        self._metrics = metrics
        self._task = task
        self._method = method
        self._index = {metric.name: index for index, metric in enumerate(metrics)}
        self._finals = {name: i for name, i in self._index.items() if not metrics[i].has_items}

    def simple(self, outcome: object, row: int, seed: int) -> bytes | None:
        """The rows of an outcome that has final floats and nothing else, nor any fault.

        ``None``: look closer, with :meth:`check` and :meth:`read`.
        """
        if type(outcome) is not Outcome or self._has_more(outcome):
            return None
        rows = b""
        try:
            if outcome.cell.seed != seed:
                return None
            for name, value in outcome.final.items():
                if type(value) is not float or value - value != 0.0:  # NaN, infinite
                    return None
                rows += _pack(row, self._finals[name], 0, 0.0, value)
        except (AttributeError, KeyError):
            return None
        return rows

    def _has_more(self, outcome: Outcome) -> bool:
        return bool(
            outcome.curves
            or outcome.items
            or outcome.records
            or outcome.bounds
            or outcome.facts is not None
            or outcome.censored
            or outcome.skip_reason is not None
        )

    def check(self, outcome: object, seed: int) -> Outcome:
        """``outcome`` if it is one, and of the cell with this seed."""
        if not isinstance(outcome, Outcome):
            raise InvalidOutcome(
                f"evaluate yielded {'None' if outcome is None else type(outcome).__name__}, "
                "not an Outcome"
            )
        answered = getattr(outcome.cell, "seed", None)
        if answered != seed:
            raise WrongCell(
                f"evaluate yielded the outcome of the cell with seed {answered} where that with "
                f"seed {seed} was due: cells are answered in the order in which they are given"
            )
        return outcome

    def read(self, outcome: Outcome, row: int, points: Points | None) -> Reading:
        """The rows of the cell at ``row`` of the plan."""
        finals = [self._final(name, value, outcome, row) for name, value in outcome.final.items()]
        self._check_overlaps(outcome, points or {})
        finals += [self._curve(name, curve, row) for name, curve in outcome.curves.items()]
        finals += [
            _pack(row, metric, HAS_AT, at, value) for (metric, at), value in sorted_points(points)
        ]
        items = []
        for name, (ids, values) in outcome.items.items():
            scored = list(self._items(name, ids, values, row))
            finals.append(_mean(scored))
            items += scored
        records = [_record(row, item, text) for item, text in outcome.records.items()]
        return Reading(b"".join(finals), items, records, self._bounds(outcome, row))

    def point(self, name: str, value: float, at: float) -> tuple[int, float, float]:
        """A point told by ``cell.report``: (metric, at, value)."""
        index = self._with_axis(name)
        where = _number(at, f'a point of metric "{name}"')
        return index, where, _measured(value, f'metric "{name}"', f" at {where:g}")

    def _final(self, name: str, value: float, outcome: Outcome, row: int) -> bytes:
        index = self._finals.get(name)
        if index is None:
            raise InvalidOutcome(self._no_final(name))
        number = _measured(value, f'metric "{name}"')
        flags = CENSORED if name in outcome.censored else 0
        return _pack(row, index, flags, 0.0, number)

    def _no_final(self, name: str) -> str:
        if name in self._index:
            return (
                f'metric "{name}" has items: it gets a score an item and no final value, '
                "which is their mean"
            )
        return self._undeclared(name)

    def _undeclared(self, name: str) -> str:
        near = nearest(str(name), list(self._index))
        hint = f" (nearest: {near})" if near else ""
        return f'metric "{name}" is not declared by {type(self._task).__name__}{hint}'

    def _metric(self, name: str) -> int:
        if name not in self._index:
            raise InvalidOutcome(self._undeclared(name))
        return self._index[name]

    def _with_axis(self, name: str) -> int:
        index = self._metric(name)
        if self._metrics[index].axis is None:
            raise InvalidOutcome(f'metric "{name}" has points but declares no axis')
        return index

    def _check_overlaps(self, outcome: Outcome, points: Points) -> None:
        for name in sorted({self._metrics[metric].name for metric, _ in points}):
            if name in outcome.curves:
                raise InvalidOutcome(f'metric "{name}" was reported and is in curves too')
        for name in sorted(outcome.censored):
            if name not in outcome.final:
                raise InvalidOutcome(f'metric "{name}" is censored but has no final value')

    def _curve(self, name: str, curve: tuple[Sequence[float], Sequence[float]], row: int) -> bytes:
        import numpy as np

        index = self._with_axis(name)
        at, values = _numbers(curve, f'curve of metric "{name}"')
        is_lost = ~np.isfinite(values)
        if is_lost.any():
            told = "NaN" if np.isnan(values[is_lost][0]) else "infinite"
            raise InvalidOutcome(f'metric "{name}" is {told} at {at[is_lost][0]:g}')
        # No comparison with NaN is true, so this finds one in any place but a single point's.
        if not (at[1:] > at[:-1]).all() or np.isnan(at[:1]).any():
            raise InvalidOutcome(f'curve of metric "{name}": its points are not increasing')
        rows = np.empty(at.size, _row_type())
        rows["cell"], rows["metric"], rows["flags"] = row, index, HAS_AT
        rows["at"], rows["value"] = at, values
        return rows.tobytes()

    def _items(
        self, name: str, ids: Sequence[str], values: Sequence[float], row: int
    ) -> Iterator[ItemRow]:
        index = self._metric(name)
        if not self._metrics[index].has_items:
            raise InvalidOutcome(f'metric "{name}" has scores an item but declares no items')
        if len(ids) != len(values) or len(ids) == 0:
            raise InvalidOutcome(f'metric "{name}" has {len(ids)} items and {len(values)} scores')
        if len(set(ids)) != len(ids):
            raise InvalidOutcome(f'metric "{name}" has an item twice')
        for item, value in zip(ids, values, strict=True):
            if not isinstance(item, str):
                raise InvalidOutcome(f'metric "{name}": an item is {item!r}, not a string')
            yield ItemRow(
                row, index, clean(item), _measured(value, f'metric "{name}"', f' at item "{item}"')
            )

    def _bounds(self, outcome: Outcome, row: int) -> list[BoundRow]:
        """The outcome's own bounds, and the method's guarantees asked again with its facts."""
        bounds: Iterable[Bound] = outcome.bounds
        if outcome.facts is not None:
            bounds = (*bounds, *self._method.guarantees(self._task, outcome.facts))
        rows: dict[tuple[int, str, float | None, str], BoundRow] = {}
        for bound in bounds:
            read = self._bound(bound, row)
            key = (read.metric, read.role, read.at, read.name)
            if key in rows:
                raise InvalidOutcome(
                    f'metric "{bound.metric}" has two bounds of role {bound.role} and one name'
                )
            rows[key] = read
        return list(rows.values())

    def _bound(self, bound: Bound, row: int) -> BoundRow:
        index = self._metric(bound.metric)
        what = f'bound of metric "{bound.metric}"'
        if bound.role not in BOUND_ROLES or bound.holds not in BOUND_HOLDS:
            raise InvalidOutcome(f"{what}: no role {bound.role!r} that holds {bound.holds!r}")
        optional = (bound.at, bound.delta, bound.trivial)
        at, delta, trivial = (None if each is None else _number(each, what) for each in optional)
        value = _known(bound.value, what)
        name, source = clean(bound.name), clean(bound.source)
        return BoundRow(
            row, index, bound.role, name, at, value, bound.holds, delta, trivial, source
        )


@cache
def _row_type() -> np.dtype[np.void]:
    """Parsed once: it takes as long as the rest of a short curve."""
    import numpy as np

    return np.dtype(MEASUREMENT_ROW)


class WrongCell(InvalidOutcome):
    """The outcome of another cell: the order is lost, the generator of no more use."""


def sorted_points(points: Points | None) -> list[tuple[tuple[int, float], float]]:
    """Reported points in the order of metric and ``at``."""
    return sorted((points or {}).items())


def _number(value: Any, what: str) -> float:
    """``value`` as a float: whatever is one number, and no text."""
    if not hasattr(type(value), "__float__") or getattr(value, "ndim", 0) != 0:
        raise InvalidOutcome(f"{what} is {value!r:.60}, not a number")
    try:
        return float(value)
    except (OverflowError, TypeError, ValueError) as error:
        raise InvalidOutcome(f"{what} is {value!r:.60}, not a number") from error


def _measured(value: Any, what: str, where: str = "") -> float:
    """A value that means something in a mean: what never ended is censored, not infinite."""
    number = _known(value, what, where)
    if abs(number) == inf:
        raise InvalidOutcome(f"{what} is infinite{where}")
    return number


def _known(value: Any, what: str, where: str = "") -> float:
    number = _number(value, what)
    if number != number:
        raise InvalidOutcome(f"{what} is NaN{where}")
    return number


def _numbers(
    curve: tuple[Sequence[float], Sequence[float]], what: str
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    import numpy as np

    try:
        at, values = (np.asarray(each, dtype=np.float64) for each in curve)
    except (TypeError, ValueError) as error:
        raise InvalidOutcome(f"{what} is not two sequences of numbers: {error}") from error
    if at.ndim != 1 or at.shape != values.shape:
        raise InvalidOutcome(f"{what} has {at.shape} points and {values.shape} values")
    return at, values


def _mean(scored: Sequence[ItemRow]) -> bytes:
    """The final value of a metric with items."""
    from math import fsum

    first = scored[0]
    mean = fsum(each.value for each in scored) / len(scored)
    return _pack(first.cell, first.metric, 0, 0.0, mean)


def _record(row: int, item: str, text: str) -> RecordRow:
    if not isinstance(item, str) or not isinstance(text, str):
        raise InvalidOutcome(f"a record is {item!r:.40}: {type(text).__name__}, not text")
    if len(text) > _RECORD_CHARS:
        text = f"{text[:_RECORD_CHARS]} … ({len(text)} characters, cut)"
    return RecordRow(row, clean(item), clean(text))
