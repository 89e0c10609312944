"""The OpenAPI 3.1 documents, made from the endpoint table and the msgspec structs."""

from collections.abc import Mapping, Sequence
from functools import cache
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
from app.discovery.publisher import NOBODY, Publisher
from app.http.scalars import scalar_schema
from app.http.validation import RequestModel
from app.products.endpoint import JSON, Endpoint

PAID_PATH, WHOLE_PATH = "/openapi.json", "/openapi.full.json"
"""Where the two documents are served. Marketplaces look at the first, which is for them."""
CONTACT = {"name": "On-call rotation service"}
PROVENANCE = ("x-agentcash-provenance", "x-discovery")
COMPONENTS = "#/components/"
PAID_DESCRIPTION = (
    "On-call rotations and layered schedules for AI agents, paid per request by x402. "
    f"{WHOLE_PATH} describes everything that is served here, free paths and stored schedules "
    "included."
)
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
    "(the default) or, for shifts, text/calendar, text/csv or image/svg+xml, at the same price."
)


def schema_of(kind: type[Struct]) -> dict[str, Any]:
    """Return the JSON Schema of ``kind`` with all its definitions; requests are closed.

    It is the caller's own, to change.
    """
    schema: dict[str, Any] = msgspec.json.decode(_schema_text(kind))
    return schema


@cache
def _schema_text(kind: type[Struct]) -> bytes:
    """Return the text of the schema of ``kind``, which every listing and tool needs anew."""
    schema = msgspec.json.schema(kind, schema_hook=scalar_schema)
    if issubclass(kind, RequestModel):
        schema["$defs"] = _closed(schema["$defs"])
    return msgspec.json.encode(schema)


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


def openapi_document(
    endpoints: Sequence[Endpoint], publisher: Publisher = NOBODY
) -> dict[str, Any]:
    """Describe the whole service.

    The document names no host: those of two deployments differ only in the rate limits and in what
    is said of the ``publisher``.
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
            "contact": _contact(publisher),
            "x-guidance": GUIDANCE,
        },
        **_provenance(publisher),
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": text} for name, text in _tags(endpoints).items()],
        "paths": {
            **_paid_paths(endpoints),
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


def paid_document(endpoints: Sequence[Endpoint], publisher: Publisher) -> dict[str, Any]:
    """Describe what is paid, and nothing else: for agents that read all of it before they buy.

    Everything in it stands in ``openapi_document``, too, but for the description, which names that.
    """
    whole = openapi_document(endpoints, publisher)
    paths = _paid_paths(endpoints)
    info = {**whole["info"], "description": PAID_DESCRIPTION}
    return {
        **whole,
        "info": info,
        "x-agentcash-guidance": {"llmsTxtUrl": f"{publisher.url}/llms.txt"},
        "tags": [tag for tag in whole["tags"] if tag["name"] in _categories(endpoints)],
        "paths": paths,
        "components": _reachable(paths, whole["components"]),
    }


def _contact(publisher: Publisher) -> Mapping[str, str]:
    email = publisher.contact_email
    return {**CONTACT, "email": email} if email else CONTACT


def _provenance(publisher: Publisher) -> Mapping[str, Any]:
    """Return the proofs of ownership under the names that marketplaces know, now and before."""
    proofs = list(publisher.ownership_proofs)
    return {name: {"ownershipProofs": proofs} for name in PROVENANCE} if proofs else {}


def _paid_paths(endpoints: Sequence[Endpoint]) -> Mapping[str, Any]:
    return {endpoint.path: {"post": _operation(endpoint)} for endpoint in endpoints}


def _categories(endpoints: Sequence[Endpoint]) -> Mapping[str, str]:
    return {each.category.name: each.category.description for each in endpoints}


def _reachable(
    value: object, components: Mapping[str, Mapping[str, Any]]
) -> Mapping[str, Mapping[str, Any]]:
    """Return those of ``components`` that ``value`` refers to, directly or through others."""
    found: dict[str, dict[str, Any]] = {}
    unread = [value]
    while unread:
        node = unread.pop()
        if isinstance(node, Mapping):
            unread += node.values()
            kind, _, name = node.get("$ref", "").removeprefix(COMPONENTS).partition("/")
            if name and name not in found.setdefault(kind, {}):
                found[kind][name] = components[kind][name]
                unread.append(components[kind][name])
        elif isinstance(node, list | tuple):
            unread += node
    return {kind: dict(sorted(named.items())) for kind, named in sorted(found.items())}


def _components(kinds: Sequence[type[Struct]]) -> Mapping[str, Any]:
    """Return the schemas of ``kinds`` and of all their parts, by name."""
    _, components = msgspec.json.schema_components(
        kinds, schema_hook=scalar_schema, ref_template="#/components/schemas/{name}"
    )
    return components


def _tags(endpoints: Sequence[Endpoint]) -> Mapping[str, str]:
    """Return the description of every tag, by its name."""
    return {
        **_categories(endpoints),
        **stored_tags(),
        **FREE_TAGS,
    }


def openapi_bytes(endpoints: Sequence[Endpoint], publisher: Publisher = NOBODY) -> bytes:
    """Return the whole document, formatted for people."""
    return _formatted(openapi_document(endpoints, publisher))


def paid_bytes(endpoints: Sequence[Endpoint], publisher: Publisher) -> bytes:
    """Return the document of what is paid, formatted for people."""
    return _formatted(paid_document(endpoints, publisher))


def _formatted(document: Mapping[str, Any]) -> bytes:
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def _operation(endpoint: Endpoint) -> Mapping[str, Any]:
    return {
        "operationId": endpoint.slug,
        "summary": endpoint.title,
        "description": f"{endpoint.description}\n\n{endpoint.rules}\n\n"
        f"${endpoint.price_usd} per request; at most {endpoint.limit_in_words}.",
        "tags": [endpoint.category.name],
        "security": [],
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
                "example": msgspec.json.decode(endpoint.example_answer),
            },
            **{name: _text(endpoint, name) for name in endpoint.formats if name != JSON},
        },
    }


def _text(endpoint: Endpoint, media_type: str) -> Mapping[str, Any]:
    example = endpoint.answer_to(endpoint.example, media_type).decode()
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
