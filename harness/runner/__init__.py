"""Plan → execute → analyse, and round again: the Python API of ``harness run``.

``prepare`` reads and plans, ``session`` executes, ``analysis`` makes boards and verdicts,
``results`` is a run as read from disk, ``notebook`` evaluates objects without a suite. The
function ``prepare`` is not named here, since a module is called so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.runner.notebook import evaluate as evaluate
    from harness.runner.prepare import Prepared as Prepared
    from harness.runner.prepare import narrowed as narrowed
    from harness.runner.results import Run as Run
    from harness.runner.results import load as load
    from harness.runner.session import plan_pending as plan_pending
    from harness.runner.session import run as run
    from harness.runner.session import run_prepared as run_prepared
    from harness.runner.settings import Settings as Settings

# Imported on first use: a command that reads a run's tables loads no suite, hence no pydantic.
_HOME = {
    "Prepared": "harness.runner.prepare",
    "Run": "harness.runner.results",
    "Settings": "harness.runner.settings",
    "evaluate": "harness.runner.notebook",
    "load": "harness.runner.results",
    "narrowed": "harness.runner.prepare",
    "plan_pending": "harness.runner.session",
    "run": "harness.runner.session",
    "run_prepared": "harness.runner.session",
}

__all__ = [*_HOME]


def __getattr__(name: str) -> Any:
    """Import a public name on first use."""
    if name not in _HOME:
        raise AttributeError(f"module 'harness.runner' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value
