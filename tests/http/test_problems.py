"""Every named failure has a status, and a problem's shape is RFC 9457's."""

from typing import Any

import msgspec
import pytest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request

from app import errors
from app.errors import FieldError, InvalidFields, OncallError, Retryable
from app.http.problems import (
    STATUS,
    defect_response,
    http_problem_response,
    internal_error,
    problem_response,
)
from app.teams.problems import STORED_STATUS

NEVER_A_PROBLEM = {
    errors.PaymentRefused,
    errors.ConfigurationError,
    errors.UnknownMigration,
    *(STORED_STATUS.keys() - STATUS.keys()),
}
"""Errors without a problem: the 402, a failed start, and those of the stored APIs."""


def leaves(kind: type[OncallError]) -> set[type[OncallError]]:
    """The failures below ``kind`` that have a code of their own."""
    below = {kind} if "code" in vars(kind) else set()
    return below.union(*(leaves(child) for child in kind.__subclasses__()))


def made(kind: type[OncallError]) -> OncallError:
    return (
        kind([FieldError("/x", "is wrong")])
        if issubclass(kind, InvalidFields)
        else kind("what went wrong")
    )


def test_every_failure_has_a_status_or_is_never_a_problem() -> None:
    assert set(STATUS) == leaves(OncallError) - NEVER_A_PROBLEM


def test_codes_are_distinct() -> None:
    kinds = leaves(OncallError)
    assert len({kind.code for kind in kinds}) == len(kinds)


@pytest.mark.parametrize(
    ("kind", "status", "code", "retry"),
    [
        (errors.InvalidRequest, 400, "invalid_request", "no"),
        (errors.MalformedBody, 400, "malformed_json", "no"),
        (errors.InvalidPayment, 400, "invalid_payment", "new-payment"),
        (errors.TooManyLayers, 400, "too_many_layers", "no"),
        (errors.TooManyParticipants, 400, "too_many_participants", "no"),
        (errors.TooManyRestrictions, 400, "too_many_restrictions", "no"),
        (errors.TooManyOverrides, 400, "too_many_overrides", "no"),
        (errors.TooManySwaps, 400, "too_many_swaps", "no"),
        (errors.TooManySegments, 400, "too_many_segments", "no"),
        (errors.TooMuchWork, 400, "too_much_work", "no"),
        (errors.EmptyWindow, 400, "empty_window", "no"),
        (errors.WindowTooLong, 400, "window_too_long", "no"),
        (errors.InstantOutOfRange, 400, "instant_out_of_range", "no"),
        (errors.NotAcceptable, 406, "not_acceptable", "no"),
        (errors.BodyTooSlow, 408, "body_too_slow", "same-payment"),
        (errors.PaymentAlreadyUsed, 409, "payment_already_used", "new-payment"),
        (
            errors.IdentifierAlreadyUsed,
            409,
            "payment_identifier_already_used",
            "first-payment",
        ),
        (errors.BodyTooLarge, 413, "body_too_large", "no"),
        (errors.UnsupportedMediaType, 415, "unsupported_media_type", "no"),
        (errors.RateLimited, 429, "rate_limited", "same-payment"),
        (errors.HeadersTooLarge, 431, "headers_too_large", "no"),
        (errors.FacilitatorUnavailable, 503, "facilitator_unavailable", "same-payment"),
        (errors.SettlementUnknown, 503, "settlement_unknown", "same-payment"),
        (errors.TooManyClaims, 503, "overloaded", "same-payment"),
        (errors.TooManyConnections, 503, "too_many_connections", "same-payment"),
        (errors.Interrupted, 503, "interrupted", "same-payment"),
    ],
)
def test_statuses_codes_and_what_to_do_next(
    kind: type[OncallError], status: int, code: str, retry: str
) -> None:
    response = problem_response(made(kind))
    problem = msgspec.json.decode(response.body)
    assert response.status_code == problem["status"] == status
    assert (problem["code"], problem["retry"]) == (code, retry)


