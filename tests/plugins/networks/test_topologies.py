"""Gossip matrices and eigengaps against closed forms; graphs that are refused, and how."""

from math import cos, pi, sin, sqrt, tan

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from network_runs import check_gossip

from harness_networks.gossip import diameter, gossip_matrix, line_of_eigengap, shape_of, spectrum
from harness_networks.topologies import (
    BUILT_IN,
    DRAWN,
    FAMILIES,
    Handling,
    draw_graph,
    real_graph,
    refuse_unknown,
    simple_graph,
)

STRICT = Handling()


def graph_of(topology, nodes, seed=0):
    return simple_graph(draw_graph(topology, nodes, seed), topology, STRICT)


def eigengap(topology, nodes, matrix="laplacian"):
    return spectrum(gossip_matrix(graph_of(topology, nodes), matrix)).gamma


@pytest.mark.parametrize("matrix", ["laplacian", "metropolis"])
@pytest.mark.parametrize("topology", FAMILIES)
def test_a_gossip_matrix_is_symmetric_positive_with_the_constants_as_kernel(topology, matrix):
    graph = graph_of(topology, 16, seed=3)
    check_gossip(gossip_matrix(graph, matrix).toarray(), graph)


@settings(max_examples=30)
@given(seed=st.integers(0, 10_000), nodes=st.integers(4, 20))
def test_a_random_graphs_gossip_matrix_averages(seed, nodes):
    graph = graph_of("erdos-renyi", nodes, seed)
    matrix = gossip_matrix(graph, "metropolis").toarray()
    check_gossip(matrix, graph)
    stochastic = np.eye(nodes) - matrix
    assert stochastic.min() >= -1e-15
    assert stochastic.sum(axis=0) == pytest.approx(np.ones(nodes))


@pytest.mark.parametrize(
    ("topology", "nodes", "gamma"),
    [
        ("line", 16, tan(pi / 32) ** 2),
        ("line", 100, tan(pi / 200) ** 2),
        ("ring", 16, sin(pi / 16) ** 2),
        ("ring", 5, 2 * sin(pi / 5) ** 2 / (1 + cos(pi / 5))),
        ("ring", 9, 2 * sin(pi / 9) ** 2 / (1 + cos(pi / 9))),
        ("grid", 16, tan(pi / 8) ** 2 / 2),
        ("grid", 100, tan(pi / 20) ** 2 / 2),
        ("grid", 24, (2 - 2 * cos(pi / 6)) / (4 + 2 * cos(pi / 6) + 2 * cos(pi / 4))),
        ("torus", 16, sin(pi / 4) ** 2 / 2),
        ("star", 16, 1 / 16),
        ("complete", 16, 1.0),
        ("hypercube", 16, 1 / 4),
        ("hypercube", 64, 1 / 6),
    ],
)
def test_an_eigengap_is_its_closed_form(topology, nodes, gamma):
    assert eigengap(topology, nodes) == pytest.approx(gamma, rel=1e-10)


def test_metropolis_weights_change_the_grids_eigengap():
    assert eigengap("grid", 100, "metropolis") == pytest.approx(0.013099281, abs=5e-10)


@pytest.mark.parametrize("topology", ["line", "star", "ring", "hypercube"])
def test_metropolis_weights_keep_the_eigengap_of_a_line_a_star_and_regular_graphs(topology):
    assert eigengap(topology, 16, "metropolis") == pytest.approx(eigengap(topology, 16))


def test_lanczos_agrees_with_the_closed_form_on_a_large_grid():
    found = spectrum(gossip_matrix(graph_of("grid", 2_500), "laplacian"))
    assert found.gamma == pytest.approx(tan(pi / 100) ** 2 / 2, rel=1e-6)


def test_a_line_is_bent_to_any_smaller_eigengap():
    path = line_of_eigengap(8, 0.01)
    assert spectrum(gossip_matrix(path, "laplacian")).gamma == pytest.approx(0.01, rel=1e-9)


