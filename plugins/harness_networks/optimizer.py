"""The kind ``NetworkOptimizer``: a program that every node runs, and the loop that runs it.

=======  ==================  ============================================================
paper    here                what
=======  ==================  ============================================================
n, d     ``nodes``, ``dimension``  of the network, of the vector sought
θ_i      ``answer``          node i's present answer
R        ``radius``          a minimiser's distance from the start 0
L_ℓ      ``l_local``         root mean square of the Lipschitz constants L_i of the f_i
L_g      ``l_global``        Lipschitz constant of the mean f̄
λ_1, γ   ``lam1``, ``gamma``  largest eigenvalue, eigengap of the gossip matrix
Δ        ``diameter``        of the network
τ        ``tau``             time of one communication; a sub-gradient takes 1
ε        ``eps``             accuracy that the run is designed for
=======  ==================  ============================================================

A method sees its own node only: its own vectors, what the last communication brought, and an
oracle for its own objective. The task keeps the clock, counts both, and measures; the same
program runs on a simulated network here and on real processes in :mod:`harness_networks.real`.

Source: Scaman et al. 2019, section 2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, sqrt
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np

from harness import Method
from harness.kernels import static_functions
from harness_networks.objectives import FloatArray, IntArray, Objective, local_of, mean_value

__all__ = [
    "Channel",
    "Facts",
    "Known",
    "Network",
    "NetworkOptimizer",
    "Node",
    "Ran",
    "exchange",
    "optimise",
]

Channel = Literal["gossip", "laplacian", "stochastic", "tree", "centre"]

OVERFLOW = 1e30  # a gap beyond it is a run that diverged
DENSE_STEPS = 128  # every step up to here is measured, then steps 5 % apart
DENSE_RATIO = 1.05


class Known(NamedTuple):
    """All that the theorems let a method know of the network and its objective."""

    nodes: int
    dimension: int
    radius: float
    l_local: float
    l_global: float
    l_max: float
    lam1: float
    gamma: float
    sigma2: float  # second largest absolute eigenvalue of the stochastic matrix
    diameter: int
    mean_degree: float
    tau: float
    eps: float
    budget: float = 0.0  # time that the run may take; 0: as long as its design says
    ball: float = inf  # the answer must lie in the ball of this radius around 0


class Facts(NamedTuple):
    """What an instance decided, for the guarantees: the knowledge, and f̄(0) − f̄*."""

    known: Known
    start_gap: float


class Node(NamedTuple):
    """What a node knows of itself: its degree, a key of its own, and one that all share."""

    degree: float
    key: int
    shared_key: int


class Network(NamedTuple):
    """A communication as the task carries it out; a method never sees it.

    ``is_mean``: everyone gets the mean over all nodes (up and down a spanning tree), otherwise
    row i of the matrix times the messages.
    """

    starts: IntArray  # (nodes + 1,)
    neighbours: IntArray  # (entries,) ascending in each row, the diagonal included
    weights: FloatArray  # (entries,)
    degrees: FloatArray  # (nodes,)
    keys: IntArray  # (nodes,)
    shared_key: int
    is_mean: bool
    hops: int  # communications that it counts for
    work: float  # units of time that a sub-gradient takes
    first_is_silent: bool  # the first communication carries nothing and is left out


class Ran(NamedTuple):
    """How a run went: counts at its end, and when the gap was at most ε for good."""

    steps: int
    clock: float
    subgradients: int
    communications: int
    gap: float
    worst_gap: float
    consensus: float
    reached_step: int  # 0: never
    reached_clock: float
    reached_subgradients: int
    reached_communications: int
    has_diverged: bool


@dataclass(frozen=True, kw_only=True)
class NetworkOptimizer(Method):
    """A program for one node; every node runs the same.

    Subclasses define ``init``, ``step`` and ``answer`` as plain functions of the class body;
    they become static, are compiled where they compile and run as plain Python where they
    don't, with the same results. Before each step the messages of all nodes are exchanged
    over the method's ``channel``: a node receives

    - ``gossip``: row i of the task's gossip matrix W times the messages,
    - ``laplacian``, ``stochastic``: the same with the Laplacian, with I − P (P Metropolis),
    - ``tree``: the mean over all nodes, at the price of 2Δ communications,
    - ``centre``: the same for nothing, but a sub-gradient costs n units of time.

    ``vectors`` is how many vectors a node keeps, ``width`` how many a message has.
    """

    channel: ClassVar[Channel] = "gossip"
    vectors: ClassVar[int] = 1
    width: ClassVar[int] = 1
    first_is_silent: ClassVar[bool] = False
    is_random: ClassVar[bool] = False

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        static_functions(cls, "init", "step", "answer")

    def parameters(self, known: Known) -> Any:
        """What the three functions get first: a NamedTuple with ``steps`` and ``period``.

        ``steps`` is the length of the run; costs of steps repeat with ``period``.
        """
        raise NotImplementedError

    def check(self, known: Known) -> None:
        """Refuse an instance that the method cannot serve: ``ValueError`` with the reason."""
        return

    @staticmethod
    def init(parameters: Any, known: Known, own: FloatArray, message: FloatArray) -> None:
        """Fill the node's vectors (vectors, d) and first message (width · d,); both are 0."""
        return

    @staticmethod
    def step(
        parameters: Any,
        known: Known,
        node: Node,
        t: int,
        own: FloatArray,
        received: FloatArray,
        message: FloatArray,
        subgradient: Callable[..., None],
        local: Any,
    ) -> None:
        """Step ``t`` (from 1): use what was received, write the next message.

        ``subgradient(local, point, out)`` is the oracle; ``local`` is for it alone.
        """
        raise NotImplementedError

    @staticmethod
    def answer(parameters: Any, t: int, own: FloatArray, out: FloatArray) -> None:
        """Write the node's answer after ``t`` steps."""
        raise NotImplementedError


