"""Runs to a folder that can be opened, moved and sent: one page a suite, figures for papers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.registry import Registry
from harness.report import render
from harness.report.across import in_order
from harness.report.drawn import draw, figures_of, series_of
from harness.report.evidence import evidence_of
from harness.report.gather import gather
from harness.report.overview import overview
from harness.report.page import Page
from harness.report.records import RunPage
from harness.runner.results import Run
from harness.store.disk import storing, write_whole

__all__ = ["Site", "build"]


@dataclass(frozen=True, kw_only=True)
class Site:
    """What was written."""

    index: Path
    pages: tuple[Path, ...]
    figures: tuple[Path, ...]
    has_plots: bool  # False: the extra is missing
    notes: tuple[str, ...] = ()  # files that a page had to do without


def build(
    runs: Sequence[Run],
    folder: Path,
    *,
    figures: bool = False,
    now: datetime | None = None,
    registry: Registry | None = None,
) -> Site:
    """Write the site of these runs into ``folder``.

    Runs of one suite share a page: the newest in full, the others across commits. Nothing
    that was in the folder before is removed.

    Parameters
    ----------
    runs
        At least one.
    folder
        Made where it is missing.
    figures
        Also write each figure as SVG, PNG and PDF, into ``figures/``.

    Raises
    ------
    StoreError
        If a run cannot be read, or the folder not be written.
    UsageError
        If ``figures`` are asked for and the extra is not installed.
    """
    registry = registry or Registry()
    gathered = [gather(run, registry) for run in runs]
    suites = _by_suite(gathered)
    names = ["index.html", *(f"{_plain(pages[0].record.suite)}.html" for pages in suites[1:])]
    links = [(pages[0].record.suite, name) for pages, name in zip(suites, names, strict=True)]
    on_pages = list(zip(suites, names, strict=True))
    has_plots = render.can_render()
    written: list[Path] = []
    papers: list[Path] = []
    for pages, name in on_pages:
        series = series_of(pages[0])
        planned = figures_of(pages[0], series)
        page = Page(
            runs=pages,
            series=series,
            drawn=draw(planned) if has_plots else None,
            made=now or datetime.now(UTC),
            evidence=evidence_of(Run(pages[0].path), pages[0].claims, registry),
            sections=_sections(registry, pages[0]),
            others=[link for link in links if link[1] != name],
            overview=None if written else overview([(each[0], to) for each, to in on_pages]),
        )
        written.append(_write(folder / name, page.html().encode()))
        if figures:
            papers += _papers(folder / "figures", pages[0].record.suite, planned)
    return Site(
        index=written[0],
        pages=tuple(written),
        figures=tuple(papers),
        has_plots=has_plots,
        notes=tuple(note for page in gathered for note in page.damage),
    )


def _by_suite(pages: Sequence[RunPage]) -> list[list[RunPage]]:
    """Runs of one suite together, the newest first; suites in the order given."""
    found: dict[str, list[RunPage]] = {}
    for page in pages:
        found.setdefault(page.record.suite, []).append(page)
    return [in_order(each) for each in found.values()]


def _sections(registry: Registry, page: RunPage) -> list[dict[str, str]]:
    """What plugins add to the page."""
    answers: Sequence[Any] = registry.hook.harness_report_sections(folder=page.path)
    return [dict(section) for answer in answers if answer for section in answer]


def _papers(folder: Path, suite: str, planned: dict[int, Any]) -> list[Path]:
    paths = []
    for figures in planned.values():
        for figure in figures:
            made = render.figure_files(figure.still(figure.wide))
            stem = f"{_plain(suite)}-{figure.name}"
            paths += [_write(folder / f"{stem}.{kind}", data) for kind, data in made.items()]
    return paths


def _write(path: Path, data: bytes) -> Path:
    with storing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, memoryview(data))
    return path


def _plain(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in name)
