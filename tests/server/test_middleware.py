"""The headers of every answer, and the answer to an unhandled exception."""

import pytest
from starlette.types import Receive, Scope, Send
from structlog.testing import capture_logs

from app.server.graceful_shutdown import GracefulShutdown
from app.server.middleware import OuterMiddleware
from tests.support.services import PATH, Service, service

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", PATH, 402),
        ("GET", PATH, 405),
        ("GET", "/nowhere", 404),
        ("GET", "/healthz", 200),
        ("GET", "/catalog", 200),
        ("POST", "/healthz", 405),
        ("OPTIONS", PATH, 204),
    ],
)
async def test_every_answer_has_cors_headers_and_a_request_id(
    method: str, path: str, status: int
) -> None:
    response = await service().http.request(method, path)
    assert response.status_code == status
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    exposed = response.headers["Access-Control-Expose-Headers"]
    for name in (
        "PAYMENT-REQUIRED",
        "PAYMENT-RESPONSE",
        "Retry-After",
        "RateLimit",
        "RateLimit-Policy",
    ):
        assert name in exposed
    assert len(response.headers["X-Request-Id"]) == 16


async def test_a_preflight_allows_paying() -> None:
    response = await service().http.options(
        PATH,
        headers={
            "Origin": "https://agent.test",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "payment-signature",
        },
    )
    assert response.status_code == 204
    allowed = response.headers["Access-Control-Allow-Headers"]
    for name in (
        "PAYMENT-SIGNATURE",
        "X-PAYMENT",
        "Content-Type",
        "Accept",
        "Access-Control-Expose-Headers",
    ):
        assert name in allowed
    assert "POST" in response.headers["Access-Control-Allow-Methods"]


async def test_a_defect_of_ours_is_a_problem_document_that_gives_nothing_away() -> None:
    async def broken(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise RuntimeError("secret")

    response = await Service(OuterMiddleware(broken, GracefulShutdown())).http.get("/")
    assert (response.status_code, response.json()["code"]) == (500, "internal_error")
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert "secret" not in response.text


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", PATH, "method_not_allowed"),
        ("GET", "/nowhere", "not_found"),
        ("GET", "/api/v2/schedules", "not_found"),
        ("POST", PATH, None),
        ("GET", "/healthz", None),
    ],
)
async def test_the_log_line_of_an_error_has_its_code(
    method: str, path: str, code: str | None
) -> None:
    served = service()
    with capture_logs() as logs:
        await served.http.request(method, path)
    [line] = [each for each in logs if each["event"] == "request"]
    assert line.get("code") == code


async def test_a_defect_after_the_answer_has_begun_does_not_begin_another() -> None:
    async def broken(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError("late")

    messages = []

    async def send(message: dict[str, object]) -> None:
        messages.append(message)

    scope = {"type": "http", "method": "GET", "path": "/"}
    await OuterMiddleware(broken, GracefulShutdown())(scope, None, send)  # type: ignore[arg-type]
    assert [message["type"] for message in messages] == ["http.response.start"]
