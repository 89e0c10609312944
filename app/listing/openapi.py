"""OpenAPI 3.1 from the endpoint table and the msgspec structs."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from app import __version__
from app.api.endpoints import Endpoint
from app.api.scalars import scalar_schema

CONTACT = {"name": "On-call rotation service"}
GUIDANCE = (
    "POST the JSON document without payment to learn the terms (402, free of charge; an invalid "
    "document gets a 400 that names every fault). Pay with any x402 version 2 client: sign the "
    "terms in PAYMENT-REQUIRED and repeat the request with PAYMENT-SIGNATURE. If an answer is "
    "lost, repeat the same request with the same payment: it is charged once."
)
REFUSALS = {
    "400": "The document or the payment header is not valid; every fault is named.",
    "402": "Payment required: the terms, in the PAYMENT-REQUIRED header and the body.",
    "405": "Only POST is served.",
    "406": "No media type of the request's Accept is offered.",
    "408": "The body did not arrive in time.",
    "409": "This payment has already bought the answer to another request.",
    "413": "The body is over 1 MiB.",
    "415": "The body is not JSON.",
    "429": "Over the rate limit; see Retry-After.",
    "431": "The headers are over 16 KiB.",
    "503": "Payments cannot be settled at the moment; see Retry-After and code.",
}
HEADERS = {
    "PAYMENT-REQUIRED": "The terms: a base64 encoded x402 version 2 PaymentRequired.",
    "PAYMENT-RESPONSE": "The receipt: a base64 encoded x402 version 2 SettleResponse.",
    "Idempotent-Replayed": "`true` where an earlier request already had this answer.",
    "Retry-After": "Seconds to wait before the next try.",
    "RateLimit": "What is left of the limit, and when one more request fits.",
    "RateLimit-Policy": "The limit: requests with and without a payment are counted apart.",
    "X-Request-Id": "Names the request in the log.",
}
OWN_HEADERS = {
    "402": ("PAYMENT-REQUIRED",),
    "429": ("Retry-After",),
    "503": ("Retry-After",),
}
PROBLEM = {
    "title": "Problem",
    "description": "Problem details (RFC 9457).",
    "type": "object",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "retry": {
            "enum": ["same-payment", "new-payment", "no"],
            "description": "Send it again unchanged, sign afresh, or change the request (a payment "
            "sent with it was not used).",
        },
        "catalog": {"type": "string", "description": "Where the product is described."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}
PAYMENT_REQUIRED = {
    "title": "PaymentRequired",
    "description": "x402 version 2 terms.",
    "type": "object",
    "required": ["x402Version", "accepts"],
    "properties": {
        "x402Version": {"const": 2},
        "error": {"type": "string"},
        "resource": {"type": "object"},
        "accepts": {"type": "array", "items": {"type": "object"}},
        "extensions": {"type": "object"},
    },
}


def schema_of(kind: type[Struct]) -> dict[str, Any]:
    """The JSON Schema of ``kind``, complete in itself."""
    return msgspec.json.schema(kind, schema_hook=scalar_schema)


def object_schema_of(kind: type[Struct]) -> dict[str, Any]:
    """As ``schema_of``, with the object itself on top, as MCP wants it, and not a reference."""
    schema = schema_of(kind)
    name = schema.pop("$ref").rpartition("/")[2]
    own: dict[str, Any] = schema["$defs"].pop(name)
    return own | schema if schema["$defs"] else own


def payment_info(endpoint: Endpoint) -> Mapping[str, Any]:
    """The price, as discovery services read it."""
    return {
        "price": {"mode": "fixed", "currency": "USD", "amount": f"{endpoint.price_usd:.6f}"},
        "protocols": [{"x402": {}}],
    }


def openapi_document(endpoints: Sequence[Endpoint]) -> Mapping[str, Any]:
    """The description of the whole service. It names no host: the same for every deployment."""
    kinds = [kind for endpoint in endpoints for kind in (endpoint.request, endpoint.answer)]
    _, components = msgspec.json.schema_components(
        kinds, schema_hook=scalar_schema, ref_template="#/components/schemas/{name}"
    )
    schemas = {**components, "Problem": PROBLEM, "PaymentRequired": PAYMENT_REQUIRED}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "On-call rotation service",
            "version": __version__,
            "description": (
                "On-call rotations and layered schedules for AI agents, paid per request by x402."
            ),
            "contact": CONTACT,
            "x-guidance": GUIDANCE,
        },
        "servers": [{"url": "/"}],
        "paths": {
            **{endpoint.path: {"post": _operation(endpoint)} for endpoint in endpoints},
            **_free_paths(endpoints),
        },
        "components": {"schemas": dict(sorted(schemas.items()))},
    }


def openapi_bytes(endpoints: Sequence[Endpoint]) -> bytes:
    """``openapi.json``, formatted for people."""
    return msgspec.json.format(msgspec.json.encode(openapi_document(endpoints)), indent=2) + b"\n"


def _operation(endpoint: Endpoint) -> Mapping[str, Any]:
    return {
        "operationId": endpoint.slug,
        "summary": endpoint.title,
        "description": endpoint.description,
        "tags": [endpoint.category],
        "x-payment-info": payment_info(endpoint),
        "parameters": [
            {
                "name": "PAYMENT-SIGNATURE",
                "in": "header",
                "description": "A base64 encoded x402 version 2 PaymentPayload.",
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
        "responses": {"200": _success(endpoint), **_refusals()},
    }


def _success(endpoint: Endpoint) -> Mapping[str, Any]:
    return {
        "description": "The answer, and in PAYMENT-RESPONSE the receipt.",
        "headers": _headers("PAYMENT-RESPONSE", "Idempotent-Replayed"),
        "content": {
            "application/json": {
                "schema": _reference(endpoint.answer),
                "example": msgspec.json.decode(endpoint.example_answer()),
            }
        },
    }


def _refusals() -> Mapping[str, Any]:
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    terms = {"application/json": {"schema": {"$ref": "#/components/schemas/PaymentRequired"}}}
    return {
        status: {
            "description": text,
            "headers": _headers(*OWN_HEADERS.get(status, ())),
            "content": terms if status == "402" else problem,
        }
        for status, text in REFUSALS.items()
    }


def _headers(*names: str) -> Mapping[str, Any]:
    return {
        name: {"description": HEADERS[name], "schema": {"type": "string"}}
        for name in (*names, "RateLimit", "RateLimit-Policy", "X-Request-Id")
    }


def _free_paths(endpoints: Sequence[Endpoint]) -> Mapping[str, Any]:
    texts = {
        "/openapi.json": "This document.",
        "/catalog": "Every product, with the address of its page.",
        **{endpoint.catalog_path: f"The {endpoint.title}." for endpoint in endpoints},
        "/healthz": "Whether the process is up.",
        "/readyz": "Whether requests can be served, by part.",
        "/metrics": "Numbers for operators, in the Prometheus text format.",
    }
    return {path: {"get": _free_operation(path, text)} for path, text in texts.items()}


def _free_operation(path: str, text: str) -> Mapping[str, Any]:
    media_type = "text/plain" if path == "/metrics" else "application/json"
    kind = "string" if path == "/metrics" else "object"
    answer = {media_type: {"schema": {"type": kind}}}
    responses = {"200": {"description": text, "content": answer}}
    if path == "/readyz":
        responses["503"] = {"description": "Some part is not ready.", "content": answer}
    name = path.strip("/").replace("/", "-").replace(".", "-")
    return {
        "operationId": f"get-{name}",
        "summary": text,
        "tags": ["Service"],
        "security": [],
        "responses": responses,
    }


def _reference(kind: type[Struct]) -> Mapping[str, str]:
    return {"$ref": f"#/components/schemas/{kind.__name__}"}
