"""Error class → the shape that the stored APIs' pages show: ``{"error": code, "message": text}``.

Only this module knows the statuses of the stored APIs; those that it does not name are the ones of
``http/problems.py``. The error for an invalid document also has ``fields``: a correction for each
JSON pointer, query parameter or header.
"""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.responses import Response

from app import errors
from app.errors import FieldError, InvalidFields, OncallError, Retryable
from app.http.problems import STATUS, ErrorResponse, internal_problem_details

VALIDATION_FAILED = "validation_failed"
WHOLE = "body"
"""The name of the whole document, whose pointer is empty."""

STORED_STATUS: Mapping[type[OncallError], HTTPStatus] = {
    errors.MalformedBody: HTTPStatus.BAD_REQUEST,
    errors.Unauthorized: HTTPStatus.UNAUTHORIZED,
    errors.Forbidden: HTTPStatus.FORBIDDEN,
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.BodyTooSlow: HTTPStatus.REQUEST_TIMEOUT,
    errors.Conflict: HTTPStatus.CONFLICT,
    errors.QuotaExceeded: HTTPStatus.CONFLICT,
    errors.PreconditionFailed: HTTPStatus.PRECONDITION_FAILED,
    errors.BodyTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.UnsupportedMediaType: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    errors.InvalidRequest: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.RateLimited: HTTPStatus.TOO_MANY_REQUESTS,
    errors.HeadersTooLarge: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    errors.StoreUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""The limits of the engine are ``validation_failed``, too."""

CODES: Mapping[type[OncallError], str] = {errors.MalformedBody: "bad_request"}
"""The codes that the pages name differently from the rest of the service."""


def error_response(error: OncallError) -> Response:
    """Return the response that reports ``error``."""
    headers = {"Retry-After": str(error.retry_after)} if isinstance(error, Retryable) else {}
    if isinstance(error, errors.Unauthorized):
        headers["WWW-Authenticate"] = "Bearer"
    return _response(error_body(error), status_of(type(error)), headers)


def status_of(kind: type[OncallError]) -> HTTPStatus:
    """Return the status of an error; one that only a document can cause is a 422."""
    if issubclass(kind, InvalidFields):
        return HTTPStatus.UNPROCESSABLE_ENTITY
    return STORED_STATUS.get(kind) or STATUS[kind]


def error_body(error: OncallError) -> dict[str, Any]:
    """Return the body that reports ``error``."""
    if not isinstance(error, InvalidFields):
        return {"error": CODES.get(type(error), error.code), "message": error.detail}
    return {
        "error": VALIDATION_FAILED,
        "message": error.detail,
        "fields": _fields(error.errors),
    }


def http_error_response(error: HTTPException) -> Response:
    """Return the response for a path or method that is not served."""
    status = HTTPStatus(error.status_code)
    body = {"error": status.phrase.lower().replace(" ", "_"), "message": str(error.detail)}
    return _response(body, status, dict(error.headers or {}))


def defect_response() -> Response:
    """Return the response to a request that met a defect, as the rest of the service words it."""
    problem = internal_problem_details()
    body = {"error": problem["code"], "message": problem["detail"]}
    return _response(body, HTTPStatus.INTERNAL_SERVER_ERROR, {})


def _fields(errors: Iterable[FieldError]) -> Mapping[str, str]:
    fields: dict[str, str] = {}
    for error in errors:
        name = error.pointer or WHOLE
        fields[name] = f"{fields[name]} {error.detail}" if name in fields else error.detail
    return fields


def _response(body: Mapping[str, Any], status: HTTPStatus, headers: Mapping[str, str]) -> Response:
    return ErrorResponse(
        body["error"], msgspec.json.encode(body), status.value, headers, "application/json"
    )
