"""``POST /mcp``: what HTTP brings, and the life of the library behind it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message

from app.api.bodies import body_of
from app.api.negotiation import is_json
from app.errors import UnsupportedMediaType
from app.mcp.messages import Refusal, message_in

if TYPE_CHECKING:
    from app.mcp.server import McpServer

PATH = "/mcp"
PER_MINUTE = 600
"""Requests of a client, whatever they ask; the calls of a tool count against its endpoint, too."""


class McpRoute:
    """Answers requests with a server that ``build`` makes when the first one comes.

    ``build`` may take long and runs in a thread. The server runs in a task of its own, because its
    scopes must be left where they were entered, and ends with ``open``.
    """

    def __init__(self, build: "Callable[[], McpServer]") -> None:
        self._build = build
        self._building = asyncio.Lock()
        self._server: McpServer | None = None
        self._running: asyncio.Task[None] | None = None
        self._closed = asyncio.Event()

    async def answer(self, request: Request) -> Response:
        """The answer to one JSON-RPC message."""
        body = await body_of(request)
        if not is_json(request.headers.get("content-type", "")):
            raise UnsupportedMediaType("send Content-Type: application/json")
        try:
            message = message_in(body)
            if not message.is_request:  # each request stands alone: nothing here waits for others
                return Response(status_code=HTTPStatus.ACCEPTED)
            server = await self._served()
            server.require_readable(message)
        except Refusal as refusal:
            return refusal.response
        return await _relayed(server.handle, request, body)

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Whatever runs by then ends with the context."""
        try:
            yield
        finally:
            self._closed.set()
            if self._running is not None:
                await self._running

    async def _served(self) -> "McpServer":
        async with self._building:
            if self._server is None:
                server = await asyncio.to_thread(self._build)
                entered = asyncio.Event()
                self._running = asyncio.create_task(self._run(server, entered))
                await entered.wait()
                self._server = server
        return self._server

    async def _run(self, server: "McpServer", entered: asyncio.Event) -> None:
        async with server.running():
            entered.set()
            await self._closed.wait()


async def _relayed(app: ASGIApp, request: Request, body: bytes) -> Response:
    """What ``app`` answers to ``request``, whose ``body`` has been read."""
    response = Response()

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            response.status_code = message["status"]
            response.raw_headers = list(message["headers"])
        else:
            response.body += message.get("body", b"")

    await app(request.scope, receive, send)
    return response
