"""Aggregates over tasks on a terminal, and for programs."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from io import StringIO
from typing import TYPE_CHECKING, Any

from harness.cli import numbers
from harness.cli.text import Line, Span, line
from harness.cli.text_table import TextTable

if TYPE_CHECKING:
    from harness.analyse.aggregate import Aggregates

__all__ = ["aggregate_lines", "aggregate_tables", "aggregates_csv", "aggregates_json"]

_SHOWN = 12  # methods whose pairs are told: 66 pairs
_COLUMNS = (
    *("metric", "statistic", "method", "than", "at"),
    *("value", "low", "high", "rank_low", "rank_high"),
)
_PROFILE = "share of cells at"
_IMPROVEMENT = "probability of improvement"


def aggregate_lines(found: Aggregates) -> list[Line]:
    """Interquartile means, profiles, and who is better than whom how often."""
    told, how = _told(found)
    lines = [line((told, "strong")), line((how, "quiet")), line()]
    lines += [*_methods(found), line(), *_profiles(found), line(), *_improvements(found)]
    if found.left_out:
        lines.append(line())
        lines += [line("  ", ("left out  ", "strong"), text) for text in found.left_out]
    return lines


def _methods(found: Aggregates) -> list[Line]:
    columns = {head: list(texts) for head, texts in _means(found).columns.items()}
    columns["interquartile mean"] = numbers.aligned(columns["interquartile mean"])
    return _table(columns, {"method", "interval"})


def aggregate_tables(found: Aggregates) -> list[TextTable]:
    """Interquartile means, profiles and improvements, for formats without a width."""
    means = _means(found)
    left_out = "".join(f" · left out: {text}" for text in found.left_out)
    return [
        means._replace(told=f"{means.told}{left_out}"),
        TextTable(f"{found.metric}: performance profile", _PROFILE, _profile_columns(found)),
        TextTable(f"{found.metric}: {_IMPROVEMENT}", "", _improvement_columns(found)),
    ]


def _means(found: Aggregates) -> TextTable:
    """A row a method: rank span, interquartile mean, interval."""
    decimals = [numbers.decimals_for(each.low, each.high, each.iqm) for each in found.methods]
    pairs = list(zip(found.methods, decimals, strict=True))
    spans = [each.rank for each in found.methods]
    columns = {
        "rank": [f"{low}" if low == high else f"{low}–{high}" for low, high in spans],
        "method": [each.label for each in found.methods],
        "interquartile mean": [numbers.fixed(each.iqm, digits) for each, digits in pairs],
        "interval": [
            f"{numbers.fixed(each.low, digits)} … {numbers.fixed(each.high, digits)}"
            for each, digits in pairs
        ],
    }
    return TextTable(*_told(found), columns)


def _told(found: Aggregates) -> tuple[str, str]:
    """What was aggregated, and how."""
    tasks = f"{len(found.tasks)} task{'' if len(found.tasks) == 1 else 's'}"
    cells = f"{found.cells:,} common cell{'' if found.cells == 1 else 's'} a method"
    told = f"{found.metric} over {tasks}, {cells} · {found.direction} is better"
    how = "1 is the average method of a task · 95 % by bootstrap over seeds · ranks by Holm"
    return told, how


def _profile_columns(found: Aggregates) -> dict[str, list[str]]:
    """The share of cells that reach each τ."""
    tau = found.methods[0].profile.at
    columns = {"method": [each.label for each in found.methods]}
    sign = "≤" if found.direction == "lower" else "≥"
    for point, at in enumerate(tau.tolist()):
        head = f"{sign} {numbers.significant(at)}"
        shares = [float(each.profile.share[point]) for each in found.methods]
        columns[head] = [f"{100 * share:.0f} %" for share in shares]
    return columns


def _profiles(found: Aggregates) -> list[Line]:
    head = line("  ", (f"performance profile: {_PROFILE}", "quiet"))
    return [head, *_table(_profile_columns(found))]


def _improvements(found: Aggregates) -> list[Line]:
    return _table(_improvement_columns(found), {"than", "interval"})


def _improvement_columns(found: Aggregates) -> dict[str, list[str]]:
    shown = {each.label for each in found.methods[:_SHOWN]}
    rows = [each for each in found.improvements if {each.label, each.than} <= shown]
    return {
        "better": [each.label for each in rows],
        "than": [each.than for each in rows],
        "probability": [f"{each.probability:.3f}" for each in rows],
        "interval": [f"{each.low:.3f} … {each.high:.3f}" for each in rows],
    }


def _table(
    columns: dict[str, list[str]], left: frozenset[str] | set[str] = frozenset()
) -> list[Line]:
    first = next(iter(columns))
    padded = []
    for head, texts in columns.items():
        size = max(map(len, (head, *texts)))
        pad = str.ljust if head == first or head in left else str.rjust
        padded.append([Span(f"  {pad(text, size)}", "") for text in (head, *texts)])
    rows = list(zip(*padded, strict=True))
    heads = tuple(Span(span.text, "quiet") for span in rows[0])
    return [heads, *rows[1:]]


def aggregates_csv(made: Sequence[Aggregates]) -> str:
    """Every number, a row each."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for found in made:
        for each in found.methods:
            ends = each.iqm, each.low, each.high, *each.rank
            writer.writerow((found.metric, "interquartile mean", each.label, "", "", *ends))
        for each in found.methods:
            for point in zip(*(column.tolist() for column in each.profile), strict=True):
                writer.writerow((found.metric, "profile", each.label, "", *point, "", ""))
        for pair in found.improvements:
            numbers_of = pair.probability, pair.low, pair.high, "", ""
            writer.writerow((found.metric, _IMPROVEMENT, pair.label, pair.than, "", *numbers_of))
    return text.getvalue()


def aggregates_json(found: Aggregates) -> dict[str, Any]:
    """The aggregates as plain values."""
    return {
        "metric": found.metric,
        "direction": found.direction,
        "level": found.level,
        "tasks": list(found.tasks),
        "cells": found.cells,
        "resamples": found.resamples,
        "methods": [
            {
                "label": each.label,
                "rank_low": each.rank.low,
                "rank_high": each.rank.high,
                "iqm": each.iqm,
                "low": each.low,
                "high": each.high,
                "profile": {name: value.tolist() for name, value in each.profile._asdict().items()},
            }
            for each in found.methods
        ],
        "improvements": [each._asdict() for each in found.improvements],
        "left_out": list(found.left_out),
    }
