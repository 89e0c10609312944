"""The road between an MCP wallet and a sandbox service, on which requests and answers get lost."""

import json
from collections.abc import Awaitable, Callable
from typing import Any, Self

from aiohttp import web

from app.mcp.messages import CALL
from tests.support.mcp_agents import HEADERS
from tests.support.services import PUBLIC_URL, Sandbox, ScriptedFacilitator

Forward = Callable[[], Awaitable[web.StreamResponse]]
Fault = Callable[[web.Request, Forward], Awaitable[web.StreamResponse]]


class Road:
    """A remote MCP server at ``url`` that hands every request to ``served``, which is alive.

    ``faults`` say what becomes of the next calls that carry a payment, one each; ``payments`` are
    those that were sent, ``asked`` counts the calls without one.
    """

    def __init__(self, served: Sandbox, *faults: Fault) -> None:
        self.served = served
        self.faults = list(faults)
        self.payments: list[dict[str, Any]] = []
        self.asked = 0
        self._server = ScriptedFacilitator(mcp=self._serve)

    @property
    def url(self) -> str:
        return f"{self._server.url}/mcp"

    async def __aenter__(self) -> Self:
        await self._server.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._server.__aexit__(*error)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if request.method != "POST":
            return web.Response(status=405)
        body = await request.json()

        async def forward() -> web.StreamResponse:
            told = await self.served.http.post(f"{PUBLIC_URL}/mcp", json=body, headers=HEADERS)
            kind = told.headers.get("Content-Type", "").partition(";")[0] or "text/plain"
            return web.Response(status=told.status_code, body=told.content, content_type=kind)

        if body["method"] != CALL:
            return await forward()
        payment = body["params"].get("_meta", {}).get("x402/payment")
        if payment is None:
            self.asked += 1
            return await forward()
        self.payments.append(payment)
        return await (self.faults.pop(0)(request, forward) if self.faults else forward())


async def loses_the_request(request: web.Request, _: Forward) -> web.StreamResponse:
    """The connection breaks before the service has heard of it."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def loses_the_answer(request: web.Request, forward: Forward) -> web.StreamResponse:
    """The service does all of it, and the connection breaks before it has answered."""
    await forward()
    return await loses_the_request(request, forward)


async def cuts_the_answer(request: web.Request, forward: Forward) -> web.StreamResponse:
    """The connection breaks within the answer."""
    whole = await forward()
    assert isinstance(whole, web.Response)
    cut = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": "9999"})
    await cut.prepare(request)
    await cut.write(b'{"jsonrpc"')
    return await loses_the_request(request, forward)


async def forgets_itself(_: web.Request, forward: Forward) -> web.StreamResponse:
    """A proxy answers for the service, which has done all of it."""
    await forward()
    return web.Response(status=502)


def answers_instead(content: object, *, is_error: bool = True) -> Fault:
    """A result with ``content``, structured if it is an object, without the service."""

    async def fault(request: web.Request, _: Forward) -> web.StreamResponse:
        structured = {"structuredContent": content} if isinstance(content, dict) else {}
        text = content if isinstance(content, str) else json.dumps(content)
        result = {"content": [{"type": "text", "text": text}], "isError": is_error, **structured}
        message = {"jsonrpc": "2.0", "id": (await request.json())["id"], "result": result}
        return web.json_response(message)

    return fault
