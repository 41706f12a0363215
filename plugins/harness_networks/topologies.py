"""Networks of nodes: families with closed-form eigengaps, random graphs, and real ones.

==================  ==============================================================
name                graph
==================  ==============================================================
line, ring          path and cycle
grid                a × b, as square as the number of nodes allows
torus               the grid with its ends joined
star, complete      one hub; all pairs
hypercube           2^D nodes
erdos-renyi         each pair with probability 2 ln(n)/n
geometric           points of the unit square at distance at most sqrt(ln(n)/n)
barabasi-albert     two links a new node
regular             random, four links a node: an expander
karate, florentine, les-miserables
                    networkx's own real graphs
zoo-…               the Internet Topology Zoo, as under ``HARNESS_DATA``
==================  ==============================================================

Random graphs are drawn again until they are connected. A real graph says how many nodes there
are. What is no simple connected graph is refused, unless a parameter says how to make it one.

Sources: Knight et al. 2011 for the zoo; networkx for its graphs.
"""

from __future__ import annotations

from collections.abc import Callable
from math import log, sqrt
from pathlib import Path
from typing import Literal, NamedTuple

import networkx as nx

from harness_networks.zoo import is_zoo

__all__ = [
    "BUILT_IN",
    "FAMILIES",
    "Handling",
    "check_size",
    "connect",
    "is_real",
    "simple_graph",
]

_DRAWS = 200  # of a random graph, before it is called too sparse


class Handling(NamedTuple):
    """What to do with a graph that is not simple, connected and without weights."""

    links: Literal["refuse", "merge"] = "refuse"  # parallel links, loops, directions
    weights: Literal["refuse", "ignore", "use"] = "refuse"
    components: Literal["refuse", "largest"] = "refuse"


def connect(topology: str, nodes: int, seed: int, file: Path | None = None) -> nx.Graph:
    """The graph called ``topology``, as it comes; ``nodes`` is ignored for real graphs.

    Raises
    ------
    ValueError
        For an unknown name, or a number of nodes that the family does not have.
    """
    if file is not None:
        return nx.read_graphml(file)
    if topology in BUILT_IN:
        return BUILT_IN[topology]()
    if topology not in FAMILIES:
        raise ValueError(f"no topology is called {topology!r}; there are {', '.join(FAMILIES)}")
    check_size(topology, nodes)
    return FAMILIES[topology](nodes, seed)


def is_real(topology: str) -> bool:
    """Whether the graph is given, nodes and all, rather than built for a number of nodes."""
    return topology in BUILT_IN or is_zoo(topology)


def simple_graph(graph: nx.Graph, name: str, handling: Handling) -> nx.Graph:
    """A simple connected graph on 0 … n − 1, with ``weight`` on edges where weights are used.

    Raises
    ------
    ValueError
        For what ``handling`` refuses, naming the links, nodes or components.
    """
    if handling.links == "refuse":
        _refuse_parallel(graph, name)
    weights = _weights(graph, name, handling)
    simple = nx.Graph()
    simple.add_nodes_from(graph.nodes)
    for one, other, *_ in graph.edges:
        if one != other:
            simple.add_edge(one, other)
            if weights is not None:
                simple[one][other]["weight"] = weights[frozenset((one, other))]
    simple = _connected(simple, name, handling)
    if simple.number_of_nodes() < 2:
        raise ValueError(f"{name} has one node: there is nobody to communicate with")
    return nx.convert_node_labels_to_integers(simple)


def _refuse_parallel(graph: nx.Graph, name: str) -> None:
    hint = "links: merge takes each pair of neighbours once"
    if graph.is_directed():
        raise ValueError(f"{name} is directed; {hint}")
    loops = list(nx.nodes_with_selfloops(graph))
    if loops:
        raise ValueError(f"{name} links {loops[0]!r} to itself; {hint}")
    if graph.is_multigraph():
        repeated = graph.number_of_edges() - nx.Graph(graph).number_of_edges()
        if repeated:
            pair = next(
                (one, other)
                for one, other, number in graph.edges(keys=True)
                if graph.number_of_edges(one, other) > 1
            )
            raise ValueError(f"{name} has {repeated} parallel links (between {pair}); {hint}")


def _weights(graph: nx.Graph, name: str, handling: Handling) -> dict[frozenset, float] | None:
    """Weights by pair of neighbours, parallel links added up; ``None`` where none are used."""
    weighted = [edge for edge in graph.edges(data="weight") if edge[2] not in (None, 1, 1.0)]
    if weighted and handling.weights == "refuse":
        raise ValueError(
            f"{name} has weights ({weighted[0][2]!r} between {weighted[0][:2]}): weights: ignore "
            "takes it as unweighted, weights: use as it is"
        )
    if handling.weights != "use":
        return None
    total: dict[frozenset, float] = {}
    for one, other, weight in graph.edges(data="weight", default=1.0):
        if not float(weight) > 0.0:
            raise ValueError(f"{name} has the weight {weight!r} between {(one, other)}: not > 0")
        pair = frozenset((one, other))
        total[pair] = total.get(pair, 0.0) + float(weight)
    return total


