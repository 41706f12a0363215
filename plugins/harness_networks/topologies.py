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
Abilene, …          the 261 graphs of the Internet Topology Zoo by the zoo's names
==================  ==============================================================

Random graphs are drawn again until they are connected. A real graph says how many nodes there
are. What is no simple connected graph is refused, unless a parameter says how to make it one.

Sources: Knight et al. 2011 for the zoo; networkx for its graphs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from functools import cache, lru_cache
from io import BytesIO
from math import log, sqrt
from pathlib import Path
from typing import Any, Literal, NamedTuple

import networkx as nx

from harness_networks.zoo import read_file, zoo_graphs

__all__ = [
    "BUILT_IN",
    "DRAWN",
    "FAMILIES",
    "Handling",
    "count_nodes",
    "draw_graph",
    "is_zoo",
    "real_graph",
    "refuse_unknown",
    "simple_graph",
]

_DRAWS = 200  # of a random graph, before it is called too sparse


class Handling(NamedTuple):
    """What to do with a graph that is not simple, connected and without weights."""

    links: Literal["refuse", "merge"] = "refuse"  # parallel links, loops, directions
    weights: Literal["refuse", "ignore", "use"] = "refuse"
    components: Literal["refuse", "largest"] = "refuse"


def is_zoo(topology: str) -> bool:
    """Whether the topology is a graph of the Internet Topology Zoo, read from its file."""
    return topology in zoo_graphs()


def refuse_unknown(topology: str) -> None:
    """Refuse a name that no topology has, with the nearest that there are."""
    if topology in FAMILIES or topology in BUILT_IN or is_zoo(topology):
        return
    names = [*FAMILIES, *BUILT_IN, *zoo_graphs()]
    by_small = {name.lower(): name for name in names}
    near = get_close_matches(topology.lower().removeprefix("zoo-"), by_small, cutoff=0.55)
    if near:
        hint = f"nearest: {', '.join(by_small[each] for each in near)}"
    else:
        hint = f"there are {', '.join([*FAMILIES, *BUILT_IN])}, and those of the topology zoo"
    raise ValueError(f"no topology is called {topology!r}; {hint}")


def count_nodes(topology: str, nodes: int, handling: Handling) -> int:
    """How many nodes the network has: ``nodes``, but for real graphs; reads no data.

    Raises
    ------
    ValueError
        For a number of nodes that the family does not have, and as :func:`real_graph`.
    """
    if topology in FAMILIES:
        _check_size(topology, nodes)
        return nodes
    if topology in BUILT_IN:
        return real_graph(topology, handling).number_of_nodes()
    known = zoo_graphs()[topology]
    return known.largest if handling.components == "largest" else known.nodes


@cache
def real_graph(topology: str, handling: Handling, folder: Path | None = None) -> nx.Graph:
    """A graph that is given, as :func:`simple_graph` makes it; of the zoo, from its ``folder``.

    Raises
    ------
    ValueError
        For what ``handling`` refuses.
    DataMissing
        When the zoo's folder has no such file, or another one.
    """
    if folder is None:
        graph = BUILT_IN[topology]()
    else:
        graph = nx.read_graphml(BytesIO(read_file(topology, folder)))
    return nx.freeze(simple_graph(graph, topology, handling))  # shared by whoever asks


@lru_cache(maxsize=16)
def draw_graph(topology: str, nodes: int, seed: int) -> nx.Graph:
    """A graph of a family on 0 … nodes − 1; only those of ``DRAWN`` depend on the seed."""
    _check_size(topology, nodes)
    return nx.freeze(FAMILIES[topology](nodes, seed))  # shared by whoever asks


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
    simple.add_nodes_from(graph.nodes(data=True))
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
        raise ValueError(f"{name} links {_called(graph, loops[0])} to itself; {hint}")
    if graph.is_multigraph():
        repeated = graph.number_of_edges() - nx.Graph(graph).number_of_edges()
        if repeated:
            one, other = next(pair for pair in graph.edges() if graph.number_of_edges(*pair) > 1)
            between = f"between {_called(graph, one)} and {_called(graph, other)}"
            links = "1 parallel link" if repeated == 1 else f"{repeated} parallel links"
            raise ValueError(f"{name} has {links} ({between}); {hint}")


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
    isolated = sorted(_called(graph, *each) for each in components if len(each) == 1)
    alone = f", isolated: {_first(isolated, 5)}" if isolated else ""
    sizes = _first([str(len(each)) for each in components], 8)
    raise ValueError(
        f"{name} is disconnected: {len(components)} components of {sizes} nodes{alone}; "
        "components: largest keeps the first"
    )


def _called(graph: nx.Graph, node: Any) -> str:
    """A node as its file has it, with its label where there is one."""
    label = graph.nodes[node].get("label")
    return f"{node} ({label})" if label else str(node)


def _first(names: Sequence[str], count: int) -> str:
    more = f", … ({len(names) - count} more)" if len(names) > count else ""
    return ", ".join(names[:count]) + more


def _check_size(topology: str, nodes: int) -> None:
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

DRAWN = ("erdos-renyi", "geometric", "barabasi-albert", "regular")

BUILT_IN: dict[str, Callable[[], nx.Graph]] = {
    "karate": nx.karate_club_graph,
    "florentine": nx.florentine_families_graph,
    "les-miserables": nx.les_miserables_graph,
}
