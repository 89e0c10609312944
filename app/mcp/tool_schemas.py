"""The JSON Schemas of a tool, as short as they can be: a host shows all of them to its model."""

from collections.abc import Mapping
from typing import Any

from app.discovery.field_rows import FieldRow
from app.discovery.openapi import object_schema_of
from app.mcp.arguments import FORMAT
from app.products.endpoint import Endpoint

NULL = "null"


def arguments_schema(endpoint: Endpoint) -> dict[str, Any]:
    """Return the schema of a tool's arguments: the fields of the request, and the format."""
    schema, row = brief_schema(object_schema_of(endpoint.request)), format_row(endpoint)
    described = {"enum": row.choices, "default": row.example, "description": row.meaning}
    return {**schema, "properties": {**schema["properties"], FORMAT: described}}


def answer_schema(endpoint: Endpoint) -> dict[str, Any]:
    """Return the schema of a tool's answer in JSON."""
    schema: dict[str, Any] = brief_schema(object_schema_of(endpoint.answer))
    return schema


def format_row(endpoint: Endpoint) -> FieldRow:
    """Return the row of the argument that a request over HTTP does not have."""
    names = list(endpoint.formats_by_name)
    brief = "form of the answer, at the same price; ics is a calendar"
    return FieldRow(
        FORMAT, required=False, meaning=brief, brief=brief, example=names[0], choices=names
    )


def brief_schema(schema: Any) -> Any:
    """Return a schema that takes the same values, without what a tool's description says as well.

    A field's title is told there. That null is its default goes without saying, and null beside
    one other type is written as a type.
    """
    if isinstance(schema, list):
        return [brief_schema(part) for part in schema]
    if not isinstance(schema, Mapping):
        return schema
    told: Mapping[str, type] = {"title": str, "default": type(None)}
    brief = {
        name: brief_schema(part)
        for name, part in schema.items()
        if not (name in told and isinstance(part, told[name]))
    }
    match brief.get("anyOf"):
        case [{"type": str(kind)} as other, {"type": "null"}]:
            return {**_without_choice(brief), **other, "type": [kind, NULL]}
        case [{"enum": list(values)} as other, {"type": "null"}]:
            return {**_without_choice(brief), **other, "enum": [*values, None]}
    return brief


def _without_choice(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {name: part for name, part in schema.items() if name != "anyOf"}
