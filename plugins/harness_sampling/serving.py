"""Which method can serve which body and target: what a refusal at planning offers instead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness_sampling.problem import Body, Target

__all__ = ["NEEDS", "methods_for", "refuse_unserved"]

# What each needs of a body; "gradient": a bounded gradient of the target; "face": the simplex's.
NEEDS: Mapping[str, frozenset[str]] = {
    "sampling/projected-langevin": frozenset({"projection", "gradient"}),
    "sampling/richardson-langevin": frozenset({"projection", "gradient"}),
    "sampling/hit-and-run": frozenset({"chord"}),
    "sampling/coordinate-hit-and-run": frozenset({"axis"}),
    "sampling/ball-walk": frozenset({"membership"}),
    "sampling/dikin-walk": frozenset({"facets", "membership"}),
    "sampling/myula": frozenset({"projection", "gradient"}),
    "sampling/mirrored-langevin": frozenset({"face"}),
    "sampling/projected-sgld": frozenset({"projection", "gradient", "minibatch"}),
}

_WORDS = {
    "projection": "a projection",
    "gradient": "a potential with a bounded gradient",
    "chord": "chords",
    "axis": "chords along coordinates",
    "membership": "a membership test",
    "facets": "facets {Ax ≤ b}, not too many",
    "face": "the simplex's face",
    "minibatch": "a target with minibatch gradients (sampling/logistic)",
}


def _given(body: Body, target: Target) -> frozenset[str]:
    given = set(body.serves)
    if target.lipschitz(body) < float("inf"):
        given.add("gradient")
    if body.name == "simplex":
        given.add("face")
    if hasattr(target, "with_batch"):
        given.add("minibatch")
    return frozenset(given)


def methods_for(body: Body, target: Target) -> tuple[str, ...]:
    """Names of the methods that can sample ``target`` on ``body``."""
    given = _given(body, target)
    return tuple(name for name, needs in NEEDS.items() if needs <= given)


def refuse_unserved(name: str, body: Body, target: Target) -> None:
    """Raise ``ValueError`` if the method ``name`` cannot sample ``target`` on ``body``."""
    target.check(body)
    missing = sorted(NEEDS[name] - _given(body, target))
    if missing:
        raise ValueError(
            f"{name} needs {' and '.join(_WORDS[each] for each in missing)}, which the "
            f"{target.name} law on the body {body.name!r} does not have; methods that can: "
            f"{', '.join(methods_for(body, target))}"
        )
