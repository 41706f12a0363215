"""What a suite file says, once it has been read and validated: frozen records.

Claims come as one record a form (value, difference, trend, spread, plugin); which form a
mapping is, is told by its keys. Positions in the file stay with the loader.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Interval

__all__ = [
    "Claim",
    "ClaimBase",
    "Comparison",
    "CurvePoint",
    "Difference",
    "Entry",
    "HardwareClass",
    "MethodUse",
    "PluginClaim",
    "Published",
    "Reference",
    "Seeds",
    "Span",
    "Spread",
    "Suite",
    "Tolerance",
    "Trend",
    "Value",
]

Where = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class HardwareClass:
    """A declared class of hardware: what a cell needs, and may not exceed."""

    name: str
    cpus: Annotated[int, Ge(1)] = 1
    memory_bytes: Annotated[int, Ge(1)] | None = None
    gpus: Annotated[int, Ge(0)] = 0
    gpu_model: str | None = None
    arch: str | None = None
    processes: Annotated[int, Ge(1)] | None = None
    exclusive: bool = False

    @property
    def device(self) -> Literal["cpu", "cuda"]:
        """Where numbers are computed, so far as it can change them."""
        return "cuda" if self.gpus else "cpu"


@dataclass(frozen=True, kw_only=True)
class Seeds:
    """Which seeds an entry runs: a list, or seeds added until claims are decided."""

    values: tuple[int, ...]
    maximum: int | None = None  # set with ``until: decided``: seeds go up to this many
    until: Literal["decided"] | None = None


@dataclass(frozen=True, kw_only=True)
class MethodUse:
    """One label: a method with parameters, as used in an entry."""

    name: str
    params: Mapping[str, Any]
    label: str
    seeds: Seeds
    timeout_s: float
    hardware: str


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One task with one setting of its parameters, and the methods that it evaluates."""

    task: str
    params: Mapping[str, Any]
    methods: tuple[MethodUse, ...]


@dataclass(frozen=True, kw_only=True)
class Published:
    """A figure from elsewhere, beside ours and never ranked; ``plugin`` is who brought it."""

    task: str
    label: str
    metric: str
    value: float
    params: Where = field(default_factory=dict)
    at: float | None = None
    source: str
    plugin: str = ""


ReferenceKind = Literal["number", "guarantee", "lower_bound", "optimum", "exact", "published"]


@dataclass(frozen=True, kw_only=True)
class Reference:
    """What a claim holds a value against: a number, or a bound of the group's own.

    ``of`` borrows the guarantee of another label of the same task, ``name`` picks a named
    bound, ``times`` is a factor on it.
    """

    kind: ReferenceKind
    number: float | None = None
    name: str = ""
    of: str | None = None
    times: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Tolerance:
    """A width: absolute in the metric's unit, or a share of what it is compared with."""

    amount: Annotated[float, Ge(0)]
    is_relative: bool = False


@dataclass(frozen=True, kw_only=True)
class Span:
    """The change between two points of a curve."""

    start: float
    end: float


CurvePoint = float | Literal["last", "every"] | Span


@dataclass(frozen=True, kw_only=True)
class ClaimBase:
    """What every claim says, whatever its form."""

    name: str
    metric: str
    source: str = ""
    where: Where = field(default_factory=dict)
    per: tuple[str, ...] = ()
    pool: tuple[str, ...] = ()
    groups: Literal["all", "any"] = "all"
    at: CurvePoint = "last"
    scale: Literal["linear", "relative", "log", "log-log", "log-linear"] = "linear"
    statistic: Literal["mean", "every"] = "mean"
    level: Annotated[float, Interval(gt=0.5, lt=1)] = 0.95
    failures: Literal["count", "drop"] = "count"
    expect: Literal["held", "failed", "undecided"] = "held"


Comparison = Literal["at_most", "at_least", "between", "equals", "agrees_with"]


@dataclass(frozen=True, kw_only=True)
class Value(ClaimBase):
    """Form 1: a group's value against a reference.

    ``low`` and ``high`` belong to ``between``; ``tolerance`` to ``equals``; ``resolution``
    to ``agrees_with``.
    """

    comparison: Comparison
    reference: Reference | None = None
    low: float | None = None
    high: float | None = None
    tolerance: Tolerance | None = None
    resolution: Annotated[float, Gt(0)] | None = None


@dataclass(frozen=True, kw_only=True)
class Difference(ClaimBase):
    """Form 2: one method against another, paired.

    ``better`` and ``than`` are filters (a label is ``{"label": …}``). With ``equal_within``
    the two are claimed equal up to that much, otherwise ``better`` is claimed better by
    more than ``by``.
    """

    better: Where
    than: Where
    by: Tolerance | None = None
    equal_within: Tolerance | None = None


@dataclass(frozen=True, kw_only=True)
class Trend(ClaimBase):
    """Form 3: the slope of a metric in a parameter, in a curve's x, or in another metric.

    ``slope_in`` is a parameter's name or ``at``; ``slope_in_metric`` a metric's name; one
    of the two is set.
    """

    slope_in: str | None = None
    slope_in_metric: str | None = None
    over: tuple[float, float] | None = None
    low: float | None = None
    high: float | None = None
    fit: Literal["mean", "seed"] = "mean"


@dataclass(frozen=True, kw_only=True)
class Spread(ClaimBase):
    """Form 4: largest over smallest group mean, for "does not depend on"."""

    spread_over: tuple[str, ...]
    at_most: float
    fit: Literal["mean", "seed"] = "mean"


@dataclass(frozen=True, kw_only=True)
class PluginClaim(ClaimBase):
    """A claim that fits none of the forms: a ``Claim`` plugin with parameters."""

    plugin: str
    params: Mapping[str, Any] = field(default_factory=dict)


Claim = Value | Difference | Trend | Spread | PluginClaim


@dataclass(frozen=True, kw_only=True)
class Suite:
    """A validated suite.

    ``text`` is the file as read (with overrides told apart in ``overrides``), ``path``
    where it lies, ``cuts`` what ``--only``, ``--method``, ``--seeds`` and ``--limit`` took
    away: a suite that was cut has its claims "not judged (cut)".
    """

    name: str
    description: str
    seed: int
    path: str
    text: str
    hardware: Mapping[str, HardwareClass]
    entries: tuple[Entry, ...]
    published: tuple[Published, ...] = ()
    claims: tuple[Claim, ...] = ()
    plugins: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()
    cuts: tuple[str, ...] = ()

    @property
    def seeds(self) -> tuple[Seeds, ...]:
        """The seeds of each label of each entry, in the order of the plan's specs."""
        return tuple(use.seeds for entry in self.entries for use in entry.methods)
