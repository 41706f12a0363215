"""When to stop drawing: after n draws, or as soon as the radius is settled on a grid.

=======  ==================  ==============================================================
symbol   here                what
=======  ==================  ==============================================================
N_k      ``looks``           (K,) draws in total at each look, the last is n
α_k      ``alphas``          (K,) error spent at each look; they sum to α
β_k      ``beta``            of each look, for giving a radius up
r_j      ``grid``            (J,) radii that are to be settled
c_kj     ``enough``          (K, J) fewest hits whose lower bound at look k reaches Φ(r_j/σ)
c*_j     ``fixed``           (J,) the same for a single look at n with the whole of α
u_kj     ``hopeless``        (K, J) most hits whose upper bound is below c*_j/n
=======  ==================  ==============================================================

The bound P(L_k > p) ≤ α_k holds at each look, so every radius σΦ⁻¹(max L_k) is right but with
probability α, *whatever makes drawing stop*. β and the precision decide only how often the test
gives up a radius that n draws would have certified.

Source: ours. Its kin are Voráček 2024 (one radius, betting) and Horváth et al. 2022.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from harness_vision.certification.confidence import (
    FloatArray,
    IntArray,
    lower_bound,
    most_hits_below,
    radius_of,
    smallest_hits,
    upper_bound,
)
from harness_vision.certification.guards import (
    require_count,
    require_increasing,
    require_level,
    require_sigma,
)

__all__ = ["FixedRule", "Reason", "Rule", "SequentialRule", "looks_of"]

Reason = Literal["below", "above", "precision", "exhausted"]

FIRST_LOOK = 100
GROWTH = 1.5
LAST_SHARE = 0.5  # of α, for the look at n: most images that get there are close calls
GIVING_UP = 0.05  # β, over all looks


def looks_of(draws: int, first: int = FIRST_LOOK, growth: float = GROWTH) -> IntArray:
    """Draws in total at each look: ``first`` · ``growth``^i in whole hundreds, then ``draws``."""
    found: list[int] = []
    planned = float(first)
    while round(planned / 100) * 100 < draws:
        if (look := round(planned / 100) * 100) > (found[-1] if found else 0):
            found.append(look)
        planned *= growth
    return np.array([*found, draws], dtype=np.int64)


class Rule(ABC):
    """Looks at the hits of images, and says for which it has seen enough.

    ``looks`` are planned before the first draw and ``alphas`` sum to α: that alone makes
    :meth:`bounds` right, whatever :meth:`reasons` stops.
    """

    looks: IntArray
    alphas: FloatArray

    def bounds(self, seen: IntArray) -> FloatArray:
        """The lower bound on p_A of each image: the best of its looks.

        Parameters
        ----------
        seen : (images, looks so far) int64
            Hits in total at each look, −1 for looks that an image did not get to.
        """
        return lower_bounds(seen, self.looks, self.alphas).max(axis=1, initial=0.0)

    @abstractmethod
    def reasons(self, seen: IntArray) -> list[Reason | None]:
        """Why each image stops after the last look of ``seen``; ``None``: it goes on."""


def lower_bounds(seen: IntArray, looks: IntArray, alphas: FloatArray) -> FloatArray:
    """The bound of each image at each look, 0 where there was none."""
    count = seen.shape[1]
    hits = np.maximum(seen, 0)
    found = lower_bound(hits, looks[:count], alphas[:count])
    return np.where(seen >= 0, found, 0.0)


class FixedRule(Rule):
    """n draws for every image: CERTIFY as published."""

    def __init__(self, draws: int, alpha: float) -> None:
        require_count("n", draws)
        require_level("alpha", alpha)
        self.looks = np.array([draws], dtype=np.int64)
        self.alphas = np.array([alpha])

    def reasons(self, seen: IntArray) -> list[Reason | None]:
        """Every image stops at n."""
        return ["exhausted"] * len(seen)


class SequentialRule(Rule):
    """Stops an image as soon as it is settled which radii of a grid it has.

    Parameters
    ----------
    sigma, alpha
        As in CERTIFY.
    draws
        Most draws of an image, n of the fixed rule that it stands for.
    grid
        Radii to settle, increasing from 0 or above. Beyond 3σ little is saved: a bound near
        Φ(3.5) needs 45,000 hits in a row.
    precision
        Stop, too, when radius and upper end are this close; 0: never for that reason.
    giving_up
        β, over all looks.

    Raises
    ------
    ValueError
        For a σ, a level, a number of draws or a grid that means nothing.
    """

    def __init__(
        self,
        *,
        sigma: float,
        alpha: float,
        draws: int,
        grid: Sequence[float],
        precision: float = 0.0,
        giving_up: float = GIVING_UP,
    ) -> None:
        require_count("n", draws)
        require_level("alpha", alpha)
        require_level("giving_up", giving_up)
        require_sigma(sigma)
        require_increasing("grid", grid)
        if not precision >= 0.0:
            raise ValueError(f"precision must be at least 0, got {precision:g}")
        self.sigma = sigma
        self.precision = precision
        self.looks = looks_of(draws)
        count = len(self.looks)
        self.alphas = np.full(count, float(alpha))
        if count > 1:
            self.alphas[:-1] = (1.0 - LAST_SHARE) * alpha / (count - 1)
            self.alphas[-1] = LAST_SHARE * alpha
        self.beta = giving_up / count
        shares = [float(ndtr(radius / sigma)) for radius in grid]
        self.enough = np.array(
            [
                [smallest_hits(share, int(look), float(level)) for share in shares]
                for look, level in zip(self.looks, self.alphas, strict=True)
            ]
        )
        self.fixed = np.array([smallest_hits(share, draws, alpha) for share in shares])
        self.hopeless = np.array(
            [
                [most_hits_below(needed / draws, int(look), self.beta) for needed in self.fixed]
                for look in self.looks
            ]
        )

    def reached(self, seen: IntArray) -> IntArray:
        """How many radii of the grid each image has, from the smallest on."""
        count = seen.shape[1]
        return (seen[:, :, None] >= self.enough[None, :count]).sum(axis=2).max(axis=1)

    def reasons(self, seen: IntArray) -> list[Reason | None]:
        """Settled from below, from above, precise enough, or out of draws."""
        radii = self.enough.shape[1]
        reached = self.reached(seen)
        look = seen.shape[1] - 1
        limit = self.hopeless[look][np.minimum(reached, radii - 1)]
        below, above = reached == radii, seen[:, -1] <= limit
        close = self._is_close(seen)
        is_last = look == len(self.looks) - 1
        found: list[Reason | None] = []
        for i in range(len(seen)):
            if below[i]:
                found.append("below")
            elif above[i]:
                found.append("above")
            elif close[i]:
                found.append("precision")
            else:
                found.append("exhausted" if is_last else None)
        return found

    def _is_close(self, seen: IntArray) -> npt.NDArray[np.bool_]:
        if self.precision <= 0.0:
            return np.zeros(len(seen), dtype=bool)
        look = seen.shape[1] - 1
        high = upper_bound(seen[:, -1], self.looks[look], self.beta)
        low = self.bounds(seen)
        width = radius_of(high, self.sigma) - radius_of(low, self.sigma)
        return (low >= 0.5) & (width <= self.precision)
