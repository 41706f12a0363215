"""The metrics of episodic tasks."""

from __future__ import annotations

from harness import Metric

__all__ = ["METRICS"]

_OF_THE_REGRET = "the regret (exact where it is evaluated, else the sum of gaps)"

METRICS = (
    Metric(
        name="regret_exact",
        unit="reward",
        axis="episode",
        description="sum of V*(x_1) − V^π(x_1), each episode's policy evaluated exactly",
    ),
    Metric(
        name="regret_gaps",
        unit="reward",
        axis="episode",
        description="sum of the gaps of the actions taken: unbiased for regret_exact",
    ),
    Metric(
        name="gaps_minus_exact",
        unit="reward",
        direction="none",
        description="regret_gaps − regret_exact of one run; 0 in expectation",
    ),
    Metric(
        name="regret_raw",
        unit="raw reward",
        description=f"{_OF_THE_REGRET} in the environment's own units",
    ),
    Metric(
        name="regret_share",
        description=f"{_OF_THE_REGRET} over the sum of V*(x_1): 1 is no reward at all",
    ),
    Metric(
        name="regret_over_h4",
        description=f"{_OF_THE_REGRET} / √(H⁴SATι), ι = ln(SAT/.05)",
    ),
    Metric(
        name="regret_over_h3",
        description=f"{_OF_THE_REGRET} / √(H³SATι), ι = ln(SAT/.05)",
    ),
    Metric(
        name="regret_over_lower",
        description=f"{_OF_THE_REGRET} / √(H²SAT), the scale of the lower bound, not a bound",
    ),
    Metric(
        name="growth_exponent",
        description=f"slope of ln of {_OF_THE_REGRET} on ln K over the last decade",
    ),
    Metric(
        name="first_reward",
        unit="episode",
        description="first episode with a raw return above 0; censored at K where none came",
    ),
    Metric(
        name="optimism_violated",
        type="share",
        description="whether some updated estimate was below Q* by more than 1e-9",
    ),
    Metric(
        name="deepest_violation",
        unit="reward",
        description="largest Q* − Q of an updated estimate",
    ),
    Metric(
        name="mismatches",
        unit="episodes",
        description="episodes whose incremental values differ in a bit from full evaluation",
    ),
    Metric(
        name="steps_per_second",
        unit="steps/s",
        direction="higher",
        is_cost=True,
        description="environment steps a second of CPU time, compilation left out",
    ),
    Metric(
        name="seconds_per_step",
        unit="s",
        is_cost=True,
        description="CPU time of an environment step, compilation left out",
    ),
    Metric(
        name="state_bytes",
        unit="bytes",
        type="exact",
        description="size of the arrays that the agent keeps",
    ),
)
