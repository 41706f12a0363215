"""Tabular reinforcement learning: agents, and episodic MDPs whose optimum is known exactly.

``agent`` has the kind that a task calls, ``driver`` the loop that plays it, ``model`` an MDP as
arrays; a task and a method are a file each. Only names stand here: a module is imported when its
first name is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from harness import hookimpl

if TYPE_CHECKING:
    from harness_mdp.agent import Agent as Agent
    from harness_mdp.agent import Facts as Facts

__all__ = ["Agent", "Facts"]

_METHODS = {
    "mdp/ucb-h": "harness_mdp.ucb_h:UCBHoeffding",
    "mdp/ucb-b": "harness_mdp.ucb_b:UCBBernstein",
    "mdp/ucbvi-ch": "harness_mdp.ucbvi:UCBVIHoeffding",
    "mdp/ucbvi-bf": "harness_mdp.ucbvi:UCBVIBernstein",
    "mdp/epsilon-greedy": "harness_mdp.epsilon_greedy:EpsilonGreedy",
    "mdp/optimistic": "harness_mdp.optimistic:Optimistic",
    "mdp/psrl": "harness_mdp.psrl:PSRL",
    "mdp/rlsvi": "harness_mdp.rlsvi:RLSVI",
    "mdp/ucrl2": "harness_mdp.ucrl2:UCRL2",
    "mdp/uniform": "harness_mdp.uniform:Uniform",
}

_TASKS = {
    "mdp/riverswim": "harness_mdp.riverswim:RiverSwim",
    "mdp/lock": "harness_mdp.lock:CombinationLock",
    "mdp/deep-sea": "harness_mdp.deep_sea:DeepSea",
    "mdp/garnet": "harness_mdp.garnet:Garnet",
    "mdp/chain": "harness_mdp.chain:Chain",
    "mdp/gridworld": "harness_mdp.gridworld:Gridworld",
    "mdp/gymnasium": "harness_mdp.from_gymnasium:GymnasiumTask",
}


@hookimpl
def harness_methods() -> Mapping[str, str]:
    """Agents by name."""
    return _METHODS


@hookimpl
def harness_tasks() -> Mapping[str, str]:
    """Episodic tasks by name."""
    return _TASKS


@hookimpl
def harness_kinds() -> Mapping[str, str]:
    """The kind that every episodic task calls."""
    return {"mdp/agent": "harness_mdp.agent:Agent"}


def __getattr__(name: str) -> Any:
    """The kind and its facts on first use; ``import harness_mdp`` imports no numpy."""
    if name not in __all__:
        raise AttributeError(f"module 'harness_mdp' has no attribute {name!r}")
    from harness_mdp import agent

    return getattr(agent, name)
