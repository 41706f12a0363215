"""A run on a terminal: one bar, one line a worker, one line a cause of failure."""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from harness.cli import numbers
from harness.cli.progress import STOPPING, Cause, Progress, headline
from harness.cli.text import mark
from harness.runner.settings import Started

if TYPE_CHECKING:
    from rich.console import RenderableType

    from harness.execute import WorkerView
    from harness.plan.records import Plan
    from harness.store.rows import Group as Outcomes

__all__ = ["LiveWatcher"]

_REDRAW_S = 0.1
_MAX_CAUSES = 12
_WIDE = 100
_ADVICE = "Ctrl-C once: finish the write and stop; the same command goes on from there."


class LiveWatcher:
    """Draws a run at most ten times a second, and leaves nothing behind."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._started: Started | None = None
        self._progress = Progress(total=0, reused=0)
        self._views: Sequence[WorkerView] = ()
        self._drawn = 0.0
        self._is_stopping = False
        self._bad = mark("bad")  # now, before rich stands between us and the stream

    @property
    def progress(self) -> Progress:
        """Counts so far."""
        return self._progress

    def started(self, started: Started) -> None:
        """Show the headline and an empty bar."""
        self._started = started
        self._progress = Progress.of(started)
        for note in started.notes:
            self.notice(note)
        self._live.start()
        self._draw()

    def wrote(self, plan: Plan, group: Outcomes) -> None:
        """Count a group."""
        self._progress.add(plan, group)
        self._draw_if_due()

    def tick(self, views: Sequence[WorkerView]) -> None:
        """Keep what the workers do, for the next drawing."""
        self._views = views
        self._draw_if_due()

    def notice(self, text: str) -> None:
        """Print a line above the display; it stays."""
        self._console.print(Text(f"! {text}", style="yellow"), highlight=False)

    def stopping(self) -> None:
        """Say with the next drawing that the run ends; called in a signal handler."""
        self._is_stopping = True

    def finished(self) -> None:
        """Take the display away."""
        self._live.stop()

    def _draw_if_due(self) -> None:
        if monotonic() - self._drawn >= _REDRAW_S:
            self._draw()

    def _draw(self) -> None:
        self._drawn = monotonic()
        if self._started is not None:
            self._live.update(self._picture(self._started), refresh=True)

    def _picture(self, started: Started) -> RenderableType:
        title = Text.assemble((started.plan.suite.name, "bold"), " · ", headline(started))
        parts: list[RenderableType] = [title, Text(), self._bar(), self._counts(), Text()]
        parts += [self._workers(started)] if self._views else []
        parts += [Text(), *self._causes()] if self._progress.causes else []
        advice = Text(f"  {_ADVICE}", style="bright_black")
        parts += [Text(), Text(f"  {STOPPING}", style="yellow") if self._is_stopping else advice]
        return Group(*parts)

    def _bar(self) -> RenderableType:
        progress = self._progress
        left = progress.seconds_left()
        told = f"{numbers.duration(left)} left" if left is not None else ""
        row = Table.grid(padding=(0, 2))
        row.add_row(
            "",
            ProgressBar(
                total=max(progress.total, 1),
                completed=progress.done,
                width=44,
                style="bright_black",
                complete_style="cyan",
                finished_style="cyan",
            ),
            f"{progress.done:,} of {progress.total:,} cells",
            Text(told, style="bright_black"),
        )
        return row

    def _counts(self) -> Text:
        progress = self._progress
        text = Text(f"  {progress.measured:,} measured", style="bright_black")
        if progress.recovered:
            text.append(f" · {progress.recovered:,} from before")
        if progress.reused:
            text.append(f" · {progress.reused:,} reused")
        if progress.skipped:
            text.append(f" · {progress.skipped:,} skipped")
        text.append(f" · {progress.failed:,} failed", style="red" if progress.failed else "")
        text.append(f" · {progress.total - progress.done:,} to go")
        if self._console.width >= _WIDE:
            text.append(" · no verdict before the last cell")
        return text

    def _workers(self, started: Started) -> RenderableType:
        table = Table.grid(padding=(0, 2))
        for view in self._views[:12]:
            number = Text(str(view.worker + 1), style="cyan")
            if view.spec is None:
                told = f"builds {view.artifact}" if view.artifact else "idle"
                table.add_row("", number, Text(told, style="bright_black"))
                continue
            spec = started.plan.specs[view.spec]
            cells = f"{view.done} of {view.cells} cells" if view.cells > 1 else ""
            share = f"{100 * view.fraction:.0f} %" if view.fraction is not None else ""
            table.add_row(
                "",
                number,
                f"{spec.title} · {spec.label}",
                Text(cells, style="bright_black"),
                numbers.duration(view.cell_s),
                share,
            )
        return table

    def _causes(self) -> list[RenderableType]:
        causes = list(self._progress.causes.values())
        lines: list[RenderableType] = [self._cause(cause) for cause in causes[:_MAX_CAUSES]]
        if len(causes) > _MAX_CAUSES:
            lines.append(
                Text(f"  and {len(causes) - _MAX_CAUSES} more causes", style="bright_black")
            )
        return lines

    def _cause(self, cause: Cause) -> Text:
        """The count before the message, whose end a narrow terminal cuts off."""
        text = Text(f"  {self._bad} ", style="red", no_wrap=True, overflow="ellipsis")
        text.append(f"{cause.status:<9}", style="red")
        cells = "1 cell" if cause.count == 1 else f"{cause.count:,} cells"
        text.append(f"{cells:>9}  ", style="bright_black")
        text.append(f"{cause.label} on {cause.task}: {cause.message}", style="default")
        return text
