"""The MCP library's server and transport, imported when the first request comes: it is heavy."""

import contextlib
import logging
from collections.abc import Mapping, Sequence

from mcp import types
from mcp.server.lowlevel.server import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from pydantic import BaseModel, ValidationError
from starlette.types import Receive, Scope, Send

from app import __version__
from app.checkout.purchase import ProductCheckout
from app.http.request_body import MAX_BODY_BYTES
from app.mcp.messages import INVALID_PARAMS, METHOD_NOT_FOUND, Message, Refusal
from app.mcp.tools import Tools
from app.teams.app import TeamsApp

METHODS: Mapping[str, type[BaseModel]] = {
    "initialize": types.InitializeRequest,
    "ping": types.PingRequest,
    "tools/list": types.ListToolsRequest,
    "tools/call": types.CallToolRequest,
}

INSTRUCTIONS = (
    "On-call rotations and layered schedules, computed exactly. Call a tool without payment to "
    "learn its terms, free of charge; invalid arguments are named before anybody pays. Pay with "
    "any x402 version 2 client: sign the terms and repeat the call with the payment in "
    '_meta["x402/payment"]. The argument `format` chooses JSON, a calendar (ics), csv or svg. If '
    "an answer is lost, repeat the same call with the same payment: it is charged once."
)

NAMED = 100
"""The most characters that are repeated of what a caller wrote."""
MAX_ERRORS = 20


class McpServer:
    """The tools behind the library's stateless streamable HTTP transport."""

    def __init__(
        self, checkouts: Sequence[ProductCheckout], teams: TeamsApp, public_url: str
    ) -> None:
        logging.getLogger("mcp").setLevel(logging.WARNING)  # it has several lines for each request
        server: Server = Server("oncall-rotation", __version__, INSTRUCTIONS, public_url)
        tools = Tools(checkouts, teams, lambda: server.request_context.request)
        server.request_handlers[types.ListToolsRequest] = tools.listed
        server.request_handlers[types.CallToolRequest] = tools.called
        self._manager = StreamableHTTPSessionManager(
            server,
            json_response=True,
            stateless=True,
            max_request_body_size=MAX_BODY_BYTES,
        )

    def require_readable(self, message: Message) -> None:
        """Raise ``Refusal`` for a request that the library would fail to read."""
        model = METHODS.get(message.method or "")
        if model is None:
            raise Refusal(
                METHOD_NOT_FOUND, f"{str(message.method)[:NAMED]} is not served.", message.id
            )
        try:
            model.model_validate({"method": message.method, "params": message.params})
        except ValidationError as error:
            errors = "; ".join(
                f"{'.'.join(map(str, found['loc']))[:NAMED]}: {found['msg']}"
                for found in error.errors(include_input=False)[:MAX_ERRORS]
            )
            raise Refusal(INVALID_PARAMS, f"{message.method}: {errors}", message.id) from None

    def running(self) -> contextlib.AbstractAsyncContextManager[None]:
        """A context in which requests are handled; it can be entered once."""
        return self._manager.run()

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._manager.handle_request(scope, receive, send)