@pytest.mark.parametrize(
    ("topology", "nodes", "longest"),
    [("line", 16, 15), ("ring", 16, 8), ("grid", 16, 6), ("star", 16, 2), ("hypercube", 16, 4)],
)
def test_a_diameter_is_its_closed_form(topology, nodes, longest):
    assert shape_of(graph_of(topology, nodes), "laplacian").diameter == longest


@settings(max_examples=15)
@given(seed=st.integers(0, 1_000), family=st.sampled_from(DRAWN), nodes=st.integers(8, 60))
def test_the_shape_of_a_drawn_network_is_that_of_other_algorithms(seed, family, nodes):
    graph = draw_graph(family, nodes, seed)
    shape = shape_of(graph, "laplacian")
    assert shape.diameter == nx.diameter(graph)
    values = np.sort(nx.laplacian_spectrum(graph))
    assert shape.gamma == pytest.approx(values[1] / values[-1], rel=1e-8)
    stochastic = np.eye(nodes) - gossip_matrix(graph, "metropolis").toarray()
    moduli = np.sort(np.abs(np.linalg.eigvalsh(stochastic)))
    assert shape.sigma2 == pytest.approx(moduli[-2], rel=1e-9)


def test_distances_are_taken_from_every_node_of_a_large_network():
    assert diameter(draw_graph("line", 700, 0)) == 699
    assert diameter(draw_graph("grid", 400, 0)) == 38


def test_the_eigengap_of_a_line_shrinks_as_its_length_squared():
    ratio = sqrt(eigengap("line", 64) / eigengap("line", 128))
    assert ratio == pytest.approx(2.0, rel=1e-3)


TWO_PARTS = nx.Graph([(0, 1), (1, 2), (3, 4)])
ALONE = nx.Graph([("a", "b")])
ALONE.add_node("c")
PARALLEL = nx.MultiGraph([(0, 1), (0, 1), (1, 2)])
LOOP = nx.Graph([(0, 1), (1, 1)])
WEIGHTED = nx.Graph()
WEIGHTED.add_weighted_edges_from([(0, 1, 2.0), (1, 2, 1.0)])
ONE = nx.Graph()
ONE.add_node(0)


@pytest.mark.parametrize(
    ("graph", "words"),
    [
        (TWO_PARTS, "disconnected: 2 components of 3, 2 nodes"),
        (ALONE, "isolated: c"),
        (PARALLEL, "1 parallel link .between 0 and 1"),
        (LOOP, "links 1 to itself"),
        (nx.DiGraph([(0, 1)]), "directed"),
        (WEIGHTED, "has weights"),
        (ONE, "one node"),
    ],
    ids=["components", "isolated", "parallel", "loop", "directed", "weights", "one-node"],
)
def test_a_graph_that_is_not_simple_and_connected_is_refused_by_name(graph, words):
    with pytest.raises(ValueError, match="thing .*" + words):
        simple_graph(graph, "thing", STRICT)


def test_parallel_links_count_once_when_merged():
    merged = simple_graph(PARALLEL, "thing", Handling(links="merge"))
    assert sorted(merged.edges) == [(0, 1), (1, 2)]


def test_the_largest_component_is_kept_when_asked():
    kept = simple_graph(TWO_PARTS, "thing", Handling(components="largest"))
    assert sorted(kept.edges) == [(0, 1), (1, 2)]


def test_weights_enter_the_laplacian_only_when_asked():
    used = simple_graph(WEIGHTED, "thing", Handling(weights="use"))
    ignored = simple_graph(WEIGHTED, "thing", Handling(weights="ignore"))
    assert gossip_matrix(used, "laplacian").toarray()[0].tolist() == [2.0, -2.0, 0.0]
    assert gossip_matrix(ignored, "laplacian").toarray()[0].tolist() == [1.0, -1.0, 0.0]


