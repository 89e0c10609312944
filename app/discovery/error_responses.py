"""The error responses of the paid endpoints in OpenAPI, with examples from the error classes."""

from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, get_args

import msgspec

from app.errors import (
    InvalidRequest,
    OncallError,
    OutOfBounds,
    Retry,
    WorkspacesUnavailable,
    WorkspaceUnfinished,
)
from app.http.problems import MEDIA_TYPE, STATUS, not_served, problem_response
from app.http.validation import validated
from app.products.endpoint import Endpoint
from app.products.layered.request import ScheduleDocument
from app.products.roster.held import HeldRequest

ERROR_RESPONSES = {
    "400": "The document or the payment header is not valid; every fault is named. Not charged.",
    "402": "Payment required: the terms, in the PAYMENT-REQUIRED header and the body. A refused "
    "payment gets fresh terms: `error` is its reason code, `detail` says it in words.",
    "405": "Only POST is served.",
    "406": "No media type of the request's Accept is offered. Not charged.",
    "408": "The body did not arrive in time. Not charged.",
    "409": "This payment has already bought the answer to another request, or its identifier "
    "belongs to another payment. Not charged.",
    "413": "The body is over 1 MiB, or over 4 MiB where calendars are taken. Not charged.",
    "415": "The body is not JSON. Not charged.",
    "429": "Over the rate limit; see Retry-After. Not charged.",
    "431": "The headers are over 16 KiB. Not charged.",
    "503": "Payments cannot be settled, or answers computed, at the moment; see Retry-After, and "
    "`code` and `retry` for what to do.",
}
HEADERS = {
    "Allow": "What is served.",
    "PAYMENT-REQUIRED": "The terms: a base64 encoded x402 version 2 PaymentRequired.",
    "Link": 'Where every field is told, with worked requests: `rel="service-doc"`.',
    "PAYMENT-RESPONSE": "The receipt: a base64 encoded x402 version 2 SettleResponse.",
    "Content-Disposition": "A name for the file, where the answer is one (not JSON).",
    "Idempotent-Replayed": "`true` where an earlier request already had this answer.",
    "Retry-After": "Seconds to wait before the next try.",
    "RateLimit": "What is left of the limit, and when one more request fits.",
    "RateLimit-Policy": "The limit: requests with and without a payment are counted apart.",
    "ETag": "The version, for If-Match and If-None-Match.",
    "Location": "Where what was made is read.",
    "WWW-Authenticate": "How to send a key.",
    "X-Request-Id": "Names the request in the log.",
}
RATE_LIMIT_HEADERS = ("RateLimit", "RateLimit-Policy")
HEADERS_BY_STATUS = {
    "402": ("PAYMENT-REQUIRED", "Link", *RATE_LIMIT_HEADERS),
    "405": ("Allow",),
    "429": ("Retry-After", *RATE_LIMIT_HEADERS),
    "431": (),
    "503": ("Retry-After", *RATE_LIMIT_HEADERS),
}
PROBLEM: dict[str, Any] = {
    "title": "Problem",
    "description": "Problem details (RFC 9457).",
    "type": "object",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string", "description": "`urn:oncall:problem:` and the code."},
        "title": {"type": "string", "description": "What the code means."},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "Stable; what a program should look at."},
        "detail": {"type": "string", "description": "What went wrong this time."},
        "retry": {
            "enum": list(get_args(Retry)),
            "description": "Send it again unchanged, sign afresh, send the first payment of this "
            "identifier again, or change the request (a payment sent with it was not used).",
        },
        "catalog": {
            "type": "string",
            "format": "uri-reference",
            "description": "Where the product is described.",
        },
        "errors": {
            "type": "array",
            "description": "Every fault of the document.",
            "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "properties": {
                    "pointer": {"type": "string", "description": "An RFC 6901 JSON pointer."},
                    "detail": {"type": "string", "description": "What would be right."},
                },
            },
        },
    },
}
PAYMENT_REQUIRED = {
    "title": "PaymentRequired",
    "description": "x402 version 2 terms.",
    "type": "object",
    "required": ["x402Version", "error", "resource", "accepts", "extensions"],
    "properties": {
        "x402Version": {"const": 2},
        "error": {"type": "string", "description": "Why no answer was served; a reason code."},
        "detail": {"type": "string", "description": "The reason in words."},
        "retry": {"enum": list(get_args(Retry))},
        "warnings": {
            "type": "array",
            "description": "What is only read after signing, and before the charge.",
            "items": PROBLEM["properties"]["errors"]["items"],
        },
        "understood": {
            "type": "object",
            "description": "How the document was read: times as instants, the zone, the window.",
        },
        "resource": {
            "type": "object",
            "required": ["url"],
            "properties": {"url": {"type": "string", "format": "uri"}},
        },
        "accepts": {
            "type": "array",
            "description": "The ways to pay.",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["scheme", "network", "amount", "asset", "payTo", "maxTimeoutSeconds"],
                "properties": {
                    "scheme": {"const": "exact"},
                    "network": {"type": "string", "examples": ["eip155:8453"]},
                    "amount": {
                        "type": "string",
                        "description": "In atomic units of the asset.",
                        "pattern": "^[0-9]+$",
                        "examples": ["20000"],
                    },
                    "asset": {"type": "string", "description": "The stablecoin's contract."},
                    "payTo": {"type": "string"},
                    "maxTimeoutSeconds": {"type": "integer"},
                    "extra": {"type": "object", "description": "The asset's EIP-712 domain."},
                },
            },
        },
        "extensions": {
            "type": "object",
            "description": "`bazaar` describes the product, with an example and its answer; "
            "`payment-identifier` lets a payer give a payment an id.",
            "required": ["bazaar", "payment-identifier"],
            "properties": {
                name: {
                    "type": "object",
                    "required": ["info", "schema"],
                    "properties": {"info": {"type": "object"}, "schema": {"type": "object"}},
                }
                for name in ("bazaar", "payment-identifier")
            },
        },
    },
}


