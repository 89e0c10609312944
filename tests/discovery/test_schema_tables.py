"""The tables that are made from the published schema."""

from typing import Any

import pytest

from app.discovery.openapi import schema_of
from app.discovery.schema_tables import Field, tables_of
from app.products.registry import paid_endpoints

ROTATION, SCHEDULE, NOW, *_ = paid_endpoints()


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


def test_a_title_stands_before_the_rule() -> None:
    titled = {"type": "number", "title": "length"}
    assert field({**titled, "description": "hours"}).description == "length: hours"
    assert field(titled).description == "length"


def test_a_field_has_its_rules() -> None:
    found = field({"type": "number", "default": 24, "description": "hours"})
    assert found == Field("first", "number", "", required=True, default=24, description="hours")


@pytest.mark.parametrize("kind", [ROTATION.request, SCHEDULE.request, NOW.answer])
def test_every_field_of_every_object_is_in_a_table(kind: Any) -> None:
    published = schema_of(kind)
    shown = {table.name: [row.name for row in table.fields] for table in tables_of(published)}
    assert shown == {name: list(part["properties"]) for name, part in published["$defs"].items()}
