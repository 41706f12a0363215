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
from dataclasses import dataclass, fields
from math import inf, isfinite, sqrt
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
    "advance",
    "average",
    "next_look",
    "optimise",
    "receive",
    "refuse_infinite",
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

    degree: float  # its links' weights added up, where weights are used
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

    ``vectors`` is how many vectors a node keeps, ``workspace`` how many it needs within a step
    (nothing in them lasts), ``width`` how many a message has. The first of a node's vectors is
    its iterate.
    """

    channel: ClassVar[Channel] = "gossip"
    vectors: ClassVar[int] = 1
    workspace: ClassVar[int] = 1
    width: ClassVar[int] = 1
    first_is_silent: ClassVar[bool] = False
    is_random: ClassVar[bool] = False

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        static_functions(cls, "init", "step", "answer")

    def __post_init__(self) -> None:
        refuse_infinite(self)

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
        work: FloatArray,
        received: FloatArray,
        message: FloatArray,
        subgradient: Callable[..., None],
        local: Any,
    ) -> None:
        """Step ``t`` (from 1): use what was received, write the next message.

        ``message`` holds what the node sent last until it is overwritten.

        ``subgradient(local, point, out)`` is the oracle; ``local`` is for it alone.
        """
        raise NotImplementedError

    @staticmethod
    def answer(parameters: Any, t: int, own: FloatArray, out: FloatArray) -> None:
        """Write the node's answer after ``t`` steps."""
        raise NotImplementedError


def refuse_infinite(thing: Any, but: tuple[str, ...] = ()) -> None:
    """Refuse parameters that are no finite numbers, except those in ``but``."""
    for each in fields(thing):
        value = getattr(thing, each.name)
        if isinstance(value, float) and not isfinite(value) and each.name not in but:
            raise ValueError(f"{each.name} must be a finite number, got {value!r}")


def receive(network: Network, sent: FloatArray, node: int, received: FloatArray) -> None:
    """What one node receives of all that was sent. The sum runs over neighbours in ascending
    order, so that a node that adds up what came over real links gets the same bits.
    """
    entry, end = network.starts[node], network.starts[node + 1]
    first, weight = sent[network.neighbours[entry]], network.weights[entry]
    for c in range(received.size):
        received[c] = weight * first[c]
    entry += 1
    # Two at a time: a quarter faster than one, and more are no faster.
    while entry + 1 < end:
        one, weight = sent[network.neighbours[entry]], network.weights[entry]
        two, other = sent[network.neighbours[entry + 1]], network.weights[entry + 1]
        for c in range(received.size):
            received[c] = (received[c] + weight * one[c]) + other * two[c]
        entry += 2
    if entry < end:
        last, weight = sent[network.neighbours[entry]], network.weights[entry]
        for c in range(received.size):
            received[c] += weight * last[c]


def average(sent: FloatArray, mean: FloatArray) -> None:
    """The mean over all nodes, added up in ascending order."""
    nodes = sent.shape[0]
    for c in range(mean.size):
        mean[c] = sent[0, c]
    for i in range(1, nodes):
        for c in range(mean.size):
            mean[c] += sent[i, c]
    for c in range(mean.size):
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
    work: FloatArray,
    messages: FloatArray,
    calls: IntArray,
) -> int:
    """One communication and every node's step ``t``, in turn; most calls of a node so far.

    Nothing is left in ``work`` for the next node: what is read there before it is written is NaN.
    A node receives into a buffer of its own and steps at once, so that on large networks what
    was received never travels to memory and back. ``messages`` (2, nodes, width · d) are those
    sent and those for the next communication; the two change places with each step.
    """
    nodes, width = messages.shape[1], messages.shape[2]
    sent, following = messages[(t - 1) % 2], messages[t % 2]
    received, mean = np.zeros(width), np.zeros(width)
    is_silent = t == 1 and network.first_is_silent
    if network.is_mean and not is_silent:
        average(sent, mean)
    most = 0
    for i in range(nodes):
        if network.is_mean or is_silent:
            for c in range(width):
                received[c] = mean[c]
        else:
            receive(network, sent, i, received)
        for vector in range(work.shape[0]):
            for c in range(work.shape[1]):
                work[vector, c] = np.nan
        message = following[i]
        for c in range(width):
            message[c] = sent[i, c]
        node = Node(network.degrees[i], network.keys[i], network.shared_key)
        local = local_of(objective, i, calls)
        step(
            parameters,
            known,
            node,
            t,
            state[i],
            work,
            received,
            message,
            subgradient,
            local,
        )
        most = max(most, calls[i])
    return most


