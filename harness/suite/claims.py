"""Claims from their mappings: the form is told by the keys, each form is read by its own rules.

A union of models would judge one mapping by all five forms and tell three faults for one; so
the keys choose first, and what then doesn't fit is told in the words of that form.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from harness.suite.claim_parts import (
    FORM_NAMES,
    ClaimReader,
    Planned,
    PluginClaims,
    choice,
    names_of,
    pair_of,
    point_of,
    reference_of,
    tell_label,
    tell_metric,
    tolerance_of,
    where_of,
)
from harness.suite.document import Faults, MapNode, Node, ScalarNode, is_broken, plain
from harness.suite.keys import CLAIM, FORMS, check_keys
from harness.suite.model import (
    Claim,
    ClaimBase,
    Comparison,
    Difference,
    PluginClaim,
    Span,
    Spread,
    Trend,
    Value,
)
from harness.suite.parameters import ParameterTable
from harness.suite.quantities import number, percent, text
from harness.suite.wording import joined, tell, told_number

__all__ = ["read_claims"]

# The first of these that a claim has says its form; a value claim is known by its comparison.
_MARKS: Mapping[str, str] = {
    "better": "difference",
    "than": "difference",
    "slope_in": "trend",
    "spread_over": "spread",
    "claim": "plugin",
}
_COMPARISONS: tuple[Comparison, ...] = ("at_most", "at_least", "between", "equals", "agrees_with")


def read_claims(
    nodes: list[Node], planned: Planned, plugin_claim: PluginClaims, faults: Faults
) -> list[Claim]:
    """Every claim that could be read, in the order of the file.

    Parameters
    ----------
    nodes
        The items of ``claims:``.
    planned
        Names of the entries, which claims may mention.
    plugin_claim
        Looks up ``claim: NAME`` and judges its ``params``.
    """
    found: list[Claim] = []
    names: dict[str, Node] = {}
    for node in nodes:
        if is_broken(node):
            continue
        if not isinstance(node, MapNode):
            faults.add(node.place, f"a claim must be a mapping, got {tell(plain(node))}")
            continue
        claim = _claim(ClaimReader(node, faults, planned, plugin_claim))
        name_node = node.items.get("name")
        if isinstance(name_node, ScalarNode):
            name = name_node.raw.strip()
            first = names.setdefault(name, name_node)
            if first is not name_node:
                where = first.place.beside(name_node.place)
                faults.add(name_node.place, f'a claim is called "{name}" already, {where}')
        if claim is not None:
            found.append(claim)
    return found


def _claim(reader: ClaimReader) -> Claim | None:
    before = len(reader.faults)
    form = _form(reader)
    if form is None:
        return None
    _tell_keys(reader, form)
    reader.base = _base(reader)
    reader.scale = choice(reader, "scale", form) or "linear"
    claim = _FORMS[form](reader)
    return claim if len(reader.faults) == before else None


def _form(reader: ClaimReader) -> str | None:
    """The form that the keys choose, or a fault where they choose none or two."""
    keys = reader.node.items
    marks = [key for key in keys if key in _MARKS]
    if marks:
        form = _MARKS[marks[0]]
        for other in marks[1:]:
            if _MARKS[other] != form:
                message = (
                    f'"{marks[0]}" makes this {FORM_NAMES[form]}, '
                    f'"{other}" {FORM_NAMES[_MARKS[other]]}'
                )
                reader.faults.add(reader.node.keys[other], message, "write two claims")
                return None
        return form
    if any(key in keys for key in (*_COMPARISONS, "tolerance", "resolution", "times")):
        return "value"
    if any(key in keys for key in ("by", "equal_within")):
        return "difference"
    if any(key in keys for key in ("over", "fit")):
        hint = "slope_in makes it a trend, spread_over a spread"
        reader.add(reader.node, "this claim says not what it fits", hint)
        return None
    anything = {**CLAIM, **{key: each for keys in FORMS.values() for key, each in keys.items()}}
    strangers = [key for key in reader.node.items if key not in anything]
    for key in strangers:
        message = f'a claim has no key "{key}"'
        reader.faults.unknown(reader.node.keys[key], message, key, list(anything), "")
    if not strangers:
        hint = f"{joined(_COMPARISONS)}; better and than; slope_in; spread_over; claim"
        reader.add(reader.node, "this claim says nothing that could hold or fail", hint)
    return None


def _tell_keys(reader: ClaimReader, form: str) -> None:
    """Unknown keys, and those that another form has."""
    known = {**CLAIM, **FORMS[form]}
    left = dict(reader.node.items)
    for key in reader.node.items:
        others = [name for name, keys in FORMS.items() if key in keys]
        if key not in known and others:
            of = joined([FORM_NAMES[name] for name in others])
            hint = f"its keys: {', '.join(FORMS[form])}"
            message = f'{FORM_NAMES[form]} has no key "{key}", which belongs to {of}'
            reader.faults.add(reader.node.keys[key], message, hint)
            del left[key]
    keys = {key: place for key, place in reader.node.keys.items() if key in left}
    rest = MapNode(reader.node.place, left, keys)
    check_keys(rest, known, FORM_NAMES[form], reader.faults)


@cache
def _base_table() -> ParameterTable:
    return ParameterTable(ClaimBase, "a claim")


def _base(reader: ClaimReader) -> dict[str, Any]:
    """What every claim says."""
    found: dict[str, Any] = {"name": "", "metric": ""}
    for key in ("name", "metric", "source"):
        if (node := reader.get(key)) is not None:
            found[key] = text(node, key, reader.faults) or ""
    for key in ("per", "pool"):
        if (node := reader.get(key)) is not None:
            found[key] = names_of(reader, key, node)
    for key in ("groups", "statistic", "failures", "expect"):
        if (node := reader.get(key)) is not None:
            found[key] = _base_table().value(key, node, reader.faults)
    if (node := reader.get("level")) is not None:
        share = percent(node)
        found["level"] = share
        if share is None or not 0.5 < share < 1:
            found["level"] = _base_table().value("level", node, reader.faults)
    if (node := reader.get("where")) is not None:
        found["where"] = where_of(reader, node, "where")
    if (node := reader.get("at")) is not None:
        found["at"] = point_of(reader, node)
    if (node := reader.get("metric")) is not None and found["metric"]:
        tell_metric(reader, node, found["metric"])
    return found


def _value(reader: ClaimReader) -> Claim | None:
    given = [key for key in _COMPARISONS if key in reader.node.items]
    if not given:
        reader.add(reader.node, f"a value claim needs one of {joined(_COMPARISONS)}")
        return None
    order = list(reader.node.items)
    first, *others = sorted(given, key=order.index)
    for other in others:
        hint = "write between: [low, high], or two claims"
        reader.faults.add(reader.node.keys[other], f"{first} and {other} are two claims", hint)
    comparison = next(each for each in _COMPARISONS if each == first)
    _tell_companions(reader, comparison)
    if reader.scale == "relative" and not isinstance(reader.base.get("at"), Span):
        place = reader.get("scale") or reader.node
        reader.add(place, "scale: relative divides a change", "at: {from: a, to: b}")
    low, high = pair_of(reader, "between") or (None, None)
    node = reader.node.items[comparison]
    return Value(
        **reader.base,
        scale=reader.scale,  # type: ignore[arg-type]  # read against the form's words
        comparison=comparison,
        reference=reference_of(reader, node, comparison) if comparison != "between" else None,
        low=low,
        high=high,
        tolerance=tolerance_of(reader, "tolerance"),
        resolution=_resolution(reader),
    )


def _tell_companions(reader: ClaimReader, comparison: Comparison) -> None:
    """``tolerance`` goes with ``equals``, ``resolution`` with ``agrees_with``, and only there."""
    for key, owner, meaning in (
        ("tolerance", "equals", "how far it may be off: 0.005, or 3 %"),
        ("resolution", "agrees_with", "the half-width of the interval that decides"),
    ):
        if comparison == owner and key not in reader.node.items:
            reader.faults.add(reader.node.at(owner), f"{owner} needs {key}", meaning)
        if comparison != owner and key in reader.node.items:
            place = reader.node.keys[key]
            reader.faults.add(place, f"{key} belongs to {owner}, not to {comparison}")
    if comparison == "between" and "times" in reader.node.items:
        reader.faults.add(reader.node.keys["times"], "times is a factor on a bound")


def _resolution(reader: ClaimReader) -> float | None:
    node = reader.get("resolution")
    value = number(node, "resolution", reader.faults) if node is not None else None
    if node is not None and value is not None and value <= 0:
        reader.add(node, f"resolution must be above 0, got {told_number(value)}")
    return value


def _difference(reader: ClaimReader) -> Claim | None:
    for key, other in (("better", "than"), ("than", "better")):
        if key not in reader.node.items:
            place = reader.node.at(other)
            reader.faults.add(place, f"a difference needs {key}", "a label or a filter")
    if "by" in reader.node.items and "equal_within" in reader.node.items:
        message = "by claims a difference, equal_within that there is none"
        reader.faults.add(reader.node.keys["equal_within"], message, "write one of them")
    if any(key not in reader.node.items for key in ("better", "than")):
        return None
    return Difference(
        **reader.base,
        scale=reader.scale,  # type: ignore[arg-type]  # read against the form's words
        better=_side(reader, "better"),
        than=_side(reader, "than"),
        by=tolerance_of(reader, "by"),
        equal_within=tolerance_of(reader, "equal_within"),
    )


def _side(reader: ClaimReader, key: str) -> dict[str, Any]:
    node = reader.node.items[key]
    if isinstance(node, ScalarNode):
        label = text(node, key, reader.faults)
        tell_label(reader, node, label)
        return {"label": label}
    return where_of(reader, node, key)


def _trend(reader: ClaimReader) -> Claim | None:
    limits = [key for key in ("between", "at_most", "at_least") if key in reader.node.items]
    if not limits:
        reader.add(reader.node, "a trend needs between, at_most or at_least", "limits of the slope")
    if len(limits) > 1:
        hint = "write between: [low, high]"
        reader.faults.add(reader.node.keys[limits[1]], f"{joined(limits, 'and')} are two", hint)
    slope_in, metric = _slope(reader)
    low, high = pair_of(reader, "between") or (None, None)
    for key in limits:
        node = reader.node.items[key]
        if key != "between" and not is_broken(node):
            limit = number(node, f"{key} of a trend", reader.faults)
            low, high = (low, limit) if key == "at_most" else (limit, high)
    return Trend(
        **reader.base,
        scale=reader.scale,  # type: ignore[arg-type]  # read against the form's words
        slope_in=slope_in,
        slope_in_metric=metric,
        over=pair_of(reader, "over"),
        low=low,
        high=high,
        fit=_fit(reader, "trend"),
    )


def _fit(reader: ClaimReader, form: str) -> Any:
    return choice(reader, "fit", form) or "mean"


def _slope(reader: ClaimReader) -> tuple[str | None, str | None]:
    """The parameter or the metric that a slope is in."""
    node = reader.node.items["slope_in"]
    if is_broken(node):
        return None, None
    if not isinstance(node, MapNode):
        return text(node, "slope_in", reader.faults), None
    if set(node.items) != {"metric"}:
        reader.add(node, "slope_in needs a parameter's name, at, or {metric: NAME}")
        return None, None
    metric = text(node.items["metric"], "metric", reader.faults)
    if metric is not None:
        tell_metric(reader, node.items["metric"], metric)
    return None, metric


def _spread(reader: ClaimReader) -> Claim | None:
    over = names_of(reader, "spread_over", reader.node.items["spread_over"])
    node = reader.get("at_most")
    if node is None:
        place = reader.node.at("spread_over")
        reader.faults.add(place, "a spread needs at_most", "largest over smallest mean, such as 2")
        return None
    limit = number(node, "at_most of a spread", reader.faults)
    if limit is None:
        return None
    if limit < 1:
        message = f"at_most of a spread must be at least 1, got {told_number(limit)}"
        reader.add(node, message, "it is largest over smallest")
    return Spread(**reader.base, spread_over=over, at_most=float(limit), fit=_fit(reader, "spread"))


def _plugin(reader: ClaimReader) -> Claim | None:
    params = reader.get("params")
    if params is not None and not isinstance(params, MapNode):
        if not is_broken(params) and plain(params) is not None:
            reader.add(params, f"params must be a mapping, got {tell(plain(params))}")
        params = None
    found = reader.plugin_claim(reader.node.items["claim"], params, reader.faults)
    if found is None:
        return None
    return PluginClaim(**reader.base, plugin=found[0], params=dict(found[1]))


_FORMS: Mapping[str, Callable[[ClaimReader], Claim | None]] = {
    "value": _value,
    "difference": _difference,
    "trend": _trend,
    "spread": _spread,
    "plugin": _plugin,
}
