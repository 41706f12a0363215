"""The kind ``Sampler``: a Markov chain on a convex body, many chains at a time.

=======  =================  ==============================================================
paper    here               what
=======  =================  ==============================================================
n        ``dimension``      of the space; ``flat`` is that of the body's affine hull
r, R     ``inner_radius``, ``outer_radius``  radii about the body's centre
L, β     ``lipschitz``, ``smoothness``  of the potential f on the body
X_k      ``x``              (chains, n) the chains after k steps
η        ``step`` of a method  variance of one increment of the noise
P_K      ``project``        nearest point of the body
=======  =================  ==============================================================

A batch of chains is one array, a row a chain. A method sees its chains, and of the body and the
target only :class:`Oracles`, which count each call. Draws are addressed by (key, step, place), and
a chain's places do not depend on how many chains follow it: 16 chains are the first 16 of 64.

Source: Bubeck, Eldan & Lehec 2015.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from harness import Method
from harness.kernels import parameters_tuple, static_functions
from harness_sampling.arrays import FloatArray

if TYPE_CHECKING:
    from harness_sampling.problem import Body, Target

__all__ = [
    "CHORD",
    "GRADIENT",
    "MEMBERSHIP",
    "ORACLES",
    "POTENTIAL",
    "PROJECTION",
    "REFRESH_EVERY",
    "Facts",
    "Oracles",
    "Sampler",
    "advance",
]

BoolArray = npt.NDArray[np.bool_]

# Places in the counts of oracle calls; a call on a batch counts once a chain.
GRADIENT, PROJECTION, MEMBERSHIP, CHORD, POTENTIAL = range(5)
ORACLES = ("gradient", "projection", "membership", "chord", "potential")

# What a body tracks along the chain (slacks of a polytope) is computed anew so often.
REFRESH_EVERY = 64


class Facts(NamedTuple):
    """All that a method may know before the first step."""

    dimension: int
    flat: int  # dimension of the body's affine hull: less than ``dimension`` on a simplex's face
    chains: int
    inner_radius: float
    outer_radius: float
    lipschitz: float  # sup |∇f| on the body; inf where there is none
    smoothness: float  # Lipschitz constant of ∇f; inf where there is none
    is_uniform: bool
    centre: FloatArray  # (n,) of the radii
    facets: FloatArray  # (m, n) of {Ax ≤ b}; m = 0 where the body is no polytope
    offsets: FloatArray  # (m,)
    concentration: FloatArray  # (n,) α of a Dirichlet target, else (0,)


class Oracles(NamedTuple):
    """What a step may ask, on whole batches; the first argument is the task's record.

    Points, directions and gradients are (chains, n), what comes a chain is (chains,).

    - ``gradient(target, points, key, k, out)``: ∇f at each point (``key``, ``k`` for minibatches)
    - ``potential(target, points, out)``: f at each point
    - ``along(target, points, directions, low, high, key, k, out)``: for each chain a t from the
      target's law on the chord, whose ends are ``low`` and ``high``
    - ``project(body, points)``: each point replaced by the nearest one of the body
    - ``project_sum(project, body, points, noise, sd)``: by the nearest one to point + sd · noise
    - ``contains(body, points, out)``: 1.0 where the point lies in the body, else 0.0
    - ``chords(body, points, directions, low, high)``: ends t of {x + t u in the body}
    - ``axis_chords(body, points, axes, low, high)``: the same along coordinate ``axes`` (chains,)
    - ``follow(body, points, t)``: tell the body that points moved by ``t`` along the last chords
    """

    gradient: Callable[..., None]
    potential: Callable[..., None]
    along: Callable[..., None]
    project: Callable[..., None]
    contains: Callable[..., None]
    chords: Callable[..., None]
    axis_chords: Callable[..., None]
    follow: Callable[..., None]
    project_sum: Callable[..., None]


@dataclass(frozen=True, kw_only=True)
class Sampler(Method):
    """A Markov chain, run for many chains at a time.

    Subclasses define ``step`` as a plain function of the class body; it becomes static, is compiled
    where it compiles and runs as plain Python where it doesn't, with the same results. It writes
    into ``x`` and the arrays of ``state`` only.
    """

    has_draws: ClassVar[bool] = True  # False: gives expectations only, by weights of several runs

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        static_functions(cls, "step")

    def check(self, body: Body, target: Target) -> None:
        """Refuse what the method cannot serve: ``ValueError`` with the reason."""
        return

    def parameters(self, facts: Facts) -> Any:
        """What ``step`` gets first: by default a NamedTuple of the fields."""
        own = {each.name: getattr(self, each.name) for each in fields(self)}
        return parameters_tuple(type(self))(**own)

    def state(self, facts: Facts) -> Any:
        """Arrays that the chain keeps or works in, as a NamedTuple; called before step 1."""
        return Blank(np.zeros(1))

    def runs(self) -> tuple[tuple[float, Sampler], ...]:
        """Chains whose expectations, times these weights, add up to the method's answer."""
        return ((1.0, self),)

    def steps_allowed(self, facts: Facts) -> int | None:
        """How many steps the method's own schedule asks for; ``None``: as many as one likes."""
        return None

    @staticmethod
    def step(
        parameters: Any,
        facts: Facts,
        k: int,
        key: int,
        state: Any,
        x: FloatArray,
        oracles: Oracles,
        target: Any,
        body: Any,
    ) -> bool:
        """Step ``k`` (from 1) of every chain; ``False`` if a gradient or potential is NaN."""
        raise NotImplementedError


class Blank(NamedTuple):
    """The state of a chain that needs none."""

    nothing: FloatArray  # (1,)


def advance(
    step: Callable[..., bool],
    observe: Callable[..., None],
    gradient: Callable[..., None],
    potential: Callable[..., None],
    along: Callable[..., None],
    project: Callable[..., None],
    contains: Callable[..., None],
    chords: Callable[..., None],
    axis_chords: Callable[..., None],
    follow: Callable[..., None],
    refresh: Callable[..., None],
    project_sum: Callable[..., None],
    parameters: Any,
    facts: Facts,
    target: Any,
    body: Any,
    record: Any,
    state: Any,
    x: FloatArray,
    key: int,
    first: int,
    last: int,
    every: int,
) -> int:
    """Steps ``first`` … ``last`` of all chains; the step that failed, or 0.

    ``observe(record, body, x, k)`` is called after each step that ``every`` divides. Splitting a
    run into two calls changes no bit.
    """
    oracles = Oracles(
        gradient, potential, along, project, contains, chords, axis_chords, follow, project_sum
    )
    for k in range(first, last + 1):
        if (k - 1) % REFRESH_EVERY == 0:
            refresh(body, x)
        if not step(parameters, facts, k, key, state, x, oracles, target, body):
            return k
        if k % every == 0:
            observe(record, body, x, k)
    return 0
