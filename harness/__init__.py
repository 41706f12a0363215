"""Benchmark algorithms against what theory says of them: suites in, leaderboards out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.api.artifact import Artifact as Artifact
    from harness.api.cell import Cell as Cell
    from harness.api.claim import Claim as Claim
    from harness.api.contracts import Method as Method
    from harness.api.contracts import Task as Task
    from harness.api.hooks import hookimpl as hookimpl
    from harness.api.metric import Bound as Bound
    from harness.api.metric import Metric as Metric
    from harness.api.outcome import Outcome as Outcome
    from harness.api.outcome import Skip as Skip
    from harness.runner import Run as Run
    from harness.runner import evaluate as evaluate
    from harness.runner import load as load
    from harness.runner import run as run

__version__ = "0.1.0"

_HOME = {
    "Artifact": "harness.api.artifact",
    "Bound": "harness.api.metric",
    "Cell": "harness.api.cell",
    "Claim": "harness.api.claim",
    "Method": "harness.api.contracts",
    "Metric": "harness.api.metric",
    "Outcome": "harness.api.outcome",
    "Run": "harness.runner",
    "Skip": "harness.api.outcome",
    "Task": "harness.api.contracts",
    "evaluate": "harness.runner",
    "hookimpl": "harness.api.hooks",
    "load": "harness.runner",
    "run": "harness.runner",
}

__all__ = [*_HOME, "__version__"]


def __getattr__(name: str) -> Any:
    """Import a public name on first use, so that ``import harness`` costs nothing."""
    if name not in _HOME:
        raise AttributeError(f"module 'harness' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
