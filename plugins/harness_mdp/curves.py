"""At which episodes a curve is written down, and the exponent of its growth."""

from __future__ import annotations

import numpy as np

from harness_mdp.agent import FloatArray, IntArray

__all__ = ["growth_exponent", "report_grid", "slope_episodes"]

# The exponent is fitted over the last decade, at this many episodes.
_SLOPE_POINTS = 9
# Fewer episodes do not give so many distinct points that are spread evenly.
_FEWEST_EPISODES = 100


def slope_episodes(episodes: int) -> IntArray:
    """The episodes at which the exponent is fitted: evenly spread logarithms from K/10 to K."""
    if episodes < _FEWEST_EPISODES:
        return np.empty(0, np.int64)
    return np.unique(np.rint(np.geomspace(episodes / 10.0, episodes, _SLOPE_POINTS)).astype(int))


def report_grid(episodes: int, points: int) -> IntArray:
    """``points`` episodes with evenly spread logarithms, those of the exponent among them.

    >>> report_grid(10, 4).tolist()
    [1, 2, 5, 10]
    """
    spread = np.rint(np.geomspace(1.0, episodes, points) if points > 1 else [episodes])
    grid = np.unique(np.concatenate([spread.astype(np.int64), slope_episodes(episodes)]))
    return grid.astype(np.int64)


def growth_exponent(grid: IntArray, regret: FloatArray) -> float | None:
    """Least-squares slope of ln R(K_i) on ln K_i over the last decade.

    ``None`` where there are too few episodes, or no regret at the first of them.
    """
    chosen = slope_episodes(int(grid[-1]))
    if chosen.size == 0:
        return None
    values = regret[np.searchsorted(grid, chosen)]
    if not (values > 0.0).all():
        return None
    x, y = np.log(chosen.astype(np.float64)), np.log(values)
    x -= x.mean()
    return float(x @ y / (x @ x))
