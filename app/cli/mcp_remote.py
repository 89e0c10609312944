"""A remote MCP server over streamable HTTP, by the official client."""

import asyncio
from dataclasses import dataclass
from typing import Any

from mcp import ClientSession, types
from mcp.client.streamable_http import streamable_http_client
from x402.mcp import MCP_PAYMENT_META_KEY

MAX_PAGES = 20


@dataclass(frozen=True)
class RemoteServer:
    """The server at ``url``. Whatever keeps it from answering raises an ``Exception``.

    Every request has a session of its own: the server may be restarted between two of them.
    """

    url: str

    async def tools(self, seconds: float) -> list[types.Tool]:
        """Return the tools, each page of them within ``seconds``."""
        tools: list[types.Tool] = []
        cursor: str | None = None
        for _ in range(MAX_PAGES):
            request = types.ListToolsRequest(params=types.PaginatedRequestParams(cursor=cursor))
            listed = await self._answer(request, types.ListToolsResult, seconds)
            tools += listed.tools
            cursor = listed.nextCursor
            if not cursor:
                break
        return tools

    async def call(
        self,
        name: str,
        arguments: dict[str, Any] | None,
        seconds: float,
        payment: dict[str, Any] | None = None,
    ) -> types.CallToolResult:
        """Return the result of a tool.

        It is not held against the schema that the tool declares: a paid answer must not be lost.
        """
        meta = {MCP_PAYMENT_META_KEY: payment} if payment else {}
        params = types.CallToolRequestParams.model_validate(
            {"name": name, "arguments": arguments, "_meta": meta}
        )
        called: types.CallToolResult = await self._answer(
            types.CallToolRequest(params=params), types.CallToolResult, seconds
        )
        return called

    async def _answer(self, request: Any, result: type[Any], seconds: float) -> Any:
        async with (
            asyncio.timeout(seconds),
            streamable_http_client(self.url) as (incoming, outgoing, _),
            ClientSession(incoming, outgoing, message_handler=_end_at_failure) as session,
        ):
            await session.initialize()
            return await session.send_request(types.ClientRequest(request), result)


async def _end_at_failure(message: object) -> None:
    """End the session with an answer that cannot be read; the library would wait for another."""
    if isinstance(message, Exception):
        raise message


def failure_text(error: BaseException) -> str:
    """Say why no answer came, by the first failure within a group."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    reason = "it took too long" if isinstance(error, TimeoutError) else str(error)
    return f"the remote server did not answer: {reason.partition(chr(10))[0]}"
