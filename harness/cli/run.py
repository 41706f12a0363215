"""``harness run``: the main job. Options in, one call, one rendering."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from harness.cli.options import complete_suites, results_option, seconds
from harness.errors import ExitCode

if TYPE_CHECKING:
    from harness.cli.live import LiveWatcher
    from harness.cli.plain import PlainWatcher
    from harness.execute import Control
    from harness.execute.local import LocalExecutor
    from harness.runner import Run, Settings
    from harness.suite.loader import Cuts

__all__ = ["run"]


@click.command()
@click.argument("suite", type=click.Path(path_type=Path), shell_complete=complete_suites)
@click.option(
    "-o", "overrides", multiple=True, metavar="KEY=VALUE", help="Change the suite: -o seed=3."
)
@click.option("--only", multiple=True, help="Only this task (repeatable).")
@click.option("--method", "methods", multiple=True, help="Only this method or label (repeatable).")
@click.option("--seeds", help="Only these seeds: 20, or 0-11,14.")
@click.option(
    "--limit", type=click.IntRange(1), help="At most this many cells, the first of the plan."
)
@click.option(
    "--workers", type=click.IntRange(1), help="Worker processes; one a core unless given."
)
@click.option("--inline", is_flag=True, help="Run in this process: no isolation, no limits.")
@click.option("--executor", default="", help="Run on this executor, of a plugin.")
@click.option("--cell", default="", help="Only cells whose id starts with this.")
@click.option("--retry-failed", is_flag=True, help="Run failed cells of earlier runs again.")
@click.option("--fresh", is_flag=True, help="Measure every cell anew; built models are kept.")
@click.option("--skip-unmet", is_flag=True, help="Leave out cells that this machine cannot serve.")
@click.option("--budget", metavar="TIME", help="Begin no further wave of seeds after this: 30min.")
@click.option(
    "--at", metavar="REV", help="Run with the code of a commit, in an environment of its own."
)
@click.option("--job-cells", type=click.IntRange(1), help="Cells a job; learnt unless given.")
@click.option("--strict", is_flag=True, help="Exit with 1 when a claim is undecided, too.")
@click.option("--dry-run", is_flag=True, help="Print the plan and what is reused; run nothing.")
@click.option("--check", is_flag=True, help="Validate the suite; run nothing.")
@click.option("--quiet", is_flag=True, help="Print only the result.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option("--debug", is_flag=True, help="Show tracebacks; with --inline, stop at the first.")
@results_option
def run(**options: object) -> int:
    """Run SUITE: cells on declared hardware, a Parquet leaderboard, judged claims.

    The same command goes on after an interruption, and reuses what is still true after an
    edit. Exit codes: 0 well, 1 a verdict other than expected, 2 a fault in what was given,
    3 cells failed, 4 hardware unmet, 5 results could not be written, 130 interrupted.
    """
    return _run(_Options(options))


class _Options:
    """The command's options, typed once at the border to click."""

    def __init__(self, given: dict[str, object]) -> None:
        self._given = given

    def flag(self, name: str) -> bool:
        return bool(self._given[name])

    def texts(self, name: str) -> tuple[str, ...]:
        value = self._given[name]
        assert isinstance(value, tuple)
        return tuple(map(str, value))

    def text(self, name: str) -> str:
        value = self._given[name]
        return "" if value is None else str(value)

    def number(self, name: str) -> int | None:
        value = self._given[name]
        assert value is None or isinstance(value, int)
        return value

    @property
    def suite(self) -> Path:
        return Path(str(self._given["suite"]))

    def settings(self) -> Settings:
        """What the runner needs to know."""
        from harness.runner import Settings

        return Settings(
            results=Path(self.text("results")),
            workers=self.number("workers"),
            inline=self.flag("inline"),
            executor=self.text("executor"),
            debug=self.flag("debug") and self.flag("inline"),
            retry_failed=self.flag("retry_failed"),
            fresh=self.flag("fresh"),
            skip_unmet=self.flag("skip_unmet"),
            cell=self.text("cell"),
            job_cells=self.number("job_cells"),
            budget_s=seconds(self.text("budget")),
        )

    def cuts(self) -> Cuts:
        """What is left out of the suite."""
        from harness.suite.loader import Cuts

        return Cuts(
            only=self.texts("only"),
            methods=self.texts("methods"),
            seeds=self.text("seeds") or None,
            limit=self.number("limit"),
        )


def _run(options: _Options) -> int:
    if options.text("at"):
        from harness.cli.at import forward

        return forward(options.text("at"), options.suite, options.text("results"))
    with _early_guardian(options) as early:
        return _plan_and_run(options, early)


@contextmanager
def _early_guardian(options: _Options) -> Iterator[LocalExecutor | None]:
    """Start the workers' fork server first: it is ready when the plan is.

    numba is loaded there, while this process imports what planning needs, and not again by
    every worker; a small suite of compiled methods starts half a second earlier.
    """
    if any(options.flag(name) for name in ("inline", "check", "dry_run", "executor")):
        yield None
        return
    from harness.execute import LocalOptions
    from harness.execute.local import LocalExecutor
    from harness.hardware import observe

    preload = ("numba",) if os.environ.get("HARNESS_JIT") != "0" else ()
    executor = LocalExecutor(
        options.number("workers") or observe().cpus, LocalOptions(preload=preload)
    )
    executor.prepare()
    try:
        yield executor
    finally:
        executor.close()


def _plan_and_run(options: _Options, early: LocalExecutor | None) -> int:
    from harness.runner import run_prepared
    from harness.runner.prepare import narrowed, prepare

    prepared = prepare(options.suite, overrides=options.texts("overrides"), cuts=options.cuts())
    if options.flag("check") or options.flag("dry_run"):
        from harness.cli.plan import print_plan

        prepared = narrowed(prepared, options.text("cell"))
        return print_plan(prepared, options.settings(), brief=options.flag("check"))
    watcher = _watcher(options)
    with _interruptible(watcher) as control:
        done = run_prepared(
            prepared, options.settings(), watcher=watcher, control=control, early=early
        )
    return _print_result(done, options, seconds=watcher.progress.elapsed)


def _watcher(options: _Options) -> LiveWatcher | PlainWatcher:
    quiet = options.flag("quiet") or options.flag("as_json")
    if sys.stderr.isatty() and not quiet and not options.flag("debug"):
        from harness.cli.live import LiveWatcher

        return LiveWatcher()
    from harness.cli.plain import PlainWatcher

    return PlainWatcher(quiet=quiet)


@contextmanager
def _interruptible(watcher: LiveWatcher | PlainWatcher) -> Iterator[Control]:
    """Ctrl-C once asks the run to stop after its write; twice ends the process at once."""
    from harness.execute import Control

    control = Control()

    def on_signal(number: int, frame: FrameType | None) -> None:
        if control.stop:
            # Nothing is waited for: what is journalled stays, workers go with this process.
            os.write(2, b"\x1b[?25h\n" if sys.stderr.isatty() else b"")
            os._exit(ExitCode.INTERRUPTED)
        control.stop = True
        watcher.stopping()

    before = {
        number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield control
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _print_result(done: Run, options: _Options, *, seconds: float) -> int:
    from harness.cli.result import result_lines
    from harness.cli.text import say, say_json, width

    code = done.exit_code(strict=options.flag("strict"))
    if options.flag("as_json"):
        say_json(done.summary(code))
        return code
    command = shlex.join(["harness", *sys.argv[1:]])
    say(result_lines(done, width(), seconds=seconds, code=ExitCode(code), command=command))
    return code
