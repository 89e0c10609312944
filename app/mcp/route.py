"""``POST /mcp``: reads a JSON-RPC message over HTTP and relays it to the MCP library."""

import asyncio
from collections.abc import Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING

import msgspec
from limits import parse
from msgspec import Raw
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.types import Message as ASGIMessage

from app.checkout.purchase import ProductCheckout
from app.http.negotiation import require_json
from app.http.rate_limited_route import Exchange
from app.http.rate_limits import RateLimits
from app.mcp.messages import CALL, Message, Refusal, message_in
from app.mcp.own_site import own_site
from app.mcp.tool_checkout import PATH, tool_checkout
from app.teams.app import TeamsApp

if TYPE_CHECKING:
    from app.mcp.server import McpServer

LIMIT = parse("600/minute")
"""A client's requests of every kind; a tool's call counts against its endpoint's limit as well."""

FRAMING = (b"content-length", b"transfer-encoding")
"""The header fields that describe the body that was sent."""


class McpRoute:
    """The application at ``PATH``, whose MCP server is made when the first request comes.

    The server runs in a task of its own, because its scopes must be left where they were entered.
    ``checkouts`` are those of the HTTP routes, and ``teams`` are the stored APIs.
    """

    def __init__(
        self,
        checkouts: Sequence[ProductCheckout],
        teams: TeamsApp,
        limits: RateLimits,
        public_url: str,
    ) -> None:
        self._checkouts = [tool_checkout(each, public_url) for each in checkouts]
        self._teams = teams
        self._limits = limits
        self._public_url = public_url
        self._site = own_site(public_url)
        self._starting = asyncio.Lock()
        self._server: McpServer | None = None
        self._running: asyncio.Task[None] | None = None
        self._closed = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with Exchange(scope, receive, send) as exchange:
            head = exchange.admit(self._limits)
            self._site.require(head)
            await exchange.count(self._limits, PATH, LIMIT, paying=head.paying)
            body = await exchange.body(self._limits)
            require_json(head)
            try:
                message = message_in(body)
                if message.is_request:
                    server = await self._started()
                    server.require_readable(message)
                    exchange.response = await _answer(server.handle, scope, message)
                else:  # each request stands alone: none waits for another message
                    exchange.response = Response(status_code=HTTPStatus.ACCEPTED)
            except Refusal as refusal:
                exchange.response = refusal.response

    async def aclose(self) -> None:
        """End the server, if there is one."""
        self._closed.set()
        if self._running is not None:
            await self._running

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

        return McpServer(self._checkouts, self._teams, self._public_url)

    async def _run(self, server: "McpServer", entered: asyncio.Event) -> None:
        async with server.running():
            entered.set()
            await self._closed.wait()


async def _answer(app: ASGIApp, scope: Scope, message: Message) -> Response:
    """The response of ``app`` to a message, with the result of a call if there is one."""
    response = await _relayed(app, {**scope, CALL: message.call}, message.json)
    if message.call.result:
        response.body = msgspec.json.encode(
            {"jsonrpc": "2.0", "id": message.id, "result": Raw(message.call.result)}
        )
        response.headers["Content-Length"] = str(len(response.body))
    return response


async def _relayed(app: ASGIApp, scope: Scope, body: bytes) -> Response:
    """The response of ``app`` to a request with another ``body``."""
    response = Response()
    length = (b"content-length", str(len(body)).encode())
    others = [field for field in scope["headers"] if field[0] not in FRAMING]

    async def receive() -> ASGIMessage:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: ASGIMessage) -> None:
        if message["type"] == "http.response.start":
            response.status_code = message["status"]
            response.raw_headers = list(message["headers"])
        else:
            response.body = message["body"]

    await app({**scope, "headers": [*others, length]}, receive, send)
    return response
