"""A claim that fits none of the suite's forms, as a plugin."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["Claim", "ClaimGroup", "Judgement", "Verdict"]

Verdict = Literal["held", "failed", "undecided"]


class ClaimGroup(NamedTuple):
    """One selected group: its name, one value a seed, and the interval of their mean."""

    title: str
    label: str
    params: dict[str, object]
    seeds: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]
    mean: float
    ci_low: float
    ci_high: float


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What a claim plugin answers; shown as it is."""

    verdict: Verdict
    estimate: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    threshold: float | None = None
    note: str = ""
    seeds_to_decide: int | None = field(default=None)


@dataclass(frozen=True, kw_only=True)
class Claim(ABC):
    """Subclass with the claim's parameters as fields; used by ``claim: plugin/name``."""

    @abstractmethod
    def judge(self, groups: Sequence[ClaimGroup], level: float) -> Judgement:
        """The verdict on the selected groups; a pure function, never reads files."""
