"""The ``bazaar`` discovery extension of an endpoint, which tells marketplaces how to call it.

Strategy: the SDK makes it from the endpoint's example and its computed answer. It is sent in
headers: in the terms and again in the payment that repeats them. Proxies and clients commonly
accept 8 KiB there, so schemas are only outlines, with a few words where a name does not say
enough, and the example is a brief one; ``openapi.json`` has all of it.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct
from x402.extensions.bazaar.resource_service import (
    DeclareMcpDiscoveryConfig,
    OutputConfig,
    declare_discovery_extension,
    declare_mcp_discovery_extension,
)
from x402.extensions.bazaar.types import BAZAAR

from app.discovery.field_notes import FIELD_NOTES
from app.discovery.openapi import schema_of
from app.products.endpoint import Endpoint

SERVICE_NAME = "On-call rotations"
MAX_TAGS = 5
"""The most tags in terms, by the extension's specification."""
ICON_PATH = "/icon.png"

OUTLINED = ("type", "enum", "required")
"""The keywords that an outline keeps. The rules in words are in ``openapi.json``."""
OPAQUE = ("OverrideGiven",)
"""The structs whose fields an outline leaves out: this one's are those of the request."""
UNLISTED = ("warnings",)
"""The fields of an answer that an outline leaves out: nobody buys an answer for them."""
NULL = "null"


def bazaar_extension(endpoint: Endpoint) -> dict[str, Any]:
    """Return the extension under its key. It is valid against the schema in it.

    The method is added here, because the SDK's middleware, which would add it, is not used. Of the
    kinds of a body, only ours is described.
    """
    declared = declare_discovery_extension(
        input=dict(endpoint.brief_example),
        input_schema=outline(endpoint.request),
        body_type="json",
        output=_output(endpoint),
    )
    extension = declared[BAZAAR.key]
    extension["info"]["input"]["method"] = endpoint.method
    described = extension["schema"]["properties"]["input"]["properties"]
    described |= {"method": {"const": endpoint.method}, "bodyType": {"const": "json"}}
    return declared


def bazaar_tool_extension(endpoint: Endpoint) -> dict[str, Any]:
    """Return the extension of the endpoint's MCP tool. It is valid against the schema in it."""
    tool = DeclareMcpDiscoveryConfig(
        tool_name=endpoint.slug,
        description=endpoint.title,
        transport="streamable-http",
        input_schema=outline(endpoint.request),
        example=dict(endpoint.brief_example),
        output=_output(endpoint),
    )
    return declare_mcp_discovery_extension(tool)


def _output(endpoint: Endpoint) -> OutputConfig:
    """Return the answer to the brief example, and the outline of its schema.

    The SDK puts the schema's keywords beside the ``type`` that it writes itself.
    """
    answer = msgspec.json.decode(endpoint.answer_to(endpoint.brief_example))
    return OutputConfig(example=answer, schema=outline(endpoint.answer, answer=True))


def outline(kind: type[Struct], *, answer: bool = False) -> dict[str, Any]:
    """Return the schema of ``kind`` with only its fields, their types and the required ones.

    Fields of ``FIELD_NOTES`` have their note as description. In a request null means absent, so it
    is left out; in an ``answer`` it stands, and only the answer itself lists what is required.
    """
    schema = schema_of(kind)
    outlined = _outline(schema, schema["$defs"], answer)
    if answer:
        outlined["required"] = schema["$defs"][kind.__name__]["required"]
    return outlined


def _outline(
    schema: Mapping[str, Any], definitions: Mapping[str, Any], answer: bool
) -> dict[str, Any]:
    if "$ref" in schema:
        return _outlined_struct(schema["$ref"].rpartition("/")[2], definitions, answer)
    if "anyOf" in schema:
        choices = [choice for choice in schema["anyOf"] if choice.get("type") != NULL]
        outlined = _outline(choices[-1], definitions, answer)  # the last of two numbers is wider
        return _or_null(outlined) if answer and len(choices) < len(schema["anyOf"]) else outlined
    outlined = {name: schema[name] for name in OUTLINED if schema.get(name)}
    if "enum" in outlined:
        outlined.pop("type", None)  # its values have one
    if answer:
        outlined.pop("required", None)
    if "properties" in schema:
        outlined["properties"] = {
            name: _outline(field, definitions, answer)
            for name, field in schema["properties"].items()
            if name not in UNLISTED
        }
    if "items" in schema:
        outlined["items"] = _outline(schema["items"], definitions, answer)
    return outlined


def _outlined_struct(name: str, definitions: Mapping[str, Any], answer: bool) -> dict[str, Any]:
    if name in OPAQUE:
        return {"type": "object"}
    outlined = _outline(definitions[name], definitions, answer)
    for field, note in FIELD_NOTES.get(name, {}).items():
        outlined["properties"][field]["description"] = note
    return outlined


def _or_null(outlined: dict[str, Any]) -> dict[str, Any]:
    if "enum" in outlined:
        return {**outlined, "enum": [*outlined["enum"], None]}
    return {**outlined, "type": [outlined["type"], NULL]}
