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
from dataclasses import dataclass
from math import isnan
from time import process_time
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

import networkx as nx
import numpy as np
from annotated_types import Ge, Gt, Interval

from harness import Cell, Method, Metric, Outcome, Task
from harness.errors import DataMissing
from harness.kernels import coerce, specialise
from harness_networks import objectives
from harness_networks.gossip import Matrix, gossip_matrix, shape_of
from harness_networks.instance import (
    Instance,
    mean_at,
    refuse_non_convex,
    refuse_wrong_optimum,
)
from harness_networks.metrics import METRICS, local_floor, time_grid
from harness_networks.optimizer import (
    Channel,
    Facts,
    Known,
    Network,
    NetworkOptimizer,
    Ran,
    optimise,
    refuse_infinite,
)
from harness_networks.topologies import (
    BUILT_IN,
    DRAWN,
    Handling,
    count_nodes,
    draw_graph,
    is_zoo,
    real_graph,
    refuse_unknown,
)
from harness_networks.zoo import TOPOLOGY_ZOO, at_hand

__all__ = ["NetworkTask", "Oracles", "Prepared", "network_of"]

_CLOCK_TICK_S = 1e-9  # of process_time
_DEFAULT_X = 100.0
_ACCURACIES = ("x", "x_global", "x_start", "epsilon")


class Oracles(NamedTuple):
    """The two functions of a task that its drivers call."""

    subgradient: Callable[..., None]
    value: Callable[..., float]


class Prepared(NamedTuple):
    """A network with an instance on it, before a method comes."""

    graph: nx.Graph
    instance: Instance
    known: Known
    start_gap: float  # f̄(0) − f̄*


