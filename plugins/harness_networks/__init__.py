"""Non-smooth convex optimisation on networks: programs for nodes, and tasks that keep the clock.

``optimizer`` has the kind that a task calls and the simulated network, ``task`` what tasks share,
``real`` the same programs on real processes; a task and a method are a file each. Only names
stand here: a module is imported when its first name is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from harness import hookimpl

if TYPE_CHECKING:
    from harness_networks.optimizer import Known as Known
    from harness_networks.optimizer import NetworkOptimizer as NetworkOptimizer
    from harness_networks.optimizer import Node as Node

__all__ = ["Known", "NetworkOptimizer", "Node"]

_METHODS = {
    "networks/mspd": "harness_networks.mspd:MSPD",
    "networks/mspd-averaged": "harness_networks.mspd_averaged:MSPDAveraged",
    "networks/mspd-chebyshev": "harness_networks.mspd_chebyshev:MSPDChebyshev",
    "networks/drs": "harness_networks.drs:DRS",
    "networks/central-smoothing": "harness_networks.drs:CentralSmoothing",
    "networks/subgradient": "harness_networks.subgradient:DistributedSubgradient",
    "networks/central-subgradient": "harness_networks.subgradient:CentralSubgradient",
    "networks/dual-averaging": "harness_networks.dual_averaging:DualAveraging",
    "networks/admm": "harness_networks.admm:DecentralisedADMM",
    "networks/gradient-tracking": "harness_networks.gradient_tracking:GradientTracking",
}

_TASKS = {
    "networks/lad-synthetic": "harness_networks.lad_synthetic:LadSynthetic",
    "networks/data": "harness_networks.real_data:RealData",
    "networks/data-sorted": "harness_networks.real_data:SortedData",
    "networks/max-affine": "harness_networks.drawn:MaxAffine",
    "networks/small": "harness_networks.drawn:Small",
    "networks/two-slopes": "harness_networks.closed_form:TwoSlopes",
    "networks/scattered": "harness_networks.closed_form:Scattered",
    "networks/lower-bound": "harness_networks.lower_bound:LowerBound",
    "networks/lad-real": "harness_networks.real:RealLad",
    "networks/data-real": "harness_networks.real:RealNetworkData",
}


@hookimpl
def harness_methods() -> Mapping[str, str]:
    """Programs for nodes by name."""
    return _METHODS


@hookimpl
def harness_tasks() -> Mapping[str, str]:
    """Network tasks by name."""
    return _TASKS


@hookimpl
def harness_kinds() -> Mapping[str, str]:
    """The kind that every network task calls."""
    return {"networks/optimizer": "harness_networks.optimizer:NetworkOptimizer"}


@hookimpl
def harness_datasets() -> Mapping[str, str]:
    """The Internet Topology Zoo, and two of LIBSVM's data sets."""
    return {
        "topology-zoo": "harness_networks.zoo:TOPOLOGY_ZOO",
        "libsvm-a9a": "harness_networks.libsvm:A9A",
        "libsvm-agaricus": "harness_networks.libsvm:AGARICUS",
    }


def __getattr__(name: str) -> Any:
    """The kind and its records on first use; ``import harness_networks`` imports no numpy."""
    if name not in __all__:
        raise AttributeError(f"module 'harness_networks' has no attribute {name!r}")
    from harness_networks import optimizer

    return getattr(optimizer, name)
