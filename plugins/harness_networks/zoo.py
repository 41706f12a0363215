"""The Internet Topology Zoo: its 261 graphs by the zoo's own names, and what is known of them.

Maps of real networks as their operators published them, in GraphML: one folder below
``HARNESS_DATA``; the archive is at topology-zoo.org. ``topology_zoo.csv`` has a line a graph: size
and hash of its file, its nodes, and those of its largest component, so that a task knows its size
before the folder is there. Some graphs are multigraphs or disconnected, and such a one is refused
unless the task says how to take it.

Source: Knight, Nguyen, Falkner, Bowden & Roughan 2011, The Internet Topology Zoo.
"""

from __future__ import annotations

import csv
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from harness.data import DataSet, verify
from harness.errors import DataMissing

__all__ = ["TOPOLOGY_ZOO", "ZooGraph", "at_hand", "read_file", "zoo_graphs"]

TOPOLOGY_ZOO = DataSet(
    name="topology-zoo",
    path="topology-zoo",
    sha256="",
    bytes=5_662_700,
    licence="none stated; cite Knight et al. 2011",
    source="https://topology-zoo.org/dataset.html",
    description="Internet Topology Zoo: 261 graphs, each a topology of network tasks by its name",
    is_folder=True,
)

_LIST = Path(__file__).with_name("topology_zoo.csv")


class ZooGraph(NamedTuple):
    """What is known of a graph without its file."""

    bytes: int
    sha256: str
    nodes: int
    largest: int  # nodes of its largest component


@cache
def zoo_graphs() -> dict[str, ZooGraph]:
    """Every graph of the zoo by its name, in the order of the alphabet."""
    with _LIST.open(encoding="utf-8", newline="") as lines:
        return {
            each["name"]: ZooGraph(
                int(each["bytes"]), each["sha256"], int(each["nodes"]), int(each["largest"])
            )
            for each in csv.DictReader(lines)
        }


def at_hand() -> Path | None:
    """The zoo's folder where this machine has it; for planning, which needs no data."""
    return verify(TOPOLOGY_ZOO)[0]


def read_file(name: str, folder: Path) -> bytes:
    """The GraphML of a graph of the zoo, as declared.

    Raises
    ------
    DataMissing
        When the folder lacks its file, or has another one of its name.
    """
    path = folder / f"{name}.graphml"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataMissing(
            f'the data set "{TOPOLOGY_ZOO.name}" lacks {name}: {path} cannot be read '
            f"({error.strerror}); its archive is at {TOPOLOGY_ZOO.source}"
        ) from error
    if sha256(content).hexdigest() != zoo_graphs()[name].sha256:
        raise DataMissing(f"{path} is not the zoo's {name}: its sha256 differs")
    return content
