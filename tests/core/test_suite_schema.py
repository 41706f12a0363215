"""The JSON schema says what the loader reads: judged by a small validator of the draft's words."""

import re
from pathlib import Path

import pytest
import yaml

from harness.suite.keys import CLAIM, ENTRY, FORMS, SUITE
from harness.suite.schema import json_schema

SCHEMA = json_schema()
KINDS = {
    "object": dict,
    "array": list,
    "string": str,
    "number": (int, float),
    "integer": int,
    "boolean": bool,
    "null": type(None),
}


def is_kind(value, kind):
    if isinstance(value, bool) and kind in ("number", "integer"):
        return False
    return isinstance(value, KINDS[kind])


def holds(value, schema):
    """Whether ``value`` satisfies ``schema``, by the words that ours uses."""
    if "$ref" in schema and not holds(value, SCHEMA["$defs"][schema["$ref"].split("/")[-1]]):
        return False
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(is_kind(value, kind) for kind in kinds):
        return False
    if "enum" in schema and value not in schema["enum"]:
        return False
    if "const" in schema and value != schema["const"]:
        return False
    if "anyOf" in schema and not any(holds(value, each) for each in schema["anyOf"]):
        return False
    if isinstance(value, str) and not re.search(schema.get("pattern", ""), value):
        return False
    if is_kind(value, "number"):
        return _in_range(value, schema)
    if isinstance(value, list):
        enough = schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value))
        return enough and all(holds(each, schema.get("items", {})) for each in value)
    return _object_holds(value, schema) if isinstance(value, dict) else True


def _in_range(value, schema):
    return (
        schema.get("minimum", value) <= value
        and schema.get("exclusiveMinimum", value - 1) < value
        and schema.get("exclusiveMaximum", value + 1) > value
    )


def _object_holds(value, schema):
    known = schema.get("properties", {})
    others = schema.get("additionalProperties", True)
    if any(key not in value for key in schema.get("required", ())):
        return False
    for key, each in value.items():
        if key in known and not holds(each, known[key]):
            return False
        if key not in known and (
            others is False or (others is not True and not holds(each, others))
        ):
            return False
    return True


ENTRY_TEXT = "entries: [{task: t, methods: [m]}]"


@pytest.mark.parametrize(
    "text",
    [
        "{suite: a, entries: [{task: t, methods: [m, {n: {c: 1.5}, as: x, grid: {d: [1]}}]}]}",
        "{suite: a, seed: 3, defaults: {seeds: 0-11, timeout: 30s}, " + ENTRY_TEXT + "}",
        "{suite: a, hardware: {h: {cpus: 2, memory: 2GiB}}, " + ENTRY_TEXT + "}",
        "{suite: a, "
        + ENTRY_TEXT
        + ", claims: [{name: c, metric: m, at_most: {guarantee of: x}}]}",
        "{suite: a, "
        + ENTRY_TEXT
        + ", claims: [{name: c, metric: m, better: x, than: y, by: 5 %}]}",
        "{suite: a, "
        + ENTRY_TEXT
        + ", claims: [{name: c, metric: m, spread_over: [x], at_most: 2}]}",
        "{suite: a, " + ENTRY_TEXT + ", claims: [{name: 9.1, metric: m, claim: a/b}]}",
    ],
)
def test_a_sound_suite_satisfies_the_schema(text):
    assert holds(yaml.safe_load(text), SCHEMA)


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{suite: a}",
        "{suite: a, entries: []}",
        "{suite: a, seed: -1, " + ENTRY_TEXT + "}",
        "{suite: a, sede: 1, " + ENTRY_TEXT + "}",
        "{suite: a, hardware: {h: {cpus: 0}}, " + ENTRY_TEXT + "}",
        "{suite: a, defaults: {seeds: 0}, " + ENTRY_TEXT + "}",
        "{suite: a, entries: [{task: t, grid: {c: []}, methods: [m]}]}",
        "{suite: a, " + ENTRY_TEXT + ", claims: [{name: c, metric: m}]}",
        "{suite: a, " + ENTRY_TEXT + ", claims: [{name: c, metric: m, at_most: 3, better: x}]}",
        "{suite: a, "
        + ENTRY_TEXT
        + ", claims: [{name: c, metric: m, spread_over: x, at_most: 0}]}",
        "{suite: a, " + ENTRY_TEXT + ", claims: [{name: c, metric: m, at_most: garantee}]}",
    ],
)
def test_a_faulty_suite_does_not(text):
    assert not holds(yaml.safe_load(text), SCHEMA)


def references(schema):
    if isinstance(schema, dict):
        yield from ([schema["$ref"]] if "$ref" in schema else [])
        for each in schema.values():
            yield from references(each)
    elif isinstance(schema, list):
        for each in schema:
            yield from references(each)


def test_every_reference_leads_somewhere():
    assert {each.removeprefix("#/$defs/") for each in references(SCHEMA)} <= set(SCHEMA["$defs"])


def test_the_schema_knows_the_keys_of_the_loader():
    assert set(SCHEMA["properties"]) == set(SUITE)
    assert set(SCHEMA["$defs"]["entry"]["properties"]) == set(ENTRY)
    for form, keys in FORMS.items():
        assert set(SCHEMA["$defs"][f"claim_{form}"]["properties"]) == {*CLAIM, *keys}


SUITES = sorted((Path(__file__).parents[2] / "suites").glob("*.yaml"))


@pytest.mark.parametrize("path", SUITES, ids=[path.name for path in SUITES])
def test_the_suites_of_the_repository_satisfy_it(path):
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert holds(document, SCHEMA)
