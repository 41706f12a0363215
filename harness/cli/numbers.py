"""How the terminal writes numbers: as pages do, by :mod:`harness.numbers`."""

from harness.numbers import (
    aligned,
    count,
    decimals_for,
    duration,
    fixed,
    memory,
    ratio,
    significant,
    trimmed,
)

__all__ = [
    "aligned",
    "count",
    "decimals_for",
    "duration",
    "fixed",
    "memory",
    "ratio",
    "significant",
    "trimmed",
]
