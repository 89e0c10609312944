"""Agents with the official MCP client over streamable HTTP, and with the SDK's, which pays."""

import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult
from x402.mcp import MCP_PAYMENT_META_KEY, MCP_PAYMENT_RESPONSE_META_KEY, x402MCPSession
from x402.schemas import PaymentRequired

from tests.support.services import PUBLIC_URL, Service, living
from tests.support.wallets import Wallet

ROTATION = "sched-oncall-rotation"
HEADERS = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}


class Agent:
    """One MCP session and a wallet. ``ask`` calls a tool, ``buy`` pays as the SDK's client does."""

    def __init__(self, session: ClientSession, wallet: Wallet) -> None:
        self.session = session
        self.wallet = wallet
        self._paying = x402MCPSession(session, wallet.client)

    async def ask(
        self, arguments: Any, payment: object = None, tool: str = ROTATION
    ) -> CallToolResult:
        """The result of a call that carries ``payment``, if there is one."""
        meta = None if payment is None else {MCP_PAYMENT_META_KEY: payment}
        return await self.session.call_tool(tool, arguments, meta=meta)

    async def buy(self, arguments: Any, tool: str = ROTATION) -> CallToolResult:
        """The result that the SDK's client gets, having paid for it."""
        bought = await self._paying.call_tool(tool, arguments)
        assert bought.payment_made
        result: CallToolResult = bought.raw_result
        return result

    async def payment(self, tool: str = ROTATION) -> dict[str, Any]:
        """A payment for the terms of ``tool``, as the SDK's client signs it."""
        terms = PaymentRequired.model_validate(content_of(await self.ask(None, tool=tool)))
        payload = await self.wallet.client.create_payment_payload(terms)
        return payload.model_dump(by_alias=True, exclude_none=True)


@contextlib.asynccontextmanager
async def agent(
    url: str, http: httpx.AsyncClient | None = None, wallet: Wallet | None = None
) -> AsyncIterator[Agent]:
    """An agent at the service at ``url``, once it has introduced itself."""
    async with (
        streamable_http_client(f"{url}/mcp", http_client=http) as (incoming, outgoing, _),
        ClientSession(incoming, outgoing) as session,
    ):
        await session.initialize()
        yield Agent(session, wallet or Wallet())


@contextlib.asynccontextmanager
async def agent_of(served: Service, wallet: Wallet | None = None) -> AsyncIterator[Agent]:
    """An agent at ``served``, which is not alive yet: over ASGI, from its start to its stop."""
    async with living(served.app), agent(PUBLIC_URL, served.http, wallet) as one:
        yield one


def content_of(result: CallToolResult) -> dict[str, Any]:
    """What ``result`` says, which is the same as text and as structured content."""
    [block] = result.content
    assert block.type == "text"
    content = json.loads(block.text)
    assert content == result.structuredContent
    return content  # type: ignore[no-any-return]


def receipt_in(result: CallToolResult) -> dict[str, Any]:
    assert result.meta is not None
    return result.meta[MCP_PAYMENT_RESPONSE_META_KEY]  # type: ignore[no-any-return]


def message(method: str, params: object = None, **members: object) -> dict[str, Any]:
    """A JSON-RPC request."""
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params, **members}


async def posted(
    http: httpx.AsyncClient, body: object, url: str = PUBLIC_URL, **headers: str
) -> httpx.Response:
    """What is answered to ``body`` (bytes as they are, all else as JSON) at ``/mcp``."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await http.post(f"{url}/mcp", content=content, headers={**HEADERS, **headers})


def settled(address: str) -> float:
    """How many payments the service at ``address`` has settled."""
    name = 'oncall_settlements_total{network="eip155:84532",outcome="settled"} '
    lines = httpx.get(f"{address}/metrics").text.splitlines()
    return sum(float(line.removeprefix(name)) for line in lines if line.startswith(name))
