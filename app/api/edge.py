"""What wraps the whole application, as plain ASGI: request id, CORS, last-resort 500, log line.

It is outermost so that every answer has these headers, the 402, the 404 and the 500 included.
"""

import secrets
import time
from collections.abc import Callable

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.problems import internal_error

log = structlog.get_logger()

CORS = (
    (b"access-control-allow-origin", b"*"),
    (
        b"access-control-expose-headers",
        (
            b"PAYMENT-REQUIRED, PAYMENT-RESPONSE, Retry-After, RateLimit, RateLimit-Policy, "
            b"X-Payments, X-Request-Id, Idempotent-Replayed"
        ),
    ),
)
PREFLIGHT = (
    (b"access-control-allow-methods", b"GET, HEAD, POST, OPTIONS"),
    (
        b"access-control-allow-headers",
        (
            b"PAYMENT-SIGNATURE, X-PAYMENT, Content-Type, Accept, Access-Control-Expose-Headers, "
            b"Mcp-Protocol-Version, Mcp-Session-Id"
        ),
    ),
    (b"access-control-max-age", b"86400"),
)


class Edge:
    """``app`` with a request id and CORS headers on every answer."""

    def __init__(self, app: ASGIApp, timer: Callable[[], float] = time.perf_counter) -> None:
        self._app = app
        self._timer = timer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = self._timer()
        exchange = _Exchange(send)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=exchange.request_id)
        if scope["method"] == "OPTIONS":
            await exchange.preflight()
        else:
            await self._answered(scope, receive, exchange)
        log.info(
            "request",
            method=scope["method"],
            path=scope["path"][:200],
            status=exchange.status,
            ms=round((self._timer() - started) * 1000, 3),
        )

    async def _answered(self, scope: Scope, receive: Receive, exchange: "_Exchange") -> None:
        try:
            await self._app(scope, receive, exchange.send)
        except Exception:
            log.exception("unhandled")
            if exchange.status is None:
                await internal_error()(scope, receive, exchange.send)


class _Exchange:
    """One answer on its way out. ``status`` is ``None`` until it has begun."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.request_id = secrets.token_hex(8)
        self.status: int | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = int(message["status"])
            own = (*CORS, (b"x-request-id", self.request_id.encode()))
            message = {**message, "headers": [*message["headers"], *own]}
        await self._send(message)

    async def preflight(self) -> None:
        await self.send({"type": "http.response.start", "status": 204, "headers": [*PREFLIGHT]})
        await self.send({"type": "http.response.body", "body": b""})
