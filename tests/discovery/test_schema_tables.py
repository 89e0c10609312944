"""The tables and form inputs that are made from the published schema."""

from typing import Any

import pytest

from app.discovery.openapi import schema_of
from app.discovery.schema_tables import Field, Input, inputs_of, tables_of
from app.products.registry import paid_endpoints

ROTATION, SCHEDULE, NOW = paid_endpoints()


def schema(**properties: Any) -> dict[str, Any]:
    document = {"properties": properties, "required": ["first"]}
    return {"$ref": "#/$defs/Order", "$defs": {"Order": document, "Part": {"properties": {}}}}


def field(kind: dict[str, Any]) -> Field:
    [table, _] = tables_of(schema(first=kind))
    [only] = table.fields
    return only


@pytest.mark.parametrize(
    ("kind", "words", "of"),
    [
        pytest.param({"type": "string"}, "string", "", id="plain"),
        pytest.param({"enum": ["a", "b"]}, '"a" or "b"', "", id="one of"),
        pytest.param(
            {"type": "array", "items": {"type": "string"}}, "array of string", "", id="array"
        ),
        pytest.param({"$ref": "#/$defs/Part"}, "Part", "Part", id="object"),
        pytest.param(
            {"type": "array", "items": {"$ref": "#/$defs/Part"}},
            "array of Part",
            "Part",
            id="array of objects",
        ),
        pytest.param(
            {"anyOf": [{"type": "integer"}, {"type": "number"}]},
            "integer or number",
            "",
            id="either",
        ),
        pytest.param(
            {"anyOf": [{"$ref": "#/$defs/Part"}, {"type": "null"}], "default": None},
            "Part",
            "Part",
            id="null is absence",
        ),
    ],
)
def test_a_type_in_words(kind: dict[str, Any], words: str, of: str) -> None:
    found = field(kind)
    assert (found.kind, found.of) == (words, of)


def test_a_field_has_its_rules() -> None:
    found = field({"type": "number", "default": 24, "description": "hours"})
    assert found == Field("first", "number", "", required=True, default=24, description="hours")


@pytest.mark.parametrize("kind", [ROTATION.request, SCHEDULE.request, NOW.answer])
def test_every_field_of_every_object_is_in_a_table(kind: Any) -> None:
    published = schema_of(kind)
    shown = {table.name: [row.name for row in table.fields] for table in tables_of(published)}
    assert shown == {name: list(part["properties"]) for name, part in published["$defs"].items()}


# --- forms ----------------------------------------------------------------------------------


def test_the_rotations_form() -> None:
    inputs = inputs_of(schema_of(ROTATION.request), ROTATION.example)
    assert [(each.name, each.label, each.kind, each.value, each.required) for each in inputs] == [
        ("start", "Start", "text", "2026-06-04T00:00:00Z", True),
        ("people", "People", "lines", "alice\nbob", True),
        ("shifts", "Shifts", "number", "3", False),
        ("shiftLengthHours", "Shift length hours", "number", "24", False),
        ("handoffOffsetHours", "Handoff offset hours", "number", "0", False),
        ("until", "Until", "text", "", False),
        ("handoffTimes", "Handoff times", "lines", "", False),
        ("timezone", "Timezone", "text", "", False),
        ("strategy", "Strategy", "choice", "", False),
        ("unavailable", "Unavailable", "rows", "", False),
        ("minRestHours", "Min rest hours", "number", "", False),
        ("maxConsecutive", "Max consecutive", "number", "", False),
        ("roles", "Roles", "lines", "", False),
        ("fixed", "Fixed", "rows", "", False),
    ]
    assert all(each.hint for each in inputs)


def test_the_rows_and_choices_of_the_rotations_form() -> None:
    form = {each.name: each for each in inputs_of(schema_of(ROTATION.request), ROTATION.example)}
    assert form["strategy"].options == ("fair", "round-robin")
    assert form["timezone"].placeholder == "Europe/Berlin"
    columns = form["unavailable"].columns
    assert [(each.name, each.kind, each.placeholder, each.required) for each in columns] == [
        ("person", "text", "", True),
        ("start", "text", "2026-06-10", True),
        ("end", "text", "2026-06-15", True),
        ("reason", "text", "", False),
    ]
    assert [(each.name, each.kind) for each in form["fixed"].columns] == [
        ("shift", "number"),
        ("person", "text"),
        ("role", "text"),
    ]


def test_a_field_without_a_value_is_empty() -> None:
    [only] = inputs_of(schema(first={"type": "string"}), {})
    assert only == Input("first", "First", "text", "", "", required=True)


@pytest.mark.parametrize("endpoint", [SCHEDULE, NOW], ids=lambda each: each.slug)
def test_a_document_that_needs_an_object_has_no_inputs(endpoint: Any) -> None:
    assert inputs_of(schema_of(endpoint.request), endpoint.example) == ()


def test_a_choice_has_its_options() -> None:
    [only] = inputs_of(schema(first={"enum": ["a", "b"]}), {"first": "b"})
    assert only == Input("first", "First", "choice", "b", "", required=True, options=("a", "b"))


LINES = {"type": "array", "items": {"type": "string"}}


@pytest.mark.parametrize(
    ("part", "columns"),
    [
        pytest.param({"properties": {}}, None, id="nothing to fill in"),
        pytest.param({"properties": {"a": LINES}, "required": ["a"]}, None, id="needs a list"),
        pytest.param({"properties": {"a": {"type": "string"}, "b": LINES}}, ["a"], id="may lack"),
    ],
)
def test_what_fits_in_a_row(part: dict[str, Any], columns: list[str] | None) -> None:
    published = schema(
        first={"type": "string"}, parts={"type": "array", "items": {"$ref": "#/$defs/Part"}}
    )
    published["$defs"]["Part"] = part
    rows = [each for each in inputs_of(published, {}) if each.kind == "rows"]
    assert [[column.name for column in each.columns] for each in rows] == (
        [columns] if columns else []
    )


def test_an_optional_object_is_left_out() -> None:
    inputs = inputs_of(schema(first={"type": "string"}, other={"$ref": "#/$defs/Part"}), {})
    assert [each.name for each in inputs] == ["first"]
