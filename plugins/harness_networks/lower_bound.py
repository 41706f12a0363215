"""The instances on which no black-box method is fast: a chain of coordinates between two ends.

=======  ==================  ==============================================================
paper    here                what
=======  ==================  ==============================================================
t        ``horizon``         up to here nobody is below the floor; nothing is claimed later
Δ        ``distance``        between the ends
k        ``links``           ⌊t/(2Δτ)⌋ + 1
l        ``tail``            ⌊t⌋ + 1
γ_w      ``weight``          L/(9√k)
β        ``pull``            γ_w(1 + 1/√(2k))
δ        ``lift``            L/9
α        ``curvature``       (L/(9R)) √(1/k² + 1/l)
F        ``floor``           (γ_w²/(2k) + δ²/l)/(2α)
=======  ==================  ==============================================================

The next coordinate of the chain is learnt at alternating ends only, so it takes a journey of Δτ;
``violations`` counts the moments at which a memory is ahead of that (Lemma 23). ``form: global``
puts the pieces on the two ends of a path (appendix B.1), ``form: local`` on a third of it each
(appendix C.1).

The oracle resists: sign(0) = 0 and ties go to the smallest index. What a method does within a
step is seen at the step's end.

Source: Scaman et al. 2019, Theorems 8 and 14, appendices B.1 and C.1; the floor is sharper than
the theorems.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import floor, inf, pi, sqrt, tan
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

import networkx as nx
import numpy as np
from annotated_types import Ge, Gt, Interval

from harness import Bound, Cell, Method, Metric, Outcome
from harness.kernels import coerce, specialise
from harness_networks.gossip import line_of_eigengap
from harness_networks.instance import Instance
from harness_networks.metrics import local_floor, printed_floor
from harness_networks.objectives import (
    ALPHA,
    CHAIN,
    EVEN,
    FIRST,
    LAST,
    LENGTH,
    ODD,
    TAIL,
    FloatArray,
    Objective,
    chain_at,
    chain_oracle,
    mean_value,
    no_chain,
)
from harness_networks.optimizer import (
    Known,
    Network,
    NetworkOptimizer,
    advance,
    collect,
)
from harness_networks.task import NetworkTask, network_of

__all__ = ["Chain", "LowerBound", "Watched", "watch"]

_ROUNDING = 1e-9
_MOST_COORDINATES = 100_000


class Chain(NamedTuple):
    """The numbers of a construction with L = R = 1."""

    distance: int
    links: int
    tail: int
    weight: float
    pull: float
    lift: float
    curvature: float

    @property
    def dimension(self) -> int:
        """D."""
        return 2 * self.links + self.tail + 1

    @property
    def minimum(self) -> float:
        """f̄*, in closed form."""
        ahead = self.pull - self.weight
        square = ahead * ahead + self.weight**2 / (2 * self.links) + self.lift**2 / self.tail
        return -square / (2.0 * self.curvature)

    @property
    def floor(self) -> float:
        """F."""
        square = self.weight**2 / (2 * self.links) + self.lift**2 / self.tail
        return square / (2.0 * self.curvature)

    @property
    def minimiser(self) -> FloatArray:
        """θ*, in closed form; its norm is 1."""
        point = np.empty(self.dimension)
        point[0] = (self.pull - self.weight) / self.curvature
        point[1 : 2 * self.links + 1] = self.weight / (2 * self.links * self.curvature)
        point[2 * self.links + 1 :] = -self.lift / (self.tail * self.curvature)
        return point

    @classmethod
    def of(cls, horizon: float, distance: int, tau: float) -> Chain:
        """The construction for a horizon; with τ = 0 a link a unit of time."""
        links = floor(_journeys(horizon, distance, tau)) + 1
        tail = floor(horizon) + 1
        weight = 1.0 / (9.0 * sqrt(links))
        return cls(
            distance=distance,
            links=links,
            tail=tail,
            weight=weight,
            pull=weight * (1.0 + 1.0 / sqrt(2.0 * links)),
            lift=1.0 / 9.0,
            curvature=sqrt(1.0 / links**2 + 1.0 / tail) / 9.0,
        )


def _journeys(horizon: float, distance: int, tau: float) -> float:
    """There and back in the time; one in each unit where communication costs none."""
    return horizon / (2.0 * distance * tau) if tau else horizon


class Watched(NamedTuple):
    """What was seen up to a moment."""

    steps: int
    clock: float
    lowest_gap: float
    violations: int


def watch(
    init: Callable[..., None],
    step: Callable[..., None],
    answer: Callable[..., None],
    subgradient: Callable[..., None],
    value: Callable[..., float],
    parameters: Any,
    known: Known,
    network: Network,
    objective: Objective,
    optimum: float,
    chained: int,
    pace: float,
    until: float,
    state: FloatArray,
    work: FloatArray,
    messages: FloatArray,
) -> Watched:
    """Run a method up to a moment, looking at every memory and every answer after each step.

    ``chained`` is how many coordinates the chain has, ``pace`` 1 + Δτ.
    """
    nodes = state.shape[0]
    calls = np.zeros(nodes, dtype=np.int64)
    uncounted = np.zeros(nodes, dtype=np.int64)
    answers = np.zeros((nodes + 1, state.shape[2]))
    for i in range(nodes):
        init(parameters, known, state[i], messages[0, i])
    lowest = mean_value(value, objective, answers[nodes], uncounted) - optimum
    clock, asked, violations = 0.0, 0, 0
    for t in range(1, parameters.steps + 1):
        sent = 0 if t == 1 and network.first_is_silent else network.hops
        most = advance(
            step, subgradient, parameters, known, network, objective,
            t, state, work, messages, calls,
        )  # fmt: skip
        spent = sent * known.tau + (most - asked) * network.work
        if clock + spent > until:
            return Watched(t - 1, clock, lowest, violations)
        clock, asked = clock + spent, most
        collect(answer, parameters, t, state, answers)
        for i in range(2 * nodes + 1):
            point = answers[i] if i <= nodes else state[i - nodes - 1, 0]
            lowest = min(lowest, mean_value(value, objective, point, uncounted) - optimum)
        allowed = floor((clock - 1.0) / pace) + 1
        if furthest(state, chained) > allowed:
            violations += 1
    return Watched(parameters.steps, clock, lowest, violations)


def furthest(state: FloatArray, chained: int) -> int:
    """The largest coordinate of the chain, from 1, that is not 0 in some memory."""
    found = 0
    for i in range(state.shape[0]):
        for vector in range(state.shape[1]):
            for c in range(found, chained):
                if state[i, vector, c] != 0.0:
                    found = c + 1
    return found


@dataclass(frozen=True, kw_only=True)
class LowerBound(NetworkTask):
    """A path on which, up to a moment, nobody can be below the floor.

    Parameters
    ----------
    horizon
        t.
    form
        ``global`` or ``local``.
    eigengap
        γ of the path, by a weaker first link, between those of the paths with as many nodes
        and with one more; 0: the path's own.
    averaging
        What the mean over all nodes costs: ``hops`` is honest (2Δ communications); ``once`` and
        ``free`` are a network that is complete in secret, controls that must break the floor or
        the chain's pace.
    watched
        How long is looked, over t; beyond 1 nothing is claimed.
    """

    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric(
            name="lowest_gap",
            type="exact",
            description="smallest f̄ − f̄* of any node's answer or iterate, or of the mean answer",
        ),
        Metric(name="lowest_over_floor", type="exact", description="the same over F"),
        Metric(
            name="lowest_over_theorem",
            type="exact",
            description="the same over the value printed in Theorem 8 (global) or 14 (local)",
        ),
        Metric(
            name="violations",
            type="exact",
            description="steps after which a memory is further along the chain than its pace",
        ),
        Metric(name="start_over_floor", type="exact", direction="none", description="at 0"),
        Metric(name="steps", type="exact", direction="none", description="steps looked at"),
    )

    subgradient: ClassVar = staticmethod(chain_oracle)
    value: ClassVar = staticmethod(chain_at)

    topology: str = "line"
    horizon: Annotated[float, Gt(0)] = 20.0
    form: Literal["global", "local"] = "global"
    eigengap: Annotated[float, Interval(ge=0, le=1)] = 0.0
    averaging: Literal["hops", "once", "free"] = "hops"
    watched: Annotated[float, Ge(1)] = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.topology != "line":
            raise ValueError(f"the construction is on a line, got {self.topology!r}")
        if self.asked():
            raise ValueError(f"ε is the construction's floor: {self.asked()[0]} has no part")
        if self.form == "local" and self.nodes < 3:
            raise ValueError("form: local needs at least 3 nodes")
        coordinates = 2.0 * _journeys(self.horizon, self._distance(), self.tau) + self.horizon
        if coordinates > _MOST_COORDINATES:
            raise ValueError(
                f"the construction has {coordinates:.3g} coordinates, more than "
                f"{_MOST_COORDINATES:,}: take a longer tau or a shorter horizon"
            )
        if self.eigengap:
            self._refuse_eigengap()

    def _refuse_eigengap(self) -> None:
        """Refuse an eigengap that the proof of Theorem 14 has no path of this length for."""
        if self.form != "local":
            raise ValueError("eigengap goes with form: local")
        if self.matrix != "laplacian":
            raise ValueError(f"eigengap is of the Laplacian, got matrix: {self.matrix}")
        own, longer = (tan(pi / (2 * nodes)) ** 2 for nodes in (self.nodes, self.nodes + 1))
        if not longer * (1.0 - _ROUNDING) <= self.eigengap <= own * (1.0 + _ROUNDING):
            raise ValueError(
                f"eigengap must lie between {longer:g} and {own:g} with {self.nodes} nodes, got "
                f"{self.eigengap:g}"
            )

    def graph(self, cell: Cell) -> nx.Graph:
        """The path, its first link weaker where an eigengap is asked for."""
        return line_of_eigengap(self.nodes, self.eigengap) if self.eigengap else super().graph(cell)

    def chain(self) -> Chain:
        """The construction's numbers."""
        return Chain.of(self.horizon, self._distance(), self.tau)

    def _distance(self) -> int:
        """Links between the two ends."""
        return self.nodes - 2 * self._share() + 1

    def _share(self) -> int:
        """How many nodes at each end have a piece."""
        return 1 if self.form == "global" else (self.nodes + 1) // 3

    def bounds(self) -> Sequence[Bound]:
        """The floor; the theorem's printed value is below it."""
        return (
            Bound(
                metric="lowest_gap",
                role="lower_bound",
                value=self.chain().floor,
                source="Scaman et al. 2019, appendices B.1 and C.1, up to the horizon",
            ),
        )

    def accuracy(self, instance: Instance, start_gap: float) -> float:
        """The floor: nobody is meant to get below it."""
        return self.chain().floor

    def instance(self, cell: Cell) -> Instance:
        """The construction, closed form and all."""
        chain, share = self.chain(), self._share()
        pieces = no_chain(self.nodes)
        pieces[:, ALPHA] = chain.curvature
        pieces[:, LENGTH], pieces[:, TAIL] = chain.links, chain.tail
        times = self.nodes / share
        pieces[:share, EVEN] = times * chain.weight
        pieces[:share, FIRST] = times * chain.pull
        pieces[-share:, ODD] = times * chain.weight
        pieces[-share:, LAST] = times * chain.lift
        slopes = 2.0 * chain.links * (pieces[:, ODD] + pieces[:, EVEN]) ** 2
        ends = pieces[:, FIRST] ** 2 + pieces[:, LAST] ** 2
        objective = Objective(
            CHAIN,
            -1.0,
            np.zeros((self.nodes, 1, chain.dimension)),
            np.zeros((self.nodes, 1)),
            pieces,
        )
        return Instance(
            objective=objective,
            minimiser=chain.minimiser,
            minimum=chain.minimum,
            lipschitz=np.sqrt(slopes + ends) + chain.curvature,
            l_global=1.0,
            radius=1.0,
            ball=inf,
        )

    def printed_bound(self, known: Known) -> float:
        """The theorem's own value at the horizon, for L = R = 1."""
        if self.form == "local":
            return local_floor(known._replace(radius=1.0, l_local=1.0), self.horizon)
        waits = self.horizon / (2.0 * (self.nodes - 1) * self.tau) if self.tau else inf
        return printed_floor(waits, self.horizon) / 36.0

    def evaluate(self, method: Method, cells: Sequence[Cell]) -> Iterator[Outcome]:
        """One run a cell, up to the horizon."""
        assert isinstance(method, NetworkOptimizer), "check() refuses others"
        kernel = specialise(
            watch,
            init=method.init,
            step=method.step,
            answer=method.answer,
            **self.oracles()._asdict(),
        )
        chain = self.chain()
        for cell in cells:
            prepared = self.prepare(cell)
            known, instance = coerce(prepared.known), prepared.instance
            network = network_of(prepared.graph, method, self.matrix, known, cell)
            if network.is_mean and self.averaging != "hops":
                network = network._replace(hops=1 if self.averaging == "once" else 0)
            seen = kernel(
                self.parameters_of(method, prepared),
                known,
                network,
                coerce(instance.objective),
                instance.minimum,
                2 * chain.links + 1,
                1.0 + chain.distance * self.tau,
                self.horizon * self.watched,
                np.zeros((known.nodes, method.vectors, known.dimension)),
                np.zeros((method.workspace, known.dimension)),
                np.zeros((2, known.nodes, method.width * known.dimension)),
            )
            yield Outcome(
                cell=cell,
                final={
                    "lowest_gap": seen.lowest_gap,
                    "lowest_over_floor": seen.lowest_gap / chain.floor,
                    "lowest_over_theorem": seen.lowest_gap / self.printed_bound(known),
                    "violations": float(seen.violations),
                    "start_over_floor": prepared.start_gap / chain.floor,
                    "steps": float(seen.steps),
                },
            )
