"""Scales and explicit guarantees of the paper, with the constants that its proofs give.

=======  =============  ===================================================
paper    here           what
=======  =============  ===================================================
p        ``p``          failure probability of one of three events
ι        ``log_term``   ln(S A T / p), T = K H planned
c        ``c``          scale of the Hoeffding bonus
t*       ``cap_visits`` visits up to which UCB-B's bonus is its Hoeffding cap
=======  =============  ===================================================

Source: Jin et al. 2018, Theorems 1 and 2; constants from their proofs; Azar et al. 2017.
"""

from __future__ import annotations

from math import e, inf, log, sqrt

from harness import Bound
from harness_mdp.agent import Facts

__all__ = [
    "cap_visits",
    "hoeffding_scale",
    "log_term",
    "q_learning_guarantee",
    "regret_guarantee",
    "ucbvi_log",
]


def log_term(facts: Facts, p: float) -> float:
    """ι = ln(S A T / p)."""
    steps = float(facts.episodes) * facts.horizon
    return log(facts.states * facts.actions * steps / p)


def hoeffding_scale(facts: Facts, c: float, p: float) -> float:
    """B of the bonus b_t = B/√t: c √(H³ι), computed once as floats."""
    horizon = float(facts.horizon)
    return c * sqrt(horizon * horizon * horizon * log_term(facts, p))


def q_learning_guarantee(facts: Facts, scale: float, p: float) -> float:
    """Regret that is exceeded with probability at most 3p, from the proof of Theorem 1.

    ``scale`` is 4c for UCB-H and c2 for UCB-B on its cap: half the factor of √(H³ι/t) that
    bounds Q − Q*, times (1 + 1/H)^H ≤ e and the sum over visits.
    """
    horizon, steps = float(facts.horizon), float(facts.episodes) * facts.horizon
    pairs = float(facts.states * facts.actions)
    iota = log_term(facts, p)
    unvisited = (e - 1.0) * pairs * horizon * horizon
    bonuses = 2.0 * (e - 1.0) * scale * sqrt(horizon**4 * pairs * steps * iota)
    martingale = e / sqrt(2.0) * horizon * sqrt(steps * log(1.0 / p))
    return unvisited + bonuses + martingale


def cap_visits(facts: Facts, ratio: float, p: float) -> float:
    """t*: no triple visited more often than this ever leaves UCB-B's Hoeffding cap.

    ``ratio`` is c2/c1, both scales of c1 equal; ``inf`` where the cap is smaller for ever.
    """
    horizon = float(facts.horizon)
    margin = ratio - 1.0 / sqrt(horizon)
    if margin <= 0.0:
        return inf
    pairs = facts.states * facts.actions
    return horizon**4 * pairs * log_term(facts, p) / (margin * margin)


def ucbvi_log(facts: Facts, delta: float) -> float:
    """L = ln(5 S A T / δ) of UCBVI's bonuses."""
    return log(5.0) + log_term(facts, delta)


def regret_guarantee(facts: Facts, value: float, delta: float, source: str) -> Bound:
    """A bound on the exact regret with probability 1 − ``delta``; trivial from T on."""
    return Bound(
        metric="regret_exact",
        role="guarantee",
        value=value,
        holds="with_probability",
        delta=delta,
        trivial=float(facts.episodes) * facts.horizon,
        source=source,
    )
