"""What bodies and methods refuse in the same words."""

from __future__ import annotations

from math import isfinite

__all__ = ["require_dimension", "require_finite", "require_positive"]


def require_positive(what: str, value: float) -> None:
    """Raise ``ValueError`` unless the number is above 0 and finite."""
    if not (value > 0.0 and isfinite(value)):
        raise ValueError(f"{what} must be above 0 and finite, got {value!r}")


def require_finite(**named: float) -> None:
    """Raise ``ValueError`` for the first that is no finite number."""
    for name, value in named.items():
        if not isfinite(value):
            raise ValueError(f"{name} must be a finite number, got {value!r}")


def require_dimension(what: str, dimension: int) -> None:
    """Raise ``ValueError`` below 1."""
    if dimension < 1:
        raise ValueError(f"{what} has at least 1 dimension, got {dimension}")
