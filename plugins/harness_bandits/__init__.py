"""Stochastic multi-armed bandits: policies, and tasks whose true means are known exactly.

``policy`` has the kind that a task calls and the loop that plays it; a task and a method are a
file each. Only names stand here: a module is imported when its first name is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from harness import hookimpl

if TYPE_CHECKING:
    from harness_bandits.policy import Facts as Facts
    from harness_bandits.policy import Policy as Policy

__all__ = ["Facts", "Policy"]

_METHODS = {
    "bandits/thompson": "harness_bandits.thompson:Thompson",
    "bandits/plain-thompson": "harness_bandits.plain_thompson:PlainThompson",
    "bandits/gaussian-thompson": "harness_bandits.gaussian_thompson:GaussianThompson",
    "bandits/bpr-1": "harness_bandits.bpr:BPRPolicy1",
    "bandits/bpr-2": "harness_bandits.bpr:BPRPolicy2",
    "bandits/ucb1": "harness_bandits.ucb1:UCB1",
    "bandits/moss": "harness_bandits.moss:MOSS",
    "bandits/kl-ucb": "harness_bandits.kl_ucb:KLUCB",
    "bandits/epsilon-greedy": "harness_bandits.epsilon_greedy:EpsilonGreedy",
    "bandits/explore-then-commit": "harness_bandits.explore_then_commit:ExploreThenCommit",
    "bandits/uniform": "harness_bandits.uniform:Uniform",
}

_TASKS = {
    "bandits/bernoulli": "harness_bandits.bernoulli:Bernoulli",
    "bandits/lower-bound-prior": "harness_bandits.lower_bound:LowerBoundPrior",
    "bandits/hard-family": "harness_bandits.lower_bound:HardFamily",
    "bandits/known-gap": "harness_bandits.known_gap:KnownGap",
    "bandits/gaussian": "harness_bandits.gaussian:Gaussian",
    "bandits/digits": "harness_bandits.digits:Digits",
    "bandits/replay": "harness_bandits.replay:Replay",
}


@hookimpl
def harness_methods() -> Mapping[str, str]:
    """Policies by name."""
    return _METHODS


@hookimpl
def harness_tasks() -> Mapping[str, str]:
    """Bandit tasks by name."""
    return _TASKS


@hookimpl
def harness_kinds() -> Mapping[str, str]:
    """The kind that every bandit task calls."""
    return {"bandits/policy": "harness_bandits.policy:Policy"}


@hookimpl
def harness_datasets() -> Mapping[str, str]:
    """The click log that ``bandits/replay`` walks."""
    return {"open-bandit-sample": "harness_bandits.replay:SAMPLE"}


def __getattr__(name: str) -> Any:
    """The kind and its facts on first use; ``import harness_bandits`` imports no numpy."""
    if name not in __all__:
        raise AttributeError(f"module 'harness_bandits' has no attribute {name!r}")
    from harness_bandits import policy

    return getattr(policy, name)