def exchange(network: Network, message: FloatArray, received: FloatArray) -> None:
    """One communication. Sums run over neighbours in ascending order, so that a node that adds
    up what came over real links gets the same bits.
    """
    nodes, width = message.shape
    if network.is_mean:
        for c in range(width):
            received[0, c] = message[0, c]
        for i in range(1, nodes):
            for c in range(width):
                received[0, c] += message[i, c]
        for c in range(width):
            received[0, c] /= nodes
        for i in range(1, nodes):
            for c in range(width):
                received[i, c] = received[0, c]
        return
    for i in range(nodes):
        first, end = network.starts[i], network.starts[i + 1]
        j, weight = network.neighbours[first], network.weights[first]
        for c in range(width):
            received[i, c] = weight * message[j, c]
        for entry in range(first + 1, end):
            j, weight = network.neighbours[entry], network.weights[entry]
            for c in range(width):
                received[i, c] += weight * message[j, c]


class Measured(NamedTuple):
    """How good the nodes' answers are at one moment."""

    gap: float
    worst_gap: float
    consensus: float


def measure(
    value: Callable[..., float],
    answers: FloatArray,
    mean: FloatArray,
    objective: Objective,
    optimum: float,
    calls: IntArray,
) -> Measured:
    """Gap of the mean answer and of the worst node, root mean square distance from the mean."""
    nodes = answers.shape[0]
    gap = mean_value(value, objective, mean, calls) - optimum
    worst, spread = gap, 0.0
    for i in range(nodes):
        worst = max(worst, mean_value(value, objective, answers[i], calls) - optimum)
        for c in range(mean.size):
            away = answers[i, c] - mean[c]
            spread += away * away
    return Measured(gap, worst, sqrt(spread / nodes))


def collect(
    answer: Callable[..., None],
    parameters: Any,
    t: int,
    state: FloatArray,
    answers: FloatArray,
    mean: FloatArray,
) -> None:
    """Ask every node for its answer; the mean of all."""
    nodes, dimension = answers.shape
    for c in range(dimension):
        mean[c] = 0.0
    for i in range(nodes):
        answer(parameters, t, state[i], answers[i])
        for c in range(dimension):
            mean[c] += answers[i, c]
    for c in range(dimension):
        mean[c] /= nodes


