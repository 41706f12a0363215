"""The page: what leads, what follows, what is folded. One file, no request."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path

from harness import __version__, numbers
from harness.report import digits
from harness.report.across import Across
from harness.report.boards import BoardView, board_table
from harness.report.cells import again, cells_of_task, packed_cells
from harness.report.changes import changes_section
from harness.report.claim_groups import Places
from harness.report.claims import Opened, claims_section, counts_line
from harness.report.commands import Commands, commands_of
from harness.report.drawn import Drawn
from harness.report.failures import failures_section
from harness.report.figure import Figure, Series
from harness.report.history import history_table
from harness.report.markup import Html, data_script, tag
from harness.report.records import Evidence, RunPage, TaskPage
from harness.report.render import INSTALL
from harness.report.standing import mark_symbols

__all__ = ["Page"]

_ASSETS = Path(__file__).parent / "assets"
# Nothing may be fetched; the plot library compiles its expressions, hence unsafe-eval.
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "script-src 'unsafe-inline' 'unsafe-eval'; base-uri 'none'; form-action 'none'"
)


@dataclass(frozen=True, kw_only=True)
class Page:
    """A report of one suite: its newest run in full, earlier ones across commits.

    ``drawn`` are the figures by task, ``None`` where the extra is missing.
    """

    runs: Sequence[RunPage]  # the newest first
    series: Mapping[str, Series]
    drawn: Drawn | None
    made: datetime
    evidence: Mapping[str, Evidence] = field(default_factory=dict)  # by the claim's name
    sections: Sequence[Mapping[str, str]] = ()  # of plugins: title, html
    others: Sequence[tuple[str, str]] = ()  # further pages of the site: name, address
    overview: Html | None = None  # of all suites, on the site's first page

    @property
    def _run(self) -> RunPage:
        return self.runs[0]

    @cached_property
    def _description(self) -> str:
        found = re.search(r"^description:\s*(.+)$", self._run.record.suite_text, re.MULTILINE)
        return found[1].strip().strip("'\"").removesuffix(".") if found else self._run.record.suite

    @cached_property
    def _commands(self) -> Commands:
        return commands_of(self._run)

    @cached_property
    def _across(self) -> Across:
        return Across.of(self.runs)

    @cached_property
    def _changes(self) -> Html | None:
        record, folder = self._run.record, self._run.path.parent.parent
        is_usual = self._run.path.parent.name == record.suite and folder == Path("results")
        return changes_section(self._across.comparisons, "" if is_usual else str(folder))

    @cached_property
    def _places(self) -> Places:
        """Where cells and curves stand on this page."""
        tasks = list(enumerate(self._run.tasks))
        figures = {
            (task.key, figure.metric): f"figure-{figure.name}"
            for place, task in tasks
            for figure in reversed(self.drawn.of(place) if self.drawn else ())
        }
        cells = {
            (task.key, group.label): f"t{place}-m{number}"
            for place, task in tasks
            for number, group in enumerate(task.groups)
        }
        return Places(cells=cells, figures=figures)

    def html(self) -> str:
        """The whole page."""
        styles = (_ASSETS / "page.css").read_text(encoding="utf-8")
        script = (_ASSETS / "page.js").read_text(encoding="utf-8")
        early = (_ASSETS / "early.js").read_text(encoding="utf-8")
        head = tag(
            "head",
            tag("meta", charset="utf-8"),
            tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
            tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
            tag("meta", name="color-scheme", content="light dark"),
            tag("link", rel="icon", href="data:,"),
            tag("title", f"{self._run.record.suite} · harness"),
            tag("style", Html(styles)),
            tag("script", Html(early)),
        )
        body = tag("body", *self._body(), tag("script", Html(script)), *self._data())
        return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"

    def _body(self) -> list[Html | None]:
        main = tag(
            "main",
            self._top(),
            self.overview,
            claims_section(self._run.claims, Opened(evidence=self.evidence, places=self._places)),
            self._changes,
            self._leaderboards(),
            failures_section(self._run),
            *(self._plugin_section(each) for each in self.sections),
            self._provenance(),
            id="main",
        )
        skip = tag("a", "Skip to the content", href="#main", class_="skip")
        return [skip, mark_symbols(), self._navigation(), main, self._footer()]

    def _navigation(self) -> Html:
        links = [("All suites", "suites")] if self.overview else []
        links += [("Claims", "claims")] if self._run.claims else []
        links += [("Changes", "changes")] if self._changes else []
        links += [("Leaderboards", "leaderboards")] if self._run.tasks else []
        links += [("Failures", "failures")] if self._run.failures else []
        return tag(
            "header",
            tag(
                "nav",
                tag("a", tag("b", self._run.record.suite), href="#main"),
                *(tag("a", text, href=f"#{ident}") for text, ident in links),
                *(tag("a", text, href=address) for text, address in self.others),
                aria_label="Sections",
            ),
            tag("button", "Theme", type="button", id="theme", class_="script", aria_live="polite"),
        )

    def _top(self) -> Html:
        record = self._run.record
        machine = record.hardware.get("cpus")
        parts = [
            f"{numbers.count(self._run.cells)} cells, {numbers.count(self._run.failed)} failed",
            f"{record.started:%-d %b %Y}",
            f"commit {record.commit[:7]}, {'with changes' if record.diff_hash else 'clean'}"
            if record.commit
            else "no commit",
            f"{', '.join(record.classes)}{f': {machine} cores' if machine else ''}",
        ]
        if record.finished:
            parts.append(numbers.duration((record.finished - record.started).total_seconds()))
        notes = [tag("p", note, class_="warn", role="note") for note in self._notes()]
        return tag(
            "div",
            tag("h1", self._description),
            tag("p", " · ".join(part for part in parts if part), class_="provenance"),
            *notes,
            counts_line(self._run.claims),
            class_="top",
        )

    def _notes(self) -> list[str]:
        """What a reader must know before anything else."""
        run = self._run
        notes = [note for each in self.runs for note in each.notes]
        notes += self._across.notes
        if run.record.state != "finished":
            notes.append(f"The run is {run.record.state}: no verdict is final.")
        if run.record.cuts:
            notes.append(f"The suite was cut: {', '.join(run.record.cuts)}.")
        missing = run.record.cells - run.cells
        if missing > 0:
            planned = numbers.count(run.record.cells)
            command = f"harness run {run.record.suite_path or run.record.suite}"
            notes.append(f"{numbers.count(missing)} of {planned} cells did not run: {command}")
        if self.drawn is None:
            notes.append(f"Curves and cost plots are left out; {INSTALL} adds them.")
        return notes

    def _leaderboards(self) -> Html | None:
        tasks = self._run.tasks
        if not tasks:
            return None
        return tag(
            "section",
            tag("h2", "Leaderboards"),
            self._tools(tasks),
            *(self._task(task, place) for place, task in enumerate(tasks)),
            id="leaderboards",
        )

    def _tools(self, tasks: Sequence[TaskPage]) -> Html:
        options = [tag("option", digits.brief(task.title), value=task.title) for task in tasks]
        metrics = dict.fromkeys(board.metric for task in tasks for board in task.boards)
        search = tag(
            "label",
            "Search tasks",
            tag("input", type="search", id="search-task", placeholder="part of a name"),
        )
        return tag(
            "div",
            tag("label", "Task", tag("select", *options, id="task")),
            search if len(tasks) > 1 else None,
            tag("label", "Metric", tag("select", *(_option(m) for m in metrics), id="metric")),
            tag("label", "Find", tag("input", type="search", id="find", placeholder="method  /")),
            tag("span", id="said", role="status", aria_live="polite", class_="quiet"),
            class_="tools script",
        )

    def _task(self, task: TaskPage, place: int) -> Html:
        ident = f"t{place}"
        anchors = {group.label: f"{ident}-m{n}" for n, group in enumerate(task.groups)}
        figures = self.drawn.of(place) if self.drawn else ()
        boards = [
            self._board(
                task,
                number,
                BoardView(
                    board=board,
                    ident=f"{ident}-b{number}",
                    anchors=anchors,
                    colors={label: each.color for label, each in self.series.items()},
                    is_first=self._run.labels[0] if self._run.labels else "",
                ),
            )
            for number, board in enumerate(task.boards)
        ]
        return tag(
            "article",
            tag("h3", digits.named(task.title)),
            *boards,
            *self._figures(figures),
            again(self._run, task, self._commands),
            cells_of_task(task, ident, self._commands),
            class_="task" + ("" if place else " chosen"),
            id=ident,
            data_task=task.title,
        )

    def _board(self, task: TaskPage, number: int, view: BoardView) -> Html:
        history = (
            history_table(task, view.board, self._across)
            if len(self.runs) > 1 and view.board.metric not in task.costs
            else None
        )
        return tag(
            "div",
            board_table(view),
            history,
            class_="metric" + ("" if number else " chosen"),
            data_metric=view.board.metric,
        )

    def _figures(self, figures: Sequence[Figure]) -> list[Html]:
        assert self.drawn is not None or not figures, "figures are drawn before the page is made"
        wide = [self._figure(figure) for figure in figures if figure.narrow is not None]
        small = [self._figure(figure) for figure in figures if figure.narrow is None]
        return [*wide, tag("div", *small, class_="pair")] if small else wide

    def _figure(self, figure: Figure) -> Html:
        assert self.drawn is not None, "asked only where figures are drawn"
        forms = self.drawn.svgs[figure.name]
        drawings = [
            tag("div", Html(svg), class_=f"drawing {name}")
            for name, svg in zip(("wide", "narrow"), forms, strict=False)
        ]
        if len(forms) == 1:
            drawings = [tag("div", Html(forms[0]), class_="drawing")]
        head, *rows = figure.table
        table = tag(
            "table",
            tag("thead", tag("tr", *(tag("th", text, scope="col") for text in head))),
            tag("tbody", *(_data_row(row) for row in rows)),
        )
        return tag(
            "figure",
            tag("figcaption", tag("h4", figure.title), tag("p", figure.subtitle, class_="note")),
            tag(
                "div", *drawings, class_="canvas", role="img", aria_label=figure.spoken, tabindex=0
            ),
            tag("details", tag("summary", "The data"), tag("div", table, class_="scroll")),
            id=f"figure-{figure.name}",
            data_metric=figure.metric,
        )

    def _data(self) -> list[Html]:
        """Cells, figures' specifications, and the library, which runs when one is touched."""
        cells = [
            data_script(f"t{place}-cells", packed_cells(task, self._commands))
            for place, task in enumerate(self._run.tasks)
        ]
        if self.drawn is None or not self.drawn.figures:
            return cells
        specs = {figure.name: figure.packed() for figure in self.drawn.figures}
        library = Html(self.drawn.library.replace("</script", "<\\/script"))
        return [
            *cells,
            data_script("vega-shared", self.drawn.shared),
            data_script("specs", specs),
            tag("script", library, type="text/plain", id="library"),
        ]

    def _plugin_section(self, section: Mapping[str, str]) -> Html:
        # A plugin's markup is trusted as its code is: it runs in the same process.
        return tag("section", tag("h2", section["title"]), Html(section["html"]))

    def _provenance(self) -> Html:
        record = self._run.record
        facts = {
            "Run": f"{record.run_id}, {record.state}",
            "Folder": str(self._run.path),
            "Command": " ".join(record.command),
            "Commit": f"{record.commit or '–'} on {record.branch or '–'}",
            "Not committed": record.diff_hash or "nothing",
            "Started": record.started.isoformat(timespec="seconds"),
            "Machine": ", ".join(f"{key} {value}" for key, value in record.hardware.items()),
            "Versions": ", ".join(f"{key} {value}" for key, value in record.versions.items()),
            "Plugins": ", ".join(f"{key} ({value})" for key, value in record.plugins.items()),
            "Suite": f"{record.suite_path}, sha256 {record.suite_hash}",
        }
        told = [part for key, value in facts.items() for part in (tag("dt", key), tag("dd", value))]
        sums = "\n".join(f"{total}  {name}" for name, total in record.files.items())
        return tag(
            "section",
            tag("h2", "Provenance"),
            tag("details", tag("summary", "What ran, where, from which code"), tag("dl", *told)),
            tag(
                "details", tag("summary", "The suite"), self._saved(), tag("pre", record.suite_text)
            ),
            tag("details", tag("summary", "Files and their sha256"), tag("pre", sums)),
            id="provenance",
        )

    def _saved(self) -> Html:
        """The suite as a file, for whoever has the page and not the run."""
        name = f"{self._run.record.suite}.yaml"
        text = b64encode(self._run.record.suite_text.encode()).decode()
        address = f"data:text/yaml;charset=utf-8;base64,{text}"
        return tag("p", tag("a", f"Save it as {name}", href=address, download=name))

    def _footer(self) -> Html:
        told = (
            f"harness {__version__} · made {self.made:%-d %b %Y %H:%M} UTC from {self._run.path} · "
            "no request leaves this page"
        )
        return tag("footer", told)


def _option(text: str) -> Html:
    return tag("option", text, value=text)


def _data_row(row: Sequence[str]) -> Html:
    first, *rest = row
    return tag(
        "tr", tag("th", first, scope="row"), *(tag("td", text, class_="num") for text in rest)
    )
