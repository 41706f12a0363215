"""How many steps the theorem asks for: an order, whose constants and logarithms it does not give.

With both set to 1 here, the number is one to show beside a measured count. It confirms nothing and
refutes nothing: as a guarantee it is vacuous, and a claim that names it is told so.

=======  ==================  =====================================
paper    here                what
=======  ==================  =====================================
n        ``dimension``       of the body
R/r      ``ratio``           radius around the body over that within
L, β     of the ``facts``    sup |∇f|, and Lipschitz constant of ∇f
ε        ``eps``             accuracy in total variation
=======  ==================  =====================================

Source: Bubeck, Eldan & Lehec 2015, the main theorem as remembered.
"""

from __future__ import annotations

from math import inf, log10
from typing import TYPE_CHECKING

from harness import Bound

if TYPE_CHECKING:
    from harness_sampling.sampler import Facts

__all__ = ["order_bound", "theorem_steps", "uniform_steps"]

_MOST = 308.0  # decimal exponent of a double


def uniform_steps(dimension: int, ratio: float, eps: float) -> float:
    """(R/r)⁶ n⁷ ε⁻⁸, for a uniform target; inf beyond the largest double."""
    return _number(6 * log10(ratio) + 7 * log10(dimension) - 8 * log10(eps))


def theorem_steps(facts: Facts, eps: float) -> float:
    """(R/r)⁶ max(n, RL, Rβ)¹² ε⁻¹² in units of r = 1, or that of a uniform target."""
    ratio = facts.outer_radius / facts.inner_radius
    if facts.is_uniform:
        return uniform_steps(facts.flat, ratio, eps)
    size = max(
        float(facts.flat),
        facts.outer_radius * facts.lipschitz,
        facts.outer_radius * facts.inner_radius * facts.smoothness,
    )
    return _number(6 * log10(ratio) + 12 * log10(size) - 12 * log10(eps))


def order_bound(metric: str, steps: float) -> tuple[Bound, ...]:
    """The order beside a metric that counts steps; nothing where it is no number."""
    if steps == inf:
        return ()
    return (
        Bound(
            metric=metric,
            role="guarantee",
            value=steps,
            holds="in_expectation",
            trivial=0.0,  # without its constant it says nothing, whatever its value
            source="Bubeck, Eldan & Lehec 2015, main theorem: the order, its constant set to 1",
        ),
    )


def _number(exponent: float) -> float:
    return 10.0**exponent if exponent < _MOST else inf
