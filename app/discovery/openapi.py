"""The OpenAPI 3.1 document, made from the endpoint table and the msgspec structs."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from app import __version__
from app.discovery.error_responses import (
    PAYMENT_REQUIRED,
    PROBLEM,
    RATE_LIMIT_HEADERS,
    described_headers,
    error_responses,
    headers,
    shared_error_responses,
)
from app.discovery.free_paths import DISCOVERY, SERVICE, FreePath, free_paths
from app.discovery.openapi_teams import (
    SECURITY_SCHEMES,
    stored_paths,
    stored_responses,
    stored_schemas,
    stored_tags,
)
from app.http.scalars import scalar_schema
from app.http.validation import RequestModel
from app.products.endpoint import JSON, Endpoint

CONTACT = {"name": "On-call rotation service"}
FREE_TAGS = {
    DISCOVERY: "What programs and people read before they buy. Free.",
    SERVICE: "How the service is, for its operators. Free.",
}
GUIDANCE = (
    "POST the JSON document without payment to learn the terms (402, free of charge; an invalid "
    "document gets a 400 that names every fault, unknown fields and query parameters included; "
    "`warnings` beside the terms name what is only checked after you have signed and before you "
    "are charged). Pay "
    "with any x402 version 2 client: sign the terms in PAYMENT-REQUIRED and repeat the request "
    "with PAYMENT-SIGNATURE. If an answer is "
    "lost, repeat the same request with the same payment: it is charged once. Accept chooses JSON "
    "(the default), text/calendar, text/csv or image/svg+xml, all at the same price."
)


def schema_of(kind: type[Struct]) -> dict[str, Any]:
    """Return the JSON Schema of ``kind`` with all its definitions; requests are closed."""
    schema = msgspec.json.schema(kind, schema_hook=scalar_schema)
    if issubclass(kind, RequestModel):
        schema["$defs"] = _closed(schema["$defs"])
    return schema


def _closed(definitions: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schemas of objects as those of a request, which has no unknown fields."""
    return {
        name: {**definition, "additionalProperties": False}
        for name, definition in definitions.items()
    }


def object_schema_of(kind: type[Struct]) -> dict[str, Any]:
    """Return ``schema_of`` with the object in place of a reference to it, as MCP requires."""
    schema = schema_of(kind)
    name = schema.pop("$ref").rpartition("/")[2]
    own: dict[str, Any] = schema["$defs"].pop(name)
    return own | schema if schema["$defs"] else own


def payment_info(endpoint: Endpoint) -> Mapping[str, Any]:
    """Return the price in the form of discovery services."""
    return {
        "price": {"mode": "fixed", "currency": "USD", "amount": f"{endpoint.price_usd:.6f}"},
        "protocols": [{"x402": {}}],
    }


def openapi_document(endpoints: Sequence[Endpoint]) -> Mapping[str, Any]:
    """Describe the whole service.

    The document names no host: those of two deployments differ only in the rate limits.
    """
    schemas = {
        **_components([endpoint.answer for endpoint in endpoints]),
        **_closed(_components([endpoint.request for endpoint in endpoints])),
        "Problem": PROBLEM,
        "PaymentRequired": PAYMENT_REQUIRED,
        **stored_schemas(),
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "On-call rotation service",
            "version": __version__,
            "description": (
                "On-call rotations and layered schedules for AI agents, paid per request by x402; "
                "and schedules that are kept for teams, behind API keys."
            ),
            "contact": CONTACT,
            "x-guidance": GUIDANCE,
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": text} for name, text in _tags(endpoints).items()],
        "paths": {
            **{endpoint.path: {"post": _operation(endpoint)} for endpoint in endpoints},
            **{free.path: {"get": _free_operation(free)} for free in free_paths(endpoints)},
            **stored_paths(),
        },
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "responses": {**shared_error_responses(endpoints), **stored_responses()},
            "headers": described_headers(),
            "securitySchemes": SECURITY_SCHEMES,
        },
    }


def _components(kinds: Sequence[type[Struct]]) -> Mapping[str, Any]:
    """Return the schemas of ``kinds`` and of all their parts, by name."""
    _, components = msgspec.json.schema_components(
        kinds, schema_hook=scalar_schema, ref_template="#/components/schemas/{name}"
    )
    return components


def _tags(endpoints: Sequence[Endpoint]) -> Mapping[str, str]:
    """Return the description of every tag, by its name."""
    return {
        **{each.category.name: each.category.description for each in endpoints},
        **stored_tags(),
        **FREE_TAGS,
    }


def openapi_bytes(endpoints: Sequence[Endpoint]) -> bytes:
    """Return ``openapi.json``, formatted for people."""
    return msgspec.json.format(msgspec.json.encode(openapi_document(endpoints)), indent=2) + b"\n"


def _operation(endpoint: Endpoint) -> Mapping[str, Any]:
    return {
        "operationId": endpoint.slug,
        "summary": endpoint.title,
        "description": f"{endpoint.description}\n\n{endpoint.rules}\n\n"
        f"${endpoint.price_usd} per request; at most {endpoint.limit_in_words}.",
        "tags": [endpoint.category.name],
        "x-payment-info": payment_info(endpoint),
        "parameters": [
            {
                "name": "PAYMENT-SIGNATURE",
                "in": "header",
                "description": "A base64 encoded x402 version 2 PaymentPayload: signed terms of a "
                "402. Without it the answer is a 402, or a 400 for an invalid document.",
                "schema": {"type": "string"},
            }
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": _reference(endpoint.request),
                    "example": endpoint.example,
                }
            },
        },
        "responses": {"200": _success(endpoint), **error_responses(endpoint)},
    }


def _success(endpoint: Endpoint) -> Mapping[str, Any]:
    return {
        "description": "The answer in the form that Accept asks for, all at the same price, and in "
        "PAYMENT-RESPONSE the receipt.",
        "headers": headers(
            "PAYMENT-RESPONSE", "Idempotent-Replayed", "Content-Disposition", *RATE_LIMIT_HEADERS
        ),
        "content": {
            "application/json": {
                "schema": _reference(endpoint.answer),
                "example": msgspec.json.decode(endpoint.example_answer()),
            },
            **{name: _text(endpoint, name) for name in endpoint.formats if name != JSON},
        },
    }


def _text(endpoint: Endpoint, media_type: str) -> Mapping[str, Any]:
    example = endpoint.example_answer(media_type).decode()
    return {"schema": {"type": "string"}, "example": example}


def _free_operation(free: FreePath) -> Mapping[str, Any]:
    content = {media_type: {"schema": schema} for media_type, schema in free.content.items()}
    return {
        "operationId": free.operation_id,
        "summary": free.summary,
        "description": free.description,
        "tags": [free.tag],
        "security": [],
        "responses": {
            status: {"description": text, "headers": headers(), "content": content}
            for status, text in {"200": f"{free.summary}.", **free.others}.items()
        },
    }


def _reference(kind: type[Struct]) -> Mapping[str, str]:
    return {"$ref": f"#/components/schemas/{kind.__name__}"}