@pytest.mark.parametrize("kind", STATUS)
def test_shape(kind: type[OncallError]) -> None:
    response = problem_response(made(kind))
    problem = msgspec.json.decode(response.body)
    assert list(problem)[:6] == ["type", "title", "status", "code", "detail", "retry"]
    assert problem["type"] == f"urn:oncall:problem:{kind.code}"
    assert problem["title"] == kind.title
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"


def test_a_bound_that_the_engine_holds_concerns_the_whole_document() -> None:
    problem = msgspec.json.decode(problem_response(errors.TooManySegments()).body)
    assert problem["detail"] == errors.TooManySegments.title
    assert problem["errors"] == [{"pointer": "", "detail": errors.TooManySegments.title}]


def test_without_a_detail_the_title_stands_for_it() -> None:
    problem = msgspec.json.decode(problem_response(errors.BodyTooLarge()).body)
    assert problem["detail"] == problem["title"] == "The body is too large."


def test_every_error_is_listed_with_its_pointer() -> None:
    found = [FieldError("/start", "is required"), FieldError("", "is odd")]
    problem = msgspec.json.decode(problem_response(errors.InvalidRequest(found)).body)
    assert problem["detail"] == "/start: is required (and 1 more)"
    assert problem["errors"] == [
        {"pointer": "/start", "detail": "is required"},
        {"pointer": "", "detail": "is odd"},
    ]


def test_only_faulty_failures_list_errors() -> None:
    assert "errors" not in msgspec.json.decode(problem_response(errors.MalformedBody("x")).body)


@pytest.mark.parametrize("kind", [kind for kind in STATUS if issubclass(kind, Retryable)])
def test_what_passes_says_when(kind: type[Retryable]) -> None:
    assert problem_response(kind(retry_after=7)).headers["retry-after"] == "7"


def test_what_does_not_pass_says_no_time() -> None:
    assert "retry-after" not in problem_response(errors.MalformedBody()).headers


def asked(method: str, path: str) -> Request:
    app = Starlette()
    app.state.catalog_paths = {"/v1/sold": "/catalog/sold"}
    return Request({"type": "http", "method": method, "path": path, "headers": [], "app": app})


@pytest.mark.parametrize(
    ("method", "path", "error", "expected"),
    [
        pytest.param(
            "GET",
            "/nothing",
            HTTPException(404),
            {
                "type": "urn:oncall:problem:not_found",
                "title": "Not Found.",
                "status": 404,
                "code": "not_found",
                "detail": "GET /nothing is not served: /openapi.full.json says what is served.",
                "retry": "no",
                "catalog": "/catalog",
            },
            id="no-such-path-points-to-the-catalogue",
        ),
        pytest.param(
            "GET",
            "/v1/sold",
            HTTPException(405, headers={"Allow": "POST"}),
            {
                "type": "urn:oncall:problem:method_not_allowed",
                "title": "Method Not Allowed.",
                "status": 405,
                "code": "method_not_allowed",
                "detail": "GET /v1/sold is not served: use POST.",
                "retry": "no",
                "catalog": "/catalog/sold",
            },
            id="wrong-method-points-to-the-product",
        ),
    ],
)
def test_starlettes_own_errors(
    method: str, path: str, error: HTTPException, expected: dict[str, Any]
) -> None:
    response = http_problem_response(asked(method, path), error)
    assert msgspec.json.decode(response.body) == expected
    assert response.status_code == expected["status"]
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    assert response.headers.get("allow") == (error.headers or {}).get("Allow")


def test_an_internal_error_tells_nothing_of_its_cause() -> None:
    response = internal_error()
    problem = msgspec.json.decode(response.body)
    assert response.status_code == 500
    assert problem["code"] == "internal_error"
    assert problem["retry"] == "same-payment"
    assert set(problem) == {"type", "title", "status", "code", "detail", "retry"}


def test_a_defect_behind_the_router_is_the_same_500() -> None:
    response = defect_response(asked("GET", "/catalog"), ValueError("a secret"))
    assert (response.status_code, response.body) == (500, internal_error().body)
