"""Exact values of metrics: by projected Langevin's own law on a box, else by the target's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from harness import Bound
from harness_sampling.exact import ExactLaw
from harness_sampling.measures import shown_mean
from harness_sampling.problem import Body, Target, facts_of
from harness_sampling.projected_langevin import ProjectedLangevin
from harness_sampling.sampler import Sampler
from harness_sampling.stationary import boundary_share_of, is_solvable, stationary_law

__all__ = ["predicted_bounds"]

_CHAIN = "exact stationary law of the discretised chain"
_TARGET = "exact law of the target"


def predicted_bounds(
    method: Sampler, body: Body, target: Target, law: ExactLaw | None
) -> Sequence[Bound]:
    """Exact values; the target's carry the name ``target`` where the chain's own are known."""
    of_chain = _of_chain(method, body, target, law)
    named = "target" if of_chain else ""
    of_target = []
    if law is not None and np.isfinite(law.mean).all():
        of_target.append(_exact("mean", shown_mean(body, law.mean), _TARGET, named))
    if law is not None and np.isfinite(law.second_moment).all():
        second = float(law.second_moment.mean())
        of_target.append(_exact("second_moment", second, _TARGET, named))
    return [*of_chain, *of_target]


def _exact(metric: str, value: float, source: str, name: str = "") -> Bound:
    return Bound(metric=metric, role="exact", value=value, source=source, name=name)


def _of_chain(method: Sampler, body: Body, target: Target, law: ExactLaw | None) -> list[Bound]:
    """Of runs of projected Langevin on a box whose coordinates are alike."""
    runs = method.runs()
    plain = all(type(each) is ProjectedLangevin for _, each in runs)
    shape = _coordinate(body, target)
    if not plain or shape is None or law is None:
        return []
    facts = facts_of(body, target, 1)
    steps = [each.step_size(facts) for _, each in runs]  # type: ignore[attr-defined]
    if not all(is_solvable(step, **shape) for step in steps):
        return []
    laws = [stationary_law(step, **shape) for step in steps]
    weighted = list(zip((weight for weight, _ in runs), laws, strict=True))
    found = [
        _exact("mean", sum(weight * each.mean for weight, each in weighted), _CHAIN),
        _exact(
            "second_moment", sum(weight * each.second_moment for weight, each in weighted), _CHAIN
        ),
    ]
    if len(laws) > 1:
        return found
    own = laws[0]
    found.append(_exact("coordinate_boundary_share", own.boundary_share, _CHAIN))
    share = boundary_share_of(body.dimension, own.boundary_share)
    found.append(_exact("boundary_share", share, _CHAIN))
    if law.has_marginals:
        found.append(_exact("ks", own.ks(lambda t: law.cdf(0, t)), _CHAIN))
        found.append(_exact("wasserstein", own.wasserstein(lambda t: law.cdf(0, t)), _CHAIN))
    if target.is_uniform and law.has_gauge:
        found.append(_exact("ks_gauge", share, _CHAIN))
    return found


def _coordinate(body: Any, target: Any) -> dict[str, float] | None:
    """Ends, and slope and curvature of the potential, where all coordinates are alike."""
    if body.name != "box" or np.ptp(body.low) or np.ptp(body.high):
        return None
    ends = {"low": float(body.low[0]), "high": float(body.high[0])}
    if target.is_uniform:
        return ends
    if target.name == "gaussian":
        return {**ends, "curvature": 2.0 * target.a}
    if target.name == "tilt" and not np.ptp(target.c):
        return {**ends, "slope": float(target.c[0])}
    return None