def _connected(graph: nx.Graph, name: str, handling: Handling) -> nx.Graph:
    components = sorted(nx.connected_components(graph), key=len, reverse=True)
    if len(components) <= 1:
        return graph
    if handling.components == "largest":
        return graph.subgraph(components[0]).copy()
    isolated = [str(next(iter(each))) for each in components if len(each) == 1]
    alone = f", isolated: {', '.join(sorted(isolated)[:5])}" if isolated else ""
    sizes = ", ".join(str(len(each)) for each in components[:8])
    raise ValueError(
        f"{name} is disconnected: {len(components)} components of {sizes} nodes{alone}; "
        "components: largest keeps the first"
    )


def check_size(topology: str, nodes: int) -> None:
    """Refuse a number of nodes that a family does not have; builds nothing."""
    if nodes < 2:
        raise ValueError(f"a network has at least 2 nodes, got {nodes}")
    if topology in ("grid", "torus") and _grid_rows(nodes) == 1:
        raise ValueError(f"a grid of {nodes} nodes is a line: {nodes} is prime")
    if topology == "hypercube" and nodes & (nodes - 1):
        raise ValueError(f"a hypercube has a power of two nodes, got {nodes}")
    if topology == "regular" and nodes < 5:
        raise ValueError(f"a graph with four links a node has at least 5 nodes, got {nodes}")


def _grid_rows(nodes: int) -> int:
    return max(each for each in range(1, int(sqrt(nodes)) + 1) if nodes % each == 0)


def _grid(nodes: int, seed: int, *, periodic: bool = False) -> nx.Graph:
    rows = _grid_rows(nodes)
    # Numbered row by row, so that neighbours lie near each other in memory.
    return nx.convert_node_labels_to_integers(
        nx.grid_2d_graph(rows, nodes // rows, periodic=periodic), ordering="sorted"
    )


def _hypercube(nodes: int, seed: int) -> nx.Graph:
    cube = nx.Graph()
    cube.add_nodes_from(range(nodes))
    for node in range(nodes):
        cube.add_edges_from((node, node ^ (1 << bit)) for bit in range(nodes.bit_length() - 1))
    return cube


def _drawn(make: Callable[[int, int], nx.Graph], nodes: int, seed: int) -> nx.Graph:
    """The first connected graph of a sequence of draws."""
    for draw in range(_DRAWS):
        graph = make(nodes, (seed + draw * 1_000_003) % (1 << 32))
        if nx.is_connected(graph):
            return graph
    raise ValueError(f"no connected graph of {nodes} nodes in {_DRAWS} draws")


def _erdos_renyi(nodes: int, seed: int) -> nx.Graph:
    chance = min(1.0, 2.0 * log(nodes) / nodes)
    return _drawn(lambda n, s: nx.gnp_random_graph(n, chance, seed=s), nodes, seed)


def _geometric(nodes: int, seed: int) -> nx.Graph:
    radius = sqrt(log(nodes) / nodes)
    return _drawn(lambda n, s: nx.random_geometric_graph(n, radius, seed=s), nodes, seed)


def _barabasi_albert(nodes: int, seed: int) -> nx.Graph:
    links = min(2, nodes - 1)
    return nx.barabasi_albert_graph(nodes, links, seed=seed % (1 << 32))


def _regular(nodes: int, seed: int) -> nx.Graph:
    return _drawn(lambda n, s: nx.random_regular_graph(4, n, seed=s), nodes, seed)


def _star(nodes: int, seed: int) -> nx.Graph:
    return nx.star_graph(nodes - 1)


FAMILIES: dict[str, Callable[[int, int], nx.Graph]] = {
    "line": lambda nodes, seed: nx.path_graph(nodes),
    "ring": lambda nodes, seed: nx.path_graph(2) if nodes == 2 else nx.cycle_graph(nodes),
    "grid": _grid,
    "torus": lambda nodes, seed: _grid(nodes, seed, periodic=True),
    "star": _star,
    "complete": lambda nodes, seed: nx.complete_graph(nodes),
    "hypercube": _hypercube,
    "erdos-renyi": _erdos_renyi,
    "geometric": _geometric,
    "barabasi-albert": _barabasi_albert,
    "regular": _regular,
}

BUILT_IN: dict[str, Callable[[], nx.Graph]] = {
    "karate": nx.karate_club_graph,
    "florentine": nx.florentine_families_graph,
    "les-miserables": nx.les_miserables_graph,
}
