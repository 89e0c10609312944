"""The ``bazaar`` discovery extension of an endpoint, which tells marketplaces how to call it.

Strategy: the SDK makes it from the endpoint's example and its computed answer. It is sent in
headers: in the terms and again in the payment that repeats them. Proxies and clients commonly
accept 8 KiB there, so the schema of the body is only an outline; ``openapi.json`` has all of it.
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
from app.discovery.schema_tables import is_read_only
from app.products.endpoint import Endpoint

SERVICE_NAME = "On-call rotations"
MAX_TAGS = 5
"""The most tags in terms, by the extension's specification."""

OUTLINED = ("type", "enum", "required")
"""The keywords that an outline keeps. The rules in words are in ``openapi.json``."""


def bazaar_extension(endpoint: Endpoint) -> dict[str, Any]:
    """Return the extension under its key. It is valid against the schema in it.

    The method is added here, because the SDK's middleware, which would add it, is not used.
    """
    declared = declare_discovery_extension(
        input=dict(endpoint.example),
        input_schema=request_outline(endpoint),
        body_type="json",
        output=OutputConfig(example=_short_answer(endpoint)),
    )
    extension = declared[BAZAAR.key]
    extension["info"]["input"]["method"] = endpoint.method
    extension["schema"]["properties"]["input"]["properties"]["method"] = {"const": endpoint.method}
    return declared


def bazaar_tool_extension(endpoint: Endpoint) -> dict[str, Any]:
    """Return the extension of the endpoint's MCP tool. It is valid against the schema in it."""
    tool = DeclareMcpDiscoveryConfig(
        tool_name=endpoint.slug,
        description=endpoint.title,
        transport="streamable-http",
        input_schema=request_outline(endpoint),
        example=dict(endpoint.example),
        output=OutputConfig(example=_short_answer(endpoint)),
    )
    return declare_mcp_discovery_extension(tool)


def _short_answer(endpoint: Endpoint) -> dict[str, Any]:
    """Return the answer to the example without what only says how the request was read."""
    answer: dict[str, Any] = msgspec.json.decode(endpoint.example_answer())
    answer.pop("understood", None)
    return answer


def request_outline(endpoint: Endpoint) -> dict[str, Any]:
    """Return the outline of an endpoint's request, without what only other APIs' answers have."""
    outlined = outline(schema_of(endpoint.request))
    for name in endpoint.request.as_shown:
        outlined["properties"].pop(name, None)
    return outlined


def outline(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``schema`` with only its fields, their types and which of them are required."""
    return _outline(schema, schema.get("$defs", {}))


def _outline(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        return _outline(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    if "anyOf" in schema:  # a value, or null for an absent one
        [schema] = [choice for choice in schema["anyOf"] if choice.get("type") != "null"]
        return _outline(schema, definitions)
    outlined = {name: schema[name] for name in OUTLINED if schema.get(name)}
    if "properties" in schema:
        outlined["properties"] = {
            name: _outline(field, definitions)
            for name, field in schema["properties"].items()
            if not is_read_only(field)
        }
    if "items" in schema:
        outlined["items"] = _outline(schema["items"], definitions)
    return outlined
