"""What changed from one run to another: verdict, change, interval, p, as ``harness compare``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from shlex import join as shell

from harness import numbers
from harness.analyse.comparison import VERDICTS, Comparison, OneSided, Row
from harness.analyse.row_text import change_text, ends_text, p_text
from harness.analyse.sides import Side
from harness.report import digits
from harness.report.markup import Html, join, tag
from harness.report.rowplot import Scale, axis_head, dot, line_at, plot, whisker
from harness.report.stacked import name_cell, row, stacked_table, value_cell
from harness.report.standing import mark

__all__ = ["changes_section"]

_MARKS = {"worse": "bad", "undecided": "open", "better": "good", "equivalent": "same"}
_COSTS = {"wall_s": ("time", numbers.duration), "peak_memory": ("peak memory", numbers.memory)}


def changes_section(comparisons: Sequence[Comparison], results: str = "") -> Html | None:
    """The newest run against the one before, and folded against the first.

    ``results`` is the folder of the runs, for the command that says the same.
    """
    if not comparisons:
        return None
    first, *others = comparisons
    folded = [
        tag(
            "details",
            tag(
                "summary",
                tag("b", "Since the first run"),
                tag("span", f" {_headline(each)}", class_="quiet"),
            ),
            *_comparison(each, results),
        )
        for each in others
    ]
    return tag(
        "section", tag("h2", "What changed"), *_comparison(first, results), *folded, id="changes"
    )


def _headline(comparison: Comparison) -> str:
    sides = (comparison.base, *comparison.others)
    return " → ".join(_side(side) for side in sides)


def _side(side: Side) -> str:
    """A run's id, which ends in its commit, with a plus sign where the tree had changes."""
    return f"{side.name}{'' if side.is_clean else '+'}"


def _comparison(comparison: Comparison, results: str) -> list[Html | None]:
    notes = [note for note in (comparison.too_few, *comparison.notes) if note]
    names = [side.name for side in (comparison.base, *comparison.others)]
    command = ["harness", "compare", *names, *(["--results", results] if results else [])]
    return [
        tag("p", tag("b", _headline(comparison)), f" · {_subject(comparison)}"),
        _counts(comparison),
        tag("p", _rules(comparison), class_="note"),
        *(tag("p", note, class_="warn") for note in notes),
        *(_block(*each) for each in _blocks(comparison.rows, is_same=False)),
        _equivalent(_blocks(comparison.rows, is_same=True)),
        _left_out(comparison),
        tag("details", tag("summary", "The same on a terminal"), tag("pre", shell(command))),
    ]


def _subject(comparison: Comparison) -> str:
    groups = {(row.task, row.task_params, row.label) for row in comparison.rows}
    word = "group" if len(groups) == 1 else "groups"
    return f"{numbers.count(len(groups))} {word} in common"


def _counts(comparison: Comparison) -> Html:
    found = comparison.counts()
    shown = [
        tag("span", mark(_MARKS[verdict]), f"{numbers.count(found[verdict])} {verdict}")
        for verdict in VERDICTS
        if found[verdict]
    ]
    if not shown:
        return tag("p", "Nothing in common to compare.", class_="warn")
    return tag("p", *shown, class_="counts")


def _rules(comparison: Comparison) -> str:
    amount = comparison.threshold.amount
    within = f"{numbers.trimmed(100 * amount)} %" if comparison.threshold.is_relative else amount
    tests = comparison.tests
    over = f"p after Holm over {numbers.count(tests)}" if tests else "nothing to test"
    level = numbers.trimmed(100 * comparison.level)
    return f"Within ±{within}, the tinted band, it is the same; {level} % intervals; {over}."


def _blocks(rows: Sequence[Row], *, is_same: bool) -> list[tuple[str, list[Row], Scale]]:
    """Equivalent rows, or the others, by metric; costs after what the tasks measure."""
    found: dict[str, list[Row]] = {}
    for each in rows:
        found.setdefault(each.metric, []).append(each)
    ordered = sorted(found.items(), key=lambda item: item[0] in _COSTS)
    blocks = [
        (metric, [each for each in of if (each.verdict == "equivalent") is is_same], _scale(of))
        for metric, of in ordered
    ]
    return [block for block in blocks if block[1]]


def _block(metric: str, rows: Sequence[Row], scale: Scale) -> Html:
    noun, _ = _COSTS.get(metric, (metric.replace("_", " "), None))
    told = {"lower": "lower is better", "higher": "higher is better"}.get(rows[0].direction, "")
    title = tag("h3", noun, tag("span", f" {told}", class_="quiet plain"))
    return tag("div", title, _table(noun, rows, scale), class_="block")


def _equivalent(blocks: Sequence[tuple[str, list[Row], Scale]]) -> Html | None:
    """Rows that did not change, folded."""
    rows = [row for _, found, _ in blocks for row in found]
    if not rows:
        return None
    metrics = "1 metric" if len(blocks) == 1 else f"{len(blocks)} metrics"
    words = f"{numbers.count(len(rows))} equivalent, of {metrics}"
    if all(not row.is_tested for row in rows):
        words += ": the same code came to the same numbers"
    inner = [_block(metric, found, scale) for metric, found, scale in blocks]
    return tag("details", tag("summary", words), *inner)


