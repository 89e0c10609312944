"""The outermost middleware, as plain ASGI: request ids, CORS, unhandled errors, logging, counting.

It is outermost so that every answer has its headers, the 402, the 404 and the 500 included, and so
that a process that is stopping closes each connection with the last answer on it.
"""

import asyncio
import random
import time
from collections.abc import Callable

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import Interrupted
from app.http.problems import ERROR_CODE, internal_error, problem_response
from app.server.graceful_shutdown import GracefulShutdown

log = structlog.get_logger()

CORS = (
    (b"access-control-allow-origin", b"*"),
    (
        b"access-control-expose-headers",
        (
            b"PAYMENT-REQUIRED, PAYMENT-RESPONSE, Retry-After, RateLimit, RateLimit-Policy, "
            b"X-Payments, X-Request-Id, Idempotent-Replayed, ETag, Link, Location, WWW-Authenticate"
        ),
    ),
)
CLOSE = ((b"connection", b"close"),)
PREFLIGHT = (
    (b"access-control-allow-methods", b"GET, HEAD, POST, PATCH, DELETE, OPTIONS"),
    (
        b"access-control-allow-headers",
        (
            b"PAYMENT-SIGNATURE, X-PAYMENT, Content-Type, Accept, Access-Control-Expose-Headers, "
            b"Mcp-Protocol-Version, Mcp-Session-Id, Authorization, X-API-Key, Idempotency-Key, "
            b"If-Match, If-None-Match"
        ),
    ),
    (b"access-control-max-age", b"86400"),
)


NO_ROUTE = "other"
"""The route of every unknown path: callers choose paths, and metrics must not grow."""

Observe = Callable[[str, int | None, float, str], None]
"""Takes the route, the status (``None`` if no answer began), the seconds and the error code (empty
if none was answered) of a request."""


def unobserved(_route: str, _status: int | None, _seconds: float, _code: str) -> None:
    """Count nothing."""


class OuterMiddleware:
    """``app`` with a request id and CORS headers on every answer.

    Each request is logged and passed to ``observe``. An unhandled exception is answered 500. A
    request that the server cancels, because the time to stop is over, is answered 503.
    """

    def __init__(
        self,
        app: ASGIApp,
        shutdown: GracefulShutdown,
        observe: Observe = unobserved,
        timer: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._app = app
        self._shutdown = shutdown
        self._observe = observe
        self._timer = timer
        self._log = log.bind()  # an unbound logger is looked up for every line

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = self._timer()
        sender = _ResponseSender(send, self._shutdown)
        structlog.contextvars.bind_contextvars(request_id=sender.request_id)
        if scope["method"] == "OPTIONS":
            await sender.preflight()
        else:
            await self._answer(scope, receive, sender)
        seconds = self._timer() - started
        code = scope.get(ERROR_CODE, "")
        self._observe(getattr(scope.get("route"), "path", NO_ROUTE), sender.status, seconds, code)
        self._log.info(
            "request",
            method=scope["method"],
            path=scope["path"][:200],
            status=sender.status,
            ms=round(seconds * 1000, 3),
            **({"code": code} if code else {}),
        )

    async def _answer(self, scope: Scope, receive: Receive, sender: "_ResponseSender") -> None:
        try:
            await self._app(scope, receive, sender.send)
        except asyncio.CancelledError:  # the task ends here either way
            log.warning("interrupted")
            if sender.status is None:
                await problem_response(Interrupted())(scope, receive, sender.send)
        except Exception:
            log.exception("unhandled")
            if sender.status is None:
                await internal_error()(scope, receive, sender.send)


class _ResponseSender:
    """One answer on its way out, with our headers. ``status`` is ``None`` until it begins."""

    __slots__ = ("_send", "_shutdown", "request_id", "status")

    def __init__(self, send: Send, shutdown: GracefulShutdown) -> None:
        self._send = send
        self._shutdown = shutdown
        self.request_id = f"{random.getrandbits(64):016x}"
        self.status: int | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = int(message["status"])
            own = (*CORS, (b"x-request-id", self.request_id.encode()))
            last = CLOSE if self._shutdown.begun else ()
            message = {**message, "headers": [*message["headers"], *own, *last]}
        await self._send(message)

    async def preflight(self) -> None:
        await self.send({"type": "http.response.start", "status": 204, "headers": [*PREFLIGHT]})
        await self.send({"type": "http.response.body", "body": b""})
