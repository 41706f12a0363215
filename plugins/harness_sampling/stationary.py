"""The exact law of the projected chain in one dimension: what a finite step makes of the target.

=============  ==================  ===========================================================
sheet          here                what
=============  ==================  ===========================================================
η              ``step``            variance of one noise increment
s = √η         ``spread``          its standard deviation
f′             slope + curvature x derivative of the potential
m(x)           ``moved``           x − (η/2) f′(x): where the noise is added
A₋, A₊         ``low_atom`` …      stationary probability of each end of the interval
ρ              ``LADDER``          −ζ(1/2)/√(2π), mean overshoot of a Gaussian walk over s
=============  ==================  ===========================================================

The chain is x′ = clip(m(x) + s ξ, a, b). On a box with a separable target every coordinate is this
chain, independent of the others: the numbers hold in any dimension.

Between its two atoms the stationary law has a density p that solves an integral equation with a
Gaussian kernel. It is solved on Gauss–Legendre panels of width at most 0.75 s, ten nodes each:
rows of the transition matrix then sum to 1 within 2·10⁻¹⁵. A symmetric chain is folded at 0.

Source: derived; the closed forms of the uniform target rest on Siegmund's constant of the
Gaussian ladder height.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import ceil, expm1, fsum, log1p, pi, sqrt
from typing import NamedTuple

import numpy as np
from scipy.interpolate import CubicHermiteSpline
from scipy.linalg import solve_banded
from scipy.special import ndtr

from harness_sampling.arrays import FloatArray

__all__ = [
    "LADDER",
    "MOST_STATES",
    "Chain",
    "Grid",
    "StationaryLaw",
    "boundary_share_of",
    "flat_share",
    "folded_chain",
    "is_solvable",
    "stationary_law",
    "step_for_flat_share",
    "step_for_share",
    "uniform_atom",
]

LADDER = 0.5825971579390106  # −ζ(1/2)/√(2π)
MOST_STATES = 40_000  # of the system: three seconds
_FEW = 800  # states up to which they are eliminated one by one: 0.05 s
_WINDOW = 150  # states on either side that a step reaches: 8.6 s and more
_KEPT = 32  # laws
_CHUNK = 32  # origins that a block of the band is filled for
_PANEL = 0.75  # of a panel's width in s
_ROOTS, _WEIGHTS = np.polynomial.legendre.leggauss(10)
_REACH = 10.0  # standard deviations of a Gaussian target beyond which nothing is computed


@dataclass(frozen=True, kw_only=True)
class StationaryLaw:
    """Atoms at both ends and a density between them.

    Parameters
    ----------
    low, high
        The interval.
    low_atom, high_atom
        Probabilities of its ends.
    ends
        (panels + 1,) of the panels.
    nodes, masses
        (panels, 10) places between the ends and the probability that each stands for.
    """

    low: float
    high: float
    low_atom: float
    high_atom: float
    ends: FloatArray
    nodes: FloatArray
    masses: FloatArray

    @property
    def boundary_share(self) -> float:
        """Stationary probability of being at an end."""
        return self.low_atom + self.high_atom

    def mean_of(self, function: Callable[[FloatArray], FloatArray]) -> float:
        """E of a function of x."""
        at_ends = function(np.array([self.low, self.high]))
        atoms = self.low_atom * at_ends[0] + self.high_atom * at_ends[1]
        # Summed exactly: of a symmetric law the mean is 0, and not the linear solver's rounding,
        # which depends on its threads.
        return float(atoms) + fsum((self.masses * function(self.nodes)).ravel().tolist())

    def moment(self, power: int) -> float:
        """E x^power."""
        return self.mean_of(lambda x: x**power)

    @property
    def mean(self) -> float:
        """E x."""
        return self.moment(1)

    @property
    def second_moment(self) -> float:
        """E x²."""
        return self.moment(2)

    @property
    def variance(self) -> float:
        """Var x."""
        return self.second_moment - self.mean**2

    @cached_property
    def _reached(self) -> FloatArray:
        """(panels + 1,) P(x ≤ end of panel), the upper atom left out."""
        steps = np.concatenate(([self.low_atom], self.masses.sum(axis=1)))
        return np.cumsum(steps)

    @cached_property
    def _spline(self) -> CubicHermiteSpline:
        half = np.diff(self.ends)[:, None] / 2
        density = self.masses / (half * _WEIGHTS)
        within = self._reached[:-1, None] + half * (density @ _CUMULATIVE.T)
        return CubicHermiteSpline(self.nodes.ravel(), within.ravel(), density.ravel())

    def cdf(self, values: FloatArray) -> FloatArray:
        """P(x ≤ t), for an array of t."""
        t = np.asarray(values, dtype=np.float64)
        inside = np.clip(self._spline(t), self.low_atom, 1.0 - self.high_atom)
        return np.where(t < self.low, 0.0, np.where(t >= self.high, 1.0, inside))

    def ks(self, target: Callable[[FloatArray], FloatArray]) -> float:
        """Kolmogorov–Smirnov distance to the law with cumulative function ``target``."""
        at_ends = np.abs(self._reached - target(self.ends))  # low atom and left limit at the end
        inside = np.abs(self.cdf(self.nodes.ravel()) - target(self.nodes.ravel()))
        return float(max(at_ends.max(), inside.max()))

    def wasserstein(self, target: Callable[[FloatArray], FloatArray]) -> float:
        """Wasserstein-1 distance: ∫ |F − target|."""
        weights = (np.diff(self.ends)[:, None] / 2 * _WEIGHTS).ravel()
        places = self.nodes.ravel()
        return float((weights * np.abs(self.cdf(places) - target(places))).sum())


def _cumulative_weights() -> FloatArray:
    """(10, 10) weights of the integral from −1 to each root of a function given at the roots."""
    powers = np.vander(_ROOTS, 10, increasing=True)
    degrees = np.arange(1.0, 11.0)
    integrals = (_ROOTS[:, None] ** degrees - (-1.0) ** degrees) / degrees
    return np.linalg.solve(powers.T, integrals.T).T


_CUMULATIVE = _cumulative_weights()


@lru_cache(maxsize=_KEPT)  # each cell of a job asks anew: up to three seconds
def stationary_law(
    step: float, low: float, high: float, slope: float = 0.0, curvature: float = 0.0
) -> StationaryLaw:
    """The law that x′ = clip(x − (η/2)(slope + curvature x) + √η ξ, low, high) keeps.

    Raises
    ------
    ValueError
        For a step that is not positive, or so small that the system would be too large: see
        :func:`is_solvable`.
    """
    if not (step > 0.0 and low < high):
        raise ValueError(f"step {step} and interval [{low}, {high}] make no chain")
    if not is_solvable(step, low, high, slope, curvature):
        raise ValueError(f"step {step} on [{low}, {high}] needs more than {MOST_STATES} states")
    if slope == 0.0 and low == -high:
        return _unfolded(*folded_chain(step, high, curvature))
    grid, chain = _open_chain(step, low, high, slope, curvature)
    found = _stationary(chain)
    return StationaryLaw(
        low=low,
        high=high,
        low_atom=float(found[0]),
        high_atom=float(found[-1]),
        ends=grid.ends,
        nodes=grid.nodes,
        masses=found[1:-1].reshape(grid.nodes.shape),
    )


def _unfolded(grid: Grid, chain: Chain) -> StationaryLaw:
    found = _stationary(chain)
    masses = found[:-1].reshape(grid.nodes.shape) / 2
    return StationaryLaw(
        low=chain.low,
        high=chain.high,
        low_atom=float(found[-1]) / 2,
        high_atom=float(found[-1]) / 2,
        ends=np.concatenate((-grid.ends[:0:-1], grid.ends)),
        nodes=np.concatenate((-grid.nodes[::-1, ::-1], grid.nodes)),
        masses=np.concatenate((masses[::-1, ::-1], masses)),
    )


def is_solvable(
    step: float, low: float, high: float, slope: float = 0.0, curvature: float = 0.0
) -> bool:
    """Whether :func:`stationary_law` can answer in seconds."""
    start, stop = _span(low, high, slope, curvature)
    is_folded = slope == 0.0 and low == -high
    states = _panels(stop - start, sqrt(step)) * len(_ROOTS) / (2 if is_folded else 1)
    return states <= MOST_STATES


def uniform_atom(step: float, half_width: float = 1.0) -> float:
    """Probability of each end for a uniform target: s/(2√2 (1 + ρ s)) in units of the half-width.

    Exact up to exponentially small terms: eight digits for η ≤ 0.1.
    """
    spread = sqrt(step) / half_width
    return spread / (2 * sqrt(2) * (1 + LADDER * spread))


def boundary_share_of(dimension: int, atom_share: float) -> float:
    """Share of time that some of ``dimension`` independent coordinates is at an end."""
    return -expm1(dimension * log1p(-atom_share))


def step_for_share(dimension: int, share: float, half_width: float = 1.0) -> float:
    """The step at which a uniform target on a box has this boundary share."""
    one = -expm1(log1p(-share) / dimension)  # of a coordinate: 2 A
    spread = one / (1 / sqrt(2) - LADDER * one)
    return (spread * half_width) ** 2


def flat_share(dimension: int, step: float) -> float:
    """(n s/√2)/(1 + n ρ s): the unit ball's boundary share, its sphere's curvature left out."""
    return 2 * uniform_atom(dimension**2 * step)


def step_for_flat_share(dimension: int, share: float) -> float:
    """The step at which :func:`flat_share` is ``share``."""
    return (share / (1 / sqrt(2) - LADDER * share) / dimension) ** 2


class Grid(NamedTuple):
    """Gauss–Legendre panels."""

    ends: FloatArray  # (panels + 1,)
    nodes: FloatArray  # (panels, 10)
    weights: FloatArray  # (panels, 10)


class Chain(NamedTuple):
    """The chain on nodes and ends, in ascending order; folded it is |x|, with one end."""

    states: FloatArray  # (m,) places
    moved: FloatArray  # (m,) m(x); from an end out of reach as from the last node
    weights: FloatArray  # (m,) of the nodes, anything at an end
    spread: float
    low: float
    high: float
    is_folded: bool

    @property
    def size(self) -> int:
        """Number of states."""
        return self.states.size

    def block(self, origins: slice, destinations: slice) -> FloatArray:
        """Chances of going from ``origins`` (rows) to ``destinations``."""
        return self.law_after(self.moved[origins], destinations)

    def law_after(self, moved: FloatArray, destinations: slice) -> FloatArray:
        """Chances of each destination after noise is added to ``moved`` (rows)."""
        found = self._landing(moved[:, None], destinations)
        if self.is_folded:
            return found + self._landing(-moved[:, None], destinations)
        if destinations.start == 0:
            found[:, 0] = ndtr((self.low - moved) / self.spread)
        return found

    def _landing(self, moved: FloatArray, destinations: slice) -> FloatArray:
        distance = (self.states[destinations] - moved) / self.spread
        found = self.weights[destinations] * np.exp(-0.5 * distance**2)
        found /= self.spread * sqrt(2 * pi)
        if destinations.stop == self.size:
            found[:, -1] = ndtr((moved[:, 0] - self.high) / self.spread)
        return found


def folded_chain(step: float, half_width: float, curvature: float = 0.0) -> tuple[Grid, Chain]:
    """The chain of |x| on [0, half_width], of a symmetric target."""
    _, stop = _span(-half_width, half_width, 0.0, curvature)
    grid = _grid(0.0, stop, sqrt(step))
    origins = np.append(grid.nodes, stop)
    return grid, Chain(
        states=np.append(grid.nodes, half_width),
        moved=origins * (1 - step / 2 * curvature),
        weights=np.append(grid.weights, 0.0),
        spread=sqrt(step),
        low=-half_width,
        high=half_width,
        is_folded=True,
    )


def _open_chain(
    step: float, low: float, high: float, slope: float, curvature: float
) -> tuple[Grid, Chain]:
    start, stop = _span(low, high, slope, curvature)
    grid = _grid(start, stop, sqrt(step))
    origins = np.concatenate(([start], grid.nodes.ravel(), [stop]))
    return grid, Chain(
        states=np.concatenate(([low], grid.nodes.ravel(), [high])),
        moved=origins - step / 2 * (slope + curvature * origins),
        weights=np.concatenate(([0.0], grid.weights.ravel(), [0.0])),
        spread=sqrt(step),
        low=low,
        high=high,
        is_folded=False,
    )


def _span(low: float, high: float, slope: float, curvature: float) -> tuple[float, float]:
    """The part of the interval that carries mass."""
    if curvature <= 0.0:
        return low, high
    centre, reach = -slope / curvature, _REACH / sqrt(curvature)
    start, stop = max(low, centre - reach), min(high, centre + reach)
    return (start, stop) if start < stop else (low, high)


def _panels(width: float, spread: float) -> int:
    return max(4, ceil(width / (_PANEL * spread)))


def _grid(start: float, stop: float, spread: float) -> Grid:
    ends = np.linspace(start, stop, _panels(stop - start, spread) + 1)
    half = np.diff(ends)[:, None] / 2
    return Grid(ends, ends[:-1, None] + half * (1 + _ROOTS), half * _WEIGHTS)


def _stationary(chain: Chain) -> FloatArray:
    """The probability vector v with v P = v."""
    drift = float(np.abs(chain.moved - chain.states)[1:-1].max()) / chain.spread
    if chain.size <= _FEW:
        return _eliminated(chain, chain.size if drift > 1.0 else _WINDOW)
    if drift > 1.0:
        return _dense_left_vector(chain)
    return _banded_left_vector(chain)


def _eliminated(chain: Chain, reach: int) -> FloatArray:
    """State after state taken out of the chain, without a subtraction; a step passes ``reach``.

    Nothing cancels, and no library's threads have a say in the last digits: the law is the same
    in every process (Grassmann, Taksar & Heyman 1985).
    """
    whole = slice(0, chain.size)
    rates = chain.block(whole, whole)
    for last in range(chain.size - 1, 0, -1):
        near = slice(max(0, last - reach), last)
        rates[near, last] /= rates[last, near].sum()
        rates[near, near] += rates[near, last, None] * rates[last, near]
    found = np.ones(chain.size)
    for k in range(1, chain.size):
        near = slice(max(0, k - reach), k)
        found[k] = (found[near] * rates[near, k]).sum()
    return found / found.sum()


def _dense_left_vector(chain: Chain) -> FloatArray:
    whole = slice(0, chain.size)
    system = chain.block(whole, whole).T - np.eye(chain.size)
    system[-1] = 1.0
    right = np.zeros(chain.size)
    right[-1] = 1.0
    return np.linalg.solve(system, right)


def _banded_left_vector(chain: Chain) -> FloatArray:
    """The same for many states: a step reaches few of them, so the system is a band."""
    width = _WINDOW + _CHUNK
    band = np.zeros((2 * width + 1, chain.size))
    for start in range(0, chain.size, _CHUNK):
        origins = slice(start, min(start + _CHUNK, chain.size))
        near = slice(max(0, start - _WINDOW), min(origins.stop + _WINDOW, chain.size))
        row, column = np.arange(near.start, near.stop)[:, None], np.arange(start, origins.stop)
        band[width + row - column, column] = chain.block(origins, near).T
    band[width] -= 1.0
    # One equation is the sum of the others; in its place the likeliest state is set to 1.
    chosen = int(np.argmin(np.abs(chain.moved - chain.states)))
    columns = np.arange(max(0, chosen - width), min(chain.size, chosen + width + 1))
    band[width + chosen - columns, columns] = columns == chosen
    right = np.zeros(chain.size)
    right[chosen] = 1.0
    found = solve_banded((width, width), band, right, overwrite_ab=True, overwrite_b=True)
    return np.asarray(found / found.sum())