@dataclass(frozen=True, kw_only=True)
class NetworkTask(Task):
    """A sum of local objectives on a network, sub-gradients and messages at a price.

    Parameters
    ----------
    topology
        line, ring, grid, torus, star, complete, hypercube, erdos-renyi, geometric,
        barabasi-albert or regular; or a real network, which says how many nodes it has:
        karate, florentine, les-miserables, or one of the Internet Topology Zoo by the zoo's
        name (Abilene, Geant2012, …; see ``harness data path topology-zoo``).
    nodes
        Of the network, where it is not a real one.
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
    tau: Annotated[float, Interval(ge=0, le=1e12)] = 1.0
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
        refuse_infinite(self, but=("most_work",))
        if isnan(self.most_work):
            raise ValueError("most_work must be a number, got nan")
        refuse_unknown(self.topology)
        self._refuse_graph()
        if self.weights == "use" and self.matrix == "metropolis":
            raise ValueError("Metropolis weights are made of degrees: weights: use has no part")
        if len(self.asked()) > 1:
            raise ValueError(f"one accuracy can be asked for, got {' and '.join(self.asked())}")
        for name in ("tau", "budget", *_ACCURACIES):
            if getattr(self, name) < 0.0:
                raise ValueError(f"{name} must be at least 0, got {getattr(self, name)!r}")

    def _refuse_graph(self) -> None:
        """Refuse a graph that cannot be taken; one of the zoo so far as its file is here."""
        count = self.node_count()
        if self.nodes not in (count, type(self).nodes):
            told = f"{self.topology} has {count} nodes, not {self.nodes}"
            raise ValueError(f"{told}: leave nodes out")
        if self.topology in DRAWN and self._is_exact():
            raise ValueError(
                f"{self.topology} is drawn by the seed, but this task's metrics are the same for "
                "every seed"
            )
        folder = at_hand() if is_zoo(self.topology) else None
        if folder is None:
            return
        try:
            real_graph(self.topology, self.handling(), folder)
        except DataMissing:
            return  # the cells are skipped, and say so

    def asked(self) -> list[str]:
        """Which parameters ask for an accuracy."""
        return [name for name in _ACCURACIES if getattr(self, name)]

    def _is_exact(self) -> bool:
        return self.metrics[0].type == "exact"

    def node_count(self) -> int:
        """How many nodes the network has."""
        return count_nodes(self.topology, self.nodes, self.handling())

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
        if self.topology in BUILT_IN:
            return real_graph(self.topology, self.handling())
        if is_zoo(self.topology):
            return real_graph(self.topology, self.handling(), cell.data(TOPOLOGY_ZOO.name))
        is_drawn = self.topology in DRAWN
        seed = cell.task_stream.sub("graph").key % (1 << 32) if is_drawn else 0
        return draw_graph(self.topology, self.nodes, seed)

    def check(self, method: Method) -> None:
        """Refuse what is no program for a node."""
        if not isinstance(method, NetworkOptimizer):
            raise ValueError(f"{type(method).__name__} is no network optimiser")
        if method.is_random and self._is_exact():
            raise ValueError(
                f"{type(method).__name__} draws random numbers, but this task's metrics are the "
                "same for every seed"
            )

    def prepare(self, cell: Cell) -> Prepared:
        """The cell's network and instance, and what a method may know of them.

        Raises
        ------
        ValueError
            The deepest fault first: an objective that is not convex, an optimum that is none,
            one that is 0 itself, an accuracy that is met at the start.
        """
        graph = self.graph(cell)
        instance = self.instance(cell)
        if len(instance.objective.rows) != graph.number_of_nodes():
            raise ValueError(
                f"{self.topology} has {graph.number_of_nodes()} nodes, the objective has "
                f"{len(instance.objective.rows)}"
            )
        oracles = self.oracles()
        refuse_non_convex(instance, *oracles)
        refuse_wrong_optimum(instance, *oracles)
        if not instance.radius > 0.0 or not instance.l_local > 0.0:
            raise ValueError("the start 0 is a minimiser: there is nothing to do")
        start = np.zeros_like(instance.minimiser)
        start_gap = mean_at(instance.objective, start, oracles.value) - instance.minimum
        epsilon = self.accuracy(instance, start_gap)
        if not epsilon < start_gap:
            raise ValueError(
                f"ε = {epsilon:g} is not below the gap {start_gap:g} at the start: the bound "
                "would say nothing; ask for a higher accuracy (x_start asks by this gap). "
                f"R = {instance.radius:g}: where separable data put the minimiser far away, take "
                "fewer features or a ball"
            )
        return Prepared(graph, instance, self._known(graph, instance, epsilon), start_gap)

    def _known(self, graph: nx.Graph, instance: Instance, epsilon: float) -> Known:
        shape = shape_of(graph, self.matrix)
        return Known(
            nodes=graph.number_of_nodes(),
            dimension=instance.minimiser.size,
            radius=instance.radius,
            l_local=instance.l_local,
            l_global=instance.l_global,
            l_max=float(instance.lipschitz.max()),
            lam1=shape.lam1,
            gamma=shape.gamma,
            sigma2=shape.sigma2,
            diameter=shape.diameter,
            mean_degree=2.0 * graph.size(weight="weight") / graph.number_of_nodes(),
            tau=self.tau,
            eps=epsilon,
            budget=self.budget,
            ball=instance.ball,
        )

    def accuracy(self, instance: Instance, start_gap: float) -> float:
        """ε, as one of the four parameters asks for it."""
        if self.epsilon:
            return self.epsilon
        if self.x_global:
            return instance.radius * instance.l_global / self.x_global
        if self.x_start:
            return start_gap / self.x_start
        return 2.0 * instance.radius * instance.l_local / (self.x or _DEFAULT_X)

    def parameters_of(self, method: NetworkOptimizer, prepared: Prepared) -> Any:
        """The method's numbers for this cell; refuses an instance that it cannot serve."""
        method.check(prepared.known)
        return coerce(method.parameters(prepared.known))

    def too_long(self, parameters: Any, prepared: Prepared) -> str:
        """Why the run is left out, empty where it is not."""
        work = _work(parameters, prepared)
        if work <= self.most_work:
            return ""
        return f"{work:.2g} multiplications, more than most_work = {self.most_work:.2g}"

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
            parameters = self.parameters_of(method, prepared)
            if reason := self.too_long(parameters, prepared):
                yield Outcome.skip(cell, reason)
                continue
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
                np.zeros((2, known.nodes, method.width * known.dimension)),
                grid,
                curves,
            )

        run(parameters._replace(steps=0))  # a kernel compiles at its first call
        began = process_time()
        ran = run(parameters)
        seconds = process_time() - began
        final, censored = self.final(method, ran, prepared, parameters)
        final["rounds_per_second"] = final["rounds"] / max(seconds, _CLOCK_TICK_S)
        shown = grid <= ran.clock
        named = zip(("gap", "worst_gap", "consensus"), curves, strict=True)
        return Outcome(
            cell=cell,
            final=final,
            curves={name: (grid[shown], values[shown]) for name, values in named if shown.any()},
            facts=Facts(known, prepared.start_gap),
            censored=censored,
        )

    def final(
        self, method: NetworkOptimizer, ran: Ran, prepared: Prepared, parameters: Any
    ) -> tuple[dict[str, float], frozenset[str]]:
        """Metrics at the end, but for the speed; which of them are censored."""
        known = prepared.known
        is_reached = ran.reached_step > 0
        reached = (
            (ran.reached_subgradients, ran.reached_communications, ran.reached_clock)
            if is_reached
            else (ran.subgradients, ran.communications, ran.clock)
        )
        rounds, reached_rounds = (
            (step - method.first_is_silent) / parameters.period
            for step in (ran.steps, ran.reached_step if is_reached else ran.steps)
        )
        final = {
            "gap": ran.gap,
            "worst_gap": ran.worst_gap,
            "consensus": ran.consensus,
            "gap_over_epsilon": ran.gap / known.eps,
            "rounds": rounds,
            "subgradients": float(ran.subgradients),
            "communications": float(ran.communications),
            "time": ran.clock,
            "rounds_to_epsilon": reached_rounds,
            "subgradients_to_epsilon": float(reached[0]),
            "communications_to_epsilon": float(reached[1]),
            "time_to_epsilon": reached[2],
            "gap_over_hardest": ran.gap / local_floor(known, ran.clock),
            "diverged": float(ran.has_diverged),
            "nodes": float(known.nodes),
            "eigengap": known.gamma,
            "diameter": float(known.diameter),
        }
        if ran.clock > 0.0:
            final["communication_share"] = ran.communications * known.tau / ran.clock
        if bound := _bound_on_gap(method, self, Facts(known, prepared.start_gap)):
            final["gap_over_guarantee"] = ran.gap / bound
        least = 2.0 * known.diameter * (known.radius * known.l_global / (36.0 * known.eps) - 1.0)
        if least > 0.0:
            final["communications_over_lower"] = reached[1] / least
        late = {name for name in final if name.endswith(("_to_epsilon", "_over_lower"))}
        return final, frozenset() if is_reached else frozenset(late)


def _bound_on_gap(method: NetworkOptimizer, task: Task, facts: Facts) -> float:
    """The method's guarantee, or one that only its name vouches for; 0 where it has none."""
    bounds = [each for each in method.guarantees(task, facts) if each.metric == "gap"]
    return min(bounds, key=lambda each: each.name).value if bounds else 0.0


def _work(parameters: Any, prepared: Prepared) -> float:
    """Multiplications of a run, roughly: two a coefficient of the data, two a message."""
    inner = float(getattr(parameters, "inner", 1))
    return parameters.steps * inner * 2.0 * prepared.instance.objective.rows.size


_MATRIX: dict[Channel, Matrix] = {"laplacian": "laplacian", "stochastic": "metropolis"}


def network_of(
    graph: nx.Graph, method: NetworkOptimizer, matrix: Matrix, known: Known, cell: Cell
) -> Network:
    """The communication that the method's channel stands for, on this graph."""
    gossip = gossip_matrix(graph, _MATRIX.get(method.channel, matrix))
    stream = cell.method_stream
    degrees = np.array([degree for _, degree in sorted(graph.degree(weight="weight"))], dtype=float)
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
