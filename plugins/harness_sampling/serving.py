"""Which method can serve which body and target: what a refusal at planning offers instead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness_sampling.problem import Body, Target
    from harness_sampling.sampler import Sampler

__all__ = ["NEEDS", "Unserved", "check_served", "methods_for", "refuse_unserved"]

# What each needs of a body; "gradient": a bounded gradient of the target; "face": the simplex's.
NEEDS: Mapping[str, frozenset[str]] = {
    "sampling/projected-langevin": frozenset({"projection", "gradient"}),
    "sampling/richardson-langevin": frozenset({"projection", "gradient"}),
    "sampling/hit-and-run": frozenset({"chord"}),
    "sampling/coordinate-hit-and-run": frozenset({"axis"}),
    "sampling/ball-walk": frozenset({"membership"}),
    "sampling/dikin-walk": frozenset({"facets", "membership"}),
    "sampling/myula": frozenset({"projection", "gradient", "surroundings"}),
    "sampling/mirrored-langevin": frozenset({"face"}),
    "sampling/projected-sgld": frozenset({"projection", "gradient", "minibatch"}),
}

_GIVES_NO_DRAWS = frozenset({"sampling/richardson-langevin"})

_WORDS = {
    "projection": "a projection",
    "gradient": "a potential with a bounded gradient",
    "chord": "chords",
    "axis": "chords along coordinates",
    "membership": "a membership test",
    "facets": "facets {Ax ≤ b}, not too many",
    "face": "the simplex's face",
    "surroundings": "room around the body, since its draws leave it",
    "minibatch": "a target with minibatch gradients (sampling/logistic)",
}


class Unserved(ValueError):
    """A method lacks something that it needs of a body or a target."""


def _given(body: Body, target: Target) -> frozenset[str]:
    given = set(body.serves)
    if target.lipschitz(body) < float("inf"):
        given.add("gradient")
    if body.flat == body.dimension:
        given.add("surroundings")
    if body.name == "simplex":
        given.add("face")
    if hasattr(target, "with_batch"):
        given.add("minibatch")
    return frozenset(given)


def methods_for(body: Body, target: Target, *, wants_draws: bool = True) -> tuple[str, ...]:
    """Names of the methods that can sample ``target`` on ``body``."""
    given = _given(body, target)
    unfit = _GIVES_NO_DRAWS if wants_draws else frozenset()
    return tuple(name for name, needs in NEEDS.items() if needs <= given and name not in unfit)


def refuse_unserved(name: str, body: Body, target: Target) -> None:
    """Raise :class:`Unserved` if the method ``name`` cannot sample ``target`` on ``body``."""
    missing = sorted(NEEDS[name] - _given(body, target))
    if missing:
        raise Unserved(
            f"{name} needs {' and '.join(_WORDS[each] for each in missing)}, which the "
            f"{target.name} law on the body {body.name!r} does not have"
        )


def check_served(method: Sampler, body: Body, target: Target, *, wants_draws: bool) -> None:
    """Let the method refuse; what it lacks is told with the methods that lack nothing.

    Raises
    ------
    ValueError
        With the reason.
    """
    try:
        method.check(body, target)
    except Unserved as refusal:
        able = ", ".join(methods_for(body, target, wants_draws=wants_draws)) or "none here"
        raise ValueError(f"{refusal}; methods that can: {able}") from refusal
