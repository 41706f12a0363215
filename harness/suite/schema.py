"""The JSON schema of a suite file, for editors and ``harness schema``; from the loader's keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.suite.keys import (
    CLAIM,
    DEFAULTS,
    ENTRY,
    FORMS,
    HARDWARE,
    METHOD_OPTIONS,
    PUBLISHED,
    REFERENCES,
    SUITE,
    Key,
)

__all__ = ["json_schema"]

_PERCENT = {"type": "string", "pattern": r"^\s*[-+]?[0-9.]+([eE][-+]?[0-9]+)?\s*%\s*$"}
_SCALAR = {"type": ["string", "number", "boolean", "null"]}
_COUNT = {"type": "integer", "minimum": 1}


def json_schema() -> dict[str, Any]:
    """The schema (draft 2020-12) of a suite file.

    It knows the keys and the shapes of their values; names and parameters of methods and
    tasks are held against the plugins only when the suite is loaded.
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A suite of the harness",
        **_object(SUITE),
        "anyOf": [{"required": ["entries"]}, {"required": ["include"]}],
        "$defs": {
            **_quantities(),
            "defaults": _object(DEFAULTS),
            "entry": _object(ENTRY),
            "hardware": _object(HARDWARE),
            "published": _object(PUBLISHED),
            "method": _method(),
            "claim": {"anyOf": [{"$ref": f"#/$defs/claim_{form}"} for form in FORMS]},
            **{f"claim_{form}": _claim(form, keys) for form, keys in FORMS.items()},
        },
    }


def _object(keys: Mapping[str, Key]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: _described(key) for name, key in keys.items()},
        "required": [name for name, key in keys.items() if key.required],
        "additionalProperties": False,
    }


def _described(key: Key) -> dict[str, Any]:
    return {"description": key.about, **key.schema}


def _method() -> dict[str, Any]:
    """A name, or one key that is the name beside the options."""
    options = {name: _described(key) for name, key in METHOD_OPTIONS.items()}
    named = {
        "type": "object",
        "properties": options,
        "additionalProperties": {"type": ["object", "null"]},
        "minProperties": 1,
        "maxProperties": 1 + len(METHOD_OPTIONS),
    }
    return {"anyOf": [{"type": "string"}, named]}


_FORM_MARKS: Mapping[str, Mapping[str, Any]] = {
    "value": {
        "anyOf": [
            {"required": [each]}
            for each in ("at_most", "at_least", "between", "equals", "agrees_with")
        ]
    },
    "difference": {"required": ["name", "metric", "better", "than"]},
    "trend": {"required": ["name", "metric", "slope_in"]},
    "spread": {"required": ["name", "metric", "spread_over", "at_most"]},
    "plugin": {},
}


def _claim(form: str, keys: Mapping[str, Key]) -> dict[str, Any]:
    return {**_object({**CLAIM, **keys}), **_FORM_MARKS[form]}


def _quantities() -> dict[str, Any]:
    """What several keys share."""
    bounds = {
        "type": "object",
        "properties": {
            **{name: {"type": "string"} for name in (*REFERENCES, "guarantee of")},
            "times": {"type": "number", "exclusiveMinimum": 0},
        },
        "additionalProperties": False,
    }
    change = {
        "type": "object",
        "properties": {"from": {"type": "number"}, "to": {"type": "number"}},
        "required": ["from", "to"],
        "additionalProperties": False,
    }
    added = {
        "type": "object",
        "properties": {"min": _COUNT, "max": _COUNT, "until": {"const": "decided"}},
        "required": ["min", "max", "until"],
        "additionalProperties": False,
    }
    listed = {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 1}
    span = {"type": "string", "pattern": r"^\s*[0-9]+\s*-\s*[0-9]+\s*$"}
    metric = {
        "type": "object",
        "properties": {"metric": {"type": "string"}},
        "required": ["metric"],
        "additionalProperties": False,
    }
    number: dict[str, Any] = {"anyOf": [{"type": "number"}, _PERCENT]}
    return {
        "number": number,
        "tolerance": number,
        "duration": {"type": ["number", "string"]},
        "seeds": {"anyOf": [_COUNT, listed, span, added]},
        "point": {"anyOf": [{"type": "number"}, {"enum": ["last", "every"]}, change]},
        "reference": {"anyOf": [{"type": "number"}, _PERCENT, {"enum": [*REFERENCES]}, bounds]},
        "side": {"anyOf": [{"type": "string"}, {"type": "object", "minProperties": 1}]},
        "slope": {"anyOf": [{"type": "string"}, metric]},
    }
