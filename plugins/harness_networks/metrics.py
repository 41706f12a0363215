"""What network tasks measure, when curves are written down, and the floor that gaps are held to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import inf, sqrt

import numpy as np

from harness import Metric
from harness_networks.objectives import FloatArray
from harness_networks.optimizer import Known

__all__ = ["METRICS", "exact", "local_floor", "printed_floor", "time_grid"]

_FIRST_MOMENT, _LAST_MOMENT = 10, 1e12  # of the 1-2-5 grid of simulated time

METRICS = (
    Metric(
        name="gap",
        axis="time",
        between="step",
        description="f̄ − f̄* at the mean of the nodes' answers",
    ),
    Metric(
        name="worst_gap",
        axis="time",
        between="step",
        description="f̄ − f̄* at the worst node's answer",
    ),
    Metric(
        name="consensus",
        axis="time",
        between="step",
        description="root mean square distance of the nodes' answers from their mean",
    ),
    Metric(name="gap_over_epsilon", description="gap / ε"),
    Metric(
        name="gap_over_guarantee",
        direction="none",  # it would rank methods by how loose their theorems are
        description="gap over what the method's theorem says of it, proved or as printed",
    ),
    Metric(name="rounds", direction="none", description="iterations of the method"),
    Metric(name="subgradients", direction="none", description="sub-gradients a node"),
    Metric(name="communications", direction="none", description="communications with neighbours"),
    Metric(name="time", direction="none", description="1 a sub-gradient, τ a communication"),
    Metric(name="rounds_to_epsilon", description="rounds until the gap stays at most ε"),
    Metric(name="subgradients_to_epsilon", description="sub-gradients a node until then"),
    Metric(name="communications_to_epsilon", description="communications until then"),
    Metric(name="time_to_epsilon", description="simulated time until then"),
    Metric(
        name="communications_over_lower",
        description="communications to ε over those that the hardest instance needs: "
        "2Δ(RL_g/(36ε) − 1), Theorem 8",
    ),
    Metric(
        name="gap_over_hardest",
        description="gap over what no method can beat on the hardest instance of this network, "
        "L_ℓ and R in this time (Theorem 14)",
    ),
    Metric(
        name="communication_share",
        direction="none",
        description="share of simulated time in communication",
    ),
    Metric(name="diverged", type="share", description="whether the gap left the range of numbers"),
    Metric(name="nodes", direction="none", description="nodes of the network"),
    Metric(name="eigengap", direction="none", description="γ of the gossip matrix"),
    Metric(name="diameter", direction="none", unit="links", description="Δ of the network"),
    Metric(
        name="rounds_per_second",
        unit="rounds/s",
        direction="higher",
        is_cost=True,
        description="rounds a second of CPU time, compilation and measuring included only so far "
        "as the run itself measures",
    ),
)


def exact(metrics: Sequence[Metric]) -> tuple[Metric, ...]:
    """The metrics of a task without randomness: judged as they are, without an interval."""
    return tuple(each if each.is_cost else replace(each, type="exact") for each in metrics)


def time_grid() -> FloatArray:
    """The moments 10, 20, 50, 100, … at which curves are written down."""
    moments, decade = [], float(_FIRST_MOMENT)
    while decade < _LAST_MOMENT:
        moments += [decade, 2.0 * decade, 5.0 * decade]
        decade *= 10.0
    return np.array(moments)


def local_floor(known: Known, time: float) -> float:
    """What some instance keeps every black-box method's gap above at this time (Theorem 14)."""
    mixing = 1.0 / sqrt(known.gamma)
    waits = inf if known.tau == 0.0 else 2.0 * float(time) / (mixing * known.tau)
    return known.radius * known.l_local / 108.0 * printed_floor(waits, time)


def printed_floor(waits: float, time: float) -> float:
    """√(1/(1 + waits)² + 1/(1 + time)), of Theorems 8 and 14."""
    share = 1.0 / (1.0 + waits)
    return sqrt(share * share + 1.0 / (1.0 + time))
