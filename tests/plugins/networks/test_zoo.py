"""The Internet Topology Zoo: files as listed; absent, changed and odd graphs by their names."""

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from hashlib import sha256
from pathlib import Path

import networkx as nx
import pytest
from network_runs import Job, cell_of, plain_final

from harness.errors import DataMissing, SuiteError
from harness.runner.prepare import prepare
from harness_networks import zoo
from harness_networks.lad_synthetic import LadSynthetic
from harness_networks.mspd import MSPD
from harness_networks.real import RealLad
from harness_networks.real_data import RealData
from harness_networks.topologies import Handling, count_nodes, real_graph
from harness_networks.zoo import TOPOLOGY_ZOO, ZooGraph, read_file, zoo_graphs

REAL = Path(os.environ.get("HARNESS_DATA", "nowhere")) / TOPOLOGY_ZOO.path
needs_zoo = pytest.mark.skipif(not REAL.is_dir(), reason="topology-zoo is not under HARNESS_DATA")
TAKEN = Handling(links="merge", components="largest")

GRAPHML = """<?xml version="1.0" encoding="utf-8"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
  <graph edgedefault="undirected">{nodes}{links}</graph>
</graphml>
"""
# Counted by the zoo's authors, as README files and papers cite them.
PUBLISHED = {"Abilene": (11, 14), "AttMpls": (25, 57), "Geant2012": (40, 61), "Colt": (153, 191)}
PUBLISHED |= {"UsCarrier": (158, 189), "Cogentco": (197, 245), "Kdl": (754, 899)}
COMPONENTS = {"DialtelecomCz": 56, "Ntt": 16, "Padi": 9, "BtLatinAmerica": 7, "Oteglobe": 7}
COMPONENTS |= {"Tw": 6, "DeutscheTelekom": 4, "Telcove": 3, "UsSignal": 3}
COMPONENTS |= dict.fromkeys(["Bandcon", "Eunetworks", "JanetExternal", "KentmanApr2007"], 2)
COMPONENTS |= dict.fromkeys(["KentmanAug2005", "Nordu2010", "Nsfcnet", "Ntelos", "Zamren"], 2)


def graphml(nodes, links):
    text = GRAPHML.format(
        nodes="".join(f'<node id="{each}"/>' for each in nodes),
        links="".join(f'<edge source="{one}" target="{other}"/>' for one, other in links),
    )
    return text.encode()


@pytest.fixture
def small_zoo(tmp_path, monkeypatch):
    """A zoo of five graphs under HARNESS_DATA: whole, in parts, doubled, looped, missing."""
    graphs = {
        "Whole": graphml("abcd", ["ab", "bc", "cd"]),
        "Parts": graphml("abcde", ["ab", "bc"]),
        "Doubled": graphml("abc", ["ab", "ab", "bc"]),
        "Looped": graphml("abc", ["ab", "bb", "bc"]),
        "Missing": graphml("ab", ["ab"]),
    }
    folder = tmp_path / TOPOLOGY_ZOO.path
    folder.mkdir()
    for name, content in graphs.items():
        if name != "Missing":
            (folder / f"{name}.graphml").write_bytes(content)
    largest = {"Whole": 4, "Parts": 3, "Doubled": 3, "Looped": 3, "Missing": 2}
    nodes = {**largest, "Parts": 5}
    listed = {
        name: ZooGraph(len(content), sha256(content).hexdigest(), nodes[name], largest[name])
        for name, content in graphs.items()
    }
    for module in (zoo, sys.modules["harness_networks.topologies"]):
        monkeypatch.setattr(module, "zoo_graphs", lambda: listed)
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path))
    return folder


class ZooJob(Job):
    """A job that has the zoo."""

    def __init__(self, folder):
        super().__init__()
        self.folder = folder

    def data(self, name):
        assert name == "topology-zoo"
        return self.folder


def test_the_list_names_261_graphs_each_with_a_hash_and_a_size():
    graphs = zoo_graphs()
    assert len(graphs) == 261
    assert list(graphs) == sorted(graphs, key=str.lower)
    assert all(re.fullmatch(r"[0-9a-f]{64}", each.sha256) for each in graphs.values())
    assert all(4 <= each.largest <= each.nodes <= 754 for each in graphs.values())
    assert len({each.sha256 for each in graphs.values()}) == 261
    assert sum(each.nodes for each in graphs.values()) == 10_337
    assert TOPOLOGY_ZOO.bytes == sum(each.bytes for each in graphs.values())
    apart = {name for name, each in graphs.items() if each.largest < each.nodes}
    assert apart == set(COMPONENTS)
    for name, (nodes, _) in PUBLISHED.items():
        assert graphs[name].nodes == nodes


@needs_zoo
def test_the_folder_holds_the_files_that_are_listed():
    assert {path.stem for path in REAL.glob("*.graphml")} == set(zoo_graphs())
    for name, known in zoo_graphs().items():
        assert len(read_file(name, REAL)) == known.bytes


@needs_zoo
def test_node_counts_of_the_list_are_those_that_a_second_reader_finds():
    space = "{http://graphml.graphdrawing.org/xmlns}"
    for name, known in zoo_graphs().items():
        root = ET.parse(REAL / f"{name}.graphml").getroot()
        place = {node.get("id"): node.get("id") for node in root.iter(f"{space}node")}

        def home(node, place=place):
            while place[node] != node:
                node = place[node]
            return node

        for edge in root.iter(f"{space}edge"):
            place[home(edge.get("source"))] = home(edge.get("target"))
        homes = [home(node) for node in place]
        assert len(homes) == known.nodes
        assert max(map(homes.count, set(homes))) == known.largest
        assert len(set(homes)) == COMPONENTS.get(name, 1)


