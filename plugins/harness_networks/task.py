"""What the network tasks share: the network, the accuracy asked for, the clock, the metrics.

A task gives an instance (objective with its exact optimum), this module the network around it.
Accuracy is asked for in one of four ways, since its natural unit differs between theorems:

=============  ==========================================
parameter      ε
=============  ==========================================
``x``          2RL_ℓ / x (the default, with x = 100)
``x_global``   RL_g / x_global
``x_start``    (f̄(0) − f̄*) / x_start
``epsilon``    itself
=============  ==========================================
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf, sqrt
from time import process_time
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

import networkx as nx
import numpy as np
from annotated_types import Ge, Gt

from harness import Cell, Method, Metric, Outcome, Task
from harness.kernels import coerce, specialise
from harness_networks import objectives
from harness_networks.gossip import Matrix, Spectrum, gossip_matrix, spectrum
from harness_networks.instance import Instance, refuse_non_convex
from harness_networks.objectives import FloatArray
from harness_networks.optimizer import (
    Channel,
    Facts,
    Known,
    Network,
    NetworkOptimizer,
    Ran,
    optimise,
)
from harness_networks.topologies import (
    BUILT_IN,
    FAMILIES,
    Handling,
    check_size,
    connect,
    is_real,
    simple_graph,
)
from harness_networks.zoo import is_zoo, zoo_data

__all__ = [
    "METRICS",
    "NetworkTask",
    "Oracles",
    "Prepared",
    "exact",
    "local_floor",
    "network_of",
    "time_grid",
]

_CLOCK_TICK_S = 1e-9  # of process_time
_DEFAULT_X = 100.0
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
    waits = inf if known.tau == 0.0 else 2.0 * time / (mixing * known.tau)
    scale = known.radius * known.l_local / 108.0
    return scale * sqrt(1.0 / (1.0 + waits) ** 2 + 1.0 / (1.0 + time))


class Oracles(NamedTuple):
    """The two functions of a task that its drivers call."""

    subgradient: Callable[..., None]
    value: Callable[..., float]


class Prepared(NamedTuple):
    """A network with an instance on it, before a method comes."""

    graph: nx.Graph
    instance: Instance
    known: Known


@dataclass(frozen=True, kw_only=True)
class NetworkTask(Task):
    """A sum of local objectives on a network, sub-gradients and messages at a price.

    Parameters
    ----------
    topology, nodes
        See :mod:`harness_networks.topologies`; real graphs say how many nodes they have.
    matrix
        The gossip matrix: the graph's Laplacian, or I − P with Metropolis weights.
    tau
        Time of one communication; a sub-gradient takes 1.
    x, x_global, x_start, epsilon
        The accuracy asked for; at most one is set.
    budget
        Time that a run may take; 0: as long as the method's design for ε says.
    links, weights, components
        What to do with parallel links or loops, weights, several components.
    most_work
        Cells that need more multiplications than this are skipped.
    """

    accepts: ClassVar[type[Method]] = NetworkOptimizer
    metrics: ClassVar[tuple[Metric, ...]] = METRICS
    subgradient: ClassVar[Callable[..., None]] = staticmethod(objectives.slopes_oracle)
    value: ClassVar[Callable[..., float]] = staticmethod(objectives.slopes_at)

    topology: str = "grid"
    nodes: Annotated[int, Ge(2)] = 16
    matrix: Literal["laplacian", "metropolis"] = "laplacian"
    tau: Annotated[float, Ge(0)] = 1.0
    x: Annotated[float, Ge(0)] = 0.0
    x_global: Annotated[float, Ge(0)] = 0.0
    x_start: Annotated[float, Ge(0)] = 0.0
    epsilon: Annotated[float, Ge(0)] = 0.0
    budget: Annotated[float, Ge(0)] = 0.0
    links: Literal["refuse", "merge"] = "refuse"
    weights: Literal["refuse", "ignore", "use"] = "refuse"
    components: Literal["refuse", "largest"] = "refuse"
    most_work: Annotated[float, Gt(0)] = 1e11

    def __post_init__(self) -> None:
        if not (is_real(self.topology) or self.topology in FAMILIES):
            names = ", ".join([*FAMILIES, *BUILT_IN, "zoo-…"])
            raise ValueError(f"no topology is called {self.topology!r}; there are {names}")
        if self.topology in FAMILIES:
            check_size(self.topology, self.nodes)
        elif self.topology in BUILT_IN:
            simple_graph(connect(self.topology, 0, 0, None), self.topology, self.handling())
        if not self.tau >= 0.0:
            raise ValueError(f"tau must be at least 0, got {self.tau!r}")
        asked = [name for name in ("x", "x_global", "x_start", "epsilon") if getattr(self, name)]
        if len(asked) > 1:
            raise ValueError(f"one accuracy can be asked for, got {' and '.join(asked)}")
        if any(not getattr(self, name) >= 0.0 for name in ("x", "x_global", "x_start", "epsilon")):
            raise ValueError("the accuracy asked for must be above 0")

    @abstractmethod
    def instance(self, cell: Cell) -> Instance:
        """The objective of this cell with its optimum, for ``node_count`` nodes."""

    def oracles(self) -> Oracles:
        """Sub-gradient and value of a node's objective, as the drivers call them."""
        return Oracles(type(self).subgradient, type(self).value)

    def handling(self) -> Handling:
        """How to take a graph that is not simple, connected and without weights."""
        return Handling(self.links, self.weights, self.components)

    def graph(self, cell: Cell) -> nx.Graph:
        """The network of this cell: random families are drawn from the task's stream."""
        seed = cell.task_stream.sub("graph").key % (1 << 32)
        file = cell.data(zoo_data(self.topology)) if is_zoo(self.topology) else None
        graph = connect(self.topology, self.nodes, seed, file)
        return simple_graph(graph, self.topology, self.handling())

    def check(self, method: Method) -> None:
        """Refuse what is no program for a node."""
        if not isinstance(method, NetworkOptimizer):
            raise ValueError(f"{type(method).__name__} is no network optimiser")
        if method.is_random and all(metric.type == "exact" for metric in self.metrics[:1]):
            raise ValueError(
                f"{type(method).__name__} draws random numbers, but this task's metrics are the "
                "same for every seed"
            )

    def prepare(self, cell: Cell) -> Prepared:
        """The cell's network and instance, and what a method may know of them.

        Raises
        ------
        ValueError
            When the optimum is 0 itself, or the accuracy is met at the start.
        """
        graph = self.graph(cell)
        instance = self.instance(cell)
        if len(instance.objective.rows) != graph.number_of_nodes():
            raise ValueError(
                f"{self.topology} has {graph.number_of_nodes()} nodes, the objective has "
                f"{len(instance.objective.rows)}"
            )
        own = spectrum(gossip_matrix(graph, self.matrix))
        known = self._known(graph, instance, own)
        if not known.radius > 0.0 or not known.l_local > 0.0:
            raise ValueError("the start 0 is a minimiser: there is nothing to do")
        start_gap = instance.start_gap
        if not known.eps < start_gap:
            raise ValueError(
                f"ε = {known.eps:g} is not below the gap {start_gap:g} at the start: the bound "
                "would say nothing; ask for a higher accuracy"
            )
        return Prepared(graph, instance, known)

    def _known(self, graph: nx.Graph, instance: Instance, own: Spectrum) -> Known:
        nodes = graph.number_of_nodes()
        stochastic = spectrum_of_stochastic(graph)
        return Known(
            nodes=nodes,
            dimension=instance.minimiser.size,
            radius=instance.radius,
            l_local=instance.l_local,
            l_global=instance.l_global,
            l_max=float(instance.lipschitz.max()),
            lam1=own.lam1,
            gamma=own.gamma,
            sigma2=stochastic,
            diameter=nx.diameter(graph),
            mean_degree=2.0 * graph.number_of_edges() / nodes,
            tau=self.tau,
            eps=self._epsilon(instance),
            budget=self.budget,
            ball=instance.ball,
        )

    def _epsilon(self, instance: Instance) -> float:
        if self.epsilon:
            return self.epsilon
        if self.x_global:
            return instance.radius * instance.l_global / self.x_global
        if self.x_start:
            return instance.start_gap / self.x_start
        return 2.0 * instance.radius * instance.l_local / (self.x or _DEFAULT_X)

    def evaluate(self, method: Method, cells: Sequence[Cell]) -> Iterator[Outcome]:
        """One run a cell; the method is compiled once for all of them."""
        assert isinstance(method, NetworkOptimizer), "check() refuses others"
        kernel = specialise(
            optimise,
            init=method.init,
            step=method.step,
            answer=method.answer,
            **self.oracles()._asdict(),
        )
        for cell in cells:
            prepared = self.prepare(cell)
            parameters = coerce(method.parameters(prepared.known))
            method.check(prepared.known)
            work = _work(parameters, prepared)
            if work > self.most_work:
                yield Outcome.skip(
                    cell, f"{work:.2g} multiplications, more than most_work = {self.most_work:.2g}"
                )
                continue
            refuse_non_convex(prepared.instance, *self.oracles())
            yield self._outcome(cell, method, kernel, prepared, parameters)

    def _outcome(
        self,
        cell: Cell,
        method: NetworkOptimizer,
        kernel: Callable[..., Ran],
        prepared: Prepared,
        parameters: Any,
    ) -> Outcome:
        known = coerce(prepared.known)
        network = network_of(prepared.graph, method, self.matrix, known, cell)
        instance = prepared.instance
        grid = time_grid()
        curves = np.zeros((3, grid.size))
        shape = (known.nodes, method.vectors, known.dimension)

        def run(parameters: Any) -> Ran:
            return kernel(
                parameters,
                known,
                network,
                coerce(instance.objective),
                instance.minimum,
                np.zeros(shape),
                np.zeros((method.workspace, known.dimension)),
                np.zeros((known.nodes, method.width * known.dimension)),
                grid,
                curves,
            )

        run(parameters._replace(steps=0))  # a kernel compiles at its first call
        began = process_time()
        ran = run(parameters)
        seconds = process_time() - began
        rounds = (ran.steps - method.first_is_silent) / parameters.period
        final, censored = self.final(ran, prepared, parameters)
        final["rounds"] = rounds
        final["rounds_per_second"] = rounds / max(seconds, _CLOCK_TICK_S)
        reached = (ran.reached_step - method.first_is_silent) / parameters.period
        final["rounds_to_epsilon"] = reached if ran.reached_step else rounds
        shown = grid <= ran.clock
        named = zip(("gap", "worst_gap", "consensus"), curves, strict=True)
        return Outcome(
            cell=cell,
            final=final,
            curves={name: (grid[shown], values[shown]) for name, values in named if shown.any()},
            facts=Facts(known, instance.start_gap),
            censored=censored,
        )

    def final(
        self, ran: Ran, prepared: Prepared, parameters: Any
    ) -> tuple[dict[str, float], frozenset[str]]:
        """Metrics at the end, but for those in rounds; which of them are censored."""
        known = prepared.known
        is_reached = ran.reached_step > 0
        reached = (
            (ran.reached_subgradients, ran.reached_communications, ran.reached_clock)
            if is_reached
            else (ran.subgradients, ran.communications, ran.clock)
        )
        final = {
            "gap": ran.gap,
            "worst_gap": ran.worst_gap,
            "consensus": ran.consensus,
            "gap_over_epsilon": ran.gap / known.eps,
            "subgradients": float(ran.subgradients),
            "communications": float(ran.communications),
            "time": ran.clock,
            "subgradients_to_epsilon": float(reached[0]),
            "communications_to_epsilon": float(reached[1]),
            "time_to_epsilon": reached[2],
            "gap_over_hardest": ran.gap / local_floor(known, ran.clock),
            "diverged": float(ran.has_diverged),
            "eigengap": known.gamma,
            "diameter": float(known.diameter),
        }
        if ran.clock > 0.0:
            final["communication_share"] = ran.communications * known.tau / ran.clock
        least = 2.0 * known.diameter * (known.radius * known.l_global / (36.0 * known.eps) - 1.0)
        if least > 0.0:
            final["communications_over_lower"] = reached[1] / least
        late = {name for name in final if name.endswith(("_to_epsilon", "_over_lower"))}
        censored = frozenset() if is_reached else frozenset({*late, "rounds_to_epsilon"})
        return final, censored


