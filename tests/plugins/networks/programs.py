"""Programs for nodes that tests run on real processes, which import them by name."""

from dataclasses import dataclass
from typing import ClassVar

from harness_networks.subgradient import DistributedSubgradient


@dataclass(frozen=True, kw_only=True)
class Raises(DistributedSubgradient):
    """Goes wrong on the last node, of degree 1."""

    def step(parameters, known, node, t, own, work, received, message, subgradient, local):
        if t == 3 and node.degree == 1.0:
            raise RuntimeError("boom in my step")


@dataclass(frozen=True, kw_only=True)
class Silent(DistributedSubgradient):
    """Its first messages differ, and nobody hears them."""

    first_is_silent: ClassVar[bool] = True

    def init(parameters, known, own, message):
        message[0] = own[0, 0] + 1.0

    def step(parameters, known, node, t, own, work, received, message, subgradient, local):
        subgradient(local, own[0], work[0])
        for c in range(message.size):
            own[1, c] += received[c]
            own[0, c] -= 0.01 * (received[c] + work[0, c])
            message[c] = own[0, c] * node.degree
