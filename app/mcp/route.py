"""``POST /mcp``: what HTTP brings, and the life of the library behind it."""

import asyncio
from collections.abc import Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope

from app.checkout.purchase import Sale
from app.errors import UnsupportedMediaType
from app.http.negotiation import is_json
from app.http.rate_limited_route import CountedPost
from app.http.rate_limits import Proxy, RateLimits
from app.http.request_body import body_of
from app.http.request_head import Head
from app.mcp.messages import Refusal, message_in

if TYPE_CHECKING:
    from app.mcp.server import McpServer

PATH = "/mcp"
PER_MINUTE = 600
"""Requests of a client, whatever they ask; the calls of a tool count against its endpoint, too."""

UNPAID = 'Payment is required: repeat the call with a payment in _meta["x402/payment"]'


class McpRoute:
    """Answers JSON-RPC messages with a server that is made when the first request comes.

    The server runs in a task of its own, because its scopes must be left where they were entered.
    """

    def __init__(self, sales: Sequence[Sale], public_url: str, proxies: Sequence[Proxy]) -> None:
        self._sales = sales
        self._public_url = public_url
        self._proxies = proxies
        self._starting = asyncio.Lock()
        self._server: McpServer | None = None
        self._running: asyncio.Task[None] | None = None
        self._closed = asyncio.Event()

    def counted(self, limits: RateLimits) -> ASGIApp:
        """The application at ``PATH``."""
        return CountedPost(PATH, PER_MINUTE, limits, self._proxies, self._answer)

    async def aclose(self) -> None:
        """End the server, if there is one."""
        self._closed.set()
        if self._running is not None:
            await self._running

    async def _answer(self, head: Head, scope: Scope, receive: Receive) -> Response:
        body = await body_of(receive)
        if not is_json(head.value("content-type")):
            raise UnsupportedMediaType("send Content-Type: application/json")
        try:
            message = message_in(body)
            if not message.is_request:  # each request stands alone: none waits for another message
                return Response(status_code=HTTPStatus.ACCEPTED)
            server = await self._started()
            server.require_readable(message)
        except Refusal as refusal:
            return refusal.response
        return await _relayed(server.handle, scope, body)

    async def _started(self) -> "McpServer":
        async with self._starting:
            if self._server is None:
                self._server = await self._start()
            return self._server

    async def _start(self) -> "McpServer":
        server = await asyncio.to_thread(self._make)
        entered = asyncio.Event()
        self._running = asyncio.create_task(self._run(server, entered))
        await entered.wait()
        return server

    def _make(self) -> "McpServer":
        from app.mcp.server import McpServer  # noqa: PLC0415 - half a second, when it is needed

        return McpServer(self._sales, self._public_url, self._proxies)

    async def _run(self, server: "McpServer", entered: asyncio.Event) -> None:
        async with server.running():
            entered.set()
            await self._closed.wait()


async def _relayed(app: ASGIApp, scope: Scope, body: bytes) -> Response:
    """What ``app`` answers to a request whose ``body`` has been read."""
    response = Response()

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            response.status_code = message["status"]
            response.raw_headers = list(message["headers"])
        else:
            response.body = message["body"]

    await app(scope, receive, send)
    return response