def test_the_eigengap_of_a_weighted_path_is_its_closed_form():
    used = simple_graph(WEIGHTED, "thing", Handling(weights="use"))  # weights a = 2, b = 1
    found = spectrum(gossip_matrix(used, "laplacian"))
    assert found.lam1 == pytest.approx(3 + sqrt(3))  # a + b + √(a² + b² − ab)
    assert found.gamma == pytest.approx((3 - sqrt(3)) / (3 + sqrt(3)))


@pytest.mark.parametrize(("weights", "key"), [("use", "weight"), ("ignore", None)])
def test_the_eigengap_of_a_real_weighted_graph_is_networkxs(weights, key):
    graph = simple_graph(nx.les_miserables_graph(), "thing", Handling(weights=weights))
    values = sorted(nx.laplacian_spectrum(nx.les_miserables_graph(), weight=key))
    found = spectrum(gossip_matrix(graph, "laplacian"))
    assert found.gamma == pytest.approx(values[1] / values[-1], rel=1e-9)


@pytest.mark.parametrize(
    ("topology", "nodes"),
    [("hypercube", 12), ("grid", 7), ("line", 1), ("regular", 4)],
)
def test_a_number_of_nodes_that_a_family_does_not_have_is_refused(topology, nodes):
    with pytest.raises(ValueError, match=rf"\b{nodes}\b"):
        draw_graph(topology, nodes, 0)


@pytest.mark.parametrize("topology", FAMILIES)
def test_a_family_drawn_is_simple_connected_and_of_the_size_asked_for(topology):
    graph = draw_graph(topology, 16, 5)
    assert sorted(graph) == list(range(16))
    assert set(simple_graph(graph, topology, STRICT).edges) == set(graph.edges)


@pytest.mark.parametrize(
    ("wrong", "near"),
    [
        ("AttMpl", "AttMpls"),
        ("zoo-geant2012", "Geant2012"),
        ("abilene", "Abilene"),
        ("karat", "karate"),
        ("hyper-cube", "hypercube"),
    ],
)
def test_a_misspelt_topology_is_refused_with_the_nearest_names(wrong, near):
    with pytest.raises(
        ValueError, match=rf"no topology is called '{wrong}'; nearest: .*\b{near}\b"
    ):
        refuse_unknown(wrong)


def test_a_name_that_is_near_nothing_is_refused_with_what_there_is():
    with pytest.raises(ValueError, match=r"there are line, ring, .* karate, .* topology zoo"):
        refuse_unknown("qqqq")


@pytest.mark.parametrize("topology", ["karate", "les-miserables"])
def test_an_embedded_graph_with_weights_says_how_it_is_to_be_taken(topology):
    with pytest.raises(ValueError, match=rf"{topology} has weights .* weights: ignore .* use"):
        real_graph(topology, STRICT)


@pytest.mark.parametrize("topology", BUILT_IN)
def test_an_embedded_graph_is_networkxs_numbered_anew(topology):
    graph = real_graph(topology, Handling(weights="ignore"))
    whole = BUILT_IN[topology]()
    assert sorted(degree for _, degree in graph.degree) == sorted(
        degree for _, degree in whole.degree
    )
    assert nx.is_frozen(graph)  # shared by all cells of a worker


ASYMMETRIC = np.array([[1.0, -1.0, 0.0], [-0.5, 1.5, -1.0], [-0.5, -0.5, 1.0]])


@pytest.mark.parametrize(
    ("matrix", "words"),
    [
        (ASYMMETRIC, "symmetric"),
        (np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]), "negative"),
        (np.eye(3), "kernel"),
        (np.zeros((3, 3)), "larger kernel"),
        (3 * np.eye(3) - 1.0, "no neighbours"),
        (np.full((3, 3), np.nan), "finite"),
    ],
    ids=["asymmetric", "adjacency", "identity", "zero", "complete-on-a-path", "nan"],
)
def test_a_matrix_that_is_no_gossip_matrix_is_refused_by_the_property_that_fails(matrix, words):
    with pytest.raises(ValueError, match=words):
        check_gossip(matrix, nx.path_graph(3))
