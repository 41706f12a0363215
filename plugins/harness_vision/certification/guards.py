"""What certification and prediction refuse, in the same words."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import isfinite
from numbers import Integral

__all__ = ["require_count", "require_increasing", "require_level", "require_sigma"]


def require_count(name: str, count: int) -> None:
    """Raise ``ValueError`` unless it is a whole number of at least 1."""
    if not isinstance(count, Integral) or count < 1:
        raise ValueError(f"{name} must be a whole number of at least 1, got {count!r}")


def require_level(name: str, level: float) -> None:
    """Raise ``ValueError`` unless a chance to err lies strictly between 0 and 1."""
    if not 0.0 < level < 1.0:
        raise ValueError(f"{name} must lie between 0 and 1, got {level:g}")


def require_sigma(sigma: float) -> None:
    """Raise ``ValueError`` unless noise has a positive, finite standard deviation."""
    if not (sigma > 0.0 and isfinite(sigma)):
        raise ValueError(f"sigma must be above 0 and finite, got {sigma:g}")


def require_increasing(name: str, radii: Sequence[float]) -> None:
    """Raise ``ValueError`` unless there are radii, finite, from 0 or above, that increase."""
    if not len(radii):
        raise ValueError(f"{name} is empty: name at least one radius")
    for radius in radii:
        if not (radius >= 0.0 and isfinite(radius)):
            raise ValueError(f"a radius must be at least 0 and finite, got {radius:g}")
    for low, high in pairwise(radii):
        if not low < high:
            raise ValueError(f"{name} must increase, got {low:g}, then {high:g}")
