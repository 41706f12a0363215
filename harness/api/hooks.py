"""Hook specifications: everything that a plugin can tell or hear, by phase.

A plugin is a module with functions marked ``@hookimpl``, named by an entry point of the group
``harness``. All hooks run in the main process, in the order in which plugins were found; an
exception in a registration hook makes the plugin unavailable and names it, one in a run hook
is told as a warning and never stops a run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from harness.plan.records import Plan
    from harness.store.rows import Group

__all__ = ["HOOK_PROJECT", "hookimpl", "hookspec"]

HOOK_PROJECT = "harness"
hookspec = pluggy.HookspecMarker(HOOK_PROJECT)
hookimpl = pluggy.HookimplMarker(HOOK_PROJECT)


# Registration: asked once, when a command first needs names. Values say where a thing lives
# ("module:Class"); the module is imported on first use, so these functions import nothing.


@hookspec
def harness_methods() -> Mapping[str, str]:
    """Methods by name.

    Example::

        @hookimpl
        def harness_methods():
            return {"bandits/thompson": "harness_bandits.thompson:Thompson"}
    """
    raise NotImplementedError


@hookspec
def harness_tasks() -> Mapping[str, str]:
    """Tasks by name.

    Example::

        @hookimpl
        def harness_tasks():
            return {"bandits/bernoulli": "harness_bandits.bernoulli:Bernoulli"}
    """
    raise NotImplementedError


@hookspec
def harness_kinds() -> Mapping[str, str]:
    """Kinds (the abstract classes that tasks call) by name.

    Example::

        @hookimpl
        def harness_kinds():
            return {"bandits/policy": "harness_bandits.policy:Policy"}
    """
    raise NotImplementedError


@hookspec
def harness_claims() -> Mapping[str, str]:
    """Claim plugins by name, for what fits none of the suite's forms.

    Example::

        @hookimpl
        def harness_claims():
            return {"acme/monotone": "acme.claims:Monotone"}
    """
    raise NotImplementedError


@hookspec
def harness_datasets() -> Mapping[str, str]:
    """Declared data sets by name: ``"module:OBJECT"``, a :class:`harness.data.DataSet`.

    Example::

        @hookimpl
        def harness_datasets():
            return {"open-bandit-sample": "harness_bandits.replay:SAMPLE"}
    """
    raise NotImplementedError


@hookspec
def harness_executors() -> Mapping[str, str]:
    """Executors by name, for ``harness run --executor NAME``.

    They are classes that are made without arguments and have the ``run`` of
    :class:`harness.execute.Executor`.

    Example::

        @hookimpl
        def harness_executors():
            return {"slurm": "acme.slurm:SlurmExecutor"}
    """
    raise NotImplementedError


@hookspec
def harness_published() -> Sequence[Mapping[str, Any]]:
    """Published figures: rows as under ``published:`` in a suite, shown beside ours.

    Those on tasks that a suite plans are added to it; a row of the suite's own on the same
    task, label, metric, point and parameters takes the place of a plugin's.

    Example::

        @hookimpl
        def harness_published():
            return [{"task": "vision/cifar10", "label": "smoothadv", "metric": "accuracy",
                     "value": 0.81, "source": "Salman et al. 2019, table 2"}]
    """
    raise NotImplementedError


# A run: told in the main process, between plan and store.


@hookspec
def harness_configure(settings: Mapping[str, Any]) -> None:
    """Called once before a run with its settings, as :class:`harness.runner.Settings` has them.

    Example::

        @hookimpl
        def harness_configure(settings):
            print(settings["workers"])
    """


@hookspec
def harness_run_started(plan: Plan, folder: Path) -> None:
    """Called when a run's folder is there and nothing has been dispatched.

    Example::

        @hookimpl
        def harness_run_started(plan, folder):
            print(len(plan), "cells into", folder)
    """


@hookspec
def harness_cell_finished(plan: Plan, group: Group) -> None:
    """Called after a group of outcomes was journalled, never once a cell.

    ``group.cells`` are packed rows (:data:`harness.store.rows.CELL_FORMAT`).

    Example::

        @hookimpl
        def harness_cell_finished(plan, group):
            print(len(group.cells), "bytes of finished cells")
    """


@hookspec
def harness_run_finished(folder: Path, state: str) -> None:
    """Called when the Parquet files are written; ``state`` is finished or interrupted.

    Example::

        @hookimpl
        def harness_run_finished(folder, state):
            print(state, folder)
    """


# What people see.


@hookspec
def harness_leaderboard_columns() -> Mapping[str, str]:
    """Further columns of the boards of ``harness leaderboard``: head → column of the table.

    Columns are those of ``leaderboard.parquet``; they stand as they are kept.

    Example::

        @hookimpl
        def harness_leaderboard_columns():
            return {"memory": "peak_memory"}
    """
    raise NotImplementedError


@hookspec
def harness_report_sections(folder: Path) -> Sequence[Mapping[str, str]]:
    """Further sections of the report page: ``{"title": …, "html": …}``.

    Example::

        @hookimpl
        def harness_report_sections(folder):
            return [{"title": "Notes", "html": "<p>…</p>"}]
    """
    raise NotImplementedError