RETRIES: Mapping[Retry, str] = {
    "no": "change the request: `errors` names every fault by its JSON pointer. Nothing was "
    "charged, and a payment that was sent with it was not used.",
    "new-payment": "sign afresh and send again.",
    "first-payment": "the payment identifier belongs to an earlier payment: send that one again, "
    "with its request.",
    "same-payment": "send the very same request with the very same payment again, after the "
    "seconds in `Retry-After` (over MCP in `retryAfter`), also where an answer was lost. It is "
    "charged at most once.",
}
"""What to do after a problem, by its member ``retry``."""

PER_PRODUCT = ("400", "402", "405")
"""The statuses whose responses differ between products. The others are described once."""


def error_responses(endpoint: Endpoint) -> Mapping[str, Any]:
    """Return the error responses of a paid operation by status."""
    return {
        status: _error_response(endpoint, status)
        if status in PER_PRODUCT
        else {"$ref": f"#/components/responses/{status}"}
        for status in ERROR_RESPONSES
    }


def shared_error_responses(endpoints: Sequence[Endpoint]) -> Mapping[str, Any]:
    """Return the components that ``error_responses`` refers to."""
    shared = [status for status in ERROR_RESPONSES if status not in PER_PRODUCT]
    most_last = sorted(endpoints, key=lambda each: each.keeps)
    return {
        status: _error_response(endpoint, status) for endpoint in most_last for status in shared
    }


def headers(*names: str) -> Mapping[str, Any]:
    """Return references to the headers ``names`` and to those of every answer."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in (*names, "X-Request-Id")}


def described_headers() -> Mapping[str, Any]:
    """Return the components that ``headers`` refers to."""
    return {
        name: {"description": text, "schema": {"type": "string"}} for name, text in HEADERS.items()
    }


def _error_response(endpoint: Endpoint, status: str) -> Mapping[str, Any]:
    return {
        "description": ERROR_RESPONSES[status],
        "headers": headers(*HEADERS_BY_STATUS.get(status, RATE_LIMIT_HEADERS)),
        "content": _terms() if status == "402" else _problem(endpoint, status),
    }


def _terms() -> Mapping[str, Any]:
    return {"application/json": {"schema": {"$ref": "#/components/schemas/PaymentRequired"}}}


def _problem(endpoint: Endpoint, status: str) -> Mapping[str, Any]:
    problems = (msgspec.json.decode(body) for body in _problem_bodies(endpoint, status))
    examples = {problem["code"]: {"value": problem} for problem in problems}
    schema = {"$ref": "#/components/schemas/Problem"}
    return {MEDIA_TYPE: {"schema": schema, "examples": examples}}


def _problem_bodies(endpoint: Endpoint, status: str) -> Iterator[bytes]:
    """Yield the bodies of the problems that ``endpoint`` may answer with ``status``."""
    if status == "405":
        allowed = {"Allow": f"{endpoint.method}, OPTIONS"}
        page = endpoint.catalog_path
        problem = not_served("GET", endpoint.path, page, HTTPStatus.METHOD_NOT_ALLOWED, allowed)
        yield bytes(problem.body)
    for kind, kind_status in STATUS.items():
        if str(kind_status.value) == status and _concerns(kind, endpoint):
            yield bytes(problem_response(_example(kind, endpoint)).body)


def _concerns(kind: type[OncallError], endpoint: Endpoint) -> bool:
    """Whether ``endpoint`` may answer with an error: bounds are those of layered schedules."""
    if kind in (WorkspacesUnavailable, WorkspaceUnfinished):
        return endpoint.keeps
    is_layered = issubclass(endpoint.request, ScheduleDocument | HeldRequest)
    return is_layered or not issubclass(kind, OutOfBounds)


def _example(kind: type[OncallError], endpoint: Endpoint) -> OncallError:
    """Return an instance of ``kind``. The invalid document is an empty one, without any field."""
    if kind is not InvalidRequest:
        return kind()
    try:
        validated({}, endpoint.request)
    except InvalidRequest as error:
        return error
    raise AssertionError(f"{endpoint.slug} takes an empty document")
