"""A law on an interval from its density: the cumulative function, tabulated once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicHermiteSpline

from harness_sampling.arrays import FloatArray

__all__ = ["TabulatedLaw", "tabulate"]

_PANELS = 256
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(6)


@dataclass(frozen=True, kw_only=True)
class TabulatedLaw:
    """A density on [low, high] at nodes, with the cumulative function at the panels' ends."""

    nodes: FloatArray
    masses: FloatArray
    spline: CubicHermiteSpline
    low: float
    high: float

    def cdf(self, values: FloatArray) -> FloatArray:
        """P(x ≤ t)."""
        inside = np.clip(values, self.low, self.high)
        return np.clip(self.spline(inside), 0.0, 1.0)

    def moment(self, power: int) -> float:
        """E x^power."""
        return float((self.masses * self.nodes**power).sum())


def tabulate(
    density: Callable[[FloatArray], FloatArray],
    low: float,
    high: float,
    bends: Sequence[float] = (),
    panels: int = _PANELS,
) -> TabulatedLaw:
    """The law of an unnormalised density; ``bends``: where it is not smooth."""
    ends = np.unique([*np.linspace(low, high, panels + 1), *bends])
    half = np.diff(ends)[:, None] / 2
    nodes = ends[:-1, None] + half * (1 + _NODES)  # (panels, 6)
    masses = density(nodes.ravel()).reshape(nodes.shape) * half * _WEIGHTS
    total = masses.sum()
    reached = np.concatenate(([0.0], np.cumsum(masses.sum(axis=1)) / total))
    slopes = np.maximum(density(ends), 0.0) / total
    return TabulatedLaw(
        nodes=nodes.ravel(),
        masses=masses.ravel() / total,
        spline=CubicHermiteSpline(ends, reached, slopes),
        low=low,
        high=high,
    )
