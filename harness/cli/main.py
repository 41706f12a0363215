"""``harness``: finds the command, and turns errors into messages and exit codes."""

from __future__ import annotations

import os
import sys
import warnings
from errno import EIO, ENOSPC
from importlib import import_module
from io import TextIOWrapper
from typing import TextIO

import click

from harness import __version__
from harness.errors import ExitCode, HarnessError

__all__ = ["cli", "main"]

# Command → module, attribute, one line of help: ``harness --help`` imports none of them.
_COMMANDS = {
    "run": ("harness.cli.run", "run", "Run a suite: leaderboard and judged claims."),
    "list": ("harness.cli.listing", "list_things", "List methods, tasks, kinds, plugins."),
    "show": ("harness.cli.show", "show", "Show a method's or task's parameters and bounds."),
    "leaderboard": ("harness.cli.leaderboard", "leaderboard", "Print a run's leaderboards."),
    "claims": ("harness.cli.claims", "claims", "Print a run's claims and verdicts."),
    "report": ("harness.cli.report", "report", "Write a static page of runs, and figures."),
    "compare": ("harness.cli.compare", "compare", "Compare runs; exit 1 on a regression."),
    "history": ("harness.cli.history", "history", "Show a metric over commits."),
    "query": ("harness.cli.query", "query", "Ask all results in SQL."),
    "results": ("harness.cli.results", "results", "List runs, and cells that failed."),
    "audit": ("harness.cli.audit", "audit", "Check a run's files; recompute a sample of it."),
    "bisect": ("harness.cli.bisect", "bisect", "Find the commit at which a metric changed."),
    "new": ("harness.cli.new", "new", "Write a plugin's package that works."),
    "check": ("harness.cli.check", "check", "Hold a plugin to the contract."),
    "hardware": ("harness.cli.hardware", "hardware", "Show this machine as runs record it."),
    "data": ("harness.cli.data", "data", "List, fetch and verify data sets."),
    "schema": ("harness.cli.schema", "schema", "Print the schema of suites or of result files."),
}


class _Lazy(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, attribute, _ = _COMMANDS[cmd_name]
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command), f"{module}:{attribute} is no command"
        return command

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # The reader (head, less) went away: nothing is wrong, and nothing can be printed.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return ExitCode.OK

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, told) for name, (_, _, told) in _COMMANDS.items()])


# click keeps the lines of a paragraph that begins with a backspace.
_HELP = """Benchmark algorithms against what theory says of them.

\b
harness run suites/quickstart.yaml   the main job, on real data
harness list                         what there is
harness show bandits/thompson        one of it

Shell completion: eval "$(_HARNESS_COMPLETE=bash_source harness)" (or zsh_source).
"""


@click.group(cls=_Lazy, help=_HELP, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="harness")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@click.pass_context
def cli(ctx: click.Context, debug: bool) -> None:
    """Benchmark algorithms against what theory says of them."""
    ctx.obj = {"debug": debug}


def _tell(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """What a plugin warns of as a note; a warning for programmers with its place."""
    if category is UserWarning:
        from harness.cli.text import say_notes

        say_notes([str(message)])
        return
    text = warnings.formatwarning(message, category, filename, lineno, line)
    click.echo(text, err=True, nl=False)


def main() -> None:
    """The entry point: runs the command, exits with its documented code."""
    debug = "--debug" in sys.argv
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # an encoding without our marks stops nothing
    warnings.showwarning = _tell
    try:
        code = cli.main(standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("interrupted: what was journalled before is kept", err=True)
        sys.exit(ExitCode.INTERRUPTED)
    except click.ClickException as error:
        error.show()
        sys.exit(ExitCode.USER)
    except KeyboardInterrupt:
        click.echo("interrupted: what was journalled before is kept", err=True)
        sys.exit(ExitCode.INTERRUPTED)
    except OSError as error:
        if debug or error.errno not in (ENOSPC, EIO):
            raise
        # Standard output is a file on a full disk; what the run wrote elsewhere is there.
        click.echo(f"the output could not be written: {error.strerror}", err=True)
        sys.exit(ExitCode.STORE)
    except HarnessError as error:
        if debug:
            raise
        from harness.cli.faults import error_lines
        from harness.cli.text import say_error

        say_error(error_lines(error))
        sys.exit(error.exit_code)
    sys.exit(code if isinstance(code, int) else ExitCode.OK)