def _work(parameters: Any, prepared: Prepared) -> float:
    """Multiplications of a run, roughly: two a coefficient of the data, two a message."""
    inner = float(getattr(parameters, "inner", 1))
    return parameters.steps * inner * 2.0 * prepared.instance.objective.rows.size


def spectrum_of_stochastic(graph: nx.Graph) -> float:
    """Second largest absolute eigenvalue of I − W with Metropolis weights."""
    found = spectrum(gossip_matrix(graph, "metropolis"))
    return float(min(1.0 - 1e-15, max(1.0 - found.gamma * found.lam1, abs(1.0 - found.lam1))))


_MATRIX: dict[Channel, Matrix] = {"laplacian": "laplacian", "stochastic": "metropolis"}


def network_of(
    graph: nx.Graph, method: NetworkOptimizer, matrix: Matrix, known: Known, cell: Cell
) -> Network:
    """The communication that the method's channel stands for, on this graph."""
    gossip = gossip_matrix(graph, _MATRIX.get(method.channel, matrix))
    stream = cell.method_stream
    degrees = np.array([degree for _, degree in sorted(graph.degree)], dtype=np.float64)
    keys = [stream.sub("node", node).key for node in range(known.nodes)]
    is_centre = method.channel == "centre"
    return coerce(
        Network(
            starts=gossip.indptr.astype(np.int64),
            neighbours=gossip.indices.astype(np.int64),
            weights=gossip.data,
            degrees=degrees,
            keys=np.array(keys, dtype=np.int64),
            shared_key=stream.sub("shared").key,
            is_mean=is_centre or method.channel == "tree",
            hops=0 if is_centre else 2 * known.diameter if method.channel == "tree" else 1,
            work=float(known.nodes) if is_centre else 1.0,
            first_is_silent=method.first_is_silent,
        )
    )
