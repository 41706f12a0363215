"""The Internet Topology Zoo: which of its graphs are declared, and what is known of them.

Maps of real networks as their operators published them, in GraphML. They are found below
``HARNESS_DATA``; the archive is at topology-zoo.org. Some are multigraphs or disconnected, and
such a one is refused unless the task says how to take it.

Source: Knight, Nguyen, Falkner, Bowden & Roughan 2011, The Internet Topology Zoo.
"""

from __future__ import annotations

from harness.data import DataSet

__all__ = ["DATA_SETS", "is_zoo", "zoo_data"]

# name: (file, bytes, sha256)
_FILES = {
    "zoo-abilene": (
        "Abilene",
        9_210,
        "8cd694280d98b336bb9b51fc3b2129a514f1b1b1ac80f2022aca02a57ef1e371",
    ),
    "zoo-attmpls": (
        "AttMpls",
        18_293,
        "c32c3aeb985ee1cf197e016c02bd7b9a271c5d951598733ad3ddc0c5ed63e394",
    ),
    "zoo-geant2012": (
        "Geant2012",
        25_038,
        "8487b2fb091d53f1317035162df0d8ef436c9e1d10727e26865b0ecd89d4786e",
    ),
    "zoo-nsfcnet": (
        "Nsfcnet",
        6_968,
        "78648b13f462fba89a27017f14bcf694fcac8bb0895ce587f0b2d27002651cbc",
    ),
    "zoo-arpanet196912": (
        "Arpanet196912",
        5_222,
        "9d873669fac73c7bf9fd85de9a3c68ecd02116e59ca7794185bc179d6c76fca0",
    ),
    "zoo-janetbackbone": (
        "Janetbackbone",
        17_446,
        "0e030ebed8e474d20de0de88053e08fed187b247b87fd8a0b5c4e741b3d47046",
    ),
    "zoo-dfn": (
        "Dfn",
        26_705,
        "dbc464a458407bd631c05c4827f3ab44e25e3db16a1998d8822d0a6deef1630d",
    ),
    "zoo-garr201201": (
        "Garr201201",
        36_570,
        "f5188bcd8285c787108a22f21fdd9fe919954a6e9e141949e43eb6cc2afbb99b",
    ),
    "zoo-tinet": (
        "Tinet",
        26_199,
        "98099bb670efacc9999add214223d70c0f087a56830c265aa863bb7f83401eeb",
    ),
    "zoo-colt": (
        "Colt",
        75_812,
        "e20cd0f5ecf0279d3308b90fa6749c41563d8463e45ba13f19460289f94946c5",
    ),
    "zoo-uscarrier": (
        "UsCarrier",
        64_680,
        "8fbb72f0ee93a08f062a8be1844c393e232ca4e59185254694651a026b2254ee",
    ),
    "zoo-cogentco": (
        "Cogentco",
        90_926,
        "fca525c7484c1044feb09add79fec0861d4b234622e5d07b7d202470ad0a09ca",
    ),
    "zoo-kdl": (
        "Kdl",
        321_556,
        "f0ef1032bb89695c53dc7ff95cbbdb773eb1ca0a9f3b4396cd293bac1db961cf",
    ),
    "zoo-bandcon": (
        "Bandcon",
        14_238,
        "9ce49ff0f4f2e70ee816420dc3ce00390c1df7fe21a73b00662ed3fb37b2ba6d",
    ),
    "zoo-interoute": (
        "Interoute",
        51_594,
        "052b4575b5312372f5bda1dcbb519db5c9ce399e2a3e3eb5182d5a7bd9979b88",
    ),
    "zoo-dialtelecomcz": (
        "DialtelecomCz",
        69_189,
        "e79607169888382523d85b67da42c8a9a16d2121f1f9d8933642a735e3a4d283",
    ),
    "zoo-btnorthamerica": (
        "BtNorthAmerica",
        20_854,
        "074087b94c72cda524a7ddfdbd2a7ea2153aa3938651c3d05a19021db29063e2",
    ),
    "zoo-uninett2011": (
        "Uninett2011",
        48_256,
        "60bd1edc67a845b819876ef33fbbc5952a0ed54ff747843f91c68e89cfdfd4dc",
    ),
    "zoo-sinet": (
        "Sinet",
        31_018,
        "d6ea4006b3c895ca4b139d5d40b21e5fc1f3c8b7c789db80d7542565d9632819",
    ),
    "zoo-renater2010": (
        "Renater2010",
        28_119,
        "f330ff073c427f5457344d59e7ab4b32800b549966c37a9768737728696d750c",
    ),
}


def _data_set(name: str) -> DataSet:
    file, size, digest = _FILES[name]
    return DataSet(
        name=name,
        path=f"topology-zoo/{file}.graphml",
        sha256=digest,
        bytes=size,
        licence="none stated; cite Knight et al. 2011",
        source="https://topology-zoo.org/dataset.html",
        description=f"Internet Topology Zoo: {file}",
    )


DATA_SETS = {name: f"harness_networks.zoo:{name.replace('-', '_').upper()}" for name in _FILES}
globals().update({name.replace("-", "_").upper(): _data_set(name) for name in _FILES})


def is_zoo(topology: str) -> bool:
    """Whether the topology is a graph of the zoo that is declared here."""
    return topology in _FILES


def zoo_data(topology: str) -> str:
    """The data set that holds the topology; its name is the same."""
    return topology
