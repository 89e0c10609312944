"""The MCP library's server and transport, imported when the first request comes: it is heavy."""

import contextlib
import logging
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from mcp import types
from mcp.server.lowlevel.server import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from pydantic import BaseModel, ValidationError
from starlette.types import Receive, Scope, Send

from app import __version__
from app.checkout.purchase import ProductCheckout
from app.http.request_body import MAX_BODY_BYTES
from app.mcp.messages import INVALID_PARAMS, METHOD_NOT_FOUND, Message, Refusal
from app.mcp.tools import Tools

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
    '_meta["x402/payment"]. If an answer is lost, repeat the same call with the same payment: it '
    "is charged once."
)

NAMED = 100
"""The most characters that are repeated of what a caller wrote."""
MAX_ERRORS = 20

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


class McpServer:
    """The tools behind the library's stateless streamable HTTP transport."""

    def __init__(self, checkouts: Sequence[ProductCheckout], public_url: str) -> None:
        logging.getLogger("mcp").setLevel(logging.WARNING)  # it has several lines for each request
        server: Server = Server("oncall-rotation", __version__, INSTRUCTIONS, public_url)
        tools = Tools(checkouts, lambda: server.request_context.request)
        server.request_handlers[types.ListToolsRequest] = tools.listed
        server.request_handlers[types.CallToolRequest] = tools.called
        self._manager = StreamableHTTPSessionManager(
            server,
            json_response=True,
            stateless=True,
            security_settings=security_of(public_url),
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


def security_of(public_url: str) -> TransportSecuritySettings:
    """The check of a request's Host and Origin: ours, or for an Origin this machine's.

    It refuses a name that a stranger pointed at a private address (DNS rebinding). Ports are
    ignored: a proxy may listen on another one.
    """
    scheme, netloc = urlsplit(public_url)[:2]
    host = netloc.removesuffix(f":{urlsplit(public_url).port}")
    hosts = [host] if host not in LOOPBACK else LOOPBACK
    origins = [f"{scheme}://{host}", *(f"http://{name}" for name in LOOPBACK)]
    return TransportSecuritySettings(
        allowed_hosts=_any_port(hosts), allowed_origins=_any_port(origins)
    )


def _any_port(names: Sequence[str]) -> list[str]:
    return [text for name in names for text in (name, f"{name}:*")]
