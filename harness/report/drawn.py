"""Every figure of a page, drawn: SVG in the page, and the library for whoever touches one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.report import render
from harness.report.curve_figure import curve_figure
from harness.report.drawers import draw_all, library
from harness.report.figure import Figure, Series
from harness.report.pareto import pareto_figures
from harness.report.records import RunPage, TaskPage

__all__ = ["Drawn", "draw", "figures_of", "series_of"]

_COLORS = 7


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """The figures by task (its place), their SVG by name, and what the script needs."""

    by_task: Mapping[int, Sequence[Figure]]
    svgs: Mapping[str, Sequence[str]]  # wide and narrow, or one for both
    shared: Mapping[str, Any]  # what all specifications have in common
    library: str

    @property
    def figures(self) -> list[Figure]:
        """All of them."""
        return [figure for figures in self.by_task.values() for figure in figures]

    def of(self, task: int) -> Sequence[Figure]:
        """Those of one task."""
        return self.by_task.get(task, ())


def draw(by_task: Mapping[int, Sequence[Figure]]) -> Drawn:
    """Draw them all, and fetch the library for those that will be touched."""
    figures = [figure for each in by_task.values() for figure in each]
    forms = [
        (figure, form)
        for figure in figures
        for form in (figure.wide, figure.narrow)
        if form is not None
    ]
    drawn = draw_all([figure.still(form) for figure, form in forms])
    svgs: dict[str, list[str]] = {}
    for (figure, _), svg in zip(forms, drawn, strict=True):
        svgs.setdefault(figure.name, []).append(svg)
    return Drawn(
        by_task=by_task,
        svgs=svgs,
        shared=render.complete({}),
        library=library() if figures else "",
    )


def figures_of(page: RunPage, series: Mapping[str, Series]) -> dict[int, list[Figure]]:
    """The figures of each task: curves, then the first metric against time and memory."""
    return {
        place: _of_task(task, f"t{place}", page.tasks, series)
        for place, task in enumerate(page.tasks)
    }


def _of_task(
    task: TaskPage, ident: str, siblings: Sequence[TaskPage], series: Mapping[str, Series]
) -> list[Figure]:
    made = [
        curve_figure(task, metric, siblings, series, f"{ident}-{_plain(metric)}")
        for metric in task.curves
    ]
    quality = next((board for board in task.boards if board.metric not in task.costs), None)
    fronts = pareto_figures(task, quality, series, f"{ident}-front") if quality else []
    return [*(figure for figure in made if figure is not None), *fronts]


def _plain(metric: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in metric)


def series_of(page: RunPage) -> dict[str, Series]:
    """A colour a label on the whole page, in order of first appearance.

    With more labels than colours, those that claims name and those that lead a board keep
    one; the rest are grey.
    """
    labels = list(page.labels)
    published = [row["label"] for task in page.tasks for b in task.boards for row in b.rows]
    labels = list(dict.fromkeys([*labels, *map(str, published)]))
    chosen = labels if len(labels) <= _COLORS else _prominent(page, labels)[: _COLORS - 1]
    numbered = {
        label: place + 1 for place, label in enumerate(each for each in labels if each in chosen)
    }
    return {
        label: Series(f"s{numbered.get(label, 0)}", is_first=label == labels[0]) for label in labels
    }


def _prominent(page: RunPage, labels: Sequence[str]) -> list[str]:
    """Labels by how often claims name them and boards are led by them; the first always."""
    score = dict.fromkeys(labels, 0)
    for claim in page.claims:
        # Longer names first, so that a name inside another one does not count twice.
        words = claim["statement"] or ""
        for label in sorted(labels, key=len, reverse=True):
            if label in words:
                score[label] += 2
                words = words.replace(label, "")
    for task in page.tasks:
        for board in task.boards:
            for row in board.rows:
                score[str(row["label"])] += row["rank_low"] == 1 and len(board.rows) > 1
    score[labels[0]] += 1_000_000
    return sorted(labels, key=lambda label: -score[label])
