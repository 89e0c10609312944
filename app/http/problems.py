"""Responses to errors, as RFC 9457 problem details.

This module knows the status of an error everywhere but in the stored APIs (``teams/problems.py``).
The ``type`` of a problem is a stable URN made of its code. ``errors`` lists every field error of a
document with its JSON pointer. ``retry`` tells a payer what to do next.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app import errors
from app.errors import InvalidFields, OncallError, Retryable

MEDIA_TYPE = "application/problem+json"
ERROR_CODE = "oncall.error_code"
"""The key of an ASGI scope under which the code of the error stands that was answered."""

STATUS: Mapping[type[OncallError], HTTPStatus] = {
    errors.InvalidRequest: HTTPStatus.BAD_REQUEST,
    errors.MalformedBody: HTTPStatus.BAD_REQUEST,
    errors.InvalidPayment: HTTPStatus.BAD_REQUEST,
    errors.NotAcceptable: HTTPStatus.NOT_ACCEPTABLE,
    errors.OriginNotAllowed: HTTPStatus.FORBIDDEN,
    errors.BodyTooSlow: HTTPStatus.REQUEST_TIMEOUT,
    errors.PaymentAlreadyUsed: HTTPStatus.CONFLICT,
    errors.IdentifierAlreadyUsed: HTTPStatus.CONFLICT,
    errors.BodyTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.UnsupportedMediaType: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    errors.MisdirectedRequest: HTTPStatus.MISDIRECTED_REQUEST,
    errors.RateLimited: HTTPStatus.TOO_MANY_REQUESTS,
    errors.HeadersTooLarge: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    errors.FacilitatorUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.SettlementUnknown: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.ClaimsUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.TooManyClaims: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.TooManyConnections: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.WorkersBusy: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.WorkerLost: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.Interrupted: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.WorkspacesUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.WorkspaceUnfinished: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.TooManyLayers: HTTPStatus.BAD_REQUEST,
    errors.TooManyParticipants: HTTPStatus.BAD_REQUEST,
    errors.TooManyRestrictions: HTTPStatus.BAD_REQUEST,
    errors.TooManyOverrides: HTTPStatus.BAD_REQUEST,
    errors.TooManySwaps: HTTPStatus.BAD_REQUEST,
    errors.TooManySegments: HTTPStatus.BAD_REQUEST,
    errors.TooMuchWork: HTTPStatus.BAD_REQUEST,
    errors.EmptyWindow: HTTPStatus.BAD_REQUEST,
    errors.WindowTooLong: HTTPStatus.BAD_REQUEST,
    errors.InstantOutOfRange: HTTPStatus.BAD_REQUEST,
    errors.TakesTooLong: HTTPStatus.BAD_REQUEST,
    errors.AnswerTooLarge: HTTPStatus.BAD_REQUEST,
}


class ErrorResponse(Response):
    """A response to an error. Sent, it leaves the error's ``code`` in the scope, for log and
    metrics."""

    def __init__(
        self, code: str, body: bytes, status: int, headers: Mapping[str, str], media_type: str
    ) -> None:
        super().__init__(body, status, {"Cache-Control": "no-store", **headers}, media_type)
        self._code = code

    def in_form(self, body: bytes, media_type: str, headers: Mapping[str, str]) -> "ErrorResponse":
        """Return this response with another body, and more headers."""
        replaced = ("cache-control", "content-length", "content-type")
        kept = {name: value for name, value in self.headers.items() if name not in replaced}
        return ErrorResponse(self._code, body, self.status_code, {**kept, **headers}, media_type)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[ERROR_CODE] = self._code
        await super().__call__(scope, receive, send)


def problem_response(error: OncallError) -> Response:
    """Return the response to a request that raised ``error``."""
    headers = {"Retry-After": str(error.retry_after)} if isinstance(error, Retryable) else {}
    return _response(problem_details(error), headers)


def problem_details(error: OncallError) -> dict[str, Any]:
    """Return the problem details of ``error``."""
    extra: dict[str, Any] = {"retry": error.retry}
    if isinstance(error, InvalidFields):
        extra["errors"] = [
            {"pointer": found.pointer, "detail": found.detail} for found in error.errors
        ]
    return _problem(STATUS[type(error)], error.code, error.title, error.detail, extra)


def http_problem_response(request: Request, error: Exception) -> Response:
    """Return Starlette's own 404 and 405 as problems instead of plain text."""
    assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for these
    path = request.url.path
    catalog = request.app.state.catalog_paths.get(path, "/catalog")
    headers = dict(error.headers or {})
    return not_served(request.method, path, catalog, HTTPStatus(error.status_code), headers)


def not_served(
    method: str, path: str, catalog: str, status: HTTPStatus, headers: Mapping[str, str]
) -> Response:
    """Return the response to an unknown path or method; ``catalog`` is the page to read."""
    allowed = headers.get("Allow", "").partition(",")[0]
    hint = f"use {allowed}" if allowed else "/openapi.full.json says what is served"
    problem = _problem(
        status,
        status.phrase.lower().replace(" ", "_"),
        f"{status.phrase}.",
        f"{method} {path} is not served: {hint}.",
        {"retry": "no", "catalog": catalog},
    )
    return _response(problem, headers)


def defect_response(_: Request, __: Exception) -> Response:
    """Return the response to a defect of ours. Its cause goes to the log, never to the caller."""
    return internal_error()


def internal_error() -> Response:
    """Return the response to a request that met a defect."""
    return _response(internal_problem_details(), {})


def internal_problem_details() -> dict[str, Any]:
    """Return the problem details of a defect."""
    return _problem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "internal_error",
        "Something went wrong on our side.",
        "The request was not answered. The X-Request-Id header names it in our log.",
        {"retry": "same-payment"},
    )


def _problem(
    status: HTTPStatus, code: str, title: str, detail: str, extra: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "type": f"urn:oncall:problem:{code}",
        "title": title,
        "status": status.value,
        "code": code,
        "detail": detail,
        **extra,
    }


def _response(problem: Mapping[str, Any], headers: Mapping[str, str]) -> Response:
    return ErrorResponse(
        problem["code"], msgspec.json.encode(problem), problem["status"], headers, MEDIA_TYPE
    )
