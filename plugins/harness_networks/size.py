"""How many nodes an instance is split over, when only a real graph's file can tell."""

from __future__ import annotations

from typing import Any, NamedTuple

from harness_networks.topologies import Handling, connect, is_real, simple_graph
from harness_networks.zoo import is_zoo, zoo_data

__all__ = ["Size"]


class Size(NamedTuple):
    """A number of nodes, or the real graph that has it; part of an artifact's identity.

    ``graph`` is empty for graphs that are built for a number of nodes, so that all of them
    share their instances.
    """

    graph: str
    nodes: int

    @classmethod
    def of(cls, task: Any) -> Size:
        """The size of a network task's instances."""
        if not is_real(task.topology):
            return cls("", task.nodes)
        return cls(f"{task.topology} {task.components}", 0)

    def count(self, context: Any) -> int:
        """The number of nodes; reads the graph's file through ``context.data``."""
        if not self.graph:
            return self.nodes
        topology, components = self.graph.split(" ")
        file = context.data(zoo_data(topology)) if is_zoo(topology) else None
        handling = Handling("merge", "ignore", components)
        return simple_graph(connect(topology, 0, 0, file), topology, handling).number_of_nodes()