def advance(
    step: Callable[..., None],
    subgradient: Callable[..., None],
    parameters: Any,
    known: Known,
    network: Network,
    objective: Objective,
    t: int,
    state: FloatArray,
    received: FloatArray,
    message: FloatArray,
    calls: IntArray,
) -> None:
    """Every node's step ``t``; one after the other, since they do not see each other."""
    for i in range(state.shape[0]):
        node = Node(network.degrees[i], network.keys[i], network.shared_key)
        local = local_of(objective, i, calls)
        step(
            parameters, known, node, t, state[i], received[i], message[i], subgradient, local
        )


def optimise(
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
    state: FloatArray,
    message: FloatArray,
    grid: FloatArray,
    curves: FloatArray,
) -> Ran:
    """Run a method's steps on a simulated network, and measure along simulated time.

    Parameters
    ----------
    init, step, answer
        The method.
    subgradient, value
        The task's: of a :class:`~harness_networks.objectives.Local` at a point.
    state : (nodes, vectors, d) float64
        Zeros; every node's vectors, at the end the last ones.
    message : (nodes, width · d) float64
        Zeros.
    grid : (points,) float64
        Moments of the clock, increasing.
    curves : (3, points) float64
        Written: gap, worst node's gap and consensus distance of the last answers that were
        ready at each moment.
    """
    nodes, dimension = state.shape[0], state.shape[2]
    received = np.zeros_like(message)
    calls = np.zeros(nodes, dtype=np.int64)
    uncounted = np.zeros(nodes, dtype=np.int64)
    answers = np.zeros((nodes, dimension))
    mean = np.zeros(dimension)
    for i in range(nodes):
        init(parameters, known, state[i], message[i])
    found = measure(value, answers, mean, objective, optimum, uncounted)
    for point in range(grid.size):
        curves[0, point], curves[1, point] = found.gap, found.worst_gap
        curves[2, point] = found.consensus
    gap, clock, before, window = found.gap, 0.0, 0, 0.0
    communications, dense, start = 0, 1, 0
    reached, reached_clock, reached_calls, reached_hops = 0, 0.0, 0, 0
    has_diverged = False
    t = 0
    while t < parameters.steps and not has_diverged:
        t += 1
        if not (t == 1 and network.first_is_silent):
            exchange(network, message, received)
            communications += network.hops
            clock += network.hops * known.tau
        advance(
            step, subgradient, parameters, known, network, objective, t, state, received, message, calls
        )
        most = 0
        for i in range(nodes):
            most = max(most, calls[i])
        clock += (most - before) * network.work
        # The answers stand until the next step is done: so long as a step can take.
        window = max(window, (most - before) * network.work + network.hops * known.tau)
        before = most
        while start < grid.size and grid[start] < clock:
            start += 1
        is_known = t > parameters.period
        is_due = start < grid.size and (not is_known or grid[start] < clock + window)
        if is_due or t == dense or t == parameters.steps:
            if t == dense:
                dense = t + 1 if t < DENSE_STEPS else int(t * DENSE_RATIO) + 1
            collect(answer, parameters, t, state, answers, mean)
            gap = mean_value(value, objective, mean, uncounted) - optimum
            if not gap <= OVERFLOW:
                has_diverged, gap = True, OVERFLOW
            if gap > known.eps:
                reached = 0
            elif reached == 0:
                reached, reached_clock = t, clock
                reached_calls, reached_hops = before, communications
        if is_due and not has_diverged:
            found = measure(value, answers, mean, objective, optimum, uncounted)
            for point in range(start, grid.size):
                if is_known and grid[point] >= clock + window:
                    break
                curves[0, point], curves[1, point] = found.gap, found.worst_gap
                curves[2, point] = found.consensus
    worst, consensus = OVERFLOW, OVERFLOW
    if not has_diverged:
        found = measure(value, answers, mean, objective, optimum, uncounted)
        worst, consensus = found.worst_gap, found.consensus
    return Ran(
        t, clock, before, communications, gap, worst, consensus,
        reached, reached_clock, reached_calls, reached_hops, has_diverged,
    )  # fmt: skip