def _scale(rows: Sequence[Row]) -> Scale:
    """Changes around zero, in per cent or absolute as most rows are."""
    is_relative = 2 * sum(row.is_relative for row in rows) >= len(rows)
    alike = [row for row in rows if row.is_relative == is_relative]
    ends = [abs(end) for row in alike for end in (row.change, row.low, row.high) if end is not None]
    band = max((row.threshold for row in alike), default=0.0)
    reach = max([*(end for end in ends if end < float("inf")), 2 * band]) or 1.0
    factor = 100.0 if is_relative else 1.0
    return Scale(-reach * factor, reach * factor)


def _table(noun: str, rows: Sequence[Row], scale: Scale) -> Html:
    unit = " %" if 2 * sum(row.is_relative for row in rows) >= len(rows) else ""
    plots = join([tag("span", f"change{unit}", class_="spoken"), axis_head(scale)])
    heads = (
        ("Verdict", "v"),
        ("Method", "m"),
        ("Task", "t"),
        (plots, "plots p"),
        ("Change", "num c"),
        ("Interval", "num i"),
        ("Before → after", "num f"),
        ("p", "num a"),
        ("n", "num n"),
    )
    body = [_row(row, scale, place) for place, row in enumerate(rows)]
    return stacked_table("changes", f"Change of {noun}", heads, [body])


def _row(found: Row, scale: Scale, place: int) -> Html:
    _, written = _COSTS.get(found.metric, ("", digits.value))
    told = _remark(found)
    standing = _MARKS[found.verdict]
    verdict = tag("span", mark(standing), tag("b", found.verdict), class_="verdict")
    both = f"{found.base!r} → {found.other!r} {found.unit}".rstrip()
    cells = (
        value_cell(verdict, tag("span", told, class_="sub") if told else None, class_="v"),
        name_cell(digits.named(found.label), class_="m"),
        value_cell(digits.named(found.title), class_="quiet t"),
        value_cell(_plot(found, scale), class_=f"plots p {standing}"),
        value_cell(change_text(found), class_="num c", title=repr(found.change)),
        value_cell(ends_text(found), class_="num quiet i"),
        value_cell(
            f"{written(found.base)} → {written(found.other)}", class_="num quiet f", title=both
        ),
        value_cell(p_text(found.p_holm), class_="num a"),
        value_cell(numbers.count(found.n), class_="num n"),
    )
    return row(cells, place)


def _plot(row: Row, scale: Scale) -> Html | None:
    factor = 100.0 if row.is_relative else 1.0
    low, high = (None if end is None else factor * end for end in (row.low, row.high))
    band = factor * row.threshold
    edges = [float(scale.percent(end)[:-1]) for end in (-band, band)]
    tinted = tag(
        "rect",
        x=f"{edges[0]:.4g}%",
        width=f"{edges[1] - edges[0]:.4g}%",
        y=1,
        height=22,
        class_="band",
    )
    at = scale.percent(factor * row.change)
    return plot(
        tinted,
        line_at(scale.percent(0.0)),
        whisker(scale, low, high),
        dot(at, is_hollow=row.verdict == "undecided"),
    )


def _remark(row: Row) -> str:
    """What the verdict needs besides its numbers."""
    told = ["identical"] if row.is_identical else []
    if row.seeds_to_decide:
        word = "items" if row.paired_by == "item" else "seeds"
        told.append(f"about {numbers.count(row.seeds_to_decide)} {word} would decide")
    if row.paired_by in ("item", "mean"):
        told.append("one seed, by item" if row.paired_by == "item" else "not paired")
    return "; ".join([*told, *row.notes])


def _left_out(comparison: Comparison) -> Html | None:
    """What is on one side only, and what was not compared: never dropped in silence."""
    alone = [tag("li", text) for text in _one_sided(comparison.one_sided)]
    skipped = [tag("li", f"{each.what}: {each.why}") for each in comparison.not_compared]
    parts = []
    for name, items in (("On one side only", alone), ("Not compared", skipped)):
        if items:
            parts += [tag("h3", name), tag("ul", *items)]
    return tag("div", *parts) if parts else None


def _one_sided(found: Iterable[OneSided]) -> list[str]:
    groups: dict[tuple[str, str], list[str]] = {}
    seeds: Counter[tuple[str, tuple[int, ...]]] = Counter()
    for each in found:
        if each.seeds:
            seeds[each.side, each.seeds] += 1
        else:
            groups.setdefault((each.side, each.title), []).append(each.label)
    told = [f"{side}: {', '.join(labels)} on {title}" for (side, title), labels in groups.items()]
    return told + [
        f"{side}: seeds {_spans(alone)} of {count} group{'s' if count > 1 else ''}"
        for (side, alone), count in seeds.items()
    ]


def _spans(seeds: Sequence[int]) -> str:
    """``8 to 15``, or the first few."""
    if len(seeds) > 1 and seeds[-1] - seeds[0] == len(seeds) - 1:
        return f"{seeds[0]} to {seeds[-1]}"
    return ", ".join(map(str, seeds[:8])) + (" …" if len(seeds) > 8 else "")
