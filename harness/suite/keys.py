"""Every key of a suite file, once: what the loader knows and what the JSON schema shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, get_args, get_type_hints

from harness.suite.document import Faults, MapNode
from harness.suite.model import ClaimBase, ReferenceKind

__all__ = [
    "CLAIM",
    "DEFAULTS",
    "ENTRY",
    "FORMS",
    "HARDWARE",
    "METHOD_OPTIONS",
    "PUBLISHED",
    "REFERENCES",
    "SUITE",
    "Key",
    "check_keys",
]

Schema = Mapping[str, Any]


class Key(NamedTuple):
    """A key: what it says, the JSON schema of its value, whether it must be there."""

    about: str
    schema: Schema
    required: bool = False


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _list(item: Schema, least: int = 0) -> Schema:
    return {"type": "array", "items": item, **({"minItems": least} if least else {})}


def _one_of(name: str) -> Schema:
    """The choices of a field of every claim, from its record."""
    return {"enum": list(get_args(get_type_hints(ClaimBase)[name]))}


_TEXT: Schema = {"type": ["string", "number"]}
_NUMBER: Schema = {"type": "number"}
_COUNT: Schema = {"type": "integer", "minimum": 1}
_FREE: Schema = {"type": "object"}
_NAMES: Schema = {"anyOf": [{"type": "string"}, _list({"type": "string"}, 1)]}
_PAIR: Schema = {"type": "array", "items": _ref("number"), "minItems": 2, "maxItems": 2}
_GRID: Schema = {
    "type": "object",
    "additionalProperties": {"type": "array", "minItems": 1},
    "minProperties": 1,
}
_FIT: Schema = {"enum": ["mean", "seed"]}

_RUN = {
    "seeds": Key("how many seeds, which, or when to stop adding them", _ref("seeds")),
    "timeout": Key("the longest a cell may run: 30s, 10min, 1h", _ref("duration")),
    "hardware": Key("name of a declared hardware class", {"type": "string"}),
}

SUITE: Mapping[str, Key] = {
    "suite": Key("the suite's name, and its folder under results", _TEXT, required=True),
    "description": Key("one sentence: the title of the report", {"type": "string"}),
    "seed": Key("the seed that all randomness comes from", {"type": "integer", "minimum": 0}),
    "include": Key("suite files whose entries and claims come first", _NAMES),
    "plugins": Key("paths of plugins that are not installed", _NAMES),
    "hardware": Key(
        "classes of hardware by name",
        {"type": "object", "additionalProperties": _ref("hardware")},
    ),
    "defaults": Key("what entries and methods have unless they say otherwise", _ref("defaults")),
    "entries": Key("tasks and the methods that each evaluates", _list(_ref("entry"), 1)),
    "published": Key("figures from elsewhere, shown beside ours", _list(_ref("published"))),
    "claims": Key("statements that the results are held against", _list(_ref("claim"))),
}

DEFAULTS: Mapping[str, Key] = _RUN

ENTRY: Mapping[str, Key] = {
    "task": Key("name of a task", {"type": "string"}, required=True),
    "params": Key("parameters of the task", _FREE),
    "grid": Key("lists of values; every combination is a task of its own", _GRID),
    "methods": Key("the methods", _list(_ref("method"), 1), required=True),
    **_RUN,
}

METHOD_OPTIONS: Mapping[str, Key] = {
    "as": Key("the label, by which claims and boards call it", _TEXT),
    "grid": Key("lists of values; every combination is a label of its own", _GRID),
    **_RUN,
}

HARDWARE: Mapping[str, Key] = {
    "cpus": Key("CPU cores of a cell", _COUNT),
    "memory": Key("memory of a cell, which it may not exceed: 2GiB", {"type": "string"}),
    "gpus": Key("GPUs of a cell", {"type": "integer", "minimum": 0}),
    "gpu_model": Key("model that the GPU must be", {"type": "string"}),
    "arch": Key("architecture of the processor: x86_64, aarch64", {"type": "string"}),
    "processes": Key("processes that a cell may have started at one time", _COUNT),
    "exclusive": Key("a cell runs alone on the machine, as costs need it", {"type": "boolean"}),
}

PUBLISHED: Mapping[str, Key] = {
    "task": Key("name of a planned task", {"type": "string"}, required=True),
    "params": Key("parameters of the task that the figure belongs to", _FREE),
    "label": Key("what the figure is shown as", _TEXT, required=True),
    "metric": Key("metric of the task", {"type": "string"}, required=True),
    "at": Key("point of the metric's curve", _NUMBER),
    "value": Key("the figure", _NUMBER, required=True),
    "source": Key("paper and table", _TEXT, required=True),
}

CLAIM: Mapping[str, Key] = {
    "name": Key("the claim's name", _TEXT, required=True),
    "metric": Key("the metric that it speaks of", {"type": "string"}, required=True),
    "source": Key("paper and theorem", _TEXT),
    "where": Key("filter on task, method, label and parameters, by value or list", _FREE),
    "per": Key("parameters that keep groups apart", _NAMES),
    "pool": Key("parameters that join groups", _NAMES),
    "groups": Key("in all groups, or in any", _one_of("groups")),
    "at": Key("point of a curve: x, last, every, or {from: a, to: b}", _ref("point")),
    "statistic": Key("the mean over seeds, or every cell as it is", _one_of("statistic")),
    "level": Key("confidence level", {"exclusiveMinimum": 0.5, "exclusiveMaximum": 1}),
    "failures": Key("whether failed cells keep it undecided", _one_of("failures")),
    "expect": Key("the verdict that is as it should be", _one_of("expect")),
}

# Each form's own keys; ``scale`` has other choices in each.
FORMS: Mapping[str, Mapping[str, Key]] = {
    "value": {
        "at_most": Key("upper limit", _ref("reference")),
        "at_least": Key("lower limit", _ref("reference")),
        "between": Key("lower and upper limit", _PAIR),
        "equals": Key("equal to, up to the tolerance", _ref("reference")),
        "agrees_with": Key("consistent with, at the resolution", _ref("reference")),
        "times": Key("a factor on the bound", {"type": "number", "exclusiveMinimum": 0}),
        "tolerance": Key("with equals: a width, or a percentage", _ref("tolerance")),
        "resolution": Key(
            "with agrees_with: the half-width that decides",
            {"type": "number", "exclusiveMinimum": 0},
        ),
        "scale": Key(
            "relative: divided by the curve's value at from", {"enum": ["linear", "relative"]}
        ),
    },
    "difference": {
        "better": Key("label or filter of the side claimed better", _ref("side")),
        "than": Key("label or filter of the other side", _ref("side")),
        "by": Key("by more than this: absolute, or a percentage", _ref("tolerance")),
        "equal_within": Key("claims the two equal up to this", _ref("tolerance")),
        "scale": Key("how the two are compared", {"enum": ["linear", "relative", "log"]}),
    },
    "trend": {
        "slope_in": Key("a parameter, at, or {metric: NAME}", _ref("slope")),
        "over": Key("the range of x", _PAIR),
        "between": Key("lower and upper limit of the slope", _PAIR),
        "at_most": Key("upper limit of the slope", _NUMBER),
        "at_least": Key("lower limit of the slope", _NUMBER),
        "fit": Key("a slope of the means, or one a seed", _FIT),
        "scale": Key("axes of the fit", {"enum": ["linear", "log-log", "log-linear"]}),
    },
    "spread": {
        "spread_over": Key("parameters that must not matter", _NAMES),
        "at_most": Key("largest over smallest mean", {"type": "number", "minimum": 1}),
        "fit": Key("a ratio of the means, or one a seed", _FIT),
    },
    "plugin": {
        "claim": Key("name of a claim plugin", {"type": "string"}, required=True),
        "params": Key("its parameters", _FREE),
    },
}

REFERENCES: tuple[str, ...] = tuple(each for each in get_args(ReferenceKind) if each != "number")


def check_keys(node: MapNode, known: Mapping[str, Key], what: str, faults: Faults) -> None:
    """Tell keys that are not known, and those that must be there and are not."""
    for key, place in node.keys.items():
        if key not in known:
            more = f"keys: {', '.join(known)}" if len(known) <= 12 else ""
            faults.unknown(place, f'{what} has no key "{key}"', key, list(known), more)
    missing = [key for key, each in known.items() if each.required and key not in node.items]
    if missing:
        faults.add(node.place, f"{what} needs {' and '.join(missing)}")
