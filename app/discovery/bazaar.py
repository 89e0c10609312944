"""The ``bazaar`` discovery extension of an endpoint: how to call it, for those who list it.

Strategy: it is declared by the SDK from the endpoint's example and its computed answer. It travels
in headers, in the terms and again in the payment that echoes them, where 8 KiB are what proxies and
clients commonly take; so the schema of the body is an outline. All of it is in ``openapi.json``.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from x402.extensions.bazaar.resource_service import (
    DeclareMcpDiscoveryConfig,
    OutputConfig,
    declare_discovery_extension,
    declare_mcp_discovery_extension,
)
from x402.extensions.bazaar.types import BAZAAR

from app.discovery.openapi import schema_of
from app.products.endpoint import Endpoint

SERVICE_NAME = "On-call rotations"
MAX_TAGS = 5
"""As many of an endpoint's tags as the extension's specification lets terms carry."""

OUTLINED = ("type", "enum", "required")
"""What an outline says of a value; a field's rule in words is in ``openapi.json``."""


def bazaar_extension(endpoint: Endpoint) -> dict[str, Any]:
    """The extension under its key, complete: the SDK's middleware, not used here, adds the method.

    Valid against the schema in it.
    """
    declared = declare_discovery_extension(
        input=dict(endpoint.example),
        input_schema=outline(schema_of(endpoint.request)),
        body_type="json",
        output=OutputConfig(example=msgspec.json.decode(endpoint.example_answer())),
    )
    extension = declared[BAZAAR.key]
    extension["info"]["input"]["method"] = endpoint.method
    extension["schema"]["properties"]["input"]["properties"]["method"] = {"const": endpoint.method}
    return declared


def bazaar_tool_extension(endpoint: Endpoint) -> dict[str, Any]:
    """The extension of the MCP tool that sells the endpoint. Valid against the schema in it."""
    tool = DeclareMcpDiscoveryConfig(
        tool_name=endpoint.slug,
        description=endpoint.title,
        transport="streamable-http",
        input_schema=outline(schema_of(endpoint.request)),
        example=dict(endpoint.example),
        output=OutputConfig(example=msgspec.json.decode(endpoint.example_answer())),
    )
    return declare_mcp_discovery_extension(tool)


def outline(schema: Mapping[str, Any]) -> dict[str, Any]:
    """``schema`` without references, rules and words: the fields, their types, what is required."""
    return _outline(schema, schema.get("$defs", {}))


def _outline(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        return _outline(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    if "anyOf" in schema:  # a value, or null, which is absence
        [schema] = [choice for choice in schema["anyOf"] if choice.get("type") != "null"]
        return _outline(schema, definitions)
    outlined = {name: schema[name] for name in OUTLINED if schema.get(name)}
    if "properties" in schema:
        outlined["properties"] = {
            name: _outline(field, definitions) for name, field in schema["properties"].items()
        }
    if "items" in schema:
        outlined["items"] = _outline(schema["items"], definitions)
    return outlined
