"""The conformance kit for plugins of third parties, for their tests and for ``harness check``.

In a plugin's own tests::

    from harness.testing import check_method, check_plugin

    def test_it_keeps_the_contract():
        check_method(Lucky(), Bernoulli(arms=3, horizon=100))

    def test_all_that_the_plugin_registers():
        check_plugin("acme", suite="suites/acme.yaml")

Each function returns the facts that it found and raises :class:`NotConforming`, an
``AssertionError``, with a line for each that failed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from harness.testing.facts import Fact, NotConforming, require

if TYPE_CHECKING:
    from harness.api.contracts import Method, Task

__all__ = ["Fact", "NotConforming", "check_method", "check_plugin", "check_task", "require"]


def check_method(method: Method, task: Task, *, seeds: int = 3) -> tuple[Fact, ...]:
    """Hold a method to the contract, on a small instance of a task that serves it.

    Its parameters come back from JSON and from a pickle; its cells give the same numbers
    again, alone, in another order, in a fresh worker process, whatever global generators
    hold, and as plain Python where they were compiled.

    Parameters
    ----------
    method, task
        Objects with their parameters; the cells are run some seven times.
    seeds
        How many cells.

    Raises
    ------
    NotConforming
        With each fact that failed.
    UsageError
        When the task refuses the method.
    """
    return check_task(task, [method], seeds=seeds)


def check_task(
    task: Task, methods: Sequence[Method] | Mapping[str, Method], *, seeds: int = 3
) -> tuple[Fact, ...]:
    """Hold a task to the contract with methods that it serves; see :func:`check_method`."""
    from harness.testing.classes import class_facts, object_facts
    from harness.testing.plugins import pair_facts

    named = methods.values() if isinstance(methods, Mapping) else methods
    things = {type(each).__name__: each for each in (task, *named)}
    return require(
        chain(
            *(class_facts(name, type(each)) for name, each in things.items()),
            *(object_facts(name, each) for name, each in things.items()),
            pair_facts(task, methods, seeds),
        )
    )


def check_plugin(
    plugin: str = "", *, suite: str | Path | None = None, seeds: int = 3
) -> tuple[Fact, ...]:
    """Hold a plugin to the contract.

    Parameters
    ----------
    plugin
        Its name, as ``harness list plugins`` has it, or the path of its module. What it
        registers is imported, and run where defaults suffice.
    suite
        A suite whose methods and tasks are run on its first ``seeds`` seeds, for sizes and
        parameters of your own.
    seeds
        How many cells of each pair.

    Raises
    ------
    NotConforming
        With each fact that failed.
    UsageError
        When there is no such plugin.
    """
    from harness.testing.plugins import plugin_facts, suite_facts

    return require(
        chain(
            plugin_facts(plugin, seeds) if plugin else (),
            suite_facts(Path(suite), seeds) if suite else (),
        )
    )
