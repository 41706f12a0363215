"""Plan → execute → analyse, and round again: the Python API of ``harness run``.

``prepare`` reads and plans, ``session`` executes, ``analysis`` makes boards and verdicts,
``results`` is a run as read from disk, ``notebook`` evaluates objects without a suite.
"""

from harness.runner.notebook import evaluate
from harness.runner.prepare import Prepared, narrowed, prepare
from harness.runner.results import Run, load
from harness.runner.session import plan_pending, run, run_prepared
from harness.runner.settings import Settings

__all__ = [
    "Prepared",
    "Run",
    "Settings",
    "evaluate",
    "load",
    "narrowed",
    "plan_pending",
    "prepare",
    "run",
    "run_prepared",
]
