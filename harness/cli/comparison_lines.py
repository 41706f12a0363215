"""A comparison on a terminal: counts, then rows with their intervals on one axis a metric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.analyse.row_text import change_text, ends_text, p_text
from harness.cli import comparison as told
from harness.cli import numbers
from harness.cli.text import Line, Span, can_draw, line, mark
from harness.errors import ExitCode

if TYPE_CHECKING:
    from harness.analyse.comparison import Comparison, Row

__all__ = ["comparison_lines"]

_STYLES = {"worse": "bad", "undecided": "open", "better": "good", "equivalent": "same"}
_PLOT_SIZES = (33, 27, 21, 17)  # odd: zero has a character of its own
_SHOWN = 10  # equivalent rows of a metric, unless all are asked for
_TITLE_MIN, _TITLE_MOST = 12, 28  # that are shown; and that a plot leaves room for


def comparison_lines(
    comparison: Comparison, width: int, code: ExitCode, *, show_all: bool = False
) -> list[Line]:
    """The whole screen for a terminal of ``width`` columns."""
    lines = [_headline(comparison), line()]
    lines += [line((f"! {note}", "open")) for note in comparison.notes]
    if comparison.rows:
        lines += [_counts(comparison), line()]
    if comparison.too_few:
        lines += [line("  ", (comparison.too_few, "open")), line()]
    several = len(comparison.others) > 1
    for block in told.blocks_of(comparison.rows):
        lines += [*_block(block, width, several, show_all), line()]
    lines += _left_out(comparison)
    reason = told.reason_text(comparison, code)
    names = " ".join([comparison.base.name, *(side.name for side in comparison.others)])
    following = f"harness compare {names} --format md for a pull request"
    return [*lines, line((" · ".join(part for part in (reason, following) if part), "quiet"))]


def _headline(comparison: Comparison) -> Line:
    others = ", ".join(told.side_text(side) for side in comparison.others)
    arrow = "→" if can_draw() else "->"
    return line(
        (told.side_text(comparison.base), "strong"),
        f" {arrow} ",
        (others, "strong"),
        f" · {told.subject(comparison)}",
    )


def _counts(comparison: Comparison) -> Line:
    pieces: list[Span] = [Span("  ")]
    for verdict, text in told.counts_text(comparison):
        style = _STYLES[verdict]
        pieces += [Span(f"{mark(style)} {text}", _color(style)), Span(" · ")]
    return (*pieces[:-1], Span(f"    {told.rules_text(comparison)}", "quiet"))


def _color(style: str) -> str:
    return "quiet" if style == "same" else style


def _block(block: told.Block, width: int, several: bool, show_all: bool) -> list[Line]:
    rows = block.rows
    equivalent = [row for row in rows if row.verdict == "equivalent"]
    same_code = [row for row in equivalent if not row.is_tested]
    hidden = [] if show_all else [*same_code, *[r for r in equivalent if r.is_tested][_SHOWN:]]
    is_hidden = {id(row) for row in hidden}  # comparing rows by value takes a second of 500²
    kept = [row for row in rows if id(row) not in is_hidden]
    columns = _columns(block, kept, width) if kept else []
    head = block.metric if not several else f"{block.metric} against {block.against}"
    lines = [line("  ", (head, "strong"), (_unit(block), "quiet"))]
    lines += [
        tuple(piece for cell in row for piece in (cell, Span("  ")))
        for row in zip(*columns, strict=True)
        if any(cell.text.strip() for cell in row)
    ]
    if hidden:
        ran = "" if len(hidden) > len(same_code) else ", by the same code to the same numbers"
        text = f"    {len(hidden)} more equivalent{ran}: --all shows them"
        lines.append(line((text, "quiet")))
    return lines


def _unit(block: told.Block) -> str:
    unit = f" in {block.unit}" if block.unit else ""
    return f"{unit} · {block.direction} is better"


def _columns(block: told.Block, rows: Sequence[Row], width: int) -> list[list[Span]]:
    styles = [_color(_STYLES[row.verdict]) for row in rows]
    marks = [mark(_STYLES[row.verdict]) for row in rows]
    texts = [f"    {sign} {row.verdict}" for sign, row in zip(marks, rows, strict=True)]
    left = [_column(("", ""), texts, styles), _column(("", ""), [row.label for row in rows])]
    changes = numbers.aligned([change_text(row) for row in rows])
    right = [_column(("change", ""), changes, right=True)]
    last = [_column(("p", ""), [p_text(row.p_holm) for row in rows], right=True)]
    if block.seeds is None:
        last.append(_column(("n", ""), [numbers.count(row.n) for row in rows], right=True))
    last.append(_column(("", ""), [told.remark(row) for row in rows], ["quiet"] * len(rows)))
    taken = sum(len(column[0].text) + 2 for column in (*left, *right, *last))
    titles = [row.title for row in rows]
    # A title is cut before its row goes without the picture of its interval.
    longest = min(max(map(len, titles)), _TITLE_MOST)
    free = width - taken - longest - 2
    size = next((size for size in _PLOT_SIZES if size + 2 <= free), 0)
    if size and can_draw():
        right.append(_plots(block, rows, styles, size))
        taken += size + 2
    else:
        right.append(_column(("interval", ""), [ends_text(row) for row in rows]))
        taken += len(right[-1][0].text) + 2
    titles = _cut_titles(titles, max(width - taken - 2, _TITLE_MIN))
    middle = _column(("", ""), titles, ["quiet"] * len(rows))
    return [*left, middle, *right, *last]


def _cut_titles(titles: Sequence[str], size: int) -> list[str]:
    """Titles of at most ``size`` characters; what they have in common goes first."""
    if max(map(len, titles)) <= size:
        return list(titles)
    letters = enumerate(zip(*titles, strict=False))
    common = next((place for place, each in letters if len(set(each)) > 1), 0)
    start = max(titles[0].rfind(sign, 0, common) for sign in " =/") + 1
    shown = [f"…{title[start:]}" if start else title for title in titles]
    return [text if len(text) <= size else f"{text[: size - 1]}…" for text in shown]


def _column(
    heads: tuple[str, str], texts: Sequence[str], styles: Sequence[str] = (), *, right: bool = False
) -> list[Span]:
    size = max(map(len, (*heads, *texts)))
    pad = str.rjust if right else str.ljust
    cells = zip(texts, styles or [""] * len(texts), strict=True)
    head = [Span(pad(text, size), "quiet") for text in heads]
    return [*head, *(Span(pad(text, size), style) for text, style in cells)]


def _plots(block: told.Block, rows: Sequence[Row], styles: Sequence[str], size: int) -> list[Span]:
    axis = _Axis.of(rows, size)
    cells = [Span(axis.row(row), style) for row, style in zip(rows, styles, strict=True)]
    better, worse = told.arrows(block.direction)
    arrows = better + worse.rjust(size - len(better))
    return [Span(axis.ticks(), "quiet"), Span(arrows, "quiet"), *cells]


@dataclass(frozen=True)
class _Axis:
    """Changes from ``-reach`` to ``reach``, relative or absolute as most rows are."""

    reach: float
    band: float
    is_relative: bool
    size: int

    @classmethod
    def of(cls, rows: Sequence[Row], size: int) -> _Axis:
        """The axis on which every interval of the rows has its place."""
        is_relative = 2 * sum(row.is_relative for row in rows) >= len(rows)
        alike = [row for row in rows if row.is_relative == is_relative]
        ends = [abs(end) for row in alike for end in (row.change, row.low, row.high) if end]
        band = max((row.threshold for row in alike), default=0.0)
        reach = max([*(end for end in ends if end < float("inf")), 2 * band])
        return cls(reach or 1.0, band, is_relative, size)

    def column(self, value: float) -> int:
        """The character that a value falls on."""
        share = min(max(value / self.reach, -1.0), 1.0)
        return round((share + 1) / 2 * (self.size - 1))

    def row(self, row: Row) -> str:
        """A dot with its whisker, over zero and the edges of the band."""
        cells = [" "] * self.size
        for edge in (-self.band, self.band):
            cells[self.column(edge)] = "┊"
        cells[self.column(0.0)] = "│"
        if row.is_relative != self.is_relative:
            return " " * self.size
        at = self.column(row.change)
        if row.low is not None and row.high is not None:
            reach = round((self.column(row.high) - self.column(row.low)) / 2)
            for place in range(max(at - reach, 0), min(at + reach, self.size - 1) + 1):
                cells[place] = "─"
        cells[at] = "○" if row.verdict == "undecided" else "●"
        return "".join(cells)

    def ticks(self) -> str:
        """The ends, the edges of the band and zero, as far as they find room."""
        cells = [" "] * self.size
        factor = 100 if self.is_relative else 1
        ends = (0.0, self.reach, -self.reach, self.band, -self.band)
        for value in ends:
            text = numbers.significant(factor * value)
            middle = self.column(value) - len(text) // 2
            start = min(max(middle, 0), self.size - len(text))
            around = cells[max(start - 1, 0) : start + len(text) + 1]
            if all(cell == " " for cell in around):
                cells[start : start + len(text)] = text
        return "".join(cells)


def _left_out(comparison: Comparison) -> list[Line]:
    one_sided, not_compared = told.left_out(comparison)
    lines = []
    for name, texts in (("one side only", one_sided), ("not compared", not_compared)):
        for place, text in enumerate(texts[:_SHOWN]):
            lines.append(line((f"  {name if not place else '':<15}", "strong"), text))
        if len(texts) > _SHOWN:
            more = f"and {len(texts) - _SHOWN} more: --format json has all"
            lines.append(line(" " * 17, (more, "quiet")))
    return [*lines, line()] if lines else []