def collect(
    answer: Callable[..., None], parameters: Any, t: int, state: FloatArray, answers: FloatArray
) -> None:
    """Every node's answer, and their mean in the last row: (nodes + 1, d)."""
    nodes, dimension = state.shape[0], answers.shape[1]
    mean = answers[nodes]
    for c in range(dimension):
        mean[c] = 0.0
    for i in range(nodes):
        answer(parameters, t, state[i], answers[i])
        for c in range(dimension):
            mean[c] += answers[i, c]
    for c in range(dimension):
        mean[c] /= nodes


def spread_of(answers: FloatArray) -> float:
    """Root mean square distance of the rows from the last one."""
    nodes = answers.shape[0] - 1
    total = 0.0
    for i in range(nodes):
        for c in range(answers.shape[1]):
            away = answers[i, c] - answers[nodes, c]
            total += away * away
    return sqrt(total / nodes)


def next_look(t: int) -> int:
    """The next step after ``t`` whose answers are measured."""
    return t + 1 if t < DENSE_STEPS else int(t * DENSE_RATIO) + 1


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
    work: FloatArray,
    messages: FloatArray,
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
    work : (workspace, d) float64
        Room for one node's step.
    messages : (2, nodes, width · d) float64
        Zeros.
    grid : (points,) float64
        Moments of the clock, increasing.
    curves : (3, points) float64
        Written: gap, worst node's gap and consensus distance of the last answers that were
        ready at each moment.
    """
    nodes, dimension = state.shape[0], state.shape[2]
    calls = np.zeros(nodes, dtype=np.int64)
    uncounted = np.zeros(nodes, dtype=np.int64)
    answers = np.zeros((nodes + 1, dimension))
    for i in range(nodes):
        init(parameters, known, state[i], messages[0, i])
    gap, worst, consensus = 0.0, 0.0, 0.0
    clock, window, asked, hops, point, dense = 0.0, 0.0, 0, 0, 0, 0
    reached, reached_clock, reached_asked, reached_hops = 0, 0.0, 0, 0
    has_diverged = False
    for t in range(parameters.steps + 1):
        if t > 0:
            sent = 0 if t == 1 and network.first_is_silent else network.hops
            most = advance(
                step, subgradient, parameters, known, network, objective,
                t, state, work, messages, calls,
            )  # fmt: skip
            clock += sent * known.tau + (most - asked) * network.work
            window = max(window, network.hops * known.tau + (most - asked) * network.work)
            hops, asked = hops + sent, most
        # These answers stand until the next step is done: no longer than a step can take.
        until = clock + window if t > parameters.period else np.inf
        while point < grid.size and grid[point] < clock:
            point += 1
        is_whole = t == parameters.steps or (point < grid.size and grid[point] < until)
        if not is_whole and t < dense:
            continue
        if t >= dense:
            dense = next_look(t)
        if t > 0:
            collect(answer, parameters, t, state, answers)
        # The mean's gap last; the nodes' only where all of it is written down.
        for i in range(0 if is_whole else nodes, nodes + 1):
            gap = mean_value(value, objective, answers[i], uncounted) - optimum
            worst = gap if i == 0 else max(worst, gap)
        if not gap <= OVERFLOW:
            gap, worst, has_diverged = OVERFLOW, OVERFLOW, True
        if gap > known.eps:
            reached = 0
        elif reached == 0:
            reached, reached_clock, reached_asked, reached_hops = t, clock, asked, hops
        if is_whole:
            consensus = min(spread_of(answers), OVERFLOW)
            for later in range(point, grid.size):
                if grid[later] >= until:
                    break
                curves[0, later], curves[1, later], curves[2, later] = gap, worst, consensus
        if has_diverged:
            return Ran(t, clock, asked, hops, gap, worst, gap, 0, 0.0, 0, 0, True)
    return Ran(
        parameters.steps, clock, asked, hops, gap, worst, consensus,
        reached, reached_clock, reached_asked, reached_hops, False,
    )  # fmt: skip