@needs_zoo
@pytest.mark.parametrize("name", PUBLISHED)
def test_a_graph_has_the_links_that_are_published(name):
    graph = real_graph(name, TAKEN, REAL)
    whole = nx.read_graphml(REAL / f"{name}.graphml")
    assert whole.number_of_edges() == PUBLISHED[name][1]
    assert graph.number_of_edges() == nx.Graph(whole).number_of_edges()
    assert graph.number_of_nodes() == count_nodes(name, 0, TAKEN) == PUBLISHED[name][0]


@needs_zoo
@pytest.mark.parametrize("name", ["Bandcon", "Nsfcnet", "DialtelecomCz", "Padi"])
def test_a_disconnected_network_is_refused_with_its_components(name):
    with pytest.raises(ValueError, match=f"{name} is disconnected: {COMPONENTS[name]} components"):
        LadSynthetic(topology=name, links="merge")
    kept = real_graph(name, TAKEN, REAL)
    assert nx.is_connected(kept)
    assert kept.number_of_nodes() == zoo_graphs()[name].largest


@needs_zoo
def test_a_cell_runs_on_a_network_of_the_zoo():
    task = LadSynthetic(topology="Abilene", dimension=3, x=20.0, tau=2.0)
    ran = plain_final(task, MSPD(), job=ZooJob(REAL))
    assert ran["diameter"] == nx.diameter(nx.read_graphml(REAL / "Abilene.graphml"))
    assert ran["gap_over_epsilon"] < 1.0


def test_a_network_in_parts_is_refused_before_anything_runs(small_zoo):
    told = "Parts is disconnected: 3 components of 3, 1, 1 nodes, isolated: d, e"
    with pytest.raises(ValueError, match=told):
        LadSynthetic(topology="Parts")
    assert LadSynthetic(topology="Parts", components="largest").node_count() == 3


@pytest.mark.parametrize(
    ("topology", "words"),
    [
        ("Parts", "Parts is disconnected"),
        ("Doubled", "Doubled has 1 parallel link"),
        ("Wholly", "no topology is called 'Wholly'; nearest: Whole"),
        ("karate", "karate has weights"),
    ],
)
def test_a_suite_is_told_of_it_by_file_and_line(small_zoo, tmp_path, topology, words):
    path = tmp_path / "suite.yaml"
    path.write_text(
        "suite: s\nseed: 1\nentries:\n- task: networks/lad-synthetic\n"
        f"  params: {{topology: {topology}}}\n  methods: [networks/mspd]\n"
    )
    with pytest.raises(SuiteError, match=words) as told:
        prepare(path)
    assert [fault.line for fault in told.value.faults] == [5]


def test_parallel_links_and_loops_are_refused_before_anything_runs(small_zoo):
    with pytest.raises(ValueError, match=r"Doubled has 1 parallel link .between a and b.; "):
        LadSynthetic(topology="Doubled")
    with pytest.raises(ValueError, match="Looped links b to itself; links: merge"):
        LadSynthetic(topology="Looped")
    for name in ("Doubled", "Looped"):
        graph = real_graph(name, TAKEN, small_zoo)
        assert sorted(graph.edges) == [(0, 1), (1, 2)]


def test_a_missing_and_a_changed_file_are_no_fault_of_the_suite_but_of_the_cell(small_zoo):
    (small_zoo / "Whole.graphml").write_bytes(graphml("abcd", ["ab", "bc", "cd", "da"]))
    for name, words in (("Missing", "lacks Missing: .*archive"), ("Whole", "not the zoo's Whole")):
        task = LadSynthetic(topology=name)
        with pytest.raises(DataMissing, match=words):
            task.prepare(cell_of(job=ZooJob(small_zoo)))


def test_without_the_zoo_its_names_are_known_and_its_sizes_too(monkeypatch, tmp_path):
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path))
    assert LadSynthetic(topology="Kdl", links="merge").node_count() == 754
    assert LadSynthetic(topology="Bandcon", components="largest").node_count() == 21
    with pytest.raises(ValueError, match=r"nearest: .*Geant2012"):
        LadSynthetic(topology="Geant2013")
    with pytest.raises(ValueError, match="442 rows, fewer than 754 nodes"):
        RealData(topology="Kdl")
    with pytest.raises(ValueError, match=r"at most 16 processes.* AttMpls has 25 nodes"):
        RealLad(topology="AttMpls")


def test_names_of_data_sets_and_topologies_cost_no_networkx():
    code = (
        "import sys, harness_networks as n, harness_networks.zoo as z; "
        "assert 'topology-zoo' in n.harness_datasets(); z.zoo_graphs(); "
        "sys.exit(any(name in sys.modules for name in ('networkx', 'numpy', 'scipy')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_run_on_an_embedded_network_is_of_its_own_size():
    task = LadSynthetic(topology="florentine", dimension=3, x=20.0)
    assert task.prepare(cell_of()).known.nodes == task.node_count() == 15
    assert plain_final(task, MSPD(rounds=3))["nodes"] == 15.0
    with pytest.raises(ValueError, match="florentine has 15 nodes, not 99: leave nodes out"):
        LadSynthetic(topology="florentine", nodes=99)
