"""Every answer but 200 in OpenAPI, with examples that the error classes themselves have written."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from app.api.documents import document_of
from app.api.endpoints import Endpoint
from app.api.problems import MEDIA_TYPE, STATUS, problem_of, problem_of_method
from app.api.schedule_schemas import ScheduleDocument
from app.errors import InvalidRequest, OncallError, OutOfBounds

REFUSALS = {
    "400": "The document or the payment header is not valid; every fault is named. Not charged.",
    "402": "Payment required: the terms, in the PAYMENT-REQUIRED header and the body. A refused "
    "payment gets fresh terms: `error` is its reason code, `detail` says it in words.",
    "405": "Only POST is served.",
    "406": "No media type of the request's Accept is offered. Not charged.",
    "408": "The body did not arrive in time. Not charged.",
    "409": "This payment has already bought the answer to another request.",
    "413": "The body is over 1 MiB. Not charged.",
    "415": "The body is not JSON. Not charged.",
    "429": "Over the rate limit; see Retry-After. Not charged.",
    "431": "The headers are over 16 KiB. Not charged.",
    "503": "Payments cannot be settled at the moment; see Retry-After, and `code` and `retry` for "
    "what to do.",
}
HEADERS = {
    "Allow": "What is served.",
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
    "405": ("Allow",),
    "429": ("Retry-After",),
    "503": ("Retry-After",),
}


def refusals_of(endpoint: Endpoint) -> Mapping[str, Any]:
    """The responses of a paid operation that are not its answer, by status."""
    return {
        status: {
            "description": text,
            "headers": headers(*OWN_HEADERS.get(status, ())),
            "content": _terms() if status == "402" else _problem(endpoint, status),
        }
        for status, text in REFUSALS.items()
    }


def headers(*names: str) -> Mapping[str, Any]:
    """``names`` and the headers of every answer, described."""
    return {
        name: {"description": HEADERS[name], "schema": {"type": "string"}}
        for name in (*names, "RateLimit", "RateLimit-Policy", "X-Request-Id")
    }


def _terms() -> Mapping[str, Any]:
    return {"application/json": {"schema": {"$ref": "#/components/schemas/PaymentRequired"}}}


def _problem(endpoint: Endpoint, status: str) -> Mapping[str, Any]:
    problems = (msgspec.json.decode(body) for body in _written(endpoint, status))
    examples = {problem["code"]: {"value": problem} for problem in problems}
    schema = {"$ref": "#/components/schemas/Problem"}
    return {MEDIA_TYPE: {"schema": schema, "examples": examples}}


def _written(endpoint: Endpoint, status: str) -> Iterator[bytes]:
    """The problems that ``endpoint`` may answer with ``status``, as callers get them."""
    if status == "405":
        yield bytes(problem_of_method("GET", endpoint.path, "POST, OPTIONS", endpoint.catalog_path).body)
    for kind, kinds_status in STATUS.items():
        bounded = issubclass(kind, OutOfBounds)
        if str(kinds_status.value) == status and (not bounded or _is_layered(endpoint)):
            yield bytes(problem_of(_example(kind, endpoint)).body)


def _is_layered(endpoint: Endpoint) -> bool:
    """Whether the bounds of layered schedules apply."""
    return issubclass(endpoint.request, ScheduleDocument)


def _example(kind: type[OncallError], endpoint: Endpoint) -> OncallError:
    """An instance of ``kind``; an invalid document is the empty one, which lacks every field."""
    if kind is not InvalidRequest:
        return kind()
    try:
        document_of({}, endpoint.request)
    except InvalidRequest as error:
        return error
    raise AssertionError(f"{endpoint.slug} takes an empty document")
